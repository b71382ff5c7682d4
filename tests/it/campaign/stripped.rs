//! Whoever holds the database takes every seal away, so that it looks like one of a version that sealed nothing, writes what
//! they like and waits for a restart.

use crate::databases::on_each;
use crate::flow::setup::Setup;
use crate::flow::team::Team;
use rekey::gitlab::IssueChange;
use rekey::ledger::{Head, Word};
use rekey::rotation::policy::Approval;
use rekey::rotation::record::{Origin, Rotation};
use rekey::rotation::view::Action;
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _};

const STRIP: &str = "UPDATE journal SET seal = ''; UPDATE journal_head SET seal = ''; UPDATE inbox SET seal = ''; \
                     UPDATE lane SET due_at = 0, not_before = NULL, owner = NULL, poked_at = 0";

/// Wider than anybody approved, as if it were half done.
fn forged(row: &Rotation, phase: serde_json::Value) -> String {
    let mut forged = row.clone();
    forged.plan.new.scopes.insert("api".into());
    let yes = |by: &str| Approval {
        by: by.into(),
        account: None,
        shell: None,
        with_code: true,
        plan: forged.plan.hash(),
        at: row.opened_at,
    };
    forged.approvals = vec![yes("alice"), yes("bob")];
    let mut body = serde_json::to_value(&forged).unwrap();
    body["phase"] = phase;
    body.to_string().replace('\'', "''")
}

#[tokio::test]
async fn a_database_without_its_seals_is_believed_by_nobody_who_starts_the_bot() {
    on_each(|url| Box::pin(attack(url))).await;
}

async fn attack(url: String) {
    let mut team = Setup::new().database(url.clone()).start(|_, _| {}).await;
    team.engine.consider(&team.setup.tokens[0], Origin::Scan, false).await.unwrap();
    team.work().await;
    let (row, live, head) = (team.rotation().await, team.live(), team.engine.ledger.head().await.unwrap());
    let new = serde_json::json!({"attempt": 1, "id": 999_999, "digest": "00", "expires_at": null, "at": row.opened_at});
    let phases = [
        serde_json::json!({"is": "minting", "attempt": 2, "started": null}),
        serde_json::json!({"is": "distributing", "new": new, "pending": [row.plan.stores[0].id]}),
        serde_json::json!({"is": "revoking", "new": null, "pending": [row.plan.old.id], "then": "mint"}),
    ];
    let mut side = AnyConnection::connect(&url).await.unwrap();
    for phase in phases {
        team.engine.ledger.close().await;
        let body = forged(&row, phase);
        let sql = format!("UPDATE rotation SET body = '{body}'; {STRIP}");
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut side).await.unwrap();
        // Nothing beside the database knows better.
        let _gone = std::fs::remove_file(format!("{}.head", url.trim_start_matches("sqlite:")));
        team.restarted().await;
        let refused = team.engine.take_stock(Word::Nothing).await.unwrap_err().to_string();
        assert!(refused.contains("rekey serve --adopt"), "{refused}");
        works_in_vain(&team).await;
        assert_eq!(team.live(), live);
    }
    an_issue_knows_better(&mut team, &head).await;
    assert_eq!(team.live(), live);
    vouched_for(&mut team).await;
    assert_eq!(team.live(), live, "what is wider than the old token is made by no yes");
}

async fn works_in_vain(team: &Team) {
    for _ in 0..3 {
        team.work_once().await;
        team.stage.clock.advance(120);
    }
}

/// Somebody may be talked into saying the word; our issues are not.
async fn an_issue_knows_better(team: &mut Team, head: &Head) {
    let issue = team.stage.state.issues()[0].clone();
    let text = |head: &str| IssueChange { description: Some(head.to_owned()), ..IssueChange::default() };
    let known = text(&format!("{}\n\n<!-- rekey:head {head} -->", issue.description));
    team.engine.gitlab.update_issue("acme/ops", issue.iid, &known).await.unwrap();
    team.setup.word = Word::Adopt;
    team.restarted().await;
    let refused = team.engine.take_stock(Word::Adopt).await.unwrap_err().to_string();
    assert!(refused.contains("its seals were taken away"), "{refused}");
    works_in_vain(team).await;
    let plain = text(&issue.description);
    team.engine.gitlab.update_issue("acme/ops", issue.iid, &plain).await.unwrap();
}

/// Where nothing knows better it is adopted, and then the approvers decide.
async fn vouched_for(team: &mut Team) {
    team.restarted().await;
    team.engine.take_stock(Word::Adopt).await.unwrap();
    let row = team.rotation().await;
    assert!(row.phase.name() == "stuck" && row.asks_anew && row.approvals.is_empty(), "{:?}", row.phase);
    let refused = team.refusal("alice", Action::Approve).await;
    assert!(refused.contains("does not have the scope \"api\""), "{refused}");
    team.restarted().await;
    let again = team.engine.take_stock(Word::Adopt).await.unwrap_err().to_string();
    assert!(again.contains("start without --adopt"), "{again}");
}
