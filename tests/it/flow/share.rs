//! What people look up never takes what a rotation needs.

use super::setup::Setup;
use rekey::http::Budget;
use std::time::Duration;

/// Longer than any story.
const WINDOW: Duration = Duration::from_secs(3600);
/// Of these, people may use up three quarters.
const REQUESTS: usize = 800;

#[tokio::test]
async fn whoever_uses_up_what_people_may_ask_holds_up_no_approved_rotation() {
    let budget = Budget { requests: REQUESTS, window: WINDOW };
    let team = Setup { budget: Some(budget), ..Setup::new() }.start(|_, _| {}).await;
    team.approved().await;
    let plan = team.rotation().await.plan;
    let owner = plan.addressed_owner();
    let look = |patience| tokio::time::timeout(patience, team.engine.gitlab.find(&owner, plan.old.id));
    while look(Duration::from_secs(2)).await.is_ok() {}
    assert!(look(Duration::from_secs(5)).await.is_err(), "nobody may look any more for an hour");
    team.pass(7200).await;
    team.done().await;
}
