//! A messenger that is slower than a lease: whoever works on the card, there is one.

use super::bench::{Call, Place};
use super::scene::Scene;
use rekey::engine::Engine;
use rekey::ledger::Claim;
use rekey::rotation::effect::Lane;
use rekey::rotation::ids::SurfaceName;
use rekey::rotation::record::Origin;
use rekey::rotation::view::Action;
use rekey::sandbox::gitlab::Fault;
use std::sync::Arc;
use std::time::Duration;

super::on_every_card!(
    a_post_that_takes_many_leases_is_left_to_whoever_began_it,
    whoever_lost_the_lease_while_posting_leaves_one_card,
    a_post_that_lands_after_its_answer_was_given_up_is_not_made_again,
);

/// How long a lease lasts in the bot that is slow.
const LEASE: Duration = Duration::from_millis(200);

/// What this worker gets of the surface's lane; everything else waits.
async fn claimed(engine: &Arc<Engine>, place: Place, lease: Duration) -> Vec<Claim> {
    let (now, until) = (engine.clock.now(), later(engine, lease));
    let claims = engine.ledger.claim(&engine.settings.owner, now, until, 100).await.unwrap();
    let lane = Lane::surface(&SurfaceName::from(place.surface()));
    let (wanted, others): (Vec<Claim>, Vec<Claim>) = claims.into_iter().partition(|claim| claim.lane == lane);
    for other in others {
        engine.ledger.release(&other, Some(later(engine, Duration::from_secs(60))), 0).await.unwrap();
    }
    wanted
}

fn later(engine: &Engine, by: Duration) -> jiff::Timestamp {
    engine.clock.now().saturating_add(jiff::SignedDuration::try_from(by).unwrap()).unwrap()
}

/// A rotation whose card is on its way, and not there yet.
async fn posting(place: Place, lease: Duration) -> (Scene, tokio::task::JoinHandle<()>) {
    let scene = Scene::with(place, |setup| setup.settings(|settings| settings.lease = lease), |_, _| {}).await;
    scene.bench.trouble(&scene.team, Call::Post, Fault::HoldBefore, 1);
    let engine = scene.team.engine.clone();
    engine.consider(&scene.team.setup.tokens[0], Origin::Scan, false).await.unwrap();
    let claim = claimed(&engine, place, lease).await.remove(0);
    let worker = tokio::spawn(async move { engine.run_lane(claim).await });
    scene.bench.held(&scene.team).await;
    (scene, worker)
}

async fn ends(worker: tokio::task::JoinHandle<()>) {
    tokio::time::timeout(Duration::from_secs(30), worker).await.unwrap().unwrap();
}

async fn a_post_that_takes_many_leases_is_left_to_whoever_began_it(place: Place) {
    let (scene, worker) = posting(place, LEASE).await;
    let twin = scene.team.twin().await;
    for _ in 0..4 {
        scene.team.stage.clock.set(later(&twin, LEASE.mul_f64(0.75)));
        let renewed = async {
            while twin.ledger.next_wake().await.unwrap().is_some_and(|at| at <= later(&twin, LEASE / 2)) {
                tokio::task::yield_now().await;
            }
        };
        assert!(tokio::time::timeout(Duration::from_secs(30), renewed).await.is_ok(), "the lease is kept");
        assert!(claimed(&twin, place, LEASE).await.is_empty(), "nobody else gets the card");
    }
    scene.bench.release(&scene.team);
    ends(worker).await;
    scene.card();
    assert!(scene.offers(Action::Approve), "{}", scene.card());
}

async fn whoever_lost_the_lease_while_posting_leaves_one_card(place: Place) {
    let (scene, worker) = posting(place, Duration::from_secs(120)).await;
    // A process that was suspended, and knows nothing of the time that went by.
    scene.team.stage.clock.advance(121);
    let twin = scene.team.twin().await;
    // At first it may still land, then it may not, and lands all the same.
    for count in [0, 1] {
        for claim in claimed(&twin, place, Duration::from_secs(120)).await {
            twin.run_lane(claim).await;
        }
        assert_eq!(scene.bench.cards(&scene.team).len(), count);
        scene.team.stage.clock.advance(11);
    }
    scene.bench.release(&scene.team);
    ends(worker).await;
    scene.card();
    scene.team.pass(600).await;
    scene.decide("alice", Action::Approve).await;
    scene.team.pass(3600).await;
    assert!(scene.card().contains("Done"), "{}", scene.card());
}

async fn a_post_that_lands_after_its_answer_was_given_up_is_not_made_again(place: Place) {
    let scene = Scene::with(place, |setup| setup, |_, _| {}).await;
    scene.bench.trouble(&scene.team, Call::Post, Fault::Late, 1);
    scene.team.open().await;
    scene.team.pass(20).await;
    scene.bench.land(&scene.team).await;
    scene.team.pass(600).await;
    assert!(scene.offers(Action::Approve), "{}", scene.card());
    scene.decide("alice", Action::Approve).await;
    scene.team.pass(3600).await;
    assert!(scene.card().contains("Done"), "{}", scene.card());
}
