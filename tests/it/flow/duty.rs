//! A closed case is not a solved problem, and what keeps a token from being looked at is not a reason for silence.

use super::setup::Setup;
use super::team::Team;
use crate::surfaces::bench::Place as Surface;
use crate::surfaces::scene::Scene;
use rekey::engine::OpenedRotation;
use rekey::ledger::Filter;
use rekey::notice::{Change, Notice, Source, Subject};
use rekey::rotation::decider::Decider;
use rekey::rotation::event::Event;
use rekey::rotation::ids::{PersonId, TokenName};
use rekey::rotation::phase::{Outcome, Phase};
use rekey::rotation::policy::Policy;
use rekey::rotation::record::{Audience, Origin, Rotation};
use rekey::rotation::remind::Step;
use rekey::rotation::view::Action;
use rekey::sandbox::gitlab::{Fault, Mint, Place, Rule};

/// Reminders a week and three days before the expiry, on workdays from nine to five.
fn reminding(setup: Setup) -> Setup {
    setup.settings(|settings| {
        settings.reminders.steps =
            [7, 3].map(|days_left| Step { days_left, to: Audience::Approvers }).into_iter().collect();
    })
}

async fn scan(team: &Team) {
    assert!(team.engine.scan_and_tell().await);
    team.work().await;
}

async fn decline(team: &Team, reason: &str) {
    let policy =
        Policy { approvers: [PersonId::from("alice")].into(), quorum: 1, approval_seconds: 60, ..Policy::default() };
    let by = Decider::new(PersonId::from("alice"), "slack", policy);
    let event = Event::Decline { by, reason: Some(reason.into()) };
    team.engine.advance(&team.rotation().await.id, &event, None).await.unwrap();
    team.pass(60).await;
}

async fn open_cases(team: &Team) -> Vec<Rotation> {
    team.engine.ledger.list(Filter { open_only: true, token: None, limit: 10 }).await.unwrap()
}

#[tokio::test]
async fn a_declined_token_is_asked_about_again_at_the_next_reminder_with_who_declined_and_why() {
    let team = reminding(Setup::new()).start(|_, _| {}).await;
    team.open().await;
    decline(&team, "the freeze ends on Tuesday").await;
    for moment in ["2026-11-22T09:00:00Z", "2026-11-25T08:00:00Z"] {
        team.stage.clock.set(moment.parse().unwrap());
        scan(&team).await;
        assert!(open_cases(&team).await.is_empty(), "people said no, and no reminder is due at {moment}");
    }
    team.stage.clock.set("2026-11-25T09:05:00Z".parse().unwrap());
    scan(&team).await;
    scan(&team).await;
    let open = open_cases(&team).await;
    assert_eq!(open.len(), 1, "asked once");
    let issue = team.stage.state.issues().into_iter().find(|issue| issue.open).unwrap();
    let said = "declined by alice on 2026-11-21: the freeze ends on Tuesday";
    assert!(issue.description.contains(said), "{}", issue.description);
    let told = team.stage.state.notes(issue.id).into_iter().map(|note| note.body).collect::<Vec<_>>().join("\n");
    assert!(told.contains("@alice") && told.contains(said) && told.contains("expires on 2026-11-28"), "{told}");
    team.click("bob", Action::Approve).await.unwrap();
    team.pass(7200).await;
    assert!(matches!(team.rotation().await.phase, Phase::Closed { outcome: Outcome::Done, .. }));
    scan(&team).await;
    assert!(open_cases(&team).await.is_empty(), "what is done is done");
}

#[tokio::test]
async fn whoever_declined_hears_of_it_a_day_before_the_expiry_even_where_nobody_is_reminded() {
    let team = Team::new().await;
    team.open().await;
    decline(&team, "not needed").await;
    team.stage.clock.set("2026-11-26T12:00:00Z".parse().unwrap());
    scan(&team).await;
    assert!(open_cases(&team).await.is_empty());
    team.stage.clock.set("2026-11-27T09:05:00Z".parse().unwrap());
    scan(&team).await;
    assert_eq!(open_cases(&team).await.len(), 1);
    decline(&team, "really not").await;
    scan(&team).await;
    assert!(open_cases(&team).await.is_empty(), "and that was the last time");
}

#[tokio::test]
async fn a_restored_and_an_abandoned_rotation_are_asked_about_again_too() {
    for (action, said) in
        [(Action::Restore, "ended with the previous value restored by alice"), (Action::Abandon, "abandoned by alice")]
    {
        let team = reminding(Setup::new()).start(|_, _| {}).await;
        team.stage.state.fail_job(Some("deploy"));
        team.approved().await;
        team.pass(60).await;
        team.click("alice", action).await.unwrap();
        team.pass(3600).await;
        assert!(team.rotation().await.phase.is_closed());
        team.stage.clock.set("2026-11-25T09:05:00Z".parse().unwrap());
        scan(&team).await;
        let open = open_cases(&team).await;
        let earlier = open[0].earlier.as_deref().unwrap();
        assert!(earlier.starts_with(said) && earlier.contains("Verification failed"), "{earlier}");
    }
}

#[tokio::test]
async fn a_token_that_dies_while_its_rotation_waits_is_an_outage_until_a_live_one_is_in_the_stores() {
    let team = Team::new().await;
    team.open().await;
    team.stage.state.with(|world| world.revoke(team.stage.old));
    let revoked = Notice::Tokens {
        change: Change::Revoked,
        subject: Subject::Personal { display_name: None },
        host: team.engine.gitlab.host().to_owned(),
        names: vec!["deploy".into()],
        days: None,
        source: Source::Mail { message_id: None, from: "gitlab@gitlab.example".into(), forwarded: false },
    };
    team.engine.heed(&revoked).await.unwrap();
    team.work().await;
    assert_eq!(team.phase().await, "awaiting_approval", "nobody took care of it");
    let issue = team.issue();
    assert!(issue.contains("no live one replaces it: what the stores hold is dead"), "{issue}");
    assert!(team.comments().iter().any(|told| told.contains("@alice") && told.contains("is dead")), "people are told");
    let list = team.engine.overview().await.unwrap();
    assert!(list[0].problem.as_ref().is_some_and(|problem| problem.contains("was revoked")), "{list:?}");
    let again = team.engine.rotate("deploy", Origin::Cli).await.unwrap();
    assert!(matches!(again, OpenedRotation::Existing(rotation) if !rotation.plan.blockers.is_empty()));
    let (heir, value) = team.stage.mint().await;
    team.pass(300).await;
    let issue = team.issue();
    assert!(issue.contains(&format!("token {heir} of that name lives, but")), "{issue}");
    let calls = asked(&team, "self");
    team.pass(1200).await;
    assert_eq!(asked(&team, "self"), calls, "a dead value is not presented over and over");
    team.stage.store(&value).await;
    team.pass(300).await;
    team.ended(Outcome::Superseded).await;
    assert!(team.issue().contains(&format!("token {heir} has taken its place, and the stores hold it")));
}

/// Calls of a path that ends so.
fn asked(team: &Team, end: &str) -> usize {
    team.stage.state.calls().iter().filter(|call| call.path.ends_with(end)).count()
}

#[tokio::test]
async fn a_token_that_was_revoked_before_any_case_is_told_once_and_is_no_secret_to_list() {
    let team = Team::new().await;
    team.stage.state.with(|world| world.revoke(team.stage.old));
    scan(&team).await;
    scan(&team).await;
    let issue = team.issue();
    assert!(issue.contains("🚧") && issue.contains("was revoked, and no live one replaces it"), "{issue}");
    assert!(team.refusal("alice", Action::Approve).await.starts_with("cannot be approved yet"));
    let (_, value) = team.stage.mint().await;
    team.stage.store(&value).await;
    team.pass(300).await;
    team.ended(Outcome::Superseded).await;
    scan(&team).await;
    assert!(open_cases(&team).await.is_empty(), "the new one has time");
}

#[tokio::test]
async fn two_tokens_of_one_name_that_cannot_be_told_apart_block_one_case_until_one_is_left() {
    let team = Team::new().await;
    let twin = Mint::new(team.stage.account, "deploy", &["read_api"]).expires("2026-11-30".parse().unwrap());
    let twin = team.stage.state.with(|world| world.mint(twin)).id;
    scan(&team).await;
    scan(&team).await;
    let issue = team.issue();
    assert!(issue.contains("has 2 active tokens named") && issue.contains("@alice"), "{issue}");
    assert!(team.refusal("alice", Action::Approve).await.starts_with("cannot be approved yet"));
    team.pass(1200).await;
    let refusal = team.refusal("alice", Action::Approve).await;
    assert!(refusal.starts_with("cannot be approved yet"), "not as long as both live: {refusal}");
    team.stage.state.with(|world| world.revoke(twin));
    team.pass(300).await;
    team.click("alice", Action::Approve).await.unwrap();
    team.pass(7200).await;
    team.done().await;
}

#[tokio::test]
async fn an_account_whose_tokens_are_out_of_reach_blocks_one_case_that_heals_by_itself() {
    let mut team = Team::new().await;
    let configured = team.setup.tokens.clone();
    for id in ["one", "two"] {
        team.setup.tokens[0].id = TokenName::from(id);
        let rekey::rotation::token::Owner::GroupServiceAccount { username, .. } = &mut team.setup.tokens[0].owner
        else {
            unreachable!("a service account")
        };
        *username = "gone".into();
        let gone = team.setup.tokens[0].clone();
        team.setup.tokens.push(gone);
    }
    team.setup.tokens.remove(0);
    team.restarted().await;
    for _ in 0..3 {
        scan(&team).await;
    }
    let issues = team.stage.state.issues();
    assert_eq!(issues.len(), 2, "one for each token, not one for each scan");
    assert!(issues[0].description.contains("there is no service account gone"), "{}", issues[0].description);
    assert!(!issues[0].description.contains("Expires"), "{}", issues[0].description);
    assert_eq!(team.engine.ledger.verify().await.unwrap().fault, None);
    let ids: Vec<TokenName> = team.setup.tokens.iter().map(|token| token.id.clone()).collect();
    team.setup.tokens =
        ids.into_iter().map(|id| rekey::rotation::token::ManagedToken { id, ..configured[0].clone() }).collect();
    team.setup.tokens[0].name = "other".into();
    team.stage.state.with(|world| world.mint(Mint::new(team.stage.account, "other", &["read_api"])));
    team.restarted().await;
    // The ids of a process count from the beginning.
    (0..4).for_each(|_| drop(team.engine.dice.rotation_id(team.now())));
    team.pass(300).await;
    assert!(team.stage.state.issues().iter().all(|issue| !issue.open), "healed");
    scan(&team).await;
    let open = open_cases(&team).await;
    assert_eq!(open.len(), 1, "the one that is due is asked about: {open:?}");
    assert_eq!(open[0].key.token.0, team.stage.old);
}

#[tokio::test]
async fn a_case_of_a_token_that_cannot_be_found_may_be_declined_and_closes() {
    let team = Setup::new().token(|token| token.name = "nobodys".into()).start(|_, _| {}).await;
    scan(&team).await;
    let issues = team.stage.state.issues();
    let blocked: Vec<_> = issues.iter().filter(|issue| issue.description.contains("has no token named")).collect();
    assert_eq!(blocked.len(), 1, "{issues:#?}");
    decline(&team, "it comes next week").await;
    assert!(matches!(team.rotation().await.phase, Phase::Closed { outcome: Outcome::Declined, .. }));
    scan(&team).await;
    assert!(open_cases(&team).await.is_empty());
    team.stage.clock.advance(8 * 24 * 3600);
    scan(&team).await;
    assert_eq!(open_cases(&team).await.len(), 1, "but not for good");
}

#[tokio::test]
async fn rights_lost_while_a_rotation_waits_are_told_and_heal() {
    let team = Team::new().await;
    team.open().await;
    let place = Place::Group(team.stage.group);
    team.stage.state.with(|world| world.member(place, team.stage.bot, 20));
    team.pass(7 * 3600).await;
    assert_eq!(team.phase().await, "awaiting_approval");
    let refusal = team.refusal("alice", Action::Approve).await;
    assert!(refusal.starts_with("cannot be approved yet"), "{refusal}");
    assert!(
        team.comments().iter().any(|told| told.contains("@alice") && told.contains("cannot be rotated as things are"))
    );
    team.stage.state.with(|world| world.member(place, team.stage.bot, 50));
    team.pass(300).await;
    team.click("alice", Action::Approve).await.unwrap();
    team.pass(7200).await;
    team.done().await;
}

#[tokio::test]
async fn a_store_that_stays_down_while_its_token_is_due_blocks_one_case_that_heals() {
    let team = Team::new().await;
    let down = Rule::new("GET", "*/variables/DEPLOY_TOKEN", Fault::ErrorBefore { status: 503 }).times(0);
    team.stage.state.fault(down);
    scan(&team).await;
    assert!(open_cases(&team).await.is_empty(), "what passes is nobody's business");
    team.stage.clock.advance(3600);
    scan(&team).await;
    scan(&team).await;
    let issue = team.issue();
    assert!(issue.contains("🚧") && issue.contains("it cannot be looked after") && issue.contains("503"), "{issue}");
    assert!(issue.contains("@alice"), "people are told: {issue}");
    team.stage.state.clear_faults();
    team.pass(300).await;
    team.click("alice", Action::Approve).await.unwrap();
    team.pass(7200).await;
    team.done().await;
}

#[tokio::test]
async fn with_two_days_left_nobody_waits_to_see_whether_a_store_comes_back() {
    let team = Team::new().await;
    team.stage.clock.set("2026-11-26T12:00:00Z".parse().unwrap());
    team.stage.state.fault(Rule::new("GET", "*/variables/*", Fault::ErrorBefore { status: 503 }).times(0));
    scan(&team).await;
    assert_eq!(open_cases(&team).await.len(), 1);
}

#[tokio::test]
async fn a_bot_that_is_locked_out_while_a_token_comes_due_is_told_in_slack_and_heals() {
    let setup = |setup: Setup| setup.token(|token| token.rotate_before_days = 5);
    let scene = Scene::with(Surface::Slack, setup, |_, _| {}).await;
    let team = &scene.team;
    scan(team).await;
    team.stage.state.with(|world| world.block(team.stage.bot, true));
    let look = async || assert!(!team.engine.scan_and_tell().await, "nothing was seen");
    look().await;
    team.stage.clock.advance(3600);
    look().await;
    team.work().await;
    assert!(open_cases(team).await.is_empty(), "it is not due");
    team.stage.clock.set("2026-11-23T12:00:00Z".parse().unwrap());
    look().await;
    look().await;
    team.work().await;
    let card = scene.card();
    assert!(card.contains("Your account has been blocked") && card.contains("it expired on 2026-11-28"), "{card}");
    team.stage.state.with(|world| world.block(team.stage.bot, false));
    team.pass(300).await;
    assert!(team.rotation().await.phase.is_closed(), "healed");
    scan(team).await;
    let open = open_cases(team).await;
    assert!(open.len() == 1 && open[0].plan.blockers.is_empty(), "and asked about: {open:?}");
}

#[tokio::test]
async fn what_was_abandoned_on_the_last_day_is_asked_about_once_more_before_the_expiry() {
    let team = Team::new().await;
    team.stage.state.fail_job(Some("deploy"));
    team.open().await;
    team.stage.clock.set("2026-11-27T09:05:00Z".parse().unwrap());
    team.click("alice", Action::Approve).await.unwrap();
    team.pass(60).await;
    team.click("alice", Action::Restore).await.unwrap();
    team.pass(3600).await;
    assert!(team.rotation().await.phase.is_closed());
    scan(&team).await;
    assert!(open_cases(&team).await.is_empty());
    team.stage.clock.set("2026-11-27T17:30:00Z".parse().unwrap());
    scan(&team).await;
    assert_eq!(open_cases(&team).await.len(), 1);
}

#[tokio::test]
async fn a_token_that_may_not_live_as_long_as_people_want_to_be_early_is_not_due_on_its_first_day() {
    let team = Setup::new().start(|world, _| world.settings.max_lifetime_days = 10).await;
    team.approved().await;
    team.pass(60).await;
    assert!(team.stuck().await.what.contains("must be before 2026-12-01"));
    team.click("alice", Action::Retry).await.unwrap();
    team.pass(60).await;
    team.click("alice", Action::Approve).await.unwrap();
    team.pass(3 * 3600).await;
    team.done().await;
    scan(&team).await;
    assert!(open_cases(&team).await.is_empty(), "it was made today");
    team.stage.clock.set("2026-11-26T09:05:00Z".parse().unwrap());
    scan(&team).await;
    assert_eq!(open_cases(&team).await.len(), 1);
}
