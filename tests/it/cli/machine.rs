//! What programs read: one JSON document of the documented shape, and an exit code.

use super::office::{Office, Wish};
use serde_json::Value;
use std::collections::BTreeSet;

const PAGE: &str = include_str!("../../../docs/command-line.md");

/// The example that the page gives of a command's document.
fn documented(command: &str) -> Value {
    let (_, section) = PAGE.split_once(&format!("### `rekey {command} --json`\n")).unwrap();
    let (_, example) = section.split_once("```json\n").unwrap();
    serde_json::from_str(example.split_once("```").unwrap().0).unwrap()
}

fn keys(object: &Value) -> BTreeSet<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

/// Runs it with `--json`: its exit code, and the one document that it printed.
async fn told(office: &Office, command: &[&str]) -> (Option<i32>, Value) {
    let output = office.run(&[command, &["--json"]].concat()).await;
    let text = String::from_utf8(output.stdout).unwrap();
    (output.status.code(), serde_json::from_str(&text).unwrap_or_else(|error| unreachable!("{error}: {text}")))
}

#[tokio::test]
async fn doctor_tells_programs_every_finding_and_ends_as_for_people() {
    let office = Office::open(Wish { bot_scopes: &["read_api"], ..Wish::default() }).await;
    let (code, document) = told(&office, &["doctor"]).await;
    let example = documented("doctor");
    assert_eq!((code, keys(&document)), (Some(1), keys(&example)), "{document:#}");
    let findings = document["findings"].as_array().unwrap();
    let counted = |verdict: &str| findings.iter().filter(|finding| finding["verdict"] == verdict).count() as u64;
    assert_eq!(
        [&document["ok"], &document["warnings"], &document["failures"]],
        [counted("ok"), counted("warn"), counted("fail")]
    );
    assert!(findings.iter().all(|finding| keys(finding) == keys(&example["findings"][0])), "{document:#}");
    assert!(findings.iter().any(|finding| finding["area"] == "gitlab" && finding["verdict"] == "fail"));
}

#[tokio::test]
async fn config_check_tells_programs_each_problem_with_its_place() {
    let office = Office::open(Wish::default()).await;
    let (code, good) = told(&office, &["config", "check"]).await;
    let example = documented("config check");
    assert_eq!((code, keys(&good), &good["ok"]), (Some(0), keys(&example), &Value::Bool(true)), "{good:#}");
    assert_eq!((&good["tokens"], &good["problems"]), (&Value::from(1), &Value::Array(Vec::new())));

    office.configure(|text| text.replace("project = \"acme/ops\"", "project = 7"));
    let (code, bad) = told(&office, &["config", "check"]).await;
    assert_eq!((code, keys(&bad)), (Some(1), keys(&example)), "{bad:#}");
    let problem = &bad["problems"][0];
    assert_eq!(keys(problem), keys(&example["problems"][0]));
    assert!(problem["line"].as_u64() > Some(1) && problem["message"].as_str().unwrap().contains("[issues]"), "{bad:#}");
}

#[tokio::test]
async fn the_audit_tells_programs_its_end_or_that_there_is_nothing_to_audit() {
    let office = Office::open(Wish::default()).await;
    let (code, nothing) = told(&office, &["audit", "verify"]).await;
    assert_eq!((code, keys(&nothing)), (Some(1), BTreeSet::from(["error"])), "{nothing:#}");
    office.says(&["rotate", "deploy", "--as", "grace"]).await;
    let (code, whole) = told(&office, &["audit", "verify"]).await;
    assert_eq!((code, keys(&whole)), (Some(0), keys(&documented("audit verify"))), "{whole:#}");
    let head = whole["head"].as_str().unwrap();
    assert!(office.says(&["audit", "verify", "--head", head]).await.starts_with("The journal is whole"));
}

#[tokio::test]
async fn the_other_documents_have_the_fields_that_the_page_names() {
    let office = Office::open(Wish::default()).await;
    office.says(&["rotate", "deploy", "--as", "grace"]).await;
    for (shown, command) in [
        ("list", &["list"][..]),
        ("rotations", &["rotations"]),
        ("plan <token>", &["plan", "deploy"]),
        ("show <rotation>", &["show", "deploy", "--journal"]),
        ("people list", &["people", "list"]),
    ] {
        let (code, document) = told(&office, command).await;
        let row = PAGE.lines().find(|line| line.starts_with(&format!("| `rekey {shown} --json`"))).unwrap();
        let one = document.get(0).unwrap_or(&document);
        assert!(code == Some(0) && keys(one).iter().all(|key| row.contains(&format!("`{key}`"))), "{row}\n{one:#}");
    }
}

#[tokio::test]
async fn the_help_says_how_commands_end_and_a_command_that_was_typed_wrongly_ends_so() {
    let office = Office::open(Wish::default()).await;
    for command in
        [&["--help"][..], &["doctor", "--help"], &["config", "check", "--help"], &["audit", "verify", "--help"]]
    {
        let help = office.says(command).await;
        assert!(help.contains("Exit codes:\n  0  it did what it was asked"), "{help}");
    }
    assert_eq!(office.run(&["docter"]).await.status.code(), Some(2));
}
