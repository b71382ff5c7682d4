//! Senders that are slow, big, many, or meet us when we stop; and code of ours that panics.

use super::house::{House, impatient, told};
use super::mail::door;
use async_trait::async_trait;
use axum::Router;
use axum::routing::post;
use jiff::Timestamp;
use rekey::ledger::{Accepted, LedgerError};
use rekey::notice::Notice;
use rekey::server::{Intake, Limits, Settings};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// `actionmailbox:old-password`
const LOGIN: &str = "authorization: Basic YWN0aW9ubWFpbGJveDpvbGQtcGFzc3dvcmQ=\r\ncontent-type: message/rfc822\r\n";

fn settings(limits: Limits) -> Settings {
    Settings { mail: Some(door()), limits, ..Settings::default() }
}

fn head(more: &str) -> String {
    format!("POST /hooks/mail HTTP/1.1\r\nhost: rekey\r\n{LOGIN}{more}\r\n")
}

/// An inbox that waits at a door before every commit and every ping.
struct Held {
    inbox: Arc<dyn Intake>,
    arrived: Arc<Semaphore>,
    door: Arc<Semaphore>,
}

#[async_trait]
impl Intake for Held {
    async fn accept(&self, key: String, notice: &Notice) -> Result<Accepted, LedgerError> {
        self.arrived.add_permits(1);
        let _open = self.door.acquire().await.unwrap();
        self.inbox.accept(key, notice).await
    }

    async fn ping(&self) -> Result<(), LedgerError> {
        let _open = self.door.acquire().await.unwrap();
        self.inbox.ping().await
    }

    fn now(&self) -> Timestamp {
        self.inbox.now()
    }
}

/// A house whose commits wait until the second semaphore gets a permit; the first counts those that wait.
async fn held(limits: Limits) -> (House, Arc<Semaphore>, Arc<Semaphore>) {
    let [arrived, door] = [(), ()].map(|()| Arc::new(Semaphore::new(0)));
    let (counted, opened) = (arrived.clone(), door.clone());
    let between = |inbox| Arc::new(Held { inbox, arrived: counted, door: opened }) as Arc<dyn Intake>;
    (House::with(settings(limits), None, between).await, arrived, door)
}

fn mail() -> String {
    let raw = super::house::sample("emails/01-pat-7d-one-token-gitlabcom.eml");
    let raw = String::from_utf8(raw).unwrap();
    format!("{}{raw}", head(&format!("content-length: {}\r\n", raw.len())))
}

#[tokio::test]
async fn headers_that_never_end_are_cut_off() {
    let house = House::new(settings(impatient())).await;
    let mut line = house.line().await;
    line.say("POST /hooks/mail HTTP/1.1\r\nhost: re").await;
    assert_eq!(line.hear().await, "");
    let mut idle = house.line().await;
    assert_eq!(idle.hear().await, "");
}

#[tokio::test]
async fn a_body_that_arrives_byte_by_byte_is_cut_off() {
    let house = House::new(settings(impatient())).await;
    for length in ["content-length: 500000\r\n", "transfer-encoding: chunked\r\n"] {
        let mut line = house.line().await;
        line.say(&head(length)).await;
        line.say("7a120\r\n").await;
        assert!(line.trickle().await.starts_with("HTTP/1.1 408 "), "{length}");
    }
    assert_eq!((house.observed.counted("mail", "too_slow"), house.observed.log.count("too long to arrive")), (2, 2));
}

#[tokio::test]
async fn a_body_that_announces_too_much_is_refused_unread() {
    let house = House::new(settings(Limits::default())).await;
    let mut line = house.line().await;
    line.say(&head("content-length: 1048577\r\nexpect: 100-continue\r\n")).await;
    assert!(line.hear().await.starts_with("HTTP/1.1 413 "));
}

#[tokio::test]
async fn a_body_that_announces_nothing_is_cut_at_the_limit() {
    let limits = Limits { body: 1000, ..Limits::default() };
    let house = House::new(settings(limits)).await;
    let mut line = house.line().await;
    line.say(&head("transfer-encoding: chunked\r\n")).await;
    line.say(&format!("3e9\r\n{}\r\n", "x".repeat(1001))).await;
    assert!(line.head().await.starts_with("HTTP/1.1 413 "));
    assert_eq!(house.observed.counted("mail", "too_big"), 1);
}

#[tokio::test]
async fn a_body_that_breaks_off_changes_nothing() {
    let house = House::new(settings(Limits::default())).await;
    let mut line = house.line().await;
    line.say(&head("transfer-encoding: chunked\r\n")).await;
    line.say("no length\r\n").await;
    assert!(line.hear().await.starts_with("HTTP/1.1 400 "));
    assert!(house.remembered().await.is_empty());
}

#[tokio::test]
async fn too_many_headers_are_refused_unread() {
    let house = House::new(settings(Limits::default())).await;
    for (size, status) in [(15 << 10, "202"), (17 << 10, "431"), (200 << 10, "431")] {
        let mut line = house.line().await;
        let stuffing = format!("{LOGIN}x-stuffing: {}\r\n", "x".repeat(size));
        line.say(&mail().replacen(LOGIN, &stuffing, 1)).await;
        assert!(line.head().await.starts_with(&format!("HTTP/1.1 {status} ")), "{size}");
    }
}

#[tokio::test]
async fn more_requests_than_there_is_room_for_are_asked_to_come_again() {
    let (house, arrived, door) = held(Limits { requests: 2, ..Limits::default() }).await;
    let mut inside = [house.line().await, house.line().await];
    for line in &mut inside {
        line.say(&mail()).await;
    }
    arrived.acquire_many(2).await.unwrap().forget();
    let response = house.client.post(house.url("/hooks/mail")).send().await.unwrap();
    assert_eq!((response.status().as_u16(), &response.headers()["retry-after"]), (503, &"1".parse().unwrap()));
    assert_eq!(house.client.get(house.url("/healthz")).send().await.unwrap().status(), 200);
    assert_eq!((house.observed.counted("any", "busy"), house.observed.log.count("too many requests")), (1, 1));
    door.add_permits(2);
    for line in &mut inside {
        assert!(line.head().await.starts_with("HTTP/1.1 202 "));
    }
    assert_eq!(house.remembered().await.len(), 1);
}

#[tokio::test]
async fn a_commit_that_does_not_come_is_not_promised() {
    let (house, _arrived, _door) = held(impatient()).await;
    let mut line = house.line().await;
    line.say(&mail()).await;
    let head = line.head().await;
    assert!(head.starts_with("HTTP/1.1 503 ") && head.contains("retry-after: 5"), "{head}");
    assert_eq!(house.client.get(house.url("/readyz")).send().await.unwrap().status(), 503);
}

#[tokio::test]
async fn one_connection_more_than_allowed_waits_until_the_request_on_another_is_answered() {
    let (house, arrived, door) = held(Limits { connections: 1, ..Limits::default() }).await;
    let mut first = house.line().await;
    first.say(&mail()).await;
    arrived.acquire().await.unwrap().forget();
    let mut second = house.line().await;
    second.say(&mail()).await;
    door.add_permits(1);
    assert!(first.head().await.starts_with("HTTP/1.1 202 "), "whoever has proven who they are is not cut");
    door.add_permits(1);
    assert!(second.head().await.starts_with("HTTP/1.1 202 "));
    assert_eq!(first.hear().await, "", "what is idle makes room");
}

#[expect(clippy::panic, reason = "the story is about it")]
async fn broken() -> &'static str {
    panic!("canary")
}

#[tokio::test]
async fn a_panic_is_an_empty_500_and_the_next_request_is_served() {
    let chat = Router::new().route("/slack/commands", post(broken));
    let chat = chat.route("/slack/events", post(|body: String| async move { body }));
    let house = House::with(settings(impatient()), Some(chat), |inbox| inbox).await;
    let panicked = house.client.post(house.url("/slack/commands")).send().await.unwrap();
    assert_eq!(told(panicked).await, (500, vec![], String::new()));
    let next = house.client.post(house.url("/slack/events")).body("hello").send().await.unwrap();
    assert_eq!(next.text().await.unwrap(), "hello");
    let mut slow = house.line().await;
    slow.say("POST /slack/events HTTP/1.1\r\nhost: rekey\r\ncontent-length: 9\r\n\r\n").await;
    assert!(slow.hear().await.starts_with("HTTP/1.1 400 "), "the chat's endpoints come under the same limits");
}

#[tokio::test]
async fn neither_a_query_nor_a_strangers_path_is_logged() {
    for requests in [256, 0] {
        let house = House::new(settings(Limits { requests, ..Limits::default() })).await;
        for path in ["/hooks/mail?token=canary", "/canary", "/hooks/canary?canary"] {
            house.client.post(house.url(path)).send().await.unwrap();
        }
        let (refused, log) = (house.observed.log.count("notice refused"), house.observed.log.text());
        assert_eq!(refused, 1, "{log}");
        assert!(log.contains("/hooks/mail") && !log.contains("canary"), "{log}");
    }
}

#[tokio::test]
async fn a_request_under_way_is_answered_before_the_bot_stops() {
    let (house, arrived, door) = held(Limits::default()).await;
    let mut line = house.line().await;
    let _idle = house.line().await;
    line.say(&mail()).await;
    arrived.acquire().await.unwrap().forget();
    house.stop.cancel();
    door.add_permits(1);
    assert!(line.hear().await.starts_with("HTTP/1.1 202 "));
    house.served.await.unwrap();
    assert!(tokio::net::TcpStream::connect(house.address).await.is_err());
}

#[tokio::test]
async fn a_request_that_never_ends_does_not_keep_the_bot_from_stopping() {
    let limits = Limits { commit: Limits::default().commit, ..impatient() };
    let (house, arrived, _door) = held(limits).await;
    let mut line = house.line().await;
    line.say(&mail()).await;
    arrived.acquire().await.unwrap().forget();
    house.stop.cancel();
    house.served.await.unwrap();
    assert_eq!(line.hear().await, "");
    assert_eq!(house.observed.log.count("connections cut"), 1);
}
