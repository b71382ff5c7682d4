//! Who may say what, and until when.

use super::counter::{Counter, slack};
use super::setup::{Setup, project_variable};
use super::team::Team;
use rekey::engine::OpenedRotation;
use rekey::engine::desk::{Answer, Ask, Field};
use rekey::engine::rights::Visitor;
use rekey::rotation::ids::PersonId;
use rekey::rotation::phase::Outcome;
use rekey::rotation::record::Origin;
use rekey::rotation::view::Action;
use rekey::rotation::wish::{Decision, Wish};
use rekey::sandbox::gitlab::{Fault, Place, Rule, Variable};

#[tokio::test]
async fn a_declined_rotation_changes_nothing_and_closes() {
    let team = Team::new().await;
    team.open().await;
    team.click("bob", Action::Decline).await.unwrap();
    team.pass(60).await;
    team.ended(Outcome::Declined).await;
    assert_eq!(team.live(), [team.stage.old]);
    assert_eq!(team.held(), Some(team.stage.old));
    assert!(team.refusal("alice", Action::Approve).await.starts_with("already decided: bob declined"));
}

#[tokio::test]
async fn a_no_counts_once_it_is_confirmed_with_a_reason() {
    let counter = Counter::open(Setup::new()).await;
    counter.team.open().await;
    let Wish::Decide(decision) = counter.decision(Action::Decline).await else { unreachable!("a decision") };
    let pressed = Wish::Decide(Decision { reason: None, ..decision });
    let Answer::Form(form) = counter.ask(slack("UALICE"), pressed).await else { unreachable!("it is asked why") };
    assert_eq!(form.fields, [Field::Because]);
    assert_eq!(counter.team.phase().await, "awaiting_approval", "nothing was decided yet");
    let given = vec![("because".to_owned(), "release freeze".to_owned())];
    counter.desk.ask(&Ask::new(counter.key(), slack("UALICE"), form.wish).filled_in(given)).await;
    counter.team.pass(60).await;
    counter.team.ended(Outcome::Declined).await;
    let ended = counter.team.rotation().await.ended.unwrap();
    assert_eq!((ended.by.as_str(), ended.reason.as_deref()), ("alice", Some("release freeze")));
}

#[tokio::test]
async fn a_snooze_moves_the_reminder_but_never_past_the_last_day() {
    let team = Team::new().await;
    team.open().await;
    let late = team.click_with("alice", Action::Snooze, |click| click.snooze_seconds = Some(7 * 86_400)).await;
    assert_eq!(
        late.unwrap_err().to_string(),
        "the token expires on 2026-11-28, so snooze until 2026-11-27 00:00 UTC at most"
    );
    for who in ["alice", "bob"] {
        team.click_with(who, Action::Snooze, |click| click.snooze_seconds = Some(4 * 86_400)).await.unwrap();
    }
    team.pass(3 * 86_400 + 3600).await;
    assert_eq!(team.comments().len(), 0, "no reminder while snoozed");
    team.pass(86_400).await;
    assert_eq!(team.comments().len(), 1, "a reminder after it");
}

#[tokio::test]
async fn a_quorum_that_was_lowered_is_met_by_those_who_had_said_yes() {
    let mut team = Setup::new().token(|token| token.quorum = 2).start(|_, _| {}).await;
    team.open().await;
    team.click("alice", Action::Approve).await.unwrap();
    team.setup.tokens[0].quorum = 1;
    team.restarted().await;
    team.engine.look_at_what_waits().await.unwrap();
    assert_eq!(team.phase().await, "minting", "nobody need say yes again");
    team.pass(3600).await;
    team.done().await;
}

#[tokio::test]
async fn a_waiting_card_shows_the_plan_of_a_new_configuration_once_the_bot_has_started_with_it() {
    let mut team = Team::new().await;
    let before = team.open().await;
    team.setup.tokens[0].grace_seconds = 7_200;
    team.restarted().await;
    team.engine.look_at_what_waits().await.unwrap();
    team.work().await;
    let after = team.rotation().await;
    assert_ne!(after.plan.hash(), before.plan.hash());
    assert!(team.issue().contains(after.plan.hash().short()), "{}", team.issue());
}

#[tokio::test]
async fn of_a_quorum_all_that_shells_say_counts_as_one_person() {
    let team = Setup::new().token(|token| token.quorum = 2).start(|_, _| {}).await;
    team.open().await;
    let plan = team.rotation().await.plan.hash().0;
    let by_shell = |who: &'static str| {
        let by = Visitor { shell: Some("uid 1000 (deploy)".into()), ..Visitor::named(who.into()) };
        let plan = Some(plan.clone());
        team.click_with(who, Action::Approve, move |click| (click.by, click.plan, click.via) = (by, plan, "cli".into()))
    };
    let after = by_shell("alice").await.unwrap();
    let said = "alice approved (1 of 2), says uid 1000 (deploy) on the command line";
    assert!(after.evidence.iter().any(|seen| seen.what == said), "{:?}", after.evidence);
    let refused = by_shell("bob").await.unwrap_err().to_string();
    assert!(refused.starts_with("a yes from a shell counts already"), "{refused}");
    assert_eq!(team.phase().await, "awaiting_approval", "one shell is no quorum");
    team.click("bob", Action::Approve).await.unwrap();
    team.pass(3600).await;
    team.done().await;
}

#[tokio::test]
async fn where_shells_decide_for_nobody_a_decision_as_somebody_is_refused() {
    let team = Setup::new().settings(|settings| settings.decide_as = false).start(|_, _| {}).await;
    team.open().await;
    let by = Visitor { shell: Some("uid 1000 (deploy)".into()), ..Visitor::named("alice".into()) };
    let refused = team.click_with("alice", Action::Decline, move |click| click.by = by).await.unwrap_err().to_string();
    assert!(refused.starts_with("--as decides for nobody here"), "{refused}");
    assert_eq!(team.phase().await, "awaiting_approval");
}

#[tokio::test]
async fn a_quorum_of_two_needs_two_different_people() {
    let team = Setup::new()
        .token(|token| {
            token.quorum = 2;
            token.approvers.insert(PersonId::from("carol"));
        })
        .start(|_, _| {})
        .await;
    team.open().await;
    team.click("alice", Action::Approve).await.unwrap();
    assert_eq!(team.refusal("alice", Action::Approve).await, "you approved this plan already; 1 more needed");
    team.work().await;
    assert_eq!(team.phase().await, "awaiting_approval");
    assert!(team.issue().contains("alice approved (1 of 2)"));
    team.click("carol", Action::Approve).await.unwrap();
    team.pass(3600).await;
    team.done().await;
}

#[tokio::test]
async fn who_asked_for_a_rotation_cannot_approve_it() {
    let team = Team::new().await;
    let by = Origin::Person { person: PersonId::from("alice") };
    assert!(matches!(team.engine.rotate("deploy", by).await.unwrap(), OpenedRotation::New(_)));
    let refusal = team.refusal("alice", Action::Approve).await;
    assert_eq!(refusal, "you asked for this rotation, so somebody else has to approve it");
    team.click("bob", Action::Approve).await.unwrap();
    team.pass(3600).await;
    team.done().await;
}

#[tokio::test]
async fn the_only_approver_who_asks_is_told_the_way_out_and_who_declines_the_way_back() {
    let counter = Counter::open(Setup::new().token(|token| token.approvers = [PersonId::from("alice")].into())).await;
    let team = &counter.team;
    let told = counter.types(slack("UALICE"), "rotate deploy").await;
    let way_out = "It takes an approver other than whoever asks, and without you there are too few, so nothing was opened. Let \
                   somebody who does not approve it ask, or run `rekey rotate` on the server without --as; near its expiry \
                   it is opened by itself.";
    assert_eq!(told, way_out);
    assert!(team.engine.rotation("deploy").await.is_err(), "nothing was opened");
    // One of a time when it was opened all the same.
    let asked = Origin::Person { person: PersonId::from("alice") };
    team.engine.consider(&team.setup.tokens[0], asked, true).await.unwrap();
    let told = counter.types(slack("UALICE"), "rotate deploy").await;
    assert!(told.starts_with("There is one already, but you asked for it and nobody else may approve."), "{told}");
    team.work().await;
    let nobody = "**Nobody can approve:** alice asked for it and no other approver is named. Add one under `approvers`, or \
                  decline.";
    assert!(team.issue().contains(nobody), "{}", team.issue());
    let own = "You asked for this rotation, so somebody else has to approve it, and nobody else may; decline it and let \
               somebody else ask, or name a second approver for this token.";
    assert_eq!(counter.press(slack("UALICE"), Action::Approve).await, own);
    assert_eq!(counter.press(slack("UALICE"), Action::Decline).await, "");
    team.pass(60).await;
    team.ended(Outcome::Declined).await;
    let comments = team.comments();
    assert_eq!(comments.len(), 1, "{comments:#?}");
    let still = "alice declined (not now): deploy was not rotated and still expires on 2026-11-28. Whoever needs it \
                 may ask for another rotation, and rekey asks again before the token expires.";
    assert!(comments[0].ends_with(still), "{comments:#?}");
    let again = counter.types(slack("UBOB"), "rotate deploy").await;
    assert!(again.starts_with("Opened."), "{again}");
}

#[tokio::test]
async fn somebody_whom_the_policy_does_not_name_may_do_nothing() {
    let team = Team::new().await;
    let before = team.open().await;
    for action in [Action::Approve, Action::Decline, Action::Snooze] {
        let refusal = team.refusal("carol", action).await;
        assert_eq!(refusal, "only its approvers may decide on this token; ask alice, bob");
    }
    assert_eq!(team.rotation().await, before);
    let journal = team.engine.ledger.journal(&before.id).await.unwrap();
    let refused = journal.iter().filter(|line| line.line.event.starts_with("refused_")).count();
    assert_eq!(refused, 3, "attempts are written down");
}

#[tokio::test]
async fn an_empty_list_of_approvers_means_nobody() {
    let team = Setup::new().token(|token| token.approvers.clear()).start(|_, _| {}).await;
    team.open().await;
    let refusal = team.refusal("alice", Action::Approve).await;
    assert_eq!(refusal, "nobody may decide on this token: its list of approvers is empty");
    assert!(team.issue().contains("has no approvers"), "{}", team.issue());
}

#[tokio::test]
async fn a_click_delivered_twice_counts_once() {
    let team = Setup::new().token(|token| token.quorum = 2).start(|_, _| {}).await;
    let plan = Some(team.open().await.plan.hash().0);
    for _ in 0..2 {
        let click = team.click_with("alice", Action::Approve, |click| {
            click.key = "trigger-1".into();
            click.plan = plan.clone();
        });
        assert_eq!(click.await.unwrap().approvals.len(), 1);
    }
}

#[tokio::test]
async fn an_approver_struck_off_before_the_start_no_longer_counts() {
    let mut team = Team::new().await;
    team.approved().await;
    team.setup.tokens[0].approvers.remove(&PersonId::from("alice"));
    team.restarted().await;
    team.work().await;
    assert_eq!(team.phase().await, "awaiting_approval");
    assert_eq!(team.live(), [team.stage.old], "nothing was minted");
    assert!(team.comments()[0].contains("The approval no longer holds"), "{:?}", team.comments());
}

#[tokio::test]
async fn a_yes_that_stays_alone_for_too_long_no_longer_counts() {
    let team = Setup::new().token(|token| token.quorum = 2).start(|_, _| {}).await;
    team.open().await;
    team.click("alice", Action::Approve).await.unwrap();
    team.pass(3 * 86_400 + 60).await;
    let rotation = team.rotation().await;
    assert!(rotation.approvals.is_empty(), "a yes from long ago does not count");
    assert!(
        team.comments()[0]
            .contains("@alice @bob Not enough people approved in time, so the yes of alice no longer counts."),
        "{:?}",
        team.comments()
    );
    team.click("alice", Action::Approve).await.unwrap();
    team.click("bob", Action::Approve).await.unwrap();
    team.pass(3600).await;
    team.done().await;
}

#[tokio::test]
async fn a_late_yes_outlives_the_deadline_of_an_early_one() {
    let three = |token: &mut rekey::rotation::token::ManagedToken| {
        token.quorum = 3;
        token.approvers.insert(PersonId::from("carol"));
    };
    let team = Setup::new().token(three).start(|_, _| {}).await;
    team.open().await;
    team.click("alice", Action::Approve).await.unwrap();
    team.pass(2 * 86_400).await;
    team.click("bob", Action::Approve).await.unwrap();
    team.pass(86_400 + 60).await;
    let rotation = team.rotation().await;
    let names: Vec<&str> = rotation.approvals.iter().map(|yes| yes.by.as_str()).collect();
    assert_eq!(names, ["bob"], "alice said yes three days ago, bob yesterday");
    assert!(team.comments()[0].contains("so the yes of alice no longer counts."), "{:?}", team.comments());
    team.click("carol", Action::Approve).await.unwrap();
    team.click("alice", Action::Approve).await.unwrap();
    team.pass(3600).await;
    team.done().await;
}

#[tokio::test]
async fn a_plan_that_changed_is_asked_about_anew_with_the_whole_time() {
    let team = Team::new().await;
    team.open().await;
    team.click("alice", Action::Snooze).await.unwrap();
    team.stage.state.with(|world| {
        let token = world.tokens.get_mut(&team.stage.old).unwrap();
        token.scopes.push("read_repository".into());
    });
    team.pass(7 * 3600).await;
    let rotation = team.rotation().await;
    assert!(rotation.evidence.iter().any(|line| line.what.starts_with("the plan changed")), "{:?}", rotation.evidence);
    assert!(rotation.snoozed.is_empty(), "the old plan was put off, not this one");
    let asked = rotation.asked_since();
    assert!(asked > rotation.opened_at);
    assert_eq!(rotation.approve_by.duration_since(asked).as_hours(), 72);
}

#[tokio::test]
async fn the_button_snoozes_for_a_day_or_for_as_long_as_there_is() {
    let team = Team::new().await;
    team.open().await;
    let alice = PersonId::from("alice");
    let day = team.click("alice", Action::Snooze).await.unwrap();
    assert_eq!(day.snoozed[&alice].duration_since(team.now()).as_hours(), 24);
    team.pass(5 * 86_400).await;
    let rest = team.click("alice", Action::Snooze).await.unwrap();
    assert_eq!(rest.snoozed[&alice].to_string(), "2026-11-27T00:00:00Z", "the token expires on the 28th");
    team.pass(86_400).await;
    let refusal = team.refusal("alice", Action::Snooze).await;
    assert_eq!(refusal, "the token expires on 2026-11-28; that is too soon to snooze");
}

#[tokio::test]
async fn nobody_puts_off_an_incident() {
    let team = Team::new().await;
    team.engine.open_incident("deploy", &Visitor::named("bob".into()), "slack", "pasted into a ticket").await.unwrap();
    team.work().await;
    let card = rekey::rotation::view::card(&team.rotation().await);
    assert_eq!(card.actions, [Action::Approve, Action::Decline]);
    let refusal = team.refusal("alice", Action::Snooze).await;
    assert_eq!(refusal, "the value leaked, so the reminders go on until somebody decides");
}

#[tokio::test]
async fn an_approved_rotation_waits_for_its_window() {
    let window = rekey::rotation::window::Window {
        days: vec![jiff::civil::Weekday::Monday],
        from: jiff::civil::time(9, 0, 0, 0),
        to: jiff::civil::time(10, 0, 0, 0),
        zone: jiff::tz::TimeZone::UTC,
    };
    let team = Setup::new().settings(|settings| settings.window = Some(window)).start(|_, _| {}).await;
    team.approved().await;
    team.pass(86_400).await;
    assert_eq!(team.phase().await, "scheduled");
    assert_eq!(team.live(), [team.stage.old]);
    assert!(team.issue().contains("It starts when its window opens"));
    team.pass(86_400).await;
    team.done().await;
}

#[tokio::test]
async fn what_is_scheduled_can_still_be_declined() {
    let window = rekey::rotation::window::Window {
        days: vec![jiff::civil::Weekday::Monday],
        from: jiff::civil::time(9, 0, 0, 0),
        to: jiff::civil::time(10, 0, 0, 0),
        zone: jiff::tz::TimeZone::UTC,
    };
    let team = Setup::new().settings(|settings| settings.window = Some(window)).start(|_, _| {}).await;
    team.approved().await;
    team.click("bob", Action::Decline).await.unwrap();
    team.pass(3 * 86_400).await;
    team.ended(Outcome::Declined).await;
    assert_eq!(team.live(), [team.stage.old]);
}

/// A second store that holds no token yet, and a quorum of two.
async fn two_of_two_with_an_empty_place() -> Team {
    let setup = Setup::new().token(|token| token.quorum = 2).also_stored_in(project_variable("SECOND"));
    let team = setup
        .start(|world, project| {
            world.variable(Variable::new(Place::Project(project), "SECOND", "to be filled"));
        })
        .await;
    team.open().await;
    team.click("alice", Action::Approve).await.unwrap();
    team
}

fn forbidden() -> Rule {
    let body = serde_json::json!({"message": "403 Forbidden"});
    Rule::new("GET", "*/variables/SECOND", Fault::Refuse { status: 403, body })
}

#[tokio::test]
async fn one_refused_look_at_a_click_keeps_the_yes_of_everybody_else() {
    let team = two_of_two_with_an_empty_place().await;
    team.stage.state.fault(forbidden());
    team.click("bob", Action::Approve).await.unwrap();
    assert_eq!(team.phase().await, "minting", "both count");
    team.pass(3600).await;
    team.done().await;
}

#[tokio::test]
async fn one_refused_look_after_the_last_click_takes_back_nobodys_yes() {
    let team = two_of_two_with_an_empty_place().await;
    team.click("bob", Action::Approve).await.unwrap();
    team.stage.state.fault(forbidden());
    team.work().await;
    assert_eq!(team.rotation().await.approvals.len(), 2, "it is looked at again before it counts");
    team.pass(3600).await;
    team.done().await;
}

#[tokio::test]
async fn a_refusal_that_lasts_takes_back_the_yes_and_says_whose() {
    let team = two_of_two_with_an_empty_place().await;
    team.stage.state.fault(forbidden().times(0));
    team.pass(7 * 3600).await;
    assert!(team.rotation().await.approvals.is_empty());
    let told = team.comments().join("\n");
    assert!(told.contains("The approval of alice no longer counts."), "{told}");
    team.stage.state.clear_faults();
    team.pass(300).await;
    for who in ["alice", "bob"] {
        team.click(who, Action::Approve).await.unwrap();
    }
    team.pass(3600).await;
    team.done().await;
}
