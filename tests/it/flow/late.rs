//! What was pressed long ago: while the bot was away, on an earlier stop, or by a version that counted no stops.

use super::counter::{Counter, slack};
use super::setup::Setup;
use crate::databases::on_each;
use rekey::engine::desk::{Ask, Caller, WayBack};
use rekey::rotation::view::Action;
use rekey::rotation::wish::{Decision, Wish};
use rekey::sandbox::slack::{Fault, Rule};
use std::sync::Arc;

/// A way that leads nowhere, as after a restart.
struct Lost;

#[async_trait::async_trait]
impl WayBack for Lost {
    async fn tell(&self, _: rekey::engine::desk::Answer) {}
}

async fn approval(counter: &Counter) -> Wish {
    let rotation = counter.team.rotation().await;
    let plan = Some(rotation.plan.hash().0);
    let rotation = rotation.id.0;
    Wish::Decide(Decision { action: Action::Approve, rotation, plan, snooze_seconds: None, reason: None, stop: None })
}

/// Alice where private lines can be said.
fn alice() -> Caller {
    Caller { channel: Some(super::chat::CHANNEL.into()), ..slack("UALICE") }
}

#[tokio::test]
async fn a_click_that_lay_about_while_the_bot_was_away_has_no_effect_and_its_person_hears_why() {
    on_each(|url| {
        Box::pin(async move {
            let mut counter = Counter::open(Setup::new().database(url)).await;
            counter.team.open().await;
            let click = Ask::new(counter.key(), alice(), approval(&counter).await);
            counter.desk.accept(&click, Arc::new(Lost)).await.unwrap();
            counter.restarted().await;
            counter.team.stage.clock.advance(40 * 60);
            let before = (counter.team.rotation().await, counter.turned_away().await);
            counter.serve().await;
            assert_eq!(counter.team.rotation().await, before.0);
            let told = "Your click came 40 minutes ago, while I was away, so I leave it alone now. Please look at the \
                        card, and press again if it is still needed.";
            assert_eq!(counter.slack.private("UALICE"), [told]);
            assert_eq!(counter.turned_away().await, before.1 + 1, "it is written down");

            assert_eq!(counter.press(alice(), Action::Approve).await, "");
            assert_eq!(counter.team.rotation().await.approvals.len(), 1, "a new one counts");
        })
    })
    .await;
}

#[tokio::test]
async fn a_click_that_trouble_put_off_is_as_old_as_its_press() {
    let counter = Counter::open(Setup::new()).await;
    counter.team.open().await;
    counter.slack.fault(Rule::new("GET", "/api/users.info", Fault::ErrorBefore { status: 503 }).times(0));
    let click = Ask::new(counter.key(), alice(), approval(&counter).await);
    counter.desk.accept(&click, Arc::new(Lost)).await.unwrap();
    counter.serve().await;
    counter.team.stage.clock.advance(14 * 60);
    counter.slack.clear_faults();
    // Somebody else was about to deal with it, and died.
    let until = counter.team.now() + jiff::SignedDuration::from_secs(120);
    let taken = counter.team.engine.ledger.inbox_take("ask", counter.team.now(), until, 1).await.unwrap();
    assert!(taken.len() == 1 && taken[0].tries > 0, "it was put off: {taken:?}");
    counter.team.stage.clock.advance(130);
    counter.serve().await;
    assert!(counter.team.rotation().await.approvals.is_empty());
    assert_eq!(counter.team.phase().await, "awaiting_approval");
}

#[tokio::test]
async fn a_command_means_the_present_stop_and_a_button_without_a_stop_one_that_is_over() {
    let counter = Counter::open(Setup::new()).await;
    counter.team.stage.state.fail_job(Some("deploy"));
    counter.team.approved().await;
    counter.team.pass(60).await;
    let rotation = counter.team.rotation().await;
    let old = Wish::from_id(&format!("rekey:abandon:{}:{}", rotation.id, &rotation.plan.hash().0[..32])).unwrap();
    let told = counter.send(&Ask::new(counter.key(), slack("UALICE"), old)).await.unwrap();
    assert!(rekey::engine::desk::words::outline(&told).plain().starts_with("That was an earlier stop"), "{told:?}");
    assert_eq!(counter.team.rotation().await, rotation);
    counter.types(slack("UALICE"), "abandon deploy").await;
    assert_ne!(counter.team.phase().await, "stuck");
}
