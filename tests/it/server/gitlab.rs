//! Webhooks: genuine ones are acknowledged whatever they say, all others get 401 and nothing else.

use super::house::{House, SIGNED_AT, sample, told, unauthorized};
use crate::sandbox::stage::stage;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use rekey::notice::signature::Key;
use rekey::sandbox::gitlab::{Hook, Mint, Place};
use rekey::secret::Secret;
use rekey::server::{Settings, gitlab::Door};
use reqwest::RequestBuilder;

const SIGNING: &str = "whsec_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";
const NEXT: &str = "whsec_/////wUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";
const TOKENS: [&str; 2] = ["invented-secret-token", "its-successor"];

struct Vector {
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Vector {
    fn at(&self) -> i64 {
        self.header("webhook-timestamp").parse().unwrap()
    }

    fn header(&self, name: &str) -> &str {
        &self.headers.iter().find(|(known, _)| known == name).unwrap().1
    }

    fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    fn with(self, name: &str, value: &str) -> Self {
        let mut vector = self.without(name);
        vector.headers.push((name.into(), value.into()));
        vector
    }

    fn event(file: &str) -> Self {
        vectors().into_iter().find(|(name, _)| name == file).unwrap().1
    }
}

fn vectors() -> Vec<(String, Vector)> {
    let file: serde_json::Value = serde_json::from_slice(&sample("webhooks/signature_vectors.json")).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let vector = |vector: &serde_json::Value| {
        let name = text(&vector["body_file"]);
        let headers = vector["headers"].as_object().unwrap();
        let headers = headers.iter().map(|(name, value)| (name.clone(), text(value))).collect();
        (name.clone(), Vector { headers, body: sample(&format!("webhooks/{name}")) })
    };
    file["vectors"].as_array().unwrap().iter().map(vector).collect()
}

fn key(token: &str) -> Key {
    Key::from_signing_token(&Secret::new(token.into())).unwrap()
}

async fn house(keys: &[&str], tokens: &[&str]) -> House {
    let door = Door {
        keys: keys.iter().map(|token| key(token)).collect(),
        tokens: tokens.iter().map(|token| Secret::new((*token).into())).collect(),
        hosts: vec!["gitlab.com".into()],
        known_as: "gitlab.com".into(),
    };
    House::new(Settings { gitlab: Some(door), ..Settings::default() }).await
}

impl House {
    fn event(&self, vector: &Vector) -> RequestBuilder {
        let request = self.client.post(self.url("/hooks/gitlab")).body(vector.body.clone());
        vector.headers.iter().fold(request, |request, (name, value)| request.header(name, value))
    }

    async fn send(&self, vector: &Vector) -> (u16, Vec<String>, String) {
        told(self.event(vector).send().await.unwrap()).await
    }
}

/// A body of ours, signed as GitLab would.
fn signed(event: &str, body: &str) -> Vector {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&STANDARD.decode(&SIGNING[6..]).unwrap()).unwrap();
    mac.update(format!("id-1.{SIGNED_AT}.{body}").as_bytes());
    let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    let time = SIGNED_AT.to_string();
    let headers = [
        ("X-Gitlab-Event", event),
        ("X-Gitlab-Instance", "https://gitlab.com"),
        ("webhook-id", "id-1"),
        ("webhook-timestamp", &time),
        ("webhook-signature", &signature),
    ];
    Vector { headers: headers.map(|(name, value)| (name.into(), value.into())).into(), body: body.into() }
}

#[tokio::test]
async fn every_genuine_event_is_acknowledged_and_those_of_use_are_remembered() {
    let house = house(&[SIGNING], &[]).await;
    for (name, vector) in vectors() {
        house.clock.set(jiff::Timestamp::from_second(vector.at()).unwrap());
        let of_use = !(name.starts_with("issue_") || name.starts_with("deploy_token"));
        assert_eq!(house.send(&vector).await.0, if of_use { 202 } else { 200 }, "{name}");
    }
    assert_eq!(house.remembered().await.len(), 9);
    assert_eq!((house.observed.counted("gitlab", "accepted"), house.observed.counted("gitlab", "ignored")), (9, 3));
}

#[tokio::test]
async fn a_replayed_event_is_acknowledged_and_does_nothing() {
    let house = house(&[SIGNING], &[]).await;
    let vector = Vector::event("access_token_expiring_group.json");
    for _ in 0..3 {
        assert_eq!(house.send(&vector).await, (202, vec![], String::new()));
    }
    house.clock.advance(301);
    assert_eq!(house.send(&vector).await, unauthorized());
    assert_eq!(house.remembered().await.len(), 1);
    assert_eq!((house.observed.counted("gitlab", "duplicate"), house.observed.log.count("known already")), (2, 2));
}

#[tokio::test]
async fn an_event_with_anything_changed_or_missing_gets_401_and_nothing_else() {
    let house = house(&[SIGNING], &TOKENS).await;
    let vector = || Vector::event("access_token_expiring_group.json");
    let mut changed = vector();
    changed.body[0] ^= 1;
    let later = (SIGNED_AT + 1).to_string();
    let forged = [
        changed,
        vector().with("webhook-id", "another"),
        vector().with("webhook-timestamp", &later),
        vector().with("webhook-signature", "v1,AAAA"),
        vector().with("webhook-signature", "none"),
        // The secret token is right in all of them, and proves nothing where signatures are demanded.
        vector().without("webhook-id"),
        vector().without("webhook-timestamp"),
        vector().without("webhook-signature"),
    ];
    let count = forged.len();
    for vector in &forged {
        assert_eq!(house.send(vector).await, unauthorized());
    }
    assert!(house.remembered().await.is_empty());
    assert_eq!(house.observed.counted("gitlab", "unauthenticated"), count as u64);
    assert_eq!(house.observed.log.count("notice refused"), count);
    assert_eq!(house.observed.log.count(TOKENS[0]), 0);
}

#[tokio::test]
async fn a_hook_whose_secret_is_being_changed_is_believed_with_the_old_one_and_the_new_one() {
    let vector = Vector::event("access_token_expiring_group.json");
    for keys in [[SIGNING, NEXT], [NEXT, SIGNING]] {
        assert_eq!(house(&keys, &[]).await.send(&vector).await.0, 202);
    }
    assert_eq!(house(&[NEXT], &[]).await.send(&vector).await, unauthorized());
    let house = house(&[], &TOKENS).await;
    for token in TOKENS {
        let plain = Vector::event("access_token_expiring_group.json").with("X-Gitlab-Token", token);
        assert_eq!(house.send(&plain).await.0, 202);
    }
}

#[tokio::test]
async fn a_gitlab_that_does_not_sign_is_believed_by_its_secret_token() {
    let house = house(&[], &TOKENS[..1]).await;
    let vector = || Vector::event("access_token_expiring_project.json").without("webhook-signature");
    for wrong in [vector().without("X-Gitlab-Token"), vector().with("X-Gitlab-Token", "wrong")] {
        assert_eq!(house.send(&wrong).await, unauthorized());
    }
    assert_eq!(house.send(&vector()).await.0, 202);
    // Nothing covers the id, so a copy with another one is still a copy.
    assert_eq!(house.send(&vector().with("Idempotency-Key", "x").with("webhook-id", "y")).await.0, 202);
    assert_eq!(house.remembered().await.len(), 1);
}

#[tokio::test]
async fn an_endpoint_without_any_secret_believes_nobody() {
    let house = house(&[], &[]).await;
    assert_eq!(house.send(&Vector::event("access_token_expiring_group.json")).await, unauthorized());
    assert_eq!(house.send(&signed("Job Hook", "{}").with("X-Gitlab-Token", "")).await, unauthorized());
}

#[tokio::test]
async fn genuine_events_that_are_unknown_malformed_or_of_another_instance_do_not_switch_the_hook_off() {
    let house = house(&[SIGNING], &[]).await;
    let token = String::from_utf8(sample("webhooks/access_token_expiring_project.json")).unwrap();
    let odd = [
        (signed("Moon Hook", r#"{"object_kind":"moon"}"#), "ignored"),
        (signed("Job Hook", "not json"), "malformed"),
        (signed("Job Hook", r#"{"object_kind":"build"}"#), "malformed"),
        (signed("Job Hook", &token), "malformed"),
        (signed("Resource Access Token Hook", &"[".repeat(100_000)), "malformed"),
        (signed("Resource Access Token Hook", &token).with("X-Gitlab-Instance", "https://evil.example"), "foreign"),
    ];
    for (vector, result) in odd {
        let before = house.observed.counted("gitlab", result);
        let (status, _, body) = house.send(&vector).await;
        assert_eq!((status, body.as_str()), (200, "ignored\n"));
        assert_eq!(house.observed.counted("gitlab", result), before + 1);
    }
    assert!(house.remembered().await.is_empty());
    assert_eq!(house.observed.log.count("notice ignored"), 6);
}

#[tokio::test]
async fn values_that_a_pipeline_shows_reach_neither_the_ledger_nor_the_log() {
    let house = house(&[SIGNING], &[]).await;
    let mut body: serde_json::Value =
        serde_json::from_slice(&sample("webhooks/pipeline_success_schedule.json")).unwrap();
    body["object_attributes"]["variables"] = serde_json::json!([{"key": "DEPLOY_TOKEN", "value": "canary-value"}]);
    assert_eq!(house.send(&signed("Pipeline Hook", &body.to_string())).await.0, 202);
    let remembered = house.remembered().await;
    assert!(remembered[0].contains("pipeline_id"));
    assert!(!remembered[0].contains("canary"));
    assert!(!house.observed.log.text().contains("canary"));
}

#[tokio::test]
async fn ten_thousand_forged_events_change_nothing() {
    let house = house(&[SIGNING], &[]).await;
    let genuine = Vector::event("access_token_expiring_group.json").without("webhook-signature");
    let guess = |number: u64| {
        let signature = STANDARD.encode([&number.to_be_bytes()[..], &[7; 24]].concat());
        house.event(&genuine).header("webhook-signature", format!("v1,{signature}")).send()
    };
    let mut refused = 0;
    for hundred in 0..100_u64 {
        let answers = futures::future::join_all((0..100).map(|more| guess(hundred * 100 + more))).await;
        refused += answers.into_iter().filter(|answer| answer.as_ref().unwrap().status() == 401).count();
    }
    assert_eq!((refused, house.observed.counted("gitlab", "unauthenticated")), (10_000, 10_000));
    assert!(house.remembered().await.is_empty());
}

#[tokio::test]
async fn without_a_database_gitlab_is_told_to_come_again() {
    let house = house(&[SIGNING], &[]).await;
    house.ledger.close().await;
    let response = house.event(&Vector::event("access_token_expiring_group.json")).send().await.unwrap();
    assert_eq!((response.status().as_u16(), &response.headers()["retry-after"]), (503, &"5".parse().unwrap()));
    assert_eq!(house.observed.counted("gitlab", "unavailable"), 1);
}

#[tokio::test]
async fn an_instance_that_goes_by_other_names_is_ours_under_those_of_the_configuration_and_no_others() {
    let door = Door {
        keys: vec![key(SIGNING)],
        tokens: Vec::new(),
        hosts: vec!["git.public.example".into(), "old.public.example:8443".into()],
        known_as: "gitlab.internal".into(),
    };
    let house = House::new(Settings { gitlab: Some(door), ..Settings::default() }).await;
    let event = || Vector::event("access_token_expiring_group.json");
    for (name, status) in [
        ("https://git.public.example", 202),
        ("https://old.public.example:8443/gitlab", 202),
        ("https://gitlab.internal", 200),
        ("https://gitlab.com", 200),
    ] {
        assert_eq!(house.send(&event().with("X-Gitlab-Instance", name)).await.0, status, "{name}");
    }
    let remembered = house.remembered().await;
    assert!(remembered.iter().all(|notice| notice.contains(r#""host":"gitlab.internal""#)), "{remembered:?}");
    assert_eq!(house.observed.counted("gitlab", "foreign"), 2);
    assert!(house.observed.log.count("add it to [gitlab.webhook] hosts") == 2);
}

#[tokio::test]
async fn what_the_sandbox_sends_is_taken() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hooks/gitlab", listener.local_addr().unwrap());
    let stage = stage(|world, project| {
        world.hook(Hook::new(Place::Project(project), &url).signing(SIGNING));
        let mint = Mint::new(0, "scan", &["api"]).expires("2026-11-28".parse().unwrap());
        world.mint_for(Place::Project(project), 40, mint);
    })
    .await;
    let host = rekey::notice::webhook::host_of(stage.gitlab.base_url().as_str()).unwrap();
    let door = Door { keys: vec![key(SIGNING)], tokens: vec![], hosts: vec![host.clone()], known_as: host };
    let settings = Settings { gitlab: Some(door), ..Settings::default() };
    let house = House::listening(listener, settings).await;
    house.clock.set(rekey::clock::Clock::now(&stage.clock));
    stage.state.with(|world| world.notify_expiring());
    stage.state.flush_hooks().await;
    let remembered = house.remembered().await;
    assert_eq!(remembered.len(), 1);
    assert!(remembered[0].contains("token_expiring"));
}
