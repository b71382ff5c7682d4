//! The journal: what happened, in order, and nobody can change it unseen.

use super::{after, execute, line, open, opened, side_door};
use crate::databases::on_each;
use rekey::ledger::{Fault, Ledger, LedgerError};
use rekey::rotation::record::Rotation;
use sqlx::AnyConnection;

/// Six lines: two rotations opened, three steps, one refused click.
async fn told(ledger: &dyn Ledger) -> Rotation {
    let first = opened(ledger, 1).await;
    opened(ledger, 2).await;
    let second = after(&first, |r| r.revision += 1);
    ledger.commit(&second, &line("approved"), None).await.unwrap();
    ledger.note(Some(&first.id), &line("refused")).await.unwrap();
    let third = after(&second, |r| r.revision += 1);
    ledger.commit(&third, &line("minted"), None).await.unwrap();
    ledger.note(None, &line("outsider")).await.unwrap();
    third
}

#[tokio::test]
async fn the_journal_survives_a_restart_and_verifies() {
    on_each(|url| async move {
        let ledger = open(&url).await;
        let last = told(&*ledger).await;
        let before = ledger.journal(&last.id).await.unwrap();
        let audit = ledger.verify().await.unwrap();
        ledger.close().await;

        let ledger = open(&url).await;
        assert_eq!(ledger.load(&last.id).await.unwrap(), Some(last.clone()));
        assert_eq!(ledger.journal(&last.id).await.unwrap(), before);
        let places: Vec<_> = before.iter().map(|stamped| (stamped.seq, stamped.version)).collect();
        assert_eq!(places, [(1, Some(1)), (3, Some(2)), (4, None), (5, Some(3))]);
        assert_eq!(before[1].line, line("approved"));
        assert_eq!((audit.lines, audit.rotations, audit.fault.clone()), (6, 2, None));
        assert_eq!(ledger.verify().await.unwrap(), audit);
        ledger.note(None, &line("more")).await.unwrap();
        let longer = ledger.verify().await.unwrap();
        assert_eq!((longer.lines, longer.fault), (7, None));
        assert_ne!(longer.head, audit.head);
    })
    .await;
}

#[tokio::test]
async fn whatever_is_tampered_with_the_audit_names_the_first_fault() {
    let row = |column| Fault::Row { id: super::rotation(1).id.0, column, seq: 5 };
    let cases = [
        ("UPDATE journal SET detail = '{}' WHERE seq = 3", Fault::Edited { seq: 3 }),
        ("UPDATE journal SET at = at + 1 WHERE seq = 6", Fault::Edited { seq: 6 }),
        ("UPDATE journal SET hash = 'x' WHERE seq = 1", Fault::Edited { seq: 1 }),
        ("DELETE FROM journal WHERE seq = 1", Fault::Missing { seq: 1 }),
        ("DELETE FROM journal WHERE seq = 4", Fault::Missing { seq: 4 }),
        ("DELETE FROM journal WHERE seq = 6", Fault::Missing { seq: 6 }),
        ("DELETE FROM journal", Fault::Missing { seq: 1 }),
        (SWAP, Fault::Moved { seq: 3, found: 4 }),
        ("UPDATE journal_head SET hash = 'x'", Fault::End { seq: 6 }),
        ("UPDATE journal_head SET seq = 5", Fault::End { seq: 6 }),
        ("DELETE FROM journal_head", Fault::End { seq: 6 }),
        ("UPDATE rotation SET version = 4 WHERE token = 'token-1'", row("version")),
        ("UPDATE rotation SET body = replace(body, 'deploy', 'depl0y') WHERE token = 'token-1'", row("body")),
        ("UPDATE rotation SET phase = 'stuck' WHERE token = 'token-1'", row("phase")),
        ("UPDATE rotation SET host = 'evil.example' WHERE token = 'token-1'", row("host")),
        (DELETE_ROW, Fault::RowMissing { id: super::rotation(1).id.0, seq: 5 }),
        (ADD_ROW, Fault::RowUnknown { id: "zzz".into() }),
    ];
    on_each(|url| {
        let cases = cases.clone();
        async move {
            let ledger = open(&url).await;
            told(&*ledger).await;
            let mut side = side_door(&url).await;
            keep(&mut side).await;
            for (tampering, fault) in cases {
                execute(&mut side, tampering).await;
                assert_eq!(ledger.verify().await.unwrap().fault, Some(fault), "{tampering}");
                restore(&mut side).await;
                assert_eq!(ledger.verify().await.unwrap().fault, None, "restored after {tampering}");
            }
        }
    })
    .await;
}

const SWAP: &str = "UPDATE journal SET seq = 0 WHERE seq = 3; UPDATE journal SET seq = 3 WHERE seq = 4; \
                    UPDATE journal SET seq = 4 WHERE seq = 0";
pub const DELETE_ROW: &str = "DELETE FROM lane WHERE rotation IN (SELECT id FROM rotation WHERE token = 'token-1'); \
                          DELETE FROM rotation WHERE token = 'token-1'";
const ADD_ROW: &str = "INSERT INTO rotation SELECT 'zzz', 'k', 'h', 't', 'n', expires_on, phase, is_open, version, \
                       opened_at, body FROM rotation WHERE token = 'token-1'";

async fn keep(side: &mut AnyConnection) {
    for table in ["journal", "journal_head", "rotation"] {
        execute(side, &format!("CREATE TABLE kept_{table} AS SELECT * FROM {table}")).await;
    }
}

async fn restore(side: &mut AnyConnection) {
    execute(side, "DELETE FROM lane").await;
    for table in ["journal", "journal_head", "rotation"] {
        execute(side, &format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM kept_{table}")).await;
    }
}

#[tokio::test]
async fn nothing_is_written_once_the_end_of_the_journal_is_gone() {
    on_each(|url| async move {
        let ledger = open(&url).await;
        let first = opened(&*ledger, 1).await;
        execute(&mut side_door(&url).await, "DELETE FROM journal_head").await;
        let next = after(&first, |r| r.revision += 1);
        let broken = LedgerError::Broken { table: "journal_head", column: "id", row: "1".into() };
        assert_eq!(ledger.commit(&next, &line("approved"), None).await, Err(broken));
        assert_eq!(ledger.load(&first.id).await.unwrap(), Some(first));
    })
    .await;
}
