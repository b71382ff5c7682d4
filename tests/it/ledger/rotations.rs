//! Rotations: one per case, one version after the other, all of a commit or nothing.

use super::{after, at, line, open, opened, rotation};
use crate::databases::on_each;
use futures::future::join_all;
use rekey::ledger::{Audit, Filter, Ledger, LedgerError, Opened};
use rekey::rotation::ids::{ConsumerId, RotationId, SurfaceName, TokenId};
use rekey::rotation::phase::{Minted, Outcome, Phase, Run, RunRef};
use rekey::rotation::record::Rotation;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::task::Poll;

#[tokio::test]
async fn a_case_is_opened_once_and_a_token_has_one_open_rotation() {
    on_each(|url| async move {
        let ledger = open(&url).await;
        let first = opened(&*ledger, 1).await;
        let existing = Opened::Existing(first.id.clone());

        let mut same_case = rotation(2);
        same_case.key = first.key.clone();
        assert_eq!(ledger.open(&same_case, &line("opened")).await.unwrap(), existing);

        let mut other_expiry = rotation(3);
        other_expiry.key.token = TokenId(1);
        assert_eq!(ledger.open(&other_expiry, &line("opened")).await.unwrap(), existing);

        let mut same_managed_token = rotation(4);
        same_managed_token.plan.token = first.plan.token.clone();
        assert_eq!(ledger.open(&same_managed_token, &line("opened")).await.unwrap(), existing);

        let closed = after(&first, |r| r.phase = Phase::Closed { outcome: Outcome::Done, at: at(9) });
        ledger.commit(&closed, &line("closed"), None).await.unwrap();
        assert_eq!(ledger.open(&same_case, &line("opened")).await.unwrap(), existing, "the case is over");
        other_expiry.key.expires_at = None;
        assert_eq!(ledger.open(&other_expiry, &line("opened")).await.unwrap(), Opened::New);
        assert_eq!(ledger.verify().await.unwrap().fault, None);
    })
    .await;
}

#[tokio::test]
async fn of_many_who_open_the_same_case_one_does_and_all_learn_its_name() {
    on_each(|url| async move {
        let ledger = open(&url).await;
        let outcomes = join_all((0..16).map(|number| {
            let mut candidate = rotation(100 + number);
            candidate.key = rotation(1).key;
            let ledger = ledger.clone();
            async move { (ledger.open(&candidate, &line("opened")).await.unwrap(), candidate.id) }
        }))
        .await;
        let winner = outcomes.iter().find(|(opened, _)| *opened == Opened::New).map(|(_, id)| id.clone()).unwrap();
        let others = outcomes.iter().filter(|(opened, _)| *opened == Opened::Existing(winner.clone())).count();
        assert_eq!(others, 15);
    })
    .await;
}

#[tokio::test]
async fn of_two_who_change_the_same_version_one_does_and_the_other_leaves_no_trace() {
    on_each(|url| async move {
        let ledger = open(&url).await;
        let first = opened(&*ledger, 1).await;
        let mine = after(&first, |r| r.revision = 2);
        let theirs = after(&first, |r| r.revision = 3);
        ledger.commit(&mine, &line("mine"), None).await.unwrap();
        assert_eq!(ledger.commit(&theirs, &line("theirs"), None).await, Err(LedgerError::Conflict));
        assert_eq!(ledger.commit(&rotation(9), &line("unknown"), None).await, Err(LedgerError::Conflict));
        assert_eq!(ledger.load(&first.id).await.unwrap(), Some(mine));
        let events: Vec<String> =
            ledger.journal(&first.id).await.unwrap().into_iter().map(|stamped| stamped.line.event).collect();
        assert_eq!(events, ["opened", "mine"]);
    })
    .await;
}

#[tokio::test]
async fn writers_that_race_all_get_through_by_loading_again() {
    on_each(|url| async move {
        let ledger = open(&url).await;
        let first = opened(&*ledger, 1).await;
        join_all((0..10).map(|_| async {
            loop {
                let seen = ledger.load(&first.id).await.unwrap().unwrap();
                match ledger.commit(&after(&seen, |r| r.revision += 1), &line("step"), None).await {
                    Err(LedgerError::Conflict) => {}
                    other => return other.unwrap(),
                }
            }
        }))
        .await;
        let last = ledger.load(&first.id).await.unwrap().unwrap();
        assert_eq!((last.version, last.revision), (11, 11));
        assert_eq!(ledger.verify().await.unwrap().lines, 11);
    })
    .await;
}

#[tokio::test]
async fn a_commit_that_is_broken_off_anywhere_happened_whole_or_not_at_all() {
    on_each(|url| async move {
        let ledger = open(&url).await;
        let mut stored = opened(&*ledger, 1).await;
        for polls in 1.. {
            let next = after(&stored, |r| r.revision += 1);
            let finished = break_off(ledger.commit(&next, &line("step"), None), polls).await;
            let (seen, audit) = at_rest(&*ledger, &stored.id).await;
            assert!(seen == stored || seen == next);
            assert_eq!((audit.fault, audit.lines), (None, seen.version));
            stored = seen;
            if finished {
                break;
            }
        }
    })
    .await;
}

/// The row and the audit of one moment: a commit that was asked for before its future was dropped may land meanwhile.
async fn at_rest(ledger: &dyn Ledger, id: &RotationId) -> (Rotation, Audit) {
    loop {
        let before = ledger.load(id).await.unwrap().unwrap();
        let audit = ledger.verify().await.unwrap();
        if ledger.load(id).await.unwrap().unwrap() == before {
            return (before, audit);
        }
    }
}

/// Polls a future so many times and drops it. True if it was ready by then.
async fn break_off<T>(future: impl Future<Output = T>, polls: usize) -> bool {
    let mut future = pin!(future);
    let mut left = polls;
    std::future::poll_fn(|context| {
        if future.as_mut().poll(context).is_ready() {
            return Poll::Ready(true);
        }
        left -= 1;
        if left == 0 { Poll::Ready(false) } else { Poll::Pending }
    })
    .await
}

#[tokio::test]
async fn rotations_are_found_by_id_by_token_and_by_what_the_world_calls_them() {
    on_each(|url| async move {
        let ledger = open(&url).await;
        let first = opened(&*ledger, 1).await;
        let second = opened(&*ledger, 2).await;
        let surface = SurfaceName::from("slack");
        let posted = after(&first, |r| r.surfaces.get_mut(&surface).unwrap().reference = Some("C1/17.1".into()));
        ledger.commit(&posted, &line("published"), None).await.unwrap();
        let verifying = after(&posted, |r| {
            r.phase = verifying(4711);
            r.surfaces.get_mut(&surface).unwrap().reference = Some("C1/18.2".into());
        });
        ledger.commit(&verifying, &line("consumer_started"), None).await.unwrap();

        for (kind, value) in [("slack", "C1/17.1"), ("slack", "C1/18.2"), ("pipeline", "4711")] {
            assert_eq!(ledger.by_reference(kind, value).await.unwrap(), vec![first.id.clone()], "{kind} {value}");
        }
        assert!(ledger.by_reference("slack", "4711").await.unwrap().is_empty());

        assert_eq!(ledger.find("token-1").await.unwrap(), vec![verifying.clone()]);
        assert_eq!(ledger.find(&first.id.as_str().to_uppercase()).await.unwrap(), vec![verifying.clone()]);
        assert_eq!(ledger.find("01kcase").await.unwrap(), [second.clone(), verifying.clone()]);
        for nobody in ["", "token", "%", "01kcase\0", "x"] {
            assert!(ledger.find(nobody).await.unwrap().is_empty(), "{nobody:?}");
        }
    })
    .await;
}

fn verifying(pipeline: u64) -> Phase {
    let run = RunRef { pipeline, job: None, url: "https://gitlab.example.com/p".into() };
    let new =
        Minted { attempt: 1, id: TokenId(77), digest: rekey::secret::Digest("d".into()), expires_at: None, at: at(1) };
    let consumer = ConsumerId::from("pipeline acme/deploy main, job deploy");
    let runs = BTreeMap::from([(consumer, Run::Started { run, since: at(1) })]);
    Phase::Verifying { new, runs, passed_at: None }
}

#[tokio::test]
async fn the_list_is_newest_first_and_can_leave_out_the_closed() {
    on_each(|url| async move {
        let ledger = open(&url).await;
        let all = Filter { open_only: false, token: None, limit: 10 };
        let first = opened(&*ledger, 1).await;
        let second = opened(&*ledger, 2).await;
        let closed = after(&first, |r| r.phase = Phase::Closed { outcome: Outcome::Done, at: at(9) });
        ledger.commit(&closed, &line("closed"), None).await.unwrap();
        assert_eq!(ledger.list(all.clone()).await.unwrap(), [second.clone(), closed.clone()]);
        assert_eq!(ledger.list(Filter { limit: 1, ..all.clone() }).await.unwrap(), vec![second.clone()]);
        assert_eq!(ledger.list(Filter { open_only: true, ..all.clone() }).await.unwrap(), [second]);
        let only = Filter { token: Some("token-1".into()), ..all };
        assert_eq!(ledger.list(only).await.unwrap(), [closed]);
    })
    .await;
}

#[tokio::test]
async fn a_row_that_contradicts_itself_is_named() {
    on_each(|url| async move {
        let ledger = open(&url).await;
        let first = opened(&*ledger, 1).await;
        let mut side = super::side_door(&url).await;
        super::execute(&mut side, "UPDATE rotation SET version = 7").await;
        let row = first.id.to_string();
        let broken = LedgerError::Broken { table: "rotation", column: "version", row: row.clone() };
        assert_eq!(ledger.load(&first.id).await, Err(broken));
        super::execute(&mut side, "UPDATE rotation SET body = '{}'").await;
        let broken = LedgerError::Broken { table: "rotation", column: "body", row };
        assert_eq!(ledger.load(&first.id).await, Err(broken));
    })
    .await;
}
