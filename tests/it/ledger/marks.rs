//! Turns, first times, and what is said when there is no database.

use super::{at, line, open};
use crate::databases::on_each;
use futures::future::join_all;
use rekey::ledger::LedgerError;

#[tokio::test]
async fn of_all_replicas_one_gets_the_turn_in_each_period() {
    on_each(|url| async move {
        let replicas = [open(&url).await, open(&url).await];
        for (now, expected) in [(0, 1), (59, 0), (60, 1), (61, 0)] {
            let turns = join_all((0..8).map(|number| replicas[number % 2].take_turn("scan", at(now), 60))).await;
            let taken = turns.into_iter().filter(|turn| *turn == Ok(true)).count();
            assert_eq!(taken, expected, "after {now} s");
        }
        assert!(replicas[0].take_turn("digest", at(61), 60).await.unwrap(), "each name has turns of its own");
    })
    .await;
}

#[tokio::test]
async fn a_thing_is_told_the_first_time_only() {
    on_each(|url| async move {
        let ledger = open(&url).await;
        assert!(!ledger.was_told("unmanaged/7").await.unwrap());
        assert!(ledger.first_time("unmanaged/7", at(0)).await.unwrap());
        assert!(ledger.was_told("unmanaged/7").await.unwrap());
        assert!(!ledger.first_time("unmanaged/7", at(9)).await.unwrap());
        assert!(ledger.first_time("unmanaged/8", at(9)).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn a_database_that_answers_says_so_and_a_closed_one_refuses() {
    on_each(|url| async move {
        let ledger = open(&url).await;
        ledger.ping().await.unwrap();
        ledger.close().await;
        assert!(matches!(ledger.ping().await, Err(LedgerError::Unavailable { .. })));
        assert!(matches!(ledger.accept(super::entry("a")).await, Err(LedgerError::Unavailable { .. })));
    })
    .await;
}

#[tokio::test]
async fn a_ledger_in_memory_works_like_any_other() {
    let ledger = open("sqlite::memory:").await;
    let other = open("sqlite::memory:").await;
    let first = super::opened(&*ledger, 1).await;
    assert_eq!(ledger.load(&first.id).await.unwrap(), Some(first.clone()));
    assert_eq!(other.load(&first.id).await.unwrap(), None);
}

#[tokio::test]
async fn no_error_tells_the_password() {
    for url in [
        "postgres://rekey:hunter2@127.0.0.1:1/rekey",
        "postgres://rekey:hunter2@127.0.0.1:notaport/rekey",
        "postgres://rekey:hunter2@[/rekey",
        "mysql://rekey:hunter2@127.0.0.1/rekey",
        "sqlite:/nowhere/at/all/rekey.db",
        "hunter2",
    ] {
        let error = rekey::ledger::open(url).await.err().unwrap();
        assert!(matches!(error, LedgerError::Unavailable { .. }), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
}

#[tokio::test]
async fn a_login_is_held_to_the_account_that_was_first_until_it_is_forgotten() {
    on_each(|url| async move {
        let replicas = [open(&url).await, open(&url).await];
        let all =
            join_all((0..8).map(|n| replicas[n % 2].hold_login("gitlab.example", "ada", 7 + n as u64, at(0)))).await;
        let first = *all[0].as_ref().unwrap();
        assert!(all.iter().all(|held| *held == Ok(first)), "{all:?}");
        assert_eq!(replicas[1].logins("gitlab.example").await.unwrap(), [("ada".to_owned(), first)].into());
        assert!(replicas[1].logins("other.example").await.unwrap().is_empty());
        assert!(replicas[0].forget_login("gitlab.example", "ada", &line("login_forgotten")).await.unwrap());
        assert!(!replicas[1].forget_login("gitlab.example", "ada", &line("login_forgotten")).await.unwrap());
        assert_eq!(replicas[1].hold_login("gitlab.example", "ada", 99, at(1)).await, Ok(99));
    })
    .await;
}
