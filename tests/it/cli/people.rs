//! `rekey people`: who has one-time codes, and a way back for whoever lost them.

use super::office::{Office, Wish};
use rekey::engine::step_up::Seal;
use rekey::ledger::Line;
use rekey::rotation::ids::PersonId;
use rekey::secret::Secret;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

fn line(event: &str) -> Line {
    let at = rekey::clock::Clock::now(&rekey::clock::SystemClock);
    Line { at, actor: "story".into(), event: event.into(), detail: serde_json::json!({}) }
}

/// An office whose tokens ask for codes, where Ada has some, Grace has some under a lost key, and a guest has none.
async fn office() -> Office {
    let office = Office::open(Wish::default()).await;
    let file = office.folder.path().join("step-up-key");
    std::fs::write(&file, KEY).unwrap();
    std::fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    let section = format!("[step_up]\nkey = \"file:{}\"\n\n[rotation]\nstep_up = \"totp\"\n", file.display());
    office.configure(|text| text.replace("[rotation]\n", &section));
    let url = format!("sqlite:{}", office.folder.path().join("rekey.db").display());
    let ledger = rekey::ledger::open(&url).await.unwrap();
    let lost = "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=";
    for (person, key) in [("ada", KEY), ("grace", lost)] {
        let person = PersonId::from(person);
        let seal = Seal::new(&Secret::new(key.into()), &[]).unwrap();
        let sealed = seal.seal(&person, b"12345678901234567890", [7; 24]);
        ledger.enrollments().offer(&person, &sealed, &line("code_offered")).await.unwrap();
        assert!(ledger.enrollments().confirm(&person, &sealed, 1, "key", &line("code_enrolled")).await.unwrap());
    }
    ledger.close().await;
    office
}

#[tokio::test]
async fn the_list_tells_who_has_codes_and_a_reset_takes_them_away() {
    let office = office().await;
    let before = office.says(&["people", "list"]).await;
    let reset = office.says(&["people", "reset-code", "ada"]).await;
    let again = office.says(&["people", "reset-code", "ada"]).await;
    let after = office.says(&["people", "list"]).await;
    let unknown = office.complains(&["people", "reset-code", "adda"]).await;
    insta::assert_snapshot!("people", [before, reset, again, after, unknown].join("\n"));
    let listed = office.json(&["people", "list", "--json"]).await;
    assert_eq!(listed[0]["person"], "ada");
    assert_eq!(listed[0]["enrolled_at"], serde_json::Value::Null);
    assert!(office.says(&["audit", "verify"]).await.starts_with("The journal is whole"));
}

#[tokio::test]
async fn doctor_tells_who_lacks_codes_and_whose_cannot_be_read() {
    let office = office().await;
    office.says(&["people", "reset-code", "ada"]).await;
    let output = office.run(&["doctor"]).await;
    let said = office.tame(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let people = said.split("\n\n").find(|part| part.starts_with("People")).unwrap();
    insta::assert_snapshot!("people_doctor", people);
}

#[tokio::test]
async fn a_key_of_another_length_stops_the_bot_with_the_way_out() {
    let office = office().await;
    std::fs::write(office.folder.path().join("step-up-key"), "c2hvcnQ=").unwrap();
    let told = office.complains(&["people", "list"]).await;
    assert!(told.contains("must be 32 bytes in base64; make one with `openssl rand -base64 32`"), "{told}");
}

#[tokio::test]
async fn a_decision_that_needs_a_code_is_refused_on_the_command_line() {
    let office = office().await;
    office.says(&["rotate", "deploy", "--as", "grace"]).await;
    let hash = office.plan_hash().await;
    let told = office.complains(&["approve", "deploy", "--as", "ada", "--plan", &hash]).await;
    assert!(told.contains("this token asks for a one-time code with the decision"), "{told}");
}

#[tokio::test]
async fn a_login_that_changed_hands_is_told_by_doctor_and_forgotten_by_hand() {
    let office = Office::open(Wish::default()).await;
    let url = format!("sqlite:{}", office.folder.path().join("rekey.db").display());
    let host = office.gitlab.base_url().rsplit('/').next().unwrap().to_owned();
    let ledger = rekey::ledger::open(&url).await.unwrap();
    assert_eq!(ledger.hold_login(&host, "ada", 4_711, line("").at).await, Ok(4_711));
    ledger.close().await;
    let doctor = office.run(&["doctor"]).await;
    let said = office.tame(&doctor.stdout);
    assert!(said.contains("GitLab login ada belongs to another account than when rekey first looked"), "{said}");
    assert!(said.contains("run `rekey people forget-login ada`"), "{said}");
    let told = office.says(&["people", "forget-login", "@Ada"]).await;
    assert_eq!(told, "From the next scan or comment on, @Ada means the account that bears it then.\n");
    let told = office.complains(&["people", "forget-login", "ada"]).await;
    assert!(told.contains("no account is held to the login \"ada\""), "{told}");
    assert!(!office.tame(&office.run(&["doctor"]).await.stdout).contains("belongs to another account"));
}
