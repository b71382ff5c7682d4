//! Trouble outside is waited out, visibly and for long; a stop waits for nothing for long.

use super::rogue::{Does, Rogue};
use super::setup::Setup;
use super::team::Team;
use rekey::sandbox::gitlab::{Fault, Rule};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn a_store_that_is_away_for_hundreds_of_tries_is_waited_for_and_people_read_why() {
    let team = Team::new().await;
    let away = Fault::ErrorBefore { status: 503 };
    team.stage.state.fault(Rule::new("PUT", "*/variables/*", away).times(200));
    team.approved().await;
    team.pass(3600).await;
    team.done().await;
    let journal = team.engine.ledger.journal(&team.rotation().await.id).await.unwrap();
    let told: Vec<_> = journal.iter().filter(|stamped| stamped.line.event == "delayed").collect();
    assert!(told.iter().any(|told| told.line.detail["why"].as_str().is_some_and(|why| why.contains("503"))));
    assert!(told.len() < 10, "the same trouble is told once: {}", told.len());
}

#[tokio::test]
async fn a_gitlab_that_stays_away_for_a_day_ends_at_a_person_who_can_try_again() {
    let slow = |settings: &mut rekey::engine::settings::Settings| {
        settings.backoff.first = Duration::from_secs(600);
        settings.backoff.most = Duration::from_secs(600);
    };
    let team = Setup::new().settings(slow).start(|_, _| {}).await;
    team.approved().await;
    team.pass(60).await;
    team.stage.state.fault(Rule::new("GET", "*/service_accounts*", Fault::ErrorBefore { status: 503 }).times(0));
    team.pass(23 * 3600).await;
    assert_eq!(team.phase().await, "grace");
    assert!(team.issue().contains("⏸️ Nothing moves since"), "{}", team.issue());
    team.pass(3 * 3600).await;
    assert!(team.stuck().await.what.contains("Tried for a long time without success"));
    team.stage.state.clear_faults();
    team.click("alice", rekey::rotation::view::Action::Retry).await.unwrap();
    team.pass(7200).await;
    team.done().await;
}

#[tokio::test]
async fn a_stop_waits_for_a_step_only_so_long_and_what_was_in_custody_is_made_again() {
    let mut team = Team::new().await;
    team.stage.state.fault(Rule::new("PUT", "*/variables/*", Fault::ErrorBefore { status: 503 }).times(0));
    team.approved().await;
    let id = team.rotation().await.id;
    let stop = CancellationToken::new();
    let working = tokio::spawn(team.engine.clone().work(stop.clone()));
    while !team.engine.custody.holds_minted(&id) {
        tokio::task::yield_now().await;
    }
    stop.cancel();
    let stopped = tokio::time::timeout(Duration::from_secs(30), working).await;
    assert!(stopped.is_ok(), "it lets go although the store is still away");
    team.stage.state.clear_faults();
    team.restarted().await;
    team.pass(7200).await;
    team.done().await;
}

#[tokio::test]
async fn a_store_whose_own_people_agree_late_is_waited_for() {
    let (rogue, team) = Rogue::team(|number| if number < 5 { Does::Asks } else { Does::Takes }).await;
    team.approved().await;
    team.pass(3600).await;
    team.done().await;
    assert_eq!(rogue.held.lock().unwrap().1, 5);
}

#[tokio::test]
async fn a_store_whose_own_people_never_agree_stops_the_rotation_in_the_end() {
    let (_, team) = Rogue::team(|_| Does::Asks).await;
    team.approved().await;
    // Who holds a value that a store lacks does not let go of it: time passes beside.
    let (_, waiting) = tokio::join!(team.work(), async {
        let mut waiting = None;
        while team.phase().await != "stuck" {
            waiting = team.rotation().await.waiting.or(waiting);
            team.stage.clock.advance(5);
        }
        waiting
    });
    assert_eq!(waiting.unwrap().why, "two of its quorum must agree");
    let why = team.stuck().await;
    assert!(why.what.contains("nobody decided in time: two of its quorum must agree"), "{why:?}");
    assert_eq!(team.live().len(), 2);
}
