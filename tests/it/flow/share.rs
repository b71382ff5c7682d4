//! What people look up never takes what a rotation needs.

use super::setup::Setup;
use rekey::http::Budget;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Longer than any story.
const WINDOW: Duration = Duration::from_secs(3600);
/// Of these, people may use up three quarters.
const REQUESTS: usize = 1200;

#[tokio::test]
async fn whoever_uses_up_what_people_may_ask_holds_up_no_approved_rotation() {
    let budget = Budget { requests: REQUESTS, window: WINDOW };
    let team = Setup { budget: Some(budget), ..Setup::new() }.start(|_, _| {}).await;
    team.approved().await;
    let plan = team.rotation().await.plan;
    let owner = plan.addressed_owner();
    let look = async || {
        let found = tokio::time::timeout(Duration::from_secs(2), team.engine.gitlab.find(&owner, plan.old.id)).await;
        matches!(found, Ok(Ok(_)))
    };
    while look().await {}
    assert!(!look().await, "nobody may look any more for an hour");
    let stop = CancellationToken::new();
    let working = tokio::spawn(team.engine.clone().work(stop.clone()));
    let stored = async {
        while matches!(team.phase().await, "minting" | "distributing") {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), stored).await.expect("the new token is made and stored");
    stop.cancel();
    working.await.unwrap();
}
