//! One-time codes in the ledger: guesses are counted before they are looked at, and a code counts for one request.

use super::{at, line, open};
use crate::databases::on_each;
use futures::future::join_all;
use jiff::SignedDuration;
use rekey::ledger::{Enrollment, Guesses, Ledger};
use rekey::rotation::ids::PersonId;
use std::sync::Arc;

const LIMIT: Guesses = Guesses { most: 5, within: SignedDuration::from_mins(15), locks: 5 };

fn alice() -> PersonId {
    PersonId::from("alice")
}

async fn known(ledger: &Arc<dyn Ledger>) -> Enrollment {
    ledger.enrollments().enrollment(&alice()).await.unwrap().unwrap()
}

async fn enrolled(url: &str) -> Arc<dyn Ledger> {
    let ledger = open(url).await;
    ledger.enrollments().offer(&alice(), "sealed-1", &line("code_offered")).await.unwrap();
    assert!(ledger.enrollments().confirm(&alice(), "sealed-1", 10, "first", &line("code_enrolled")).await.unwrap());
    ledger
}

#[tokio::test]
async fn a_secret_is_offered_confirmed_once_and_forgotten_with_a_line_each() {
    on_each(|url| async move {
        let ledger = open(&url).await;
        assert_eq!(ledger.enrollments().enrollment(&alice()).await.unwrap(), None);
        ledger.enrollments().offer(&alice(), "sealed-1", &line("code_offered")).await.unwrap();
        ledger.enrollments().offer(&alice(), "sealed-2", &line("code_offered")).await.unwrap();
        let shown = known(&ledger).await;
        assert_eq!((shown.secret, shown.offered), (None, Some(("sealed-2".into(), at(0)))));
        assert!(!ledger.enrollments().confirm(&alice(), "sealed-1", 9, "key", &line("code_enrolled")).await.unwrap());
        assert!(ledger.enrollments().confirm(&alice(), "sealed-2", 9, "key", &line("code_enrolled")).await.unwrap());
        let used = known(&ledger).await;
        assert_eq!((used.secret.as_deref(), used.enrolled_at, used.offered), (Some("sealed-2"), Some(at(0)), None));
        assert!(ledger.enrollments().reset(&alice(), &line("code_reset")).await.unwrap());
        assert!(!ledger.enrollments().reset(&alice(), &line("code_reset")).await.unwrap());
        assert!(ledger.enrollments().enrollments().await.unwrap().is_empty());
        let audit = ledger.verify().await.unwrap();
        assert_eq!((audit.fault, audit.lines), (None, 4), "refused ones leave no line");
    })
    .await;
}

#[tokio::test]
async fn of_many_requests_with_one_code_one_gets_it_and_may_repeat() {
    on_each(|url| async move {
        let replicas = [enrolled(&url).await, open(&url).await];
        let spend = |number: usize, step| {
            let ledger = replicas[number % 2].clone();
            async move {
                ledger.enrollments().spend(&alice(), "sealed-1", step, &format!("key-{number}"), at(0)).await.unwrap()
            }
        };
        assert!(!spend(0, 10).await, "the code that confirmed is used up");
        let got = join_all((0..8).map(|number| spend(number, 11))).await;
        assert_eq!(got.iter().filter(|got| **got).count(), 1);
        let winner = got.iter().position(|got| *got).unwrap();
        assert!(spend(winner, 11).await, "the same request may come twice");
        assert!(!spend(winner + 8, 11).await);
        assert!(!spend(20, 9).await, "an earlier code is worth nothing");
        assert!(spend(21, 12).await);
        let other = replicas[0].enrollments().spend(&alice(), "sealed-0", 13, "key", at(0)).await.unwrap();
        assert!(!other, "a secret that was replaced is worth nothing");
    })
    .await;
}

#[tokio::test]
async fn of_many_guesses_at_once_five_are_looked_at_and_then_none_for_a_quarter_of_an_hour() {
    on_each(|url| async move {
        let replicas = [enrolled(&url).await, open(&url).await];
        let guess = |number: usize, second| {
            let ledger = replicas[number % 2].clone();
            async move { ledger.enrollments().guess(&alice(), at(second), LIMIT).await.unwrap() }
        };
        let seen = join_all((0..20).map(|number| guess(number, 100))).await;
        assert_eq!(seen.into_iter().filter(|seen| *seen).count(), 5);
        assert!(!guess(0, 100 + 899).await);
        assert!(guess(0, 100 + 900).await);
        assert!(replicas[0].enrollments().spend(&alice(), "sealed-1", 40, "right", at(0)).await.unwrap());
        assert_eq!(known(&replicas[1]).await.tries, 0, "a right code ends the count");
        for second in [2000, 2100, 2200, 2300] {
            assert!(guess(0, second).await);
        }
        assert!(guess(0, 2901).await, "the fifth in a row, however slowly");
        assert!(!guess(0, 2902).await);
        // Two more locks, and with the fifth no code is looked at any more, whatever the time.
        for lock in 1_i64..3 {
            for second in 0..5 {
                assert!(guess(0, 10_000 * lock + second).await, "lock {lock}");
            }
        }
        for second in [30_000, 30_001, 30_002, 30_003, 30_004] {
            assert!(guess(0, second).await);
        }
        assert!(!guess(0, 40_000_000).await, "locked for good");
        let line = line("code_unlocked");
        assert!(replicas[1].enrollments().unlock(&alice(), LIMIT, &line).await.unwrap());
        assert!(!replicas[1].enrollments().unlock(&alice(), LIMIT, &line).await.unwrap());
        assert!(guess(0, 40_000_001).await);
        let nobody = replicas[0].enrollments().guess(&PersonId::from("bob"), at(0), LIMIT).await.unwrap();
        assert!(!nobody, "of whom nothing is known, nothing is looked at");
    })
    .await;
}
