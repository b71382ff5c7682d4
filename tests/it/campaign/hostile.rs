//! Whoever holds the database, and no key: forges, repoints, copies, deletes and puts back what authority rests on, again
//! and again. Nothing is made, stored or revoked by it, and a person who really says yes is heard afterwards.

use crate::databases::on_each;
use crate::flow::counter::{Counter, Told, slack};
use crate::flow::setup::Setup;
use rekey::engine::desk::Ask;
use rekey::ledger::{Entry, Word};
use rekey::rotation::policy::Approval;
use rekey::rotation::record::Rotation;
use rekey::rotation::view::Action;
use rekey::rotation::wish::{Decision, Wish};
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _};
use std::sync::Arc;

const TABLES: [&str; 7] = ["journal", "journal_head", "rotation", "login", "one_time_code", "inbox", "told"];
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

/// As the button of the card says it.
fn yes(row: &Rotation) -> Wish {
    let plan = Some(row.plan.hash().0);
    let (action, rotation) = (Action::Approve, row.id.0.clone());
    Wish::Decide(Decision { action, rotation, plan, snooze_seconds: None, reason: None, stop: None })
}

/// Entries that came by no door, one whose body is another's, and one that is put back.
async fn clicks(counter: &Counter, hostile: &mut Hostile, row: &Rotation) {
    let now = counter.team.now();
    for (number, who) in ["UALICE", "UCAROL"].into_iter().enumerate() {
        let ask = Ask::new(format!("forged-{number}"), slack(who), yes(row));
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

#[tokio::test]
async fn what_is_authentic_counts_for_nothing_as_a_copy_and_when_it_is_put_back() {
    on_each(|url| Box::pin(with_authentic_rows(url))).await;
}

impl Hostile {
    /// A genuine yes comes in; before it is dealt with, everything that waits is kept under that name.
    async fn keeps_a_yes(&mut self, counter: &Counter, key: &str, row: &Rotation) {
        let ask = Ask::new(key, slack("UALICE"), yes(row));
        counter.desk.accept(&ask, Arc::new(Told::default())).await.unwrap();
        self.does(&format!("CREATE TABLE waiting_{key} AS SELECT * FROM inbox WHERE done = 0")).await;
    }

    async fn takes_out_and_puts_back(&mut self, key: &str) {
        self.does(&format!("DELETE FROM inbox WHERE key = 'ask:slack:{key}'")).await;
        self.does(&format!("DELETE FROM told; INSERT INTO inbox SELECT * FROM waiting_{key}")).await;
    }
}

async fn with_authentic_rows(url: String) {
    let two = |token: &mut rekey::rotation::token::ManagedToken| {
        token.quorum = 2;
        token.approvers.insert("carol".into());
    };
    let counter = Counter::open(Setup::new().database(url.clone()).token(two)).await;
    counter.ask(slack("UBOB"), Wish::parse("rotate deploy")).await;
    counter.team.work().await;
    let (row, live) = (counter.team.rotation().await, counter.team.live());
    let approvals = async || counter.team.rotation().await.approvals.len();
    let mut hostile = Hostile { side: AnyConnection::connect(&url).await.unwrap() };

    // Copied under another name, and the original put back when it has long been too late.
    hostile.keeps_a_yes(&counter, "late", &row).await;
    let copy = "'ask:slack:copy', kind, body, received_at, seal FROM waiting_late";
    hostile.does(&format!("INSERT INTO inbox (key, kind, body, received_at, seal) SELECT {copy}")).await;
    hostile.does("DELETE FROM inbox WHERE key = 'ask:slack:late'").await;
    counter.serve().await;
    assert_eq!(approvals().await, 0, "a copy is none");
    counter.team.stage.clock.advance(2 * 3600);
    hostile.takes_out_and_puts_back("late").await;
    counter.serve().await;
    assert_eq!(approvals().await, 0, "nobody meant that yes any more");

    // One that counted is no second one, though nothing in the database knows of it.
    hostile.keeps_a_yes(&counter, "first", &row).await;
    counter.serve().await;
    assert_eq!(approvals().await, 1);
    hostile.keeps("one_yes").await;
    hostile.takes_out_and_puts_back("first").await;
    counter.serve().await;
    assert_eq!(approvals().await, 1, "one person is one");

    // What was decided since is cut off: the yes of before that is void with it.
    counter.press(slack("UCAROL"), Action::Decline).await;
    counter.team.work().await;
    assert_eq!(counter.team.rotation().await.phase.name(), "closed");
    hostile.puts_back("one_yes").await;
    hostile.wakes_all().await;
    counter.team.work().await;
    counter.team.engine.take_stock(rekey::ledger::Word::Nothing).await.unwrap();
    counter.team.work().await;
    assert_eq!((approvals().await, counter.team.rotation().await.phase.name()), (0, "awaiting_approval"));
    assert_eq!(counter.team.live(), live);

    // A line is taken out of the middle.
    hostile.does("DELETE FROM journal WHERE seq = (SELECT MAX(seq) - 1 FROM journal)").await;
    assert!(counter.team.engine.ledger.verify().await.unwrap().fault.is_some());
    hostile.wakes_all().await;
    counter.team.work().await;
    assert_eq!(counter.team.live(), live);
}
