//! A row that is not as rekey left it, or that asks for what cannot be done, keeps nobody busy and changes nothing outside.

use super::counter::Counter;
use super::setup::Setup;
use super::team::Team;
use rekey::engine::decide::Click;
use rekey::engine::rights::Visitor;
use rekey::ledger::{Fault, LedgerError, Line, Word};
use rekey::rotation::phase::{Minted, Phase, Run};
use rekey::rotation::record::Rotation;
use rekey::rotation::view::Action;
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _};
use std::time::Duration;

/// However slow the machine is; a loop without progress never ends.
const PATIENCE: Duration = Duration::from_secs(60);

async fn tamper(team: &Team, sql: &str) {
    sqlx::any::install_default_drivers();
    let mut side = AnyConnection::connect(&team.setup.url).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut side).await.unwrap();
}

fn changes(team: &Team) -> usize {
    team.stage.state.calls().iter().filter(|call| call.method != "GET").count()
}

#[tokio::test]
async fn a_step_that_does_not_fit_the_row_ends_the_work_and_is_told_on_the_card() {
    let team = Team::new().await;
    let row = team.open().await;
    let new = Minted {
        attempt: 1,
        id: row.plan.old.id,
        digest: rekey::secret::Digest("d".into()),
        expires_at: None,
        at: team.now(),
    };
    let runs = [("pipeline that nobody knows".into(), Run::Pending)].into();
    let phase = Phase::Verifying { new, runs, passed_at: None };
    let next = Rotation { version: row.version + 1, revision: row.revision + 1, phase, ..row };
    let line = Line { at: team.now(), actor: "story".into(), event: "damaged".into(), detail: serde_json::json!({}) };
    team.engine.ledger.commit(&next, &line, None).await.unwrap();
    tokio::time::timeout(PATIENCE, team.pass(60)).await.expect("the work ends");
    let why = team.rotation().await.waiting.expect("people are told").why;
    assert!(why.starts_with("the step \"start_consumer\" does not fit"), "{why}");
    assert!(team.issue().contains("does not fit this rotation"), "{}", team.issue());
}

#[tokio::test]
async fn a_damaged_row_that_still_parses_is_found_when_it_is_loaded_and_nothing_is_done_about_it() {
    let mut team = Team::new().await;
    team.approved().await;
    let (id, before) = (team.rotation().await.id, changes(&team));
    tamper(&team, "UPDATE rotation SET body = replace(body, '\"attempt\":1', '\"attempt\":7')").await;
    for _ in 0..2 {
        tokio::time::timeout(PATIENCE, team.pass(600)).await.expect("the work ends");
        let loaded = team.engine.ledger.load(&id).await;
        assert!(matches!(loaded, Err(LedgerError::Broken { table: "rotation", .. })), "{loaded:?}");
        assert!(matches!(team.engine.ledger.verify().await.unwrap().fault, Some(Fault::Row { column: "body", .. })));
        assert_eq!(changes(&team), before, "nothing is made, written or revoked");
        team.restarted().await;
    }
    tamper(&team, "UPDATE rotation SET body = replace(body, '\"attempt\":7', '\"attempt\":1')").await;
    team.pass(3 * 3600).await;
    team.done().await;
}

#[tokio::test]
async fn a_damaged_row_is_told_once_by_each_process_to_those_who_keep_the_bot() {
    let mut counter = Counter::open(Setup::new()).await;
    counter.team.approved().await;
    let id = counter.team.rotation().await.id;
    tamper(&counter.team, "UPDATE rotation SET body = replace(body, '\"attempt\":1', '\"attempt\":7')").await;
    for processes in 1..=2 {
        for _ in 0..3 {
            tokio::time::timeout(PATIENCE, counter.team.pass(600)).await.expect("the work ends");
        }
        for keeper in ["DALICE", "DBOB"] {
            let told: Vec<String> = counter.slack.messages(keeper).into_iter().map(|message| message.text).collect();
            let told: Vec<&String> = told.iter().filter(|text| text.contains("is not as rekey left it")).collect();
            assert!(told.len() == processes && told[0].contains(id.as_str()) && told[0].contains("deploy"), "{told:?}");
        }
        counter.team.restarted().await;
    }
}

#[tokio::test]
async fn a_click_that_counted_counts_no_second_time_whatever_somebody_takes_out_of_the_database() {
    let mut team = Team::new().await;
    let row = team.open().await;
    let click = Click {
        key: "once".into(),
        rotation: row.id,
        action: Action::Snooze,
        by: Visitor::named("alice".into()),
        via: "slack".into(),
        plan: None,
        snooze_seconds: Some(3600),
        reason: None,
        stop: None,
        with_code: false,
    };
    let snoozed = team.engine.decide(&click).await.unwrap();
    for _ in 0..2 {
        tamper(&team, "DELETE FROM told; DELETE FROM inbox").await;
        team.stage.clock.advance(60);
        assert_eq!(team.twin().await.decide(&click).await.unwrap(), snoozed, "in another replica");
        team.restarted().await;
        assert_eq!(team.engine.decide(&click).await.unwrap(), snoozed, "after a restart");
    }
    assert_eq!(team.engine.ledger.verify().await.unwrap().fault, None);
    let another = Click { key: "twice".into(), ..click };
    assert_ne!(team.engine.decide(&another).await.unwrap(), snoozed, "a new click counts");
}

#[tokio::test]
async fn a_token_made_in_a_time_that_is_lost_is_swept_after_people_said_yes_anew() {
    let mut team = Team::new().await;
    team.approved().await;
    let file = team.setup.file("rekey.db");
    let older = team.setup.file("older.db");
    team.engine.ledger.close().await;
    std::fs::copy(&file, &older).unwrap();
    team.restarted().await;
    // The new token is made and stored, then the machine fails over to an older copy.
    while team.live().len() < 2 {
        assert!(team.work_once().await, "there is something to do");
    }
    team.engine.ledger.close().await;
    std::fs::copy(&older, &file).unwrap();
    team.restarted().await;
    let before = changes(&team);
    assert!(team.engine.ledger.load(&"x".into()).await.is_err(), "nothing is believed yet");
    team.engine.take_stock(Word::Nothing).await.unwrap();
    team.pass(60).await;
    let row = team.rotation().await;
    assert_eq!((row.phase.name(), row.approvals.len()), ("awaiting_approval", 0));
    assert!(changes(&team) <= before + 3, "only the issue was written");
    assert_eq!(team.live().len(), 2, "no token was made");
    // The store holds the token of the lost time: a plan that says so is another one.
    team.click("alice", Action::Approve).await.unwrap_err();
    assert!(team.rotation().await.plan.stores[0].other_token.is_some(), "{:?}", team.rotation().await.plan.stores);
    team.click("alice", Action::Approve).await.unwrap();
    team.pass(4 * 3600).await;
    team.done().await;
}

#[tokio::test]
async fn what_was_under_way_goes_on_only_once_its_whole_policy_approved_again() {
    let two = |token: &mut rekey::rotation::token::ManagedToken| {
        token.quorum = 2;
        token.step_up = true;
    };
    let mut team = Setup::new().token(two).start(|_, _| {}).await;
    team.open().await;
    for who in ["alice", "bob"] {
        say_yes(&team, who, true).await.unwrap();
    }
    team.work_once().await;
    let half_done = team.phase().await;
    assert_eq!(team.live().len(), 2, "{half_done}");
    let (file, older) = (team.setup.file("rekey.db"), team.setup.file("older.db"));
    team.engine.ledger.close().await;
    std::fs::copy(&file, &older).unwrap();
    team.restarted().await;
    let line = Line { at: team.now(), actor: "story".into(), event: "lost".into(), detail: serde_json::json!({}) };
    team.engine.ledger.note(None, &line).await.unwrap();
    team.engine.ledger.close().await;
    std::fs::copy(&older, &file).unwrap();
    team.restarted().await;
    team.engine.take_stock(Word::Nothing).await.unwrap();
    team.work().await;
    let live = team.live();
    assert!(team.stuck().await.what.starts_with("Nobody knows how far this went"));
    assert!(team.issue().contains("**Please approve again or abandon:**"), "{}", team.issue());

    assert!(team.refusal("alice", Action::Retry).await.contains("approve it again first"));
    assert!(team.refusal("alice", Action::Restore).await.contains("approve it again first"));
    assert!(say_yes(&team, "alice", false).await.unwrap_err().to_string().contains("one-time code"));
    say_yes(&team, "alice", true).await.unwrap();
    say_yes(&team, "alice", true).await.unwrap_err();
    team.pass(600).await;
    assert_eq!((team.live(), team.phase().await), (live, "stuck"), "one of two is not enough");
    say_yes(&team, "bob", true).await.unwrap();
    assert_eq!(team.phase().await, half_done);
    team.pass(4 * 3600).await;
    team.done().await;
}

async fn say_yes(team: &Team, who: &str, with_code: bool) -> Result<Rotation, rekey::engine::EngineError> {
    let plan = team.rotation().await.plan.hash().0;
    team.click_with(who, Action::Approve, |click| {
        click.plan = Some(plan);
        click.with_code = with_code;
    })
    .await
}
