//! What is over for long is forgotten, and the journal stays whole.

use super::{after, at, execute, line, open, opened, rotation, side_door};
use crate::databases::on_each;
use jiff::Timestamp;
use rekey::ledger::{Fault, Ledger, Opened};
use rekey::rotation::ids::TokenId;
use rekey::rotation::phase::{Outcome, Phase};
use rekey::rotation::plan::Plan;
use rekey::rotation::record::Rotation;

async fn closed(ledger: &dyn Ledger, number: u64, when: Timestamp) -> Rotation {
    let open = opened(ledger, number).await;
    let closed = after(&open, |rotation| rotation.phase = Phase::Closed { outcome: Outcome::Done, at: when });
    ledger.commit(&closed, &line("probed"), None).await.unwrap();
    closed
}

#[tokio::test]
async fn a_rotation_closed_long_ago_is_forgotten_and_the_journal_still_verifies() {
    on_each(|url| async move {
        let ledger = open(&url).await;
        let old = closed(&*ledger, 1, at(10)).await;
        let young = closed(&*ledger, 2, at(100)).await;
        let running = opened(&*ledger, 3).await;
        let before = ledger.journal(&old.id).await.unwrap();
        assert_eq!(ledger.forget_closed(at(50), at(1000)).await.unwrap(), 1);
        assert_eq!(ledger.load(&old.id).await.unwrap(), None);
        assert!(ledger.load(&young.id).await.unwrap().is_some() && ledger.load(&running.id).await.unwrap().is_some());
        let journal = ledger.journal(&old.id).await.unwrap();
        assert_eq!(journal[..before.len()], before[..], "its story stays");
        assert_eq!((journal.len(), journal[2].line.event.as_str()), (3, "forgotten"));
        let audit = ledger.verify().await.unwrap();
        assert_eq!((audit.lines, audit.rotations, audit.fault), (6, 2, None));
        assert_eq!(ledger.forget_closed(at(50), at(1000)).await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_rotation_that_somebody_else_removed_is_still_missed() {
    on_each(|url| async move {
        let ledger = open(&url).await;
        let old = closed(&*ledger, 1, at(10)).await;
        let mut door = side_door(&url).await;
        for table in ["lane", "reference"] {
            execute(&mut door, &format!("DELETE FROM {table} WHERE rotation = '{}'", old.id)).await;
        }
        execute(&mut door, &format!("DELETE FROM rotation WHERE id = '{}'", old.id)).await;
        let fault = ledger.verify().await.unwrap().fault;
        assert_eq!(fault, Some(Fault::RowMissing { id: old.id.0, seq: 2 }));
    })
    .await;
}

#[tokio::test]
async fn what_was_told_long_ago_is_forgotten_too() {
    on_each(|url| async move {
        let ledger = open(&url).await;
        ledger.first_time("old", at(0)).await.unwrap();
        ledger.first_time("new", at(60)).await.unwrap();
        ledger.forget_closed(at(50), at(1000)).await.unwrap();
        assert_eq!((ledger.was_told("old").await.unwrap(), ledger.was_told("new").await.unwrap()), (false, true));
    })
    .await;
}

#[tokio::test]
async fn nobody_but_rekey_says_that_the_tokens_of_a_case_were_swept() {
    on_each(|url| async move {
        let ledger = open(&url).await;
        let mut door = side_door(&url).await;
        let begun = opened(&*ledger, 1).await;
        let left = after(&begun, |rotation| {
            rotation.lost = [TokenId(9)].into();
            rotation.phase = Phase::Closed { outcome: Outcome::Abandoned, at: at(10) };
        });
        ledger.commit(&left, &line("abandoned"), None).await.unwrap();
        let other = Rotation {
            plan: Plan { token: left.plan.token.clone(), ..rotation(2).plan },
            opened_at: at(20),
            ..rotation(2)
        };
        assert_eq!(ledger.open(&other, &line("opened")).await.unwrap(), Opened::New);
        let other = after(&other, |rotation| rotation.phase = Phase::Closed { outcome: Outcome::Done, at: at(900) });
        ledger.commit(&other, &line("probed"), None).await.unwrap();
        assert_eq!(ledger.forget_closed(at(50), at(1000)).await.unwrap(), 0, "its token may be alive");
        let said = format!(r#""leftovers":[{{"token":9,"rotation":"{}"}}],"timing":"#, left.id);
        let swept = format!(r#"replace(body, '"timing":', '{said}')"#);
        execute(&mut door, &format!("UPDATE rotation SET body = {swept} WHERE id = '{}'", other.id)).await;
        assert!(ledger.load(&other.id).await.is_err(), "the row was changed");
        assert_eq!(ledger.forget_closed(at(50), at(1000)).await.unwrap(), 0, "nobody of us swept it");
    })
    .await;
}
