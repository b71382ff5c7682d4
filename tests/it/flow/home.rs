//! The home tab of one person: what waits for them, and only that.

use super::counter::{Counter, slack};
use super::setup::Setup;
use rekey::engine::desk::Home;
use rekey::rotation::ids::PersonId;
use rekey::rotation::view::Action;

impl Counter {
    async fn home(&self, account: &str) -> Home {
        self.desk.home(&slack(account)).await.unwrap().unwrap()
    }

    async fn waits_for(&self, account: &str) -> bool {
        !self.home(account).await.waiting.is_empty()
    }
}

#[tokio::test]
async fn who_said_yes_already_has_done_their_part() {
    let counter = Counter::open(Setup::new().token(|token| token.quorum = 2)).await;
    counter.team.open().await;
    assert!(counter.waits_for("UALICE").await && counter.waits_for("UBOB").await);
    assert!(!counter.waits_for("UCAROL").await, "carol may not decide");
    counter.team.click("alice", Action::Approve).await.unwrap();
    assert!(!counter.waits_for("UALICE").await && counter.waits_for("UBOB").await);
}

#[tokio::test]
async fn a_stuck_rotation_waits_for_whoever_may_decide_also_for_who_asked() {
    let counter = Counter::open(Setup::new()).await;
    counter.team.stage.state.fail_job(Some("deploy"));
    counter.ask(slack("UALICE"), rekey::rotation::wish::Wish::parse("rotate deploy")).await;
    counter.team.work().await;
    assert!(!counter.waits_for("UALICE").await, "nobody approves their own request");
    assert_eq!(counter.home("UALICE").await.yours.len(), 1);
    counter.team.click("bob", Action::Approve).await.unwrap();
    counter.team.pass(3600).await;
    counter.team.stuck().await;
    assert_eq!(counter.team.rotation().await.requester(), Some(&PersonId::from("alice")));
    assert!(counter.waits_for("UALICE").await && counter.waits_for("UBOB").await && !counter.waits_for("UCAROL").await);
}
