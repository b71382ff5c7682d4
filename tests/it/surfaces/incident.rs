//! A value leaked: reported in Slack, confirmed on the plan that was seen, revoked first, repaired, and written down.

use super::bench::Place;
use super::scene::Scene;
use super::slack::user;
use crate::flow::chat::CHANNEL;
use crate::until::until;
use rekey::engine::rights::Visitor;
use rekey::rotation::phase::Outcome;
use rekey::rotation::token::Strategy;
use rekey::rotation::view::Action;
use rekey::rotation::window::Window;
use rekey::sandbox::slack::Submitted;

impl Scene {
    /// Types `/rekey incident deploy`, says what happened and sends the form.
    async fn report(&self, who: &str, reason: &str) -> Submitted {
        let slack = self.slack.as_ref().unwrap();
        slack.command(&user(who), CHANNEL, "incident deploy").await.unwrap();
        let sent = slack.submit(&user(who), &[("reason", reason)]).await.unwrap();
        self.settle().await;
        sent
    }

    /// What the form at this person's screen says.
    fn form(&self, who: &str) -> String {
        self.slack.as_ref().unwrap().form(&user(who)).map(|view| view.content.to_string()).unwrap_or_default()
    }

    /// Presses the one button of the form.
    async fn confirm(&self, who: &str) {
        self.slack.as_ref().unwrap().submit(&user(who), &[]).await.unwrap();
        self.settle().await;
    }

    fn old_is_revoked(&self) -> bool {
        self.team.stage.state.token(self.team.stage.old).unwrap().revoked
    }
}

async fn quiet() -> Scene {
    Scene::with(Place::Slack, |setup| setup, |_, _| {}).await
}

#[tokio::test]
async fn an_approver_reports_confirms_and_the_token_is_revoked_first_and_replaced() {
    let scene = quiet().await;
    assert_eq!(scene.report("alice", "it stands in a public ticket").await, Submitted::Replaced);
    assert!(scene.form("alice").contains("Nothing was done yet."), "{}", scene.form("alice"));
    assert!(!scene.old_is_revoked());
    scene.confirm("alice").await;
    assert!(scene.old_is_revoked(), "at once");
    scene.team.pass(3600).await;
    scene.team.done().await;
    let issue = scene.team.stage.state.issues().remove(0);
    assert!(issue.title.starts_with("Incident: revoke and replace deploy"), "{}", issue.title);
    assert!(issue.labels.contains(&"rekey-incident".to_owned()), "{:?}", issue.labels);
    let host = scene.team.engine.gitlab.host();
    let described = issue.description.replace(host, "gitlab.example");
    let plan = scene.team.rotation().await.plan.hash();
    insta::assert_snapshot!(described.replace(&plan.0, "<the plan>"));
}

#[tokio::test]
async fn the_card_of_an_incident_says_what_happened_and_asks_before_it_revokes() {
    let scene = quiet().await;
    scene.report("bob", "it stands in a public ticket").await;
    let card = scene.card();
    assert!(card.contains("Incident: revoke and replace deploy"), "{card}");
    assert!(card.contains("The value leaked, says bob: it stands in a public ticket."), "{card}");
    assert!(card.contains("The token is revoked at once."), "{card}");
    assert!(card.contains("<@UALICE>"), "those who may act are mentioned: {card}");
}

#[tokio::test]
async fn in_discord_too_it_is_asked_before_it_revokes() {
    let scene = Scene::with(Place::Discord, |setup| setup, |_, _| {}).await;
    scene
        .team
        .engine
        .open_incident("deploy", &Visitor::named("bob".into()), "discord", "seen in a paste")
        .await
        .unwrap();
    scene.settle().await;
    let asks = scene.offer("alice", Action::Approve)["data"]["custom_id"].to_string();
    assert!(asks.starts_with("\"ask:"), "{asks}");
    // Both presses: the one on the card, and the yes to the question.
    scene.decide("alice", Action::Approve).await;
    assert!(scene.old_is_revoked());
    scene.team.pass(3600).await;
    scene.team.done().await;
}

#[tokio::test]
async fn somebody_who_may_not_approve_reports_and_the_plan_stays_until_an_approver_confirms() {
    let scene = Scene::open(Place::Slack).await;
    let before = scene.team.rotation().await;
    scene.report("carol", "seen in a paste").await;
    let told = scene.form("carol");
    assert!(told.contains("The plan stays as it is until one of them confirms the leak"), "{told}");
    let after = scene.team.rotation().await;
    assert_eq!(
        (after.plan.hash(), after.is_incident()),
        (before.plan.hash(), false),
        "an outage is no stranger's to plan"
    );
    let said = scene.bench.replies(&scene.team).pop().unwrap();
    assert!(said.starts_with("<@UALICE> <@UBOB> carol says that the value leaked (seen in a paste)."), "{said}");
    scene.report("carol", "really").await;
    assert_eq!(scene.bench.replies(&scene.team).len(), 1, "once is enough");
    scene.report("bob", "carol is right").await;
    assert_eq!(scene.team.rotation().await.plan.strategy, Strategy::RevokeFirst);
    assert!(!scene.old_is_revoked());
    scene.confirm("bob").await;
    assert!(scene.old_is_revoked());
    scene.team.pass(3600).await;
    scene.team.done().await;
}

#[tokio::test]
async fn an_open_case_that_waits_is_turned_and_every_yes_so_far_is_void() {
    let scene = Scene::with(Place::Slack, |setup| setup.token(|token| token.quorum = 2), |_, _| {}).await;
    scene.team.open().await;
    scene.decide("bob", Action::Approve).await;
    let before = scene.team.rotation().await;
    scene.report("bob", "seen in a paste").await;
    let after = scene.team.rotation().await;
    assert_eq!((after.id, after.plan.strategy, after.approvals.len()), (before.id, Strategy::RevokeFirst, 0));
    assert_eq!(scene.bench.cards(&scene.team).len(), 1, "the same card");
    assert!(scene.bench.replies(&scene.team)[0].starts_with("<@UALICE> <@UBOB> Incident: bob says"));
    for who in ["alice", "bob"] {
        assert!(!scene.old_is_revoked());
        scene.decide(who, Action::Approve).await;
    }
    scene.team.pass(3600).await;
    scene.team.done().await;
}

#[tokio::test]
async fn who_asked_for_the_rotation_cannot_confirm_it_alone_by_calling_it_an_incident() {
    let scene = quiet().await;
    let slack = scene.slack.as_ref().unwrap();
    slack.command(&user("alice"), CHANNEL, "rotate deploy").await.unwrap();
    scene.settle().await;
    scene.report("alice", "it stands in a public ticket").await;
    assert_eq!(scene.team.rotation().await.plan.strategy, Strategy::RevokeFirst);
    let told = scene.form("alice");
    assert!(told.contains("so somebody else has to confirm it; ask bob."), "{told}");
    assert!(!told.contains("Revoke it now"), "{told}");
    scene.decide("alice", Action::Approve).await;
    assert!(!scene.old_is_revoked());
    let told = scene.told("alice").pop().unwrap();
    assert_eq!(told, "You asked for this rotation, so somebody else has to approve it.");
    scene.decide("bob", Action::Approve).await;
    assert!(scene.old_is_revoked(), "who asked for nothing confirms at once");
}

#[tokio::test]
async fn who_asked_for_the_rotation_confirms_an_incident_that_somebody_else_reports() {
    let scene = quiet().await;
    scene.slack.as_ref().unwrap().command(&user("alice"), CHANNEL, "rotate deploy").await.unwrap();
    scene.settle().await;
    scene.report("bob", "seen in a paste").await;
    scene.decide("alice", Action::Approve).await;
    assert!(scene.old_is_revoked(), "that makes two people");
}

#[tokio::test]
async fn a_case_in_flight_is_refused_with_what_becomes_of_the_leaked_value() {
    let scene = Scene::open(Place::Slack).await;
    scene.decide("alice", Action::Approve).await;
    scene.team.pass(60).await;
    assert_eq!(scene.team.phase().await, "grace");
    scene.report("bob", "seen in a paste").await;
    let told = scene.form("bob");
    assert!(told.contains("revokes token") && told.contains("revoke it in GitLab by hand"), "{told}");
    scene.team.pass(3600).await;
    scene.team.done().await;
}

#[tokio::test]
async fn an_incident_waits_for_no_window() {
    let window = Window {
        days: vec![jiff::civil::Weekday::Wednesday],
        from: jiff::civil::time(9, 0, 0, 0),
        to: jiff::civil::time(10, 0, 0, 0),
        zone: jiff::tz::TimeZone::UTC,
    };
    let closed = |settings: &mut rekey::engine::settings::Settings| settings.window = Some(window);
    let scene = Scene::with(Place::Slack, |setup| setup.settings(closed), |_, _| {}).await;
    scene.team.open().await;
    scene.report("alice", "seen in a paste").await;
    scene.confirm("alice").await;
    assert!(scene.old_is_revoked(), "it is Saturday");
}

#[tokio::test]
async fn an_offer_holds_for_the_plan_that_was_seen_only() {
    let mut scene = quiet().await;
    scene.report("alice", "seen in a paste").await;
    scene.team.setup.tokens[0].grace_seconds = 1_800;
    scene.restart().await;
    scene.team.pass(7 * 3600).await;
    scene.confirm("alice").await;
    assert!(scene.form("alice").contains("The plan has changed"), "{}", scene.form("alice"));
    assert!(!scene.old_is_revoked());
}

#[tokio::test]
async fn a_report_that_comes_twice_is_one_incident() {
    let scene = quiet().await;
    scene.report("alice", "seen in a paste").await;
    scene.report("bob", "and in another").await;
    assert_eq!(scene.bench.cards(&scene.team).len(), 1);
    assert_eq!(scene.bench.replies(&scene.team).len(), 0, "the card said it already");
    let evidence = scene.team.rotation().await.evidence;
    assert!(evidence.iter().any(|seen| seen.what == "bob reported an incident: and in another"), "{evidence:?}");
    scene.confirm("bob").await;
    scene.team.pass(3600).await;
    scene.team.done().await;
}

#[tokio::test]
async fn an_incident_that_is_a_false_alarm_is_declined_and_nothing_was_changed() {
    let scene = quiet().await;
    scene.report("bob", "I thought so").await;
    scene.decide("alice", Action::Decline).await;
    scene.team.pass(60).await;
    scene.team.ended(Outcome::Declined).await;
    assert!(!scene.old_is_revoked());
}

#[tokio::test]
async fn nobody_answers_an_incident_so_people_are_reminded_every_hour_whatever_the_time() {
    let steps = |settings: &mut rekey::engine::settings::Settings| {
        use rekey::rotation::record::Audience::{Approvers, Followers};
        let step = |days_left, to| rekey::rotation::remind::Step { days_left, to };
        settings.reminders.steps = vec![step(7, Followers), step(3, Approvers)];
    };
    let scene = Scene::with(Place::Slack, |setup| setup.settings(steps), |_, _| {}).await;
    scene.report("bob", "seen in a paste").await;
    scene.team.pass(4 * 3600).await;
    let replies = scene.bench.replies(&scene.team);
    assert_eq!(replies.len(), 4, "{replies:#?}");
    for reply in &replies[1..] {
        assert!(reply.starts_with("<@UALICE> <@UBOB> Incident: deploy leaked and is still alive."), "{replies:#?}");
    }
}

#[tokio::test]
async fn a_reason_is_written_down_as_it_was_typed_and_an_offer_loses_its_button_once_it_was_taken() {
    let scene = quiet().await;
    let slack = scene.slack.as_ref().unwrap();
    slack.command(&user("alice"), CHANNEL, "incident deploy <paste> by R&D, see below").await.unwrap();
    scene.settle().await;
    let reason = "alice reported an incident: <paste> by R&D, see below";
    let reported = format!("{:?}{:?}", scene.team.rotation().await.opened_by, scene.team.rotation().await.evidence);
    assert!(reported.contains("<paste> by R&D, see below"), "not {reason} but {reported}");

    let offers = || slack.with(|world| world.ephemerals.clone()).into_iter().filter(|line| !line.blocks.is_empty());
    let offer = offers().next().unwrap();
    assert!(offer.text.starts_with("Nothing was done yet."), "{}", offer.text);
    slack.press(&user("alice"), &offer.ts, "rekey.offer").await.unwrap();
    until("the button is gone", || offers().count() == 0).await;
    assert_eq!(slack.private(&user("alice")), ["Noted; the card shows what comes of it."]);
    scene.settle().await;
    assert!(scene.old_is_revoked());
}
