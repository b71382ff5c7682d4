//! Many who come for nothing: slow, silent, greedy. Whoever is genuine gets in all the same.

use super::house::{House, Line, SIGNED_AT, sample};
use super::mail::{door, signature_of};
use crate::until::until;
use rekey::server::{Limits, Settings, TrustedProxies, mail};
use std::time::Duration;

/// Nothing ends in these stories because time is up.
const NEVER: Duration = Duration::from_secs(600);

fn settings(limits: Limits) -> Settings {
    let limits = Limits { arrival: NEVER, ..limits };
    Settings { mail: Some(door()), limits, ..Settings::default() }
}

fn head(signature: &str, length: usize, more: &str) -> String {
    format!(
        "POST /hooks/mail HTTP/1.1\r\nhost: rekey\r\ncontent-type: message/rfc822\r\nx-rekey-timestamp: {SIGNED_AT}\r\n\
         x-rekey-signature: {signature}\r\ncontent-length: {length}\r\n{more}\r\n"
    )
}

/// A head that could be genuine, of a body that is not.
fn forged(more: &str) -> String {
    head(&format!("v1={}", "0".repeat(64)), 100_000, more)
}

/// A genuine mail: its head, and its body.
fn genuine(more: &str) -> (String, String) {
    let raw = sample("emails/01-pat-7d-one-token-gitlabcom.eml");
    let head = head(&signature_of(&raw), raw.len(), more);
    (head, String::from_utf8(raw).unwrap())
}

async fn gets_in(house: &House) {
    let mut line = house.line().await;
    let (head, body) = genuine("");
    line.say(&format!("{head}{body}")).await;
    assert!(line.head().await.starts_with("HTTP/1.1 202 "));
}

async fn said(house: &House, text: &str) -> Line {
    let mut line = house.line().await;
    line.say(text).await;
    line
}

/// Until so many had to make room.
async fn were_sent_away(house: &House, many: u64) {
    until("somebody makes room", || house.observed.counted("any", "busy") >= many).await;
    assert_eq!(house.observed.counted("any", "busy"), many);
}

#[tokio::test]
async fn a_body_is_not_read_whose_head_cannot_be_genuine() {
    let without_keys = || mail::Door { keys: vec![], ..door() };
    let well_formed = forged("");
    for (door, head) in [
        (without_keys(), well_formed.clone()),
        (door(), well_formed.replace("v1=", "v0=")),
        (door(), well_formed.replace("v1=0000", "v1=00")),
        (door(), well_formed.replace(&SIGNED_AT.to_string(), &(SIGNED_AT - 301).to_string())),
        (door(), well_formed.replace("x-rekey-timestamp", "x-other")),
        (door(), well_formed.replace("x-rekey-signature", "x-other")),
    ] {
        let house = House::new(Settings { mail: Some(door), ..settings(Limits::default()) }).await;
        let heard = said(&house, &head).await.head().await;
        assert!(heard.starts_with("HTTP/1.1 401 "), "{head}: {heard}");
    }
}

#[tokio::test]
async fn unfinished_bodies_have_little_memory_and_the_oldest_goes_for_whoever_comes() {
    let house = House::new(settings(Limits { unproven: 100_000, bytes: 200_000, ..Limits::default() })).await;
    let mut lines = Vec::new();
    for _ in 0..8 {
        lines.push(said(&house, &format!("{}{}", forged(""), "x".repeat(20_000))).await);
    }
    were_sent_away(&house, 3).await;
    gets_in(&house).await;
}

#[tokio::test]
async fn requests_of_which_one_byte_comes_keep_nobody_out() {
    let house = House::new(settings(Limits { requests: 4, ..Limits::default() })).await;
    let mut lines = Vec::new();
    for _ in 0..5 {
        lines.push(said(&house, &format!("{}x", forged(""))).await);
    }
    were_sent_away(&house, 1).await;
    gets_in(&house).await;
    were_sent_away(&house, 2).await;
}

#[tokio::test]
async fn connections_that_say_nothing_keep_nobody_out() {
    let house = House::new(settings(Limits { connections: 3, ..Limits::default() })).await;
    let mut silent = Vec::new();
    for _ in 0..3 {
        silent.push(house.line().await);
    }
    gets_in(&house).await;
    assert_eq!(silent[0].hear().await, "");
}

#[tokio::test]
async fn whoever_asks_and_asks_and_reads_no_answer_is_cut() {
    let limits = Limits { arrival: Duration::from_millis(200), ..Limits::default() };
    let house = House::new(Settings { limits, ..Settings::default() }).await;
    let mut line = house.narrow_line().await;
    let many = "GET /healthz HTTP/1.1\r\nhost: rekey\r\n\r\n".repeat(1_000);
    assert!(line.pours(&many).await, "the server bears it for ever");
}

#[tokio::test]
async fn behind_a_proxy_of_ours_each_caller_has_a_share_and_the_greedy_lose_theirs_first() {
    let proxies = TrustedProxies::new(vec!["127.0.0.0/8".parse().unwrap()]);
    let limits = Limits { requests: 3, ..Limits::default() };
    let house = House::new(Settings { proxies, ..settings(limits) }).await;
    let greedy = forged("x-forwarded-for: 203.0.113.5, 198.51.100.1\r\n");
    let mut lines = Vec::new();
    for _ in 0..4 {
        lines.push(said(&house, &greedy).await);
    }
    were_sent_away(&house, 1).await;
    let (head, body) = genuine("x-forwarded-for: 203.0.113.5\r\n");
    let mut modest = said(&house, &head).await;
    were_sent_away(&house, 2).await;
    lines.push(said(&house, &greedy).await);
    were_sent_away(&house, 3).await;
    modest.say(&body).await;
    assert!(modest.head().await.starts_with("HTTP/1.1 202 "));
}
