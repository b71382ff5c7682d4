//! Whoever can write the database is not believed: forged, edited, copied, deleted and put-back rows of authority all
//! fail, a cut journal is seen, and a database that lost its memory asks people anew.

use super::{after, at, entry, execute, line, open, opened, side_door};
use crate::databases::{keys, on_each};
use jiff::SignedDuration;
use rekey::ledger::{Fault, Guard, Guesses, Head, Kind, Ledger, LedgerError, Opened, Word};
use rekey::rotation::ids::PersonId;
use rekey::rotation::phase::Phase;
use rekey::rotation::policy::Approval;
use rekey::rotation::record::Rotation;
use sqlx::{AnyConnection, Row as _};
use std::path::Path;
use std::sync::Arc;

pub(super) fn yes(rotation: &Rotation) -> Approval {
    Approval { by: "alice".into(), account: None, shell: None, with_code: true, plan: rotation.plan.hash(), at: at(0) }
}

pub(super) async fn approved(ledger: &dyn Ledger, number: u64) -> Rotation {
    let first = opened(ledger, number).await;
    let second = after(&first, |row| {
        row.approvals = vec![yes(&first)];
        row.phase = Phase::Scheduled { at: at(60) };
    });
    ledger.commit(&second, &line("approve"), None).await.unwrap();
    second
}

pub(super) fn broken<T>(result: Result<T, LedgerError>, table: &str) -> bool {
    matches!(result, Err(LedgerError::Broken { table: found, .. }) if found == table)
}

pub(super) async fn text(side: &mut AnyConnection, sql: &'static str) -> String {
    sqlx::query(sql).fetch_one(side).await.unwrap().try_get(0).unwrap()
}

#[tokio::test]
async fn a_forged_approval_and_a_row_that_is_put_back_are_not_believed() {
    on_each(|url| async move {
        let ledger = open(&url).await;
        let mut side = side_door(&url).await;
        let waiting = opened(&*ledger, 1).await;
        let other = opened(&*ledger, 2).await;
        let old = text(&mut side, "SELECT body FROM rotation WHERE token = 'token-1'").await;
        let forged = Rotation { approvals: vec![yes(&waiting)], ..waiting.clone() };
        let forged = serde_json::to_string(&forged).unwrap().replace('\'', "''");
        execute(&mut side, &format!("UPDATE rotation SET body = '{forged}' WHERE token = 'token-1'")).await;
        assert!(broken(ledger.load(&waiting.id).await, "rotation"));
        let all = rekey::ledger::Filter { open_only: true, token: None, limit: 9 };
        assert_eq!(ledger.list(all).await.unwrap(), [other], "the others go on");

        let put_back = format!("UPDATE rotation SET body = '{}' WHERE token = 'token-1'", old.replace('\'', "''"));
        execute(&mut side, &put_back).await;
        let next = after(&waiting, |row| row.revision += 1);
        ledger.commit(&next, &line("declined"), None).await.unwrap();
        execute(&mut side, &format!("{put_back}; UPDATE rotation SET version = 1 WHERE token = 'token-1'")).await;
        assert!(broken(ledger.load(&waiting.id).await, "rotation"), "an authentic row of before");
        execute(&mut side, super::journal::DELETE_ROW).await;
        assert!(broken(ledger.load(&waiting.id).await, "rotation"), "a row that is gone");
        assert!(broken(ledger.open(&super::rotation(3), &line("opened")).await, "rotation"), "no case begins then");
    })
    .await;
}

#[tokio::test]
async fn no_case_begins_twice_however_the_columns_of_its_row_are_disguised() {
    let disguises = [
        "key = 'another', token_id = '999', token = 'another', host = 'elsewhere'",
        "key = 'another', is_open = 0, phase = 'closed'",
        "key = 'another', token_id = '999', token = 'another', opened_at = 0",
    ];
    for disguise in disguises {
        on_each(|url| async move {
            let ledger = open(&url).await;
            let mut side = side_door(&url).await;
            let first = opened(&*ledger, 1).await;
            opened(&*ledger, 2).await;
            execute(&mut side, &format!("UPDATE rotation SET {disguise} WHERE id = '{}'", first.id)).await;
            let again = Rotation { id: "01kcaseagain".into(), ..first.clone() };
            assert!(broken(ledger.open(&again, &line("opened")).await, "rotation"), "{disguise}");
            assert!(ledger.load(&again.id).await.unwrap().is_none());
            // Somebody was about to write it down when that was done: the row is whole again.
            let next = after(&first, |row| row.revision += 1);
            ledger.commit(&next, &line("declined"), None).await.unwrap();
            assert_eq!(ledger.load(&first.id).await.unwrap(), Some(next), "{disguise}");
            assert_eq!(ledger.open(&again, &line("opened")).await.unwrap(), Opened::Existing(first.id));
            assert_eq!(ledger.verify().await.unwrap().fault, None, "{disguise}");
        })
        .await;
    }
}

#[tokio::test]
async fn an_entry_that_was_dealt_with_and_not_ticked_off_is_no_forged_one() {
    on_each(|url| async move {
        let ledger = open(&url).await;
        let mut side = side_door(&url).await;
        ledger.accept(entry("slow")).await.unwrap();
        let item = ledger.inbox_take("notice", at(1), at(90), 9).await.unwrap().remove(0);
        execute(&mut side, "UPDATE inbox SET epoch = epoch + 1").await;
        assert_eq!(ledger.inbox_done(&item).await, Err(LedgerError::Fenced), "it could not be ticked off");
        assert_eq!(ledger.inbox_take("notice", at(100), at(190), 9).await.unwrap(), [], "nor is it dealt with twice");
        assert_eq!(ledger.inbox_take("notice", at(200), at(290), 9).await.unwrap(), []);
        assert_eq!(text(&mut side, "SELECT CAST(done AS TEXT) FROM inbox").await, "1", "it is ticked off since");
        assert_eq!(ledger.verify().await.unwrap().lines, 0, "and nobody is told of a forged one");
    })
    .await;
}

#[tokio::test]
async fn an_entry_that_came_by_no_door_or_comes_back_is_not_handed_out() {
    on_each(|url| async move {
        let ledger = open(&url).await;
        let mut side = side_door(&url).await;
        let take = async || {
            let items = ledger.inbox_take("notice", at(1), at(90), 9).await.unwrap();
            items.into_iter().map(|item| item.key).collect::<Vec<_>>()
        };
        for key in ["edited", "copied", "right"] {
            ledger.accept(entry(key)).await.unwrap();
        }
        execute(&mut side, "UPDATE inbox SET body = '{\"event\": \"approve\"}' WHERE key = 'edited'").await;
        execute(
            &mut side,
            "INSERT INTO inbox (key, kind, body, received_at) VALUES ('forged', 'notice', '{}', 0); \
             UPDATE inbox SET body = (SELECT body FROM inbox WHERE key = 'right'), received_at = received_at + 1, \
                 seal = (SELECT seal FROM inbox WHERE key = 'right') WHERE key = 'copied'; \
             CREATE TABLE kept_inbox AS SELECT * FROM inbox WHERE key = 'right'",
        )
        .await;
        let items = ledger.inbox_take("notice", at(1), at(90), 9).await.unwrap();
        assert_eq!(items.iter().map(|item| item.key.as_str()).collect::<Vec<_>>(), ["right"]);
        ledger.inbox_done(&items[0]).await.unwrap();
        execute(&mut side, "DELETE FROM inbox WHERE key = 'right'; INSERT INTO inbox SELECT * FROM kept_inbox").await;
        assert_eq!(take().await, Vec::<String>::new(), "it was dealt with");
        let audit = ledger.verify().await.unwrap();
        assert_eq!((audit.lines, audit.fault), (4, None), "each is written down");
    })
    .await;
}

#[tokio::test]
async fn a_held_login_that_was_repointed_taken_out_or_put_there_stands_for_nobody_until_it_is_forgotten() {
    let tricks = [
        "UPDATE login SET account = 666 WHERE login = 'ada'",
        "DELETE FROM login WHERE login = 'ada'",
        "INSERT INTO login VALUES ('gitlab.example', 'eve', 666, 0)",
    ];
    for trick in tricks {
        on_each(|url| async move {
            let ledger = open(&url).await;
            assert_eq!(ledger.hold_login("gitlab.example", "ada", 7, at(0)).await, Ok(7));
            assert_eq!(ledger.hold_login("gitlab.example", "ada", 8, at(0)).await, Ok(7));
            execute(&mut side_door(&url).await, trick).await;
            assert!(broken(ledger.logins("gitlab.example").await, "login"), "{trick}");
            assert!(broken(ledger.hold_login("gitlab.example", "ada", 666, at(0)).await, "login"), "{trick}");
            assert!(matches!(ledger.verify().await.unwrap().fault, Some(Fault::Belief { .. })), "{trick}");
            for login in ["ada", "eve"] {
                ledger.forget_login("gitlab.example", login, &line("login_forgotten")).await.unwrap();
            }
            assert_eq!(ledger.hold_login("gitlab.example", "ada", 9, at(0)).await, Ok(9));
            assert_eq!(ledger.verify().await.unwrap().fault, None);
        })
        .await;
    }
}

#[tokio::test]
async fn codes_that_were_repointed_put_back_or_given_more_guesses_are_of_no_use_until_they_are_reset() {
    let tricks = [
        "UPDATE one_time_code SET secret = 'sealed-0' WHERE person = 'alice'",
        "UPDATE one_time_code SET tries = 0, tries_since = 0 WHERE person = 'alice'",
        "UPDATE one_time_code SET last_step = 0 WHERE person = 'alice'",
        "DELETE FROM one_time_code WHERE person = 'alice'",
        "DELETE FROM one_time_code WHERE person = 'alice'; INSERT INTO one_time_code SELECT * FROM kept_code",
    ];
    for trick in tricks {
        on_each(|url| async move {
            let ledger = open(&url).await;
            let (alice, codes) = (PersonId::from("alice"), ledger.enrollments());
            let mut side = side_door(&url).await;
            codes.offer(&alice, "sealed-1", &line("code_offered")).await.unwrap();
            assert!(codes.confirm(&alice, "sealed-1", 10, "key", &line("code_enrolled")).await.unwrap());
            execute(&mut side, "CREATE TABLE kept_code AS SELECT * FROM one_time_code").await;
            let limit = Guesses { most: 5, within: SignedDuration::from_mins(15), locks: 5 };
            assert!(codes.guess(&alice, at(0), limit).await.unwrap());
            assert!(codes.enrollment(&alice).await.unwrap().is_some());
            execute(&mut side, trick).await;
            assert!(broken(codes.enrollment(&alice).await, "one_time_code"), "{trick}");
            assert!(broken(codes.spend(&alice, "sealed-1", 11, "k", at(0)).await, "one_time_code"), "{trick}");
            assert!(broken(codes.guess(&alice, at(0), limit).await, "one_time_code"), "{trick}");
            assert!(matches!(ledger.verify().await.unwrap().fault, Some(Fault::Belief { .. })), "{trick}");
            assert!(codes.reset(&alice, &line("code_reset")).await.unwrap());
            assert_eq!(codes.enrollment(&alice).await, Ok(None));
            assert_eq!(ledger.verify().await.unwrap().fault, None);
        })
        .await;
    }
}

/// Everything as it is now, to be put back later by somebody who has no key.
pub(super) async fn keep(side: &mut AnyConnection) {
    for table in ["journal", "journal_head", "rotation", "lane"] {
        let columns = if table == "lane" { LANE } else { "*" };
        execute(side, &format!("CREATE TABLE kept_{table} AS SELECT {columns} FROM {table}")).await;
    }
}

pub(super) async fn put_back(side: &mut AnyConnection) {
    execute(side, "DELETE FROM lane").await;
    for table in ["journal", "journal_head", "rotation"] {
        execute(side, &format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM kept_{table}")).await;
    }
    execute(side, &format!("INSERT INTO lane ({LANE}) SELECT {LANE} FROM kept_lane")).await;
}

const LANE: &str = "rotation, lane, owes, due_at, not_before, poked_at, owner, lease_until, epoch, tries";

#[tokio::test]
async fn a_database_that_went_back_in_time_asks_people_anew_and_says_so() {
    on_each(|url| async move {
        let ledger = open(&url).await;
        let mut side = side_door(&url).await;
        let waiting = approved(&*ledger, 1).await;
        let begun = opened(&*ledger, 2).await;
        let begun = after(&begun, |row| row.phase = Phase::Minting { attempt: 1, started: Some(at(0)) });
        ledger.commit(&begun, &line("mint_started"), None).await.unwrap();
        ledger.accept(rekey::ledger::Entry { kind: "ask".into(), ..entry("click") }).await.unwrap();
        ledger.accept(entry("notice")).await.unwrap();
        keep(&mut side).await;
        let more = after(&waiting, |row| row.revision += 1);
        ledger.commit(&more, &line("more"), None).await.unwrap();
        let known = ledger.head().await.unwrap();
        put_back(&mut side).await;

        let doubted = ledger.load(&waiting.id).await;
        assert!(matches!(doubted, Err(LedgerError::Doubted { .. })), "{doubted:?}");
        assert!(ledger.accept(entry("still accepted")).await.is_ok());
        let doubt = ledger.doubt(&[]).await.unwrap().expect("it is doubted");
        assert_eq!((doubt.kind, doubt.known.map(|head| head.size)), (Kind::Behind, Some(known.size)));
        let fault = ledger.verify_against(std::slice::from_ref(&known)).await.unwrap().fault;
        assert_eq!(fault, Some(Fault::Unknown { size: known.size }));

        let asked = ledger.begin_again(at(100), "ask").await.unwrap();
        assert_eq!(asked, [waiting.id.clone(), begun.id.clone()]);
        let again = ledger.load(&waiting.id).await.unwrap().unwrap();
        assert_eq!((again.phase.name(), again.approvals.len()), ("awaiting_approval", 0));
        let stopped = ledger.load(&begun.id).await.unwrap().unwrap();
        assert_eq!(stopped.phase.name(), "stuck");
        assert!(stopped.stops > 1 && stopped.revision > begun.revision + 1, "no number is given out twice");
        assert!(ledger.inbox_take("ask", at(200), at(300), 9).await.unwrap().is_empty(), "clicks of before are void");
        assert_eq!(ledger.inbox_take("notice", at(200), at(300), 9).await.unwrap().len(), 2);
        assert_eq!(ledger.begin_again(at(101), "ask").await.unwrap(), [], "once");
        assert_eq!(ledger.verify_against(&[known]).await.unwrap().fault, None, "the gap is written down");
        ledger.close().await;
        let ledger = open(&url).await;
        assert_eq!(ledger.doubt(&[]).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn the_end_that_is_known_outside_outlives_the_process() {
    on_each(|url| async move {
        let folder = tempfile::tempdir().unwrap();
        let end = folder.path().join("head");
        let open = async |url: &str, end: &Path| {
            let guard = Guard { keys: Some(keys(7)), end: Some(end.to_owned()), word: Word::Nothing };
            rekey::ledger::open_guarded(url, guard).await.unwrap()
        };
        let ledger = open(&url, &end).await;
        let mut side = side_door(&url).await;
        approved(&*ledger, 1).await;
        keep(&mut side).await;
        ledger.note(None, &line("more")).await.unwrap();
        let head = ledger.head().await.unwrap();
        ledger.close().await;
        assert_eq!(std::fs::read_to_string(&end).unwrap().trim().parse::<Head>(), Ok(head.clone()));
        put_back(&mut side).await;
        let ledger = open(&url, &end).await;
        let doubt = ledger.doubt(&[]).await.unwrap().expect("it is doubted");
        assert_eq!(doubt.why, "the database has lost its memory: its journal has 2 lines, and 3 are known");
        ledger.close().await;
        // Without the file, an issue may know it.
        let ledger = open(&url, &folder.path().join("none")).await;
        assert_eq!(ledger.doubt(&[]).await.unwrap(), None);
        let forged = Head { size: 99, ..head.clone() };
        assert_eq!(ledger.doubt(&[forged]).await.unwrap(), None, "whoever writes issues cannot stop the bot");
        assert_eq!(ledger.doubt(&[head]).await.unwrap().map(|doubt| doubt.kind), Some(Kind::Behind));
    })
    .await;
}

#[tokio::test]
async fn lines_that_somebody_without_the_key_wrote_are_forged_however_well_they_are_chained() {
    on_each(|url| async move {
        let ledger = open(&url).await;
        let mut side = side_door(&url).await;
        ledger.note(None, &line("first")).await.unwrap();
        ledger.head().await.unwrap();
        let other =
            rekey::ledger::open_guarded(&url, Guard { keys: Some(keys(8)), word: Word::New, ..Guard::default() }).await;
        let other = other.unwrap();
        assert_eq!(other.doubt(&[]).await.unwrap().map(|doubt| doubt.kind), Some(Kind::Keyless));
        other.close().await;
        let refused = rekey::ledger::open_guarded(&url, Guard { keys: Some(keys(8)), ..Guard::default() }).await;
        assert!(refused.err().unwrap().to_string().contains("rekey serve --new"));
        execute(&mut side, "UPDATE journal SET seal = ''").await;
        assert_eq!(ledger.verify().await.unwrap().fault.map(|fault| fault.to_string()), Some(END.to_owned()));
        execute(&mut side, "UPDATE journal_head SET seal = ''").await;
        ledger.close().await;
        let stripped = crate::databases::open(&url).await;
        if url.starts_with("sqlite") {
            // Beside the file the end is known, so this is no database of before there were keys.
            let refused = stripped.err().unwrap().to_string();
            assert!(refused.contains("its seals were taken away. Restore it"), "{refused}");
            return;
        }
        let stripped = stripped.unwrap();
        assert_eq!(stripped.doubt(&[]).await.unwrap().map(|doubt| doubt.kind), Some(Kind::Unsealed));
        let refused = stripped.begin_again(at(9), "ask").await.unwrap_err().to_string();
        assert!(refused.contains("rekey serve --adopt") && refused.ends_with("restore it"), "{refused}");
    })
    .await;
}

const END: &str = "the end of the journal was edited: it does not fit line 1";

#[tokio::test]
async fn rows_of_before_there_were_keys_are_sealed_once_and_their_approvals_asked_anew() {
    on_each(|url| async move {
        let ledger = open(&url).await;
        let waiting = approved(&*ledger, 1).await;
        let begun = opened(&*ledger, 2).await;
        let begun = after(&begun, |row| row.phase = Phase::Minting { attempt: 1, started: Some(at(0)) });
        ledger.commit(&begun, &line("mint_started"), None).await.unwrap();
        ledger.hold_login("gitlab.example", "ada", 7, at(0)).await.unwrap();
        ledger.close().await;
        let mut side = side_door(&url).await;
        let old = "UPDATE journal SET seal = ''; UPDATE journal_head SET seal = ''; UPDATE inbox SET seal = ''; \
                   DELETE FROM journal WHERE event = 'login_held'; \
                   UPDATE journal_head SET seq = 4, hash = (SELECT hash FROM journal WHERE seq = 4)";
        execute(&mut side, old).await;
        let open_old = async |word: Word| {
            let folder = tempfile::tempdir().unwrap();
            let guard = Guard { keys: Some(keys(7)), end: Some(folder.path().join("head")), word };
            rekey::ledger::open_guarded(&url, guard).await.unwrap()
        };
        let ledger: Arc<dyn Ledger> = open_old(Word::Nothing).await;
        assert_eq!(ledger.doubt(&[]).await.unwrap().map(|doubt| doubt.kind), Some(Kind::Unsealed));
        assert!(ledger.begin_again(at(9), "ask").await.is_err(), "somebody has to say so");
        ledger.close().await;
        let ledger = open_old(Word::Adopt).await;
        assert_eq!(ledger.begin_again(at(9), "ask").await.unwrap(), [waiting.id.clone(), begun.id.clone()]);
        let again = ledger.load(&waiting.id).await.unwrap().unwrap();
        assert_eq!((again.phase.name(), again.approvals.len()), ("awaiting_approval", 0));
        let stopped = ledger.load(&begun.id).await.unwrap().unwrap();
        assert!(stopped.phase.name() == "stuck" && stopped.asks_anew, "what was begun waits for its approvers");
        assert_eq!(ledger.hold_login("gitlab.example", "ada", 8, at(0)).await, Ok(7));
        assert_eq!(ledger.verify().await.unwrap().fault, None);
        ledger.close().await;
        assert_eq!(open_old(Word::Nothing).await.doubt(&[]).await.unwrap(), None, "once");
    })
    .await;
}
