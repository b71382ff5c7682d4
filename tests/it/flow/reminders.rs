//! Reminders of a decision that is awaited, as people get them. The token expires on Saturday, 2026-11-28, 00:00 UTC;
//! the stage is set a week before, on Saturday at 14:00.

use super::setup::Setup;
use super::team::Team;
use rekey::engine::settings::{Backoff, Settings};
use rekey::rotation::ids::PersonId;
use rekey::rotation::record::Audience;
use rekey::rotation::remind::Step;
use rekey::rotation::view::Action;
use rekey::sandbox::gitlab::Fault;

const DAY: i64 = 86_400;
const HOUR: std::time::Duration = std::time::Duration::from_secs(3_600);

fn step(days_left: u16, to: Audience) -> Step {
    Step { days_left, to }
}

fn reminding(steps: Vec<Step>) -> Setup {
    Setup::new().settings(|settings| settings.reminders.steps = steps)
}

fn usual() -> Setup {
    let carol = Audience::Person { person: PersonId::from("carol") };
    reminding(vec![step(5, Audience::Followers), step(3, Audience::Approvers), step(2, carol)])
}

/// Each comment without its marker, with the moment at which it was written.
fn heard(team: &Team) -> Vec<(String, String)> {
    let issue = team.stage.state.issues()[0].id;
    let notes = team.stage.state.notes(issue);
    let words = |body: &str| body.lines().skip(1).collect::<Vec<_>>().join("\n");
    notes.iter().map(|note| (note.created_at.strftime("%a %H:%M").to_string(), words(&note.body))).collect()
}

#[tokio::test]
async fn reminders_grow_louder_as_the_expiry_comes_near_and_only_in_working_hours() {
    let team = usual().start(|_, _| {}).await;
    team.open().await;
    team.pass(7 * DAY).await;
    let expected = [
        ("Mon 09:00", "Still waiting for approval: rotate deploy. The token expires on 2026-11-28, in 5 days."),
        (
            "Wed 09:00",
            "@alice @bob Still waiting for approval: rotate deploy. The token expires on 2026-11-28, in 3 days.",
        ),
        ("Thu 09:00", "@carol Still waiting for approval: rotate deploy. The token expires on 2026-11-28, in 2 days."),
        (
            "Fri 09:00",
            "@carol Still waiting for approval: rotate deploy. The token expires tomorrow, 2026-11-28, 00:00 UTC.",
        ),
    ];
    let heard = heard(&team);
    let heard: Vec<(&str, &str)> = heard.iter().map(|(at, words)| (at.as_str(), words.as_str())).collect();
    assert_eq!(heard, expected);
}

#[tokio::test]
async fn once_it_is_approved_nobody_is_reminded() {
    let team = usual().start(|_, _| {}).await;
    team.open().await;
    team.pass(3 * DAY).await;
    team.click("alice", Action::Approve).await.unwrap();
    team.pass(4 * DAY).await;
    team.done().await;
    let reminders = heard(&team).iter().filter(|(_, words)| words.contains("Still")).count();
    assert_eq!(reminders, 1, "{:?}", heard(&team));
}

#[tokio::test]
async fn who_snoozes_is_left_alone_and_reminded_when_it_ends() {
    let team = usual().start(|_, _| {}).await;
    team.open().await;
    for who in ["alice", "bob"] {
        let snooze = team.click_with(who, Action::Snooze, |click| click.snooze_seconds = Some(4 * 86_400));
        snooze.await.unwrap();
    }
    team.pass(5 * DAY).await;
    let heard = heard(&team);
    assert_eq!(heard.len(), 2, "{heard:?}");
    assert_eq!(heard[0].0, "Wed 14:00", "as soon as the snooze ended: {heard:?}");
    assert!(heard[0].1.starts_with("@alice @bob Still waiting"), "{heard:?}");
}

#[tokio::test]
async fn one_persons_snooze_silences_nobody_else_and_ends_for_them_alone() {
    let team = usual().start(|_, _| {}).await;
    team.open().await;
    let snooze = team.click_with("alice", Action::Snooze, |click| click.snooze_seconds = Some(5 * 86_400));
    let row = snooze.await.unwrap();
    assert!(row.evidence.iter().any(|seen| seen.what.ends_with("; the others are reminded as before")), "{row:?}");
    team.pass(6 * DAY).await;
    let heard: Vec<String> = heard(&team).into_iter().map(|(_, words)| words).collect();
    let first = |name: &str| heard.iter().position(|words| words.contains(name));
    assert!(first("@bob Still waiting").is_some(), "bob hears of it: {heard:?}");
    assert!(first("@bob Still waiting") < first("@alice"), "and alice once hers is over: {heard:?}");
    assert!(heard.iter().any(|words| words.starts_with("@alice Still waiting")), "{heard:?}");
}

#[tokio::test]
async fn a_snooze_ends_a_day_before_the_expiry_at_the_latest() {
    let team = usual().start(|_, _| {}).await;
    team.open().await;
    let snooze = team.click_with("alice", Action::Snooze, |click| click.snooze_seconds = Some(6 * 86_400));
    let refusal = snooze.await.unwrap_err().to_string();
    assert_eq!(refusal, "the token expires on 2026-11-28, so snooze until 2026-11-27 00:00 UTC at most");
}

#[tokio::test]
async fn somebody_must_act_on_a_stuck_rotation_so_people_are_reminded_of_it_too() {
    let team = usual().start(|_, _| {}).await;
    team.stage.state.fail_job(Some("deploy"));
    team.approved().await;
    team.pass(7 * DAY).await;
    let stuck: Vec<(String, String)> = heard(&team);
    assert!(stuck[0].1.starts_with("@alice @bob Stuck. Verification failed"), "{stuck:?}");
    assert!(stuck[1].1.starts_with("Still stuck: Verification failed"), "{stuck:?}");
    assert_eq!(stuck.len(), 7, "three steps, and the last of them every day: {stuck:?}");
    assert!(stuck[3..].iter().all(|(_, words)| words.starts_with("@carol Still stuck")), "{stuck:?}");
    assert!(stuck[1..].iter().all(|(at, _)| !at.starts_with('S')), "not at the weekend: {stuck:?}");
}

#[tokio::test]
async fn a_gitlab_that_is_down_silences_no_reminder() {
    let slow = |settings: &mut Settings| settings.backoff = Backoff { first: HOUR, most: HOUR };
    let team = usual().settings(slow).start(|_, _| {}).await;
    team.open().await;
    team.stage.state.fault(rekey::sandbox::gitlab::Rule::new("GET", "*", Fault::ErrorBefore { status: 503 }).times(0));
    team.pass(2 * DAY).await;
    assert_eq!(team.rotation().await.announcements.len(), 1);
    team.stage.state.clear_faults();
    team.pass(3_600).await;
    assert_eq!(heard(&team).len(), 1);
}

#[tokio::test]
async fn without_steps_nobody_is_reminded() {
    let team = reminding(Vec::new()).start(|_, _| {}).await;
    team.open().await;
    team.pass(7 * DAY).await;
    assert_eq!(heard(&team), []);
}
