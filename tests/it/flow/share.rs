//! What people look up never takes what a rotation needs.

use super::counter::{Counter, slack};
use super::setup::Setup;
use rekey::engine::desk::Blank;
use rekey::http::Budget;
use sqlx::{AnyConnection, Connection as _, Row as _};
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

#[tokio::test]
async fn strangers_leave_no_rows_behind_and_people_no_more_than_they_may_ask_for() {
    let counter = Counter::open(Setup::new()).await;
    for number in 0..200 {
        let key = |who: &str| format!("slack:{who}:{number}");
        assert!(counter.desk.is_mine(&slack("UEVE"), &key("UEVE")).await, "each replica says no");
        counter.desk.is_mine(&slack("UALICE"), &key("UALICE")).await;
    }
    assert!(!counter.desk.is_mine(&slack("UBOB"), "slack:UALICE:0").await, "it was heard");
    let mut side = AnyConnection::connect(&counter.team.setup.url).await.unwrap();
    let rows = async |side: &mut AnyConnection, of: &str| -> i64 {
        let row = sqlx::query("SELECT COUNT(*) FROM told WHERE key LIKE $1").bind(of.to_owned()).fetch_one(side).await;
        row.unwrap().try_get(0).unwrap()
    };
    assert_eq!(rows(&mut side, "slack:UEVE:%").await, 0);
    assert_eq!(rows(&mut side, "slack:UALICE:%").await, 60);

    let mut offered = 0;
    for _ in 0..200 {
        offered += counter.desk.complete(&slack("UALICE"), &Blank::Token, "dep").await.len();
    }
    assert_eq!(offered, 60, "what is offered while somebody types is counted too");
}
