//! A messenger that takes longer than the lease: whoever shows a card keeps its lane meanwhile, so nobody else shows it too.

use super::team::Team;
use async_trait::async_trait;
use rekey::chat::{ChatError, Messenger, Posted};
use rekey::ledger::Claim;
use rekey::rotation::effect::Lane;
use rekey::rotation::ids::SurfaceName;
use rekey::rotation::record::Origin;
use rekey::rotation::view::Card;
use sqlx::{AnyConnection, Connection as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::yield_now;
use tokio::time::timeout;

const NAME: &str = "slow";
const LEASE: i64 = 4;
/// Longer than a lease takes to be renewed on a busy machine.
const LONG: Duration = Duration::from_secs(20);

/// Posts every card that it is given, each once somebody lets it.
struct Slow {
    asked: AtomicUsize,
    turns: Semaphore,
}

#[async_trait]
impl Messenger for Slow {
    fn name(&self) -> &str {
        NAME
    }

    async fn show(&self, _: &Card, _: Option<&str>) -> Result<Posted, ChatError> {
        let number = self.asked.fetch_add(1, Ordering::SeqCst);
        self.turns.acquire().await.unwrap().forget();
        Ok(Posted { reference: number.to_string(), url: None })
    }

    async fn announce(&self, _: &Card, _: &str, _: usize) -> Result<(), ChatError> {
        Ok(())
    }
}

async fn claims_of_the_slow(team: &Team, owner: &str) -> Vec<Claim> {
    let until = team.now().saturating_add(jiff::SignedDuration::from_secs(LEASE)).unwrap();
    let mut claims = team.engine.ledger.claim(owner, team.now(), until, 100).await.unwrap();
    claims.retain(|claim| claim.lane == Lane::surface(&SurfaceName::from(NAME)));
    claims
}

/// Until when the lane is held.
async fn held_until(side: &mut AnyConnection) -> i64 {
    let asked = sqlx::query_scalar("SELECT lease_until FROM lane WHERE lane LIKE '%slow%'");
    asked.fetch_one(side).await.unwrap()
}

#[tokio::test]
async fn a_card_that_takes_longer_to_post_than_the_lease_lasts_is_posted_once() {
    let mut setup = super::setup::Setup::new();
    setup.settings.lease = Duration::from_secs(LEASE.unsigned_abs());
    let mut team = setup.start(|_, _| {}).await;
    let slow = Arc::new(Slow { asked: AtomicUsize::new(0), turns: Semaphore::new(0) });
    Arc::get_mut(&mut team.engine).unwrap().surfaces.insert(NAME.into(), slow.clone());
    team.engine.consider(&team.setup.tokens[0], Origin::Scan, false).await.unwrap();
    let claim = claims_of_the_slow(&team, "first").await.pop().unwrap();
    let engine = team.engine.clone();
    let first = tokio::spawn(async move { engine.run_lane(claim).await });
    crate::until::until("the card is on its way", || slow.asked.load(Ordering::SeqCst) == 1).await;

    let mut side = AnyConnection::connect(&team.setup.url).await.unwrap();
    for _ in 0..3 {
        let before = held_until(&mut side).await;
        team.stage.clock.advance(LEASE - 1);
        let renewed = async {
            while held_until(&mut side).await == before {
                yield_now().await;
            }
        };
        assert!(timeout(LONG, renewed).await.is_ok(), "the lease runs out while the card is posted");
        assert!(claims_of_the_slow(&team, "second").await.is_empty(), "nobody else begins the same card");
    }
    slow.turns.add_permits(1);
    first.await.unwrap();
    let rotation = team.rotation().await;
    assert_eq!(rotation.surfaces[&SurfaceName::from(NAME)].reference.as_deref(), Some("0"));
    assert_eq!(slow.asked.load(Ordering::SeqCst), 1);
}
