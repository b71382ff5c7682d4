//! A clock that is off has every click refused; the cards that wait for one say so.

use super::setup::Setup;

#[tokio::test]
async fn cards_that_wait_say_once_that_clicks_are_refused_because_the_clocks_differ() {
    let team = Setup { ahead: 3600, ..Setup::new() }.start(|_, _| {}).await;
    let opened = team.open().await;
    assert!(opened.waiting.is_none());
    team.engine.watch_clocks().await;
    team.pass(60).await;
    let told = team.rotation().await;
    let why = &told.waiting.as_ref().unwrap().why;
    assert!(why.contains("min ahead of GitLab's") && why.contains("clicks and webhooks are refused"), "{why}");
    assert!(team.issue().contains("ahead of GitLab's"), "{}", team.issue());
    team.engine.watch_clocks().await;
    team.pass(60).await;
    assert_eq!(team.rotation().await.version, told.version, "it is told once");
}

#[tokio::test]
async fn clocks_that_agree_are_not_spoken_of() {
    let team = Setup::new().start(|_, _| {}).await;
    team.open().await;
    team.engine.watch_clocks().await;
    assert!(team.rotation().await.waiting.is_none());
    assert!(!team.issue().contains("clock"));
}
