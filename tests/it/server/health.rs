//! What an orchestrator and Prometheus see.

use super::house::{House, told};
use rekey::server::Settings;

async fn get(house: &House, path: &str) -> (u16, String) {
    let (status, _, body) = told(house.client.get(house.url(path)).send().await.unwrap()).await;
    (status, body)
}

#[tokio::test]
async fn ready_means_that_the_database_answers_and_alive_does_not() {
    let house = House::new(Settings::default()).await;
    assert_eq!(get(&house, "/healthz").await, (200, "ok\n".into()));
    assert_eq!(get(&house, "/readyz").await, (200, "ready\n".into()));
    house.ledger.close().await;
    assert_eq!(get(&house, "/healthz").await, (200, "ok\n".into()));
    assert_eq!(get(&house, "/readyz").await, (503, "database\n".into()));
}

#[tokio::test]
async fn whoever_opens_the_address_reads_what_it_is_and_nothing_of_how_it_is_set_up() {
    let house = House::new(Settings::default()).await;
    let response = house.client.get(house.url("/")).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/plain; charset=utf-8");
    let words = response.text().await.unwrap();
    assert!(words.starts_with("This is rekey, a bot that rotates GitLab access tokens.\n"), "{words}");
    assert!(words.contains("README") && words.contains("nothing to see"), "{words}");
    assert!(!words.contains(env!("CARGO_PKG_VERSION")) && !words.contains("/hooks"), "{words}");
    assert_eq!(house.client.post(house.url("/")).send().await.unwrap().status(), 405);
    assert_eq!(get(&house, "/elsewhere").await.0, 404);
}

#[tokio::test]
async fn a_bot_that_takes_no_connections_any_more_is_not_alive() {
    let house = House::new(Settings::default()).await;
    let admin = house.admin().await;
    let lives = async || house.client.get(format!("{admin}/healthz")).send().await.unwrap().status().as_u16();
    assert_eq!(lives().await, 200);
    house.served.abort();
    crate::until::until("the listener is gone", || house.served.is_finished()).await;
    assert_eq!(lives().await, 503);
}

#[tokio::test]
async fn metrics_are_text_that_prometheus_reads_and_strangers_do_not() {
    let house = House::new(Settings::default()).await;
    assert_eq!(get(&house, "/metrics").await.0, 404);
    let response = house.client.get(format!("{}/metrics", house.admin().await)).send().await.unwrap();
    assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/plain; version=0.0.4"));
    assert_eq!(response.text().await.unwrap(), "rekey_up 1\n");
}
