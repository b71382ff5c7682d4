//! What people look up never takes what a rotation needs.

use super::setup::Setup;
use rekey::http::Budget;
use std::time::Duration;

/// Longer than any story.
const WINDOW: Duration = Duration::from_secs(3600);
/// Of these, people may use up three quarters.
const REQUESTS: usize = 400;

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
    team.pass(7200).await;
    team.done().await;
}
