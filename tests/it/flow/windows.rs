//! The hours in which rotations may start, against the expiry and the life of an approval.

use super::setup::Setup;
use jiff::civil::{Weekday, time};
use jiff::tz::TimeZone;
use rekey::rotation::view::Action;
use rekey::rotation::window::Window;

/// Monday to Thursday, nine to four. The stage's day is a Saturday, and its token expires a week later.
fn windowed(approval_seconds: u64) -> Setup {
    let days = vec![Weekday::Monday, Weekday::Tuesday, Weekday::Wednesday, Weekday::Thursday];
    let window = Window { days, from: time(9, 0, 0, 0), to: time(16, 0, 0, 0), zone: TimeZone::UTC };
    let setup = Setup::new().token(|token| token.approval_seconds = approval_seconds);
    setup.settings(|settings| settings.window = Some(window))
}

#[tokio::test]
async fn a_token_that_expires_before_the_window_opens_is_offered_to_start_at_once() {
    let team = windowed(4 * 86_400).start(|_, _| {}).await;
    team.open().await;
    assert!(!team.rotation().await.plan.at_once, "Monday comes before the expiry");
    let seen = team.rotation().await.plan.hash().0;
    // On Friday the next opening is Monday, and on Saturday the token is dead.
    team.stage.clock.set("2026-11-27T10:00:00Z".parse().unwrap());
    let refused = team.click_with("alice", Action::Approve, |click| click.plan = Some(seen)).await.unwrap_err();
    assert!(refused.to_string().starts_with("the plan has changed"), "{refused}");
    team.work().await;
    let issue = team.issue();
    assert!(issue.contains("expires before the window opens (2026-11-30 09:00 UTC), so it starts at once"), "{issue}");
    team.click("alice", Action::Approve).await.unwrap();
    team.pass(7200).await;
    team.done().await;
}

#[tokio::test]
async fn an_approval_that_would_be_too_old_when_the_window_opens_is_refused_with_the_reason() {
    let team = windowed(86_400).start(|_, _| {}).await;
    team.open().await;
    let refusal = team.refusal("alice", Action::Approve).await;
    assert!(refusal.contains("opens on 2026-11-23 09:00 UTC") && refusal.contains("approval_ttl"), "{refusal}");
    assert!(refusal.contains("approve after 2026-11-22 09:00 UTC"), "{refusal}");
    team.stage.clock.set("2026-11-22T10:00:00Z".parse().unwrap());
    team.click("alice", Action::Approve).await.unwrap();
    assert_eq!(team.phase().await, "scheduled");
    team.pass(24 * 3600).await;
    team.pass(7200).await;
    team.done().await;
}

#[tokio::test]
async fn a_window_that_opens_minutes_before_the_expiry_is_no_time_to_rotate() {
    let late =
        Window { days: vec![Weekday::Friday], from: time(23, 30, 0, 0), to: time(23, 59, 0, 0), zone: TimeZone::UTC };
    let team = Setup::new().settings(|settings| settings.window = Some(late)).start(|_, _| {}).await;
    team.open().await;
    assert!(team.rotation().await.plan.at_once);
    let issue = team.issue();
    assert!(issue.contains("expires within an hour after the window opens (2026-11-27 23:30 UTC)"), "{issue}");
}

#[tokio::test]
async fn of_a_quorum_whoever_was_early_is_asked_once_more_before_the_window_and_not_after_it() {
    let team = windowed(86_400).token(|token| token.quorum = 2).start(|_, _| {}).await;
    team.stage.clock.set("2026-11-23T08:30:00Z".parse().unwrap());
    team.open().await;
    team.click("alice", Action::Approve).await.unwrap();
    team.stage.clock.set("2026-11-23T17:00:00Z".parse().unwrap());
    team.click("bob", Action::Approve).await.unwrap();
    assert_eq!(team.phase().await, "awaiting_approval", "alice's yes would be too old by then");
    let told = "The yes of alice would be too old when the window opens";
    let said = team.rotation().await.announcements;
    assert!(said.iter().any(|said| said.text.starts_with(told)), "{said:?}");
    team.click("alice", Action::Approve).await.unwrap();
    assert_eq!(team.phase().await, "scheduled");
    team.pass(86_400).await;
    team.done().await;
}

#[tokio::test]
async fn a_window_that_closed_while_the_bot_was_away_is_not_begun_in_after_hours() {
    let team = windowed(10 * 86_400).start(|_, _| {}).await;
    team.open().await;
    team.click("alice", Action::Approve).await.unwrap();
    assert_eq!(team.phase().await, "scheduled");
    // The bot was away all Monday.
    team.stage.clock.set("2026-11-23T18:00:00Z".parse().unwrap());
    team.work().await;
    assert_eq!((team.phase().await, team.live()), ("scheduled", vec![team.stage.old]));
    let told = "The window closed before rekey could start; it starts when it opens again, 2026-11-24 09:00 UTC.";
    let said = team.rotation().await.announcements;
    assert!(said.iter().any(|said| said.text == told), "{said:?}");
    team.stage.clock.set("2026-11-24T09:00:00Z".parse().unwrap());
    team.pass(7200).await;
    team.done().await;
}
