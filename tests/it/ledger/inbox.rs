//! Entries: accepted durably and once, dealt with by one worker at a time, forgotten in the end.

use super::{at, entry, execute, open, side_door};
use crate::databases::on_each;
use futures::future::join_all;
use rekey::ledger::{Accepted, Entry, LedgerError};

#[tokio::test]
async fn an_entry_is_accepted_once_and_still_known_after_a_restart() {
    on_each(|url| async move {
        let ledger = open(&url).await;
        assert_eq!(ledger.accept(entry("a")).await.unwrap(), Accepted::New);
        assert_eq!(ledger.accept(entry("a")).await.unwrap(), Accepted::Duplicate);
        drop(ledger);

        let ledger = open(&url).await;
        assert_eq!(ledger.accept(entry("a")).await.unwrap(), Accepted::Duplicate);
        let items = ledger.inbox_take("notice", at(1), at(31), 10).await.unwrap();
        assert_eq!(items.len(), 1);
        assert_eq!((items[0].key.as_str(), items[0].body.as_str()), ("a", entry("a").body.as_str()));
        assert_eq!(items[0].received_at, at(0));
    })
    .await;
}

#[tokio::test]
async fn of_many_deliveries_at_once_one_of_each_key_is_new() {
    on_each(|url| async move {
        let ledger = open(&url).await;
        let deliveries = (0..900).map(|number| ledger.accept(entry(&format!("key-{}", number % 300))));
        let accepted = join_all(deliveries).await;
        let new = accepted.iter().filter(|accepted| **accepted == Ok(Accepted::New)).count();
        let duplicates = accepted.iter().filter(|accepted| **accepted == Ok(Accepted::Duplicate)).count();
        assert_eq!((new, duplicates), (300, 600));
        assert_eq!(ledger.inbox_take("notice", at(1), at(31), 1000).await.unwrap().len(), 300);
    })
    .await;
}

#[tokio::test]
async fn text_that_a_database_cannot_hold_does_not_spoil_the_batch() {
    on_each(|url| async move {
        let ledger = open(&url).await;
        let (nul, good) = tokio::join!(ledger.accept(entry("nul\0")), ledger.accept(entry("good")));
        assert_eq!((nul.unwrap(), good.unwrap()), (Accepted::New, Accepted::New));
        assert_eq!(ledger.accept(entry("nul\0")).await.unwrap(), Accepted::Duplicate);
    })
    .await;
}

#[tokio::test]
async fn an_entry_that_nobody_reports_on_comes_back_and_the_late_report_is_fenced() {
    on_each(|url| async move {
        let ledger = open(&url).await;
        ledger.accept(entry("a")).await.unwrap();
        let first = ledger.inbox_take("notice", at(1), at(31), 10).await.unwrap().remove(0);
        assert!(ledger.inbox_take("notice", at(30), at(60), 10).await.unwrap().is_empty());
        let second = ledger.inbox_take("notice", at(31), at(61), 10).await.unwrap().remove(0);
        assert!(second.epoch > first.epoch);
        assert_eq!(ledger.inbox_done(&first).await, Err(LedgerError::Fenced));
        assert_eq!(ledger.inbox_later(&first, at(0), "late").await, Err(LedgerError::Fenced));
        ledger.inbox_done(&second).await.unwrap();
        assert!(ledger.inbox_take("notice", at(100), at(130), 10).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn an_entry_that_is_put_off_comes_back_then_and_remembers_how_often() {
    on_each(|url| async move {
        let ledger = open(&url).await;
        ledger.accept(entry("a")).await.unwrap();
        let item = ledger.inbox_take("notice", at(1), at(31), 10).await.unwrap().remove(0);
        ledger.inbox_later(&item, at(50), "gitlab.example.com answers 503").await.unwrap();
        assert_eq!(ledger.next_wake().await.unwrap(), Some(at(50)));
        assert!(ledger.inbox_take("notice", at(49), at(80), 10).await.unwrap().is_empty());
        let again = ledger.inbox_take("notice", at(50), at(80), 10).await.unwrap().remove(0);
        assert_eq!((item.tries, again.tries), (0, 1));
    })
    .await;
}

#[tokio::test]
async fn what_is_dealt_with_stays_known_until_it_is_forgotten() {
    on_each(|url| async move {
        let ledger = open(&url).await;
        ledger.accept(entry("a")).await.unwrap();
        ledger.accept(entry("b")).await.unwrap();
        let items = ledger.inbox_take("notice", at(1), at(31), 10).await.unwrap();
        ledger.inbox_done(&items[0]).await.unwrap();
        assert_eq!(ledger.inbox_forget(at(0)).await.unwrap(), 0, "received at that moment, not before");
        assert_eq!(ledger.accept(entry(&items[0].key)).await.unwrap(), Accepted::Duplicate);
        assert_eq!(ledger.inbox_forget(at(1)).await.unwrap(), 1, "only what is dealt with");
        assert_eq!(ledger.accept(entry(&items[0].key)).await.unwrap(), Accepted::New);
        assert_eq!(ledger.accept(entry(&items[1].key)).await.unwrap(), Accepted::Duplicate);
    })
    .await;
}

#[tokio::test]
async fn workers_that_race_for_entries_get_each_of_them_once() {
    on_each(|url| async move {
        let ledger = open(&url).await;
        join_all((0..60).map(|number| ledger.accept(entry(&number.to_string())))).await;
        let taken = join_all((0..8).map(|_| async {
            let mut mine = Vec::new();
            loop {
                match ledger.inbox_take("notice", at(1), at(31), 3).await.unwrap() {
                    items if items.is_empty() => return mine,
                    items => mine.extend(items.into_iter().map(|item| item.key)),
                }
            }
        }))
        .await;
        let mut keys: Vec<String> = taken.into_iter().flatten().collect();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), 60);
    })
    .await;
}

#[tokio::test]
async fn a_full_queue_is_refused_at_once_and_what_was_queued_is_accepted() {
    on_each(|url| async move {
        let ledger = open(&url).await;
        let mut blocker = side_door(&url).await;
        let block = if url.starts_with("sqlite") { "BEGIN IMMEDIATE" } else { "BEGIN; LOCK TABLE inbox" };
        execute(&mut blocker, block).await;
        let senders = (0..6000).map(|number| {
            let ledger = ledger.clone();
            tokio::spawn(async move { ledger.accept(entry(&number.to_string())).await })
        });
        let senders: Vec<_> = senders.collect();
        while !senders.iter().any(tokio::task::JoinHandle::is_finished) {
            tokio::task::yield_now().await;
        }
        execute(&mut blocker, "ROLLBACK").await;
        let answers: Vec<_> = join_all(senders).await.into_iter().map(Result::unwrap).collect();
        let full = LedgerError::Unavailable { why: "the inbox is full".into() };
        assert!(answers.contains(&Err(full.clone())));
        let new = answers.iter().filter(|answer| **answer == Ok(Accepted::New)).count();
        let refused = answers.iter().filter(|answer| **answer == Err(full.clone())).count();
        assert_eq!(new + refused, 6000);
        assert_eq!(ledger.inbox_take("notice", at(1), at(31), 6000).await.unwrap().len(), new);
    })
    .await;
}

#[tokio::test]
async fn a_reader_gets_entries_of_its_own_kind_only() {
    on_each(|url| async move {
        let ledger = open(&url).await;
        ledger.accept(Entry { kind: "ask".into(), ..entry("click") }).await.unwrap();
        ledger.accept(entry("mail")).await.unwrap();
        let asks = ledger.inbox_take("ask", at(1), at(31), 10).await.unwrap();
        assert_eq!(asks.iter().map(|item| item.key.as_str()).collect::<Vec<_>>(), ["click"]);
        let notices = ledger.inbox_take("notice", at(1), at(31), 10).await.unwrap();
        assert_eq!(notices.iter().map(|item| item.key.as_str()).collect::<Vec<_>>(), ["mail"]);
    })
    .await;
}
