//! A new token that somebody, or GitLab's leak detection, kills before the rotation is over.

use super::setup::Setup;
use super::team::Team;
use rekey::rotation::token::Strategy;
use rekey::rotation::view::Action;
use rekey::sandbox::gitlab::{Fault, Rule};

/// Kills the new token while the rotation stands there.
async fn killed_while(team: &Team, phase: &str) -> u64 {
    match phase {
        "verifying" => {
            team.fault("POST", "*/pipeline", Fault::HoldAfter);
            tokio::select! {
                () = team.work() => unreachable!("the pipeline is held"),
                _ = team.stage.state.held() => {}
            }
            let dead = kill(team);
            team.stage.state.release(true);
            team.stage.clock.advance(121);
            return dead;
        }
        "revoking" => {
            team.stage.state.fault(Rule::new("DELETE", "*", Fault::ErrorBefore { status: 503 }).times(2));
            while team.phase().await != "revoking" {
                team.pass(1).await;
            }
        }
        _ => team.pass(60).await,
    }
    assert_eq!(team.phase().await, phase);
    kill(team)
}

fn kill(team: &Team) -> u64 {
    let new = *team.live().last().unwrap();
    assert_ne!(new, team.stage.old);
    team.stage.state.with(|world| world.revoke(new));
    new
}

#[tokio::test]
async fn where_the_new_token_dies_the_old_one_stays_and_a_retry_makes_another() {
    for phase in ["verifying", "grace", "revoking"] {
        let team = Team::new().await;
        team.approved().await;
        let dead = killed_while(&team, phase).await;
        team.pass(3 * 3600).await;
        let why = team.stuck().await;
        assert_eq!(
            why.what,
            format!("The new token {dead} was revoked by somebody, and the stores hold it."),
            "{phase}"
        );
        assert_eq!(why.safe, "The old token still works; it is not revoked.", "{phase}");
        assert_eq!(team.live(), [team.stage.old], "{phase}");
        team.click("alice", Action::Retry).await.unwrap();
        team.pass(3 * 3600).await;
        team.done().await;
    }
}

#[tokio::test]
async fn where_no_other_token_can_be_made_people_are_told_to_make_one() {
    let team = Setup::new().token(|token| token.strategy = Some(Strategy::InPlace)).start(|_, _| {}).await;
    team.approved().await;
    killed_while(&team, "verifying").await;
    team.pass(3 * 3600).await;
    let why = team.stuck().await;
    assert_eq!(why.safe, "Nothing works until the stores hold another token; nothing more was revoked.");
    assert!(why.todo.contains("Make a token by hand"), "{why:?}");
    team.click("alice", Action::Abandon).await.unwrap();
    team.pass(3 * 3600).await;
    team.ended(rekey::rotation::phase::Outcome::Abandoned).await;
}

#[tokio::test]
async fn an_old_token_that_dies_while_its_value_is_put_back_costs_no_new_one_before_another_is_stored() {
    for restored in [false, true] {
        let team = Team::new().await;
        team.stage.state.fail_job(Some("deploy"));
        team.approved().await;
        team.pass(60).await;
        let made = team.held().unwrap();
        if restored {
            team.click("alice", Action::Restore).await.unwrap();
            team.pass(60).await;
            assert_eq!(team.held(), Some(team.stage.old));
        }
        team.stage.state.with(|world| world.revoke(team.stage.old));
        if !restored {
            team.click("alice", Action::Restore).await.unwrap();
        }
        team.pass(3600).await;
        let why = team.stuck().await;
        assert!(why.what.starts_with(&format!("The old token {} was revoked by somebody", team.stage.old)), "{why:?}");
        assert_eq!(team.live(), [made], "it is all that works");
        team.stage.state.fail_job(None);
        team.click("alice", Action::Retry).await.unwrap();
        team.pass(3 * 3600).await;
        team.done().await;
    }
}
