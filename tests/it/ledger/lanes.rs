//! Lanes: each held by one worker, handed out when something is owed, and fenced once overtaken.

use super::{after, at, claim_all, lanes, line, open, opened};
use crate::databases::on_each;
use futures::future::join_all;
use rekey::ledger::{Ledger, LedgerError};
use rekey::rotation::ids::SurfaceName;
use rekey::rotation::phase::{Outcome, Phase};
use rekey::rotation::record::Rotation;
use std::collections::BTreeSet;

/// A rotation that all surfaces show: people may be reminded soon, and in six hours its plan is compared again.
async fn quiet(ledger: &dyn Ledger) -> Rotation {
    let shown = after(&opened(ledger, 1).await, |r| r.surfaces.values_mut().for_each(|surface| surface.shown = 1));
    ledger.commit(&shown, &line("published"), None).await.unwrap();
    shown
}

/// A rotation that owes work now, and nothing else.
async fn at_work(ledger: &dyn Ledger) -> Rotation {
    let minting = after(&quiet(ledger).await, |r| r.phase = Phase::Minting { attempt: 1, started: None });
    ledger.commit(&minting, &line("approved"), None).await.unwrap();
    minting
}

const SIX_HOURS: i64 = 6 * 3600;
/// From when on people may be reminded.
const SOON: i64 = 600;

#[tokio::test]
async fn workers_that_race_get_each_lane_once() {
    on_each(|url| async move {
        let ledger = open(&url).await;
        for number in 1..=20 {
            opened(&*ledger, number).await;
        }
        let claimed = join_all((0..8).map(|number| {
            let (ledger, owner) = (ledger.clone(), format!("worker:{number}"));
            async move {
                let mut mine = Vec::new();
                loop {
                    match ledger.claim(&owner, at(1), at(31), 3).await.unwrap() {
                        claims if claims.is_empty() => return mine,
                        claims => mine.extend(claims),
                    }
                }
            }
        }))
        .await;
        let claims: Vec<_> = claimed.into_iter().flatten().collect();
        let distinct: BTreeSet<_> = claims.iter().map(|claim| (&claim.rotation, &claim.lane)).collect();
        assert_eq!((claims.len(), distinct.len()), (40, 40), "two surfaces each; the work waits for people");
    })
    .await;
}

#[tokio::test]
async fn a_worker_that_was_overtaken_can_write_nothing() {
    on_each(|url| async move {
        let ledger = open(&url).await;
        let minting = at_work(&*ledger).await;
        let slow = claim_all(&*ledger, at(0)).await.remove(0);
        assert!(claim_all(&*ledger, at(29)).await.is_empty());
        let fast = claim_all(&*ledger, at(30)).await.remove(0);
        assert_eq!((&fast.lane, fast.epoch), (&slow.lane, slow.epoch + 1));

        let next = after(&minting, |r| r.revision += 1);
        assert_eq!(ledger.commit(&next, &line("slow"), Some(&slow)).await, Err(LedgerError::Fenced));
        assert_eq!(ledger.renew(&slow, at(90)).await, Err(LedgerError::Fenced));
        assert_eq!(ledger.release(&slow, None, 0).await, Err(LedgerError::Fenced));
        assert_eq!(ledger.load(&minting.id).await.unwrap(), Some(minting.clone()));

        let renewed = ledger.renew(&fast, at(90)).await.unwrap();
        assert_eq!(renewed.lease_until, at(90));
        assert!(claim_all(&*ledger, at(89)).await.is_empty());
        ledger.commit(&next, &line("fast"), Some(&fast)).await.unwrap();
        ledger.release(&renewed, None, 0).await.unwrap();
        let later = after(&next, |r| r.revision += 1);
        assert_eq!(ledger.commit(&later, &line("released"), Some(&fast)).await, Err(LedgerError::Fenced));
        assert_eq!(ledger.verify().await.unwrap().fault, None);
    })
    .await;
}

#[tokio::test]
async fn a_lane_is_ready_when_something_is_owed_and_never_after_the_end() {
    on_each(|url| async move {
        let ledger = open(&url).await;
        let first = opened(&*ledger, 1).await;
        assert_eq!(lanes(&claim_all(&*ledger, at(0)).await), ["surface:issue", "surface:slack"]);

        let shown = after(&first, |r| r.surfaces.values_mut().for_each(|surface| surface.shown = 1));
        ledger.commit(&shown, &line("published"), None).await.unwrap();
        assert_eq!(ledger.next_wake().await.unwrap(), Some(at(SOON)));
        let reminding = claim_all(&*ledger, at(SOON)).await;
        assert_eq!(lanes(&reminding), ["people"]);
        ledger.release(&reminding[0], Some(at(50 * SIX_HOURS)), 0).await.unwrap();
        assert_eq!(ledger.next_wake().await.unwrap(), Some(at(SIX_HOURS)));
        assert!(claim_all(&*ledger, at(SIX_HOURS - 1)).await.is_empty());
        let claims = claim_all(&*ledger, at(SIX_HOURS)).await;
        assert_eq!(lanes(&claims), ["work"]);

        let closed = after(&shown, |r| r.phase = Phase::Closed { outcome: Outcome::Declined, at: at(1) });
        ledger.commit(&closed, &line("declined"), Some(&claims[0])).await.unwrap();
        ledger.release(&claims[0], None, 0).await.unwrap();
        assert_eq!(ledger.next_wake().await.unwrap(), None);
        ledger.poke(&first.id, at(SIX_HOURS)).await.unwrap();
        assert!(claim_all(&*ledger, at(10 * SIX_HOURS)).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_lane_that_was_put_off_stays_so_through_commits_of_others_until_it_owes_something_else() {
    on_each(|url| async move {
        let ledger = open(&url).await;
        let minting = at_work(&*ledger).await;
        let claim = claim_all(&*ledger, at(1)).await.remove(0);
        ledger.release(&claim, Some(at(300)), 4).await.unwrap();
        let same = after(&minting, |r| r.revision += 1);
        ledger.commit(&same, &line("evidence"), None).await.unwrap();
        assert_eq!(lanes(&claim_all(&*ledger, at(299)).await), ["surface:issue", "surface:slack"]);
        let again = claim_all(&*ledger, at(300)).await;
        assert_eq!((lanes(&again), again[0].tries), (vec!["work"], 4));

        ledger.release(&again[0], Some(at(9_000)), 5).await.unwrap();
        let other = after(&same, |r| r.phase = Phase::Minting { attempt: 2, started: None });
        ledger.commit(&other, &line("value_lost"), None).await.unwrap();
        let fresh = claim_all(&*ledger, at(301)).await;
        assert_eq!((fresh[0].lane.0.as_str(), fresh[0].tries), ("work", 0));
    })
    .await;
}

#[tokio::test]
async fn news_wake_a_lane_that_waits_and_one_that_is_held_after_its_release() {
    on_each(|url| async move {
        let ledger = open(&url).await;
        let quiet = quiet(&*ledger).await;
        ledger.poke(&quiet.id, at(5)).await.unwrap();
        assert_eq!(ledger.next_wake().await.unwrap(), Some(at(5)));
        let other = after(&quiet, |r| r.surfaces.get_mut(&SurfaceName::from("slack")).unwrap().gone = true);
        ledger.commit(&other, &line("surface_gone"), None).await.unwrap();
        let claim = claim_all(&*ledger, at(5)).await.remove(0);

        ledger.poke(&quiet.id, at(6)).await.unwrap();
        assert!(claim_all(&*ledger, at(6)).await.is_empty(), "held");
        ledger.release(&claim, Some(at(500)), 0).await.unwrap();
        let again = claim_all(&*ledger, at(7)).await.remove(0);
        ledger.release(&again, None, 0).await.unwrap();
        assert_eq!(ledger.next_wake().await.unwrap(), Some(at(SOON)), "one poke, one claim");
    })
    .await;
}

#[tokio::test]
async fn a_clock_that_jumps_back_holds_up_nothing_that_is_owed_now() {
    on_each(|url| async move {
        let ledger = open(&url).await;
        ledger.accept(super::entry("a")).await.unwrap();
        at_work(&*ledger).await;
        assert_eq!(lanes(&claim_all(&*ledger, at(-86_400)).await), ["work"]);
        assert_eq!(ledger.inbox_take("notice", at(-86_400), at(-86_300), 1).await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn everyone_in_the_process_who_asked_hears_of_changes() {
    on_each(|url| async move {
        let ledger = open(&url).await;
        let mut one = ledger.changes();
        let mut two = ledger.changes();
        ledger.accept(super::entry("a")).await.unwrap();
        one.changed().await.unwrap();
        two.changed().await.unwrap();
        let quiet = quiet(&*ledger).await;
        assert!(one.has_changed().unwrap());
        two.mark_unchanged();
        ledger.poke(&quiet.id, at(1)).await.unwrap();
        assert!(two.has_changed().unwrap());
        let claim = claim_all(&*ledger, at(1)).await.remove(0);
        two.mark_unchanged();
        ledger.release(&claim, None, 0).await.unwrap();
        assert!(two.has_changed().unwrap());
    })
    .await;
}
