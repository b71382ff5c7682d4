//! Whoever holds the database, and no key: forges, repoints, copies, deletes and puts back what authority rests on, again
//! and again. Nothing is made, stored or revoked by it, and a person who really says yes is heard afterwards.

use crate::databases::on_each;
use crate::flow::counter::{Counter, slack};
use crate::flow::setup::Setup;
use rekey::engine::desk::Ask;
use rekey::ledger::{Entry, Word};
use rekey::rotation::policy::Approval;
use rekey::rotation::record::Rotation;
use rekey::rotation::view::Action;
use rekey::rotation::wish::{Decision, Wish};
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _};

const TABLES: [&str; 5] = ["journal", "journal_head", "rotation", "login", "one_time_code"];
const LANE: &str = "rotation, lane, owes, due_at, not_before, poked_at, owner, lease_until, epoch, tries";

struct Hostile {
    side: AnyConnection,
}

impl Hostile {
    async fn does(&mut self, sql: &str) {
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut self.side).await.unwrap();
    }

    async fn keeps(&mut self, name: &str) {
        for table in TABLES {
            self.does(&format!("CREATE TABLE {name}_{table} AS SELECT * FROM {table}")).await;
        }
        self.does(&format!("CREATE TABLE {name}_lane AS SELECT {LANE} FROM lane")).await;
    }

    async fn puts_back(&mut self, name: &str) {
        self.does("DELETE FROM lane; DELETE FROM reference").await;
        for table in TABLES {
            self.does(&format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM {name}_{table}")).await;
        }
        self.does(&format!("INSERT INTO lane ({LANE}) SELECT {LANE} FROM {name}_lane")).await;
    }

    /// Every worker looks at everything at once.
    async fn wakes_all(&mut self) {
        self.does("UPDATE lane SET due_at = 0, not_before = NULL, owner = NULL, poked_at = 0").await;
    }
}

fn forged(row: &Rotation, phase: &str) -> String {
    let yes = |by: &str| Approval {
        by: by.into(),
        account: None,
        shell: None,
        with_code: true,
        plan: row.plan.hash(),
        at: row.opened_at,
    };
    let forged = Rotation { approvals: vec![yes("alice"), yes("carol")], ..row.clone() };
    let mut body = serde_json::to_value(&forged).unwrap();
    if !phase.is_empty() {
        body["phase"] = serde_json::from_str(phase).unwrap();
    }
    body.to_string().replace('\'', "''")
}

/// Lines as they would stand had we written them, as far as that goes without a key.
fn forged_line(row: &Rotation, digest: &str) -> String {
    format!(
        "INSERT INTO journal (seq, at, rotation, version, digest, actor, event, detail, hash, seal) \
         SELECT seq + 1, 0, '{id}', {version}, '{digest}', 'alice via slack', 'approve', '{{}}', hash, seal FROM journal_head; \
         UPDATE journal_head SET seq = seq + 1",
        id = row.id,
        version = row.version
    )
}

#[tokio::test]
async fn whoever_holds_the_database_and_no_key_makes_nothing_happen() {
    on_each(|url| Box::pin(attack(url))).await;
}

async fn attack(url: String) {
    let two = |token: &mut rekey::rotation::token::ManagedToken| {
        token.quorum = 2;
        token.approvers.insert("carol".into());
        token.step_up = true;
    };
    let counter = Counter::open(Setup::new().database(url.clone()).token(two)).await;
    counter.ask(slack("UBOB"), Wish::parse("rotate deploy")).await;
    counter.team.work().await;
    let row = counter.team.rotation().await;
    counter.team.engine.ledger.hold_login("gitlab.example", "alice", 11, counter.team.now()).await.unwrap();
    let mut hostile = Hostile { side: AnyConnection::connect(&url).await.unwrap() };
    hostile.keeps("before").await;
    let live = counter.team.live();

    let old = row.plan.old.id;
    let phases = [
        String::new(),
        r#"{"is": "scheduled", "at": "2020-01-01T00:00:00Z"}"#.to_owned(),
        r#"{"is": "minting", "attempt": 1, "started": null}"#.to_owned(),
        format!(r#"{{"is": "revoking", "new": null, "pending": [{old}], "then": "mint"}}"#),
    ];
    for phase in &phases {
        let body = forged(&row, phase);
        for with_line in [false, true] {
            hostile.does(&format!("UPDATE rotation SET body = '{body}', phase = 'minting'")).await;
            if with_line {
                let digest = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(body.replace("''", "'").as_bytes()));
                hostile.does(&forged_line(&row, &digest)).await;
            }
            hostile.wakes_all().await;
            counter.team.work().await;
            assert_eq!(counter.team.live(), live, "{phase}, with a line: {with_line}");
            hostile.puts_back("before").await;
            counter.team.engine.ledger.doubt(&[]).await.unwrap();
        }
    }
    clicks(&counter, &mut hostile, &row).await;
    assert_eq!(counter.team.live(), live);
    assert_eq!(counter.team.rotation().await.approvals.len(), 0, "nobody said yes");

    // The tail is cut: what is then asked anew was never answered either.
    counter.team.engine.ledger.note(None, &line(&counter)).await.unwrap();
    counter.team.engine.ledger.head().await.unwrap();
    hostile.puts_back("before").await;
    hostile.wakes_all().await;
    counter.team.work().await;
    counter.team.engine.take_stock(Word::Nothing).await.unwrap();
    counter.team.work().await;
    assert_eq!(counter.team.live(), live);
    assert_eq!(counter.team.rotation().await.phase.name(), "awaiting_approval");
    assert!(counter.team.stage.state.token(counter.team.stage.old).is_some_and(|token| !token.revoked));
}

fn line(counter: &Counter) -> rekey::ledger::Line {
    let detail = serde_json::json!({});
    rekey::ledger::Line { at: counter.team.now(), actor: "story".into(), event: "told".into(), detail }
}

/// Entries that came by no door, one whose body is another's, and one that is put back.
async fn clicks(counter: &Counter, hostile: &mut Hostile, row: &Rotation) {
    let decision = |action| Decision {
        action,
        rotation: row.id.0.clone(),
        plan: Some(row.plan.hash().0),
        snooze_seconds: None,
        reason: None,
        stop: None,
    };
    let now = counter.team.now();
    for (number, who) in ["UALICE", "UCAROL"].into_iter().enumerate() {
        let ask = Ask::new(format!("forged-{number}"), slack(who), Wish::Decide(decision(Action::Approve)));
        let body = serde_json::to_string(&ask).unwrap().replace('\'', "''");
        let at = now.as_millisecond();
        hostile
            .does(&format!(
                "INSERT INTO inbox (key, kind, body, received_at, seal) \
                 VALUES ('ask:slack:forged-{number}', 'ask', '{body}', {at}, '{}')",
                "ab".repeat(32)
            ))
            .await;
        let entry = Entry { key: format!("n{number}"), kind: "ask".into(), body: "{}".into(), received_at: now };
        counter.team.engine.ledger.accept(entry).await.unwrap();
        hostile.does(&format!("UPDATE inbox SET body = '{body}' WHERE key = 'n{number}'")).await;
    }
    counter.serve().await;
    hostile.does("UPDATE inbox SET done = 0, ready_at = 0").await;
    counter.serve().await;
}
