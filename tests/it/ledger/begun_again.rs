//! A journal that began again: what was before it stays as it was, nothing of somebody else's is taken up, and what people
//! had asked for is void.

use super::authority::{approved, broken, keep, put_back, text};
use super::{after, at, entry, execute, line, open, opened, side_door};
use crate::databases::{keys, on_each};
use rekey::ledger::{Entry, Fault, Guard, Kind, Ledger, Word};
use rekey::rotation::phase::Phase;
use std::path::Path;
use std::sync::Arc;

/// Behind a line that somebody edited.
async fn begun_again(ledger: &dyn Ledger, side: &mut sqlx::AnyConnection, seq: u64) {
    execute(side, &format!("UPDATE journal SET actor = 'mallory' WHERE seq = {seq}")).await;
    ledger.close().await;
}

#[tokio::test]
async fn what_stands_before_a_gap_cannot_be_changed_behind_it() {
    let tricks = [
        "UPDATE journal SET actor = 'mallory' WHERE seq = 1",
        "UPDATE journal SET actor = 'mallory' WHERE seq = 4",
        "UPDATE journal SET seal = '' WHERE seq = 4",
        "DELETE FROM journal WHERE seq = 4",
        "UPDATE journal SET detail = '{}' WHERE event = 'gap'",
    ];
    for trick in tricks {
        on_each(|url| async move {
            let ledger = open(&url).await;
            let mut side = side_door(&url).await;
            opened(&*ledger, 1).await;
            ledger.hold_login("gitlab.example", "ada", 7, at(0)).await.unwrap();
            ledger.note(None, &line("more")).await.unwrap();
            ledger.forget_login("gitlab.example", "ada", &line("login_forgotten")).await.unwrap();
            begun_again(&*ledger, &mut side, 3).await;
            let ledger = open(&url).await;
            assert_eq!(ledger.doubt(&[]).await.unwrap().map(|doubt| doubt.kind), Some(Kind::Damaged));
            ledger.begin_again(at(9), "ask").await.unwrap();
            ledger.close().await;
            let ledger = open(&url).await;
            assert_eq!(ledger.doubt(&[]).await.unwrap(), None, "the gap is written down");
            assert_eq!(ledger.verify().await.unwrap().fault, None);
            ledger.close().await;

            execute(&mut side, trick).await;
            let ledger = open(&url).await;
            let doubt = ledger.doubt(&[]).await.unwrap().expect(trick);
            assert_eq!(doubt.kind, Kind::Damaged, "{trick}: {}", doubt.why);
            assert!(ledger.verify().await.unwrap().fault.is_some(), "{trick}");
            ledger.begin_again(at(10), "ask").await.unwrap();
            ledger.close().await;
            assert_eq!(open(&url).await.doubt(&[]).await.unwrap(), None, "{trick}: it can always be gone on with");
        })
        .await;
    }
}

#[tokio::test]
async fn one_bad_line_makes_nothing_forgotten_that_good_ones_tell_of() {
    on_each(|url| async move {
        let ledger = open(&url).await;
        let mut side = side_door(&url).await;
        let first = opened(&*ledger, 1).await;
        ledger.note(None, &line("bad")).await.unwrap();
        let second = opened(&*ledger, 2).await;
        ledger.hold_login("gitlab.example", "ada", 7, at(0)).await.unwrap();
        begun_again(&*ledger, &mut side, 2).await;
        let ledger = open(&url).await;
        assert_eq!(ledger.begin_again(at(9), "ask").await.unwrap(), [first.id.clone(), second.id.clone()]);
        assert!(ledger.load(&second.id).await.unwrap().is_some(), "its line is good");
        assert_eq!(ledger.hold_login("gitlab.example", "ada", 8, at(0)).await, Ok(7));
        assert_eq!(ledger.verify().await.unwrap().fault, None);
    })
    .await;
}

/// A row whose content is somebody else's.
async fn forge(side: &mut sqlx::AnyConnection, id: &str) {
    let body = [
        ("\"attempt\":1", "\"attempt\":2"),
        ("\"lost\":[]", "\"lost\":[77]"),
        ("\"overwrite\":[]", "\"overwrite\":[\"s\"]"),
    ]
    .into_iter()
    .fold("body".to_owned(), |body, (from, to)| format!("replace({body}, '{from}', '{to}')"));
    execute(side, &format!("UPDATE rotation SET body = {body} WHERE id = '{id}'")).await;
}

#[tokio::test]
async fn a_row_that_is_not_ours_is_not_taken_up_unless_somebody_vouches_for_it() {
    on_each(|url| async move {
        let ledger = open(&url).await;
        let mut side = side_door(&url).await;
        let begun = opened(&*ledger, 1).await;
        let begun = after(&begun, |row| row.phase = Phase::Minting { attempt: 1, started: Some(at(0)) });
        ledger.commit(&begun, &line("mint_started"), None).await.unwrap();
        keep(&mut side).await;
        ledger.note(None, &line("lost")).await.unwrap();
        ledger.head().await.unwrap();
        put_back(&mut side).await;
        forge(&mut side, begun.id.as_str()).await;
        assert!(ledger.doubt(&[]).await.unwrap().is_none_or(|doubt| doubt.kind == Kind::Behind));
        assert!(ledger.load(&begun.id).await.is_err());
        assert_eq!(ledger.begin_again(at(9), "ask").await.unwrap(), []);
        assert!(broken(ledger.load(&begun.id).await, "rotation"), "nobody of us left it so");
        let fault = ledger.verify().await.unwrap().fault;
        assert!(matches!(fault, Some(Fault::Row { .. })), "{fault:?}");
        ledger.close().await;

        let guard = Guard { keys: Some(keys(7)), word: Word::New, ..Guard::default() };
        let ledger = rekey::ledger::open_guarded(&url, guard).await.unwrap();
        assert!(ledger.doubt(&[]).await.unwrap().unwrap().why.contains("was edited"));
        assert_eq!(ledger.begin_again(at(10), "ask").await.unwrap(), std::slice::from_ref(&begun.id));
        let row = ledger.load(&begun.id).await.unwrap().unwrap();
        assert!(row.phase.name() == "stuck" && row.asks_anew && row.approvals.is_empty());
        assert!(row.lost.is_empty() && row.overwrite.is_empty(), "what no plan names is nobody's word");
        forge(&mut side, begun.id.as_str()).await;
        execute(&mut side, "UPDATE rotation SET body = replace(body, 'token-1', 'token-9')").await;
        assert_eq!(ledger.begin_again(at(11), "ask").await.unwrap(), [], "a word counts once");
        assert!(broken(ledger.load(&begun.id).await, "rotation"));
    })
    .await;
}

#[tokio::test]
async fn a_click_of_before_is_void_however_often_it_is_put_back() {
    on_each(|url| async move {
        let ledger = open(&url).await;
        let mut side = side_door(&url).await;
        opened(&*ledger, 1).await;
        for (key, kind) in [("click", "ask"), ("mail", "notice")] {
            ledger.accept(Entry { kind: kind.into(), ..entry(key) }).await.unwrap();
        }
        execute(&mut side, "CREATE TABLE kept_inbox AS SELECT * FROM inbox").await;
        ledger.note(None, &line("more")).await.unwrap();
        begun_again(&*ledger, &mut side, 2).await;
        let ledger = open(&url).await;
        ledger.begin_again(at(9), "ask").await.unwrap();
        ledger.close().await;
        execute(&mut side, "DELETE FROM inbox; INSERT INTO inbox SELECT * FROM kept_inbox").await;
        let ledger = open(&url).await;
        assert!(ledger.inbox_take("ask", at(20), at(90), 9).await.unwrap().is_empty(), "it was about something else");
        assert_eq!(ledger.inbox_take("notice", at(20), at(90), 9).await.unwrap().len(), 1);
        let fresh = Entry { kind: "ask".into(), received_at: at(10), ..entry("fresh") };
        ledger.accept(fresh).await.unwrap();
        assert_eq!(ledger.inbox_take("ask", at(20), at(90), 9).await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn an_emptied_file_of_the_known_end_is_no_missing_one() {
    on_each(|url| async move {
        let folder = tempfile::tempdir().unwrap();
        let end = folder.path().join("head");
        let open = async |end: &Path| -> Arc<dyn Ledger> {
            let guard = Guard { keys: Some(keys(7)), end: Some(end.to_owned()), word: Word::Nothing };
            rekey::ledger::open_guarded(&url, guard).await.unwrap()
        };
        std::fs::write(&end, "").unwrap();
        let ledger = open(&end).await;
        assert_eq!(ledger.doubt(&[]).await.unwrap(), None, "nothing is known of what is new");
        let mut side = side_door(&url).await;
        let waiting = approved(&*ledger, 1).await;
        keep(&mut side).await;
        ledger.note(None, &line("lost")).await.unwrap();
        ledger.close().await;
        assert!(!std::fs::read_to_string(&end).unwrap().is_empty());
        put_back(&mut side).await;
        for held in ["", "3:", "somebody else's\n"] {
            std::fs::write(&end, held).unwrap();
            let ledger = open(&end).await;
            let doubt = ledger.doubt(&[]).await.unwrap().expect("it is doubted");
            assert!(doubt.why.contains("does not hold the end of its journal"), "{}", doubt.why);
            assert_eq!(ledger.begin_again(at(9), "ask").await.unwrap(), std::slice::from_ref(&waiting.id));
            assert_eq!(ledger.doubt(&[]).await.unwrap(), None);
            ledger.close().await;
            assert!(std::fs::read_to_string(&end).unwrap().contains(':'), "it is written again");
        }
        assert!(text(&mut side, "SELECT MAX(event) FROM journal WHERE event = 'gap'").await == "gap");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "and nothing beside it");
    })
    .await;
}
