//! A process that dies leaves a rotation that another one takes to its end, wherever it stood.

use super::setup::Setup;
use super::team::Team;
use crate::databases::on_each;
use rekey::rotation::view::Action;
use rekey::sandbox::gitlab::{Fault, Rule};

/// The worker dies with the first matching call in its hand, before or after GitLab does it.
async fn killed_at(team: &mut Team, method: &str, path: &str, fault: Fault) {
    team.stage.state.fault(Rule::new(method, path, fault));
    tokio::select! {
        () = team.pass(7200) => panic!("{method} {path} never came: {:?}", team.rotation().await),
        _ = team.stage.state.held() => {}
    }
    team.stage.state.release(false);
    team.stage.state.clear_faults();
    // The dead worker's lease has to run out.
    team.stage.clock.advance(200);
    team.restarted().await;
}

#[tokio::test]
async fn a_rotation_is_taken_over_wherever_the_worker_died() {
    let calls = [
        ("POST", "*/issues"),
        ("POST", "*/personal_access_tokens"),
        ("PUT", "*/variables/*"),
        ("POST", "*/pipeline"),
        ("GET", "*/jobs"),
        ("DELETE", "*"),
        ("PUT", "*/issues/*"),
        ("POST", "*/notes"),
    ];
    for (method, path) in calls {
        for fault in [Fault::HoldBefore, Fault::HoldAfter] {
            let mut team = Team::new().await;
            if path == "*/issues" {
                team.engine.rotate("deploy", rekey::rotation::record::Origin::Cli).await.unwrap();
            } else {
                team.approved().await;
            }
            killed_at(&mut team, method, path, fault.clone()).await;
            if path == "*/issues" {
                team.work().await;
                team.click("alice", Action::Approve).await.unwrap();
            }
            team.pass(3 * 3600).await;
            eprintln!("{method} {path} {fault:?}");
            team.done().await;
            assert_eq!(team.comments().len(), 1, "{method} {path} {fault:?}: {:?}", team.comments());
        }
    }
}

#[tokio::test]
async fn a_value_lost_with_its_process_is_minted_again_on_each_database() {
    on_each(|url| async move {
        let mut team = Setup::new().database(url).start(|_, _| {}).await;
        team.approved().await;
        killed_at(&mut team, "PUT", "*/variables/*", Fault::HoldAfter).await;
        team.pass(3 * 3600).await;
        team.done().await;
        let made =
            team.stage.state.calls().iter().filter(|c| c.method == "POST" && c.path.ends_with("_tokens")).count();
        assert_eq!(made, 2);
        team.engine.ledger.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_restart_while_verifying_or_in_grace_mints_nothing_again() {
    let mut team = Team::new().await;
    team.approved().await;
    killed_at(&mut team, "POST", "*/pipeline", Fault::HoldAfter).await;
    team.pass(60).await;
    assert_eq!(team.phase().await, "grace");
    team.restarted().await;
    team.pass(7200).await;
    team.done().await;
    assert_eq!(team.stage.state.pipelines().len(), 1, "the pipeline was found again");
}

#[tokio::test]
async fn two_workers_that_believe_in_the_same_lease_have_one_effect() {
    let team = Team::new().await;
    team.approved().await;
    let now = team.now();
    let until = now.saturating_add(jiff::SignedDuration::from_secs(30)).unwrap();
    let stale = team.engine.ledger.claim("slow", now, until, 10).await.unwrap();
    team.stage.clock.advance(60);
    team.pass(60).await;
    for claim in stale {
        team.engine.run_lane(claim).await;
    }
    team.pass(7200).await;
    team.done().await;
    let made = team.stage.state.calls().iter().filter(|c| c.method == "POST" && c.path.ends_with("_tokens")).count();
    assert_eq!(made, 1, "a worker without its lease does nothing");
}
