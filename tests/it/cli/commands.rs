//! What each command says, and what it refuses.

use super::office::{Office, Wish};
use rekey::sandbox::gitlab::World;

/// A second token that the configuration names and GitLab does not have.
const LOST: &str = r#"
[[token]]
id = "lost"
owner = { group = "acme", service_account = "deploy-bot" }
name = "lost"
approvers = ["ada"]
store = [{ kind = "file", path = "/nowhere/token" }]
verify = [{ kind = "pipeline", project = "acme/deploy", ref = "main", job = "deploy" }]
"#;

#[tokio::test]
async fn a_plan_is_told_exactly_and_its_hash_is_the_one_to_approve() {
    let office = Office::open(Wish::default()).await;
    insta::assert_snapshot!("plan", office.says(&["plan", "deploy"]).await);
    let plan = office.json(&["plan", "deploy", "--json"]).await;
    office.says(&["rotate", "deploy", "--as", "grace"]).await;
    assert_eq!(plan["hash"].as_str(), Some(office.plan_hash().await.as_str()));
    assert_eq!(plan["plan"]["old"]["expires_at"], office.expires.to_string());
}

#[tokio::test]
async fn the_list_shows_every_token_and_names_below_it_what_is_wrong() {
    let office = Office::open(Wish { days: 5, ..Wish::default() }).await;
    office.configure(|text| text + LOST);
    insta::assert_snapshot!("list", office.says(&["list"]).await);
    let list = office.json(&["list", "--json"]).await;
    assert_eq!(list[0]["token"], "deploy");
    assert_eq!(list[0]["days_left"], 5);
    assert_eq!(list[1]["state"], "missing");
}

#[tokio::test]
async fn a_rotation_opened_by_hand_is_approved_by_somebody_else_and_shown_from_its_row() {
    let office = Office::open(Wish::default()).await;
    insta::assert_snapshot!("rotate", office.says(&["rotate", "deploy", "--as", "grace"]).await);
    insta::assert_snapshot!("rotate_again", office.says(&["rotate", "deploy", "--as", "ada"]).await);
    let plan = office.plan_hash().await;

    let own = office.complains(&["approve", "deploy", "--as", "grace", "--plan", &plan]).await;
    assert_eq!(own, "error: you asked for this rotation, so somebody else has to approve it\n");
    let other = office.complains(&["approve", "deploy", "--as", "ada", "--plan", "deadbeef"]).await;
    assert!(other.starts_with("error: the plan has changed; the present one is "), "{other}");
    let early = office.complains(&["retry", "deploy", "--as", "ada"]).await;
    assert_eq!(early, "error: nothing to do: this rotation is waiting for approval\n");

    insta::assert_snapshot!("approve", office.says(&["approve", "deploy", "--as", "ada", "--plan", &plan[..8]]).await);
    let shown = office.says(&["show", "deploy", "--journal"]).await;
    insta::assert_snapshot!("show", regex::Regex::new(" {3,}").unwrap().replace_all(&shown, "   "));
    let shown = office.json(&["show", "deploy", "--journal", "--json"]).await;
    assert_eq!(shown["phase"], "minting");
    assert_eq!(shown["journal"][0]["event"], "opened");
    let actors: Vec<&str> =
        shown["journal"].as_array().unwrap().iter().filter_map(|line| line["actor"].as_str()).collect();
    let user = actors[0].strip_suffix(" for grace").expect("whose shell it was, and for whom");
    assert!(user.starts_with("uid "), "{actors:?}");
    assert!(actors.contains(&format!("{user} for ada via cli").as_str()), "{actors:?}");
}

#[tokio::test]
async fn a_declined_rotation_has_changed_nothing() {
    let office = Office::open(Wish::default()).await;
    office.says(&["rotate", "deploy", "--as", "grace"]).await;
    let unsaid = office.complains(&["decline", "deploy", "--as", "ada"]).await;
    assert!(unsaid.starts_with("error: a rotation is not declined without a word; add --reason"), "{unsaid}");
    let decline = ["decline", "deploy", "--as", "ada", "--reason", "release freeze"];
    insta::assert_snapshot!("decline", office.says(&decline).await);
    let listed = office.json(&["rotations", "--all", "--json"]).await;
    assert_eq!((listed[0]["token"].as_str(), listed.as_array().map(Vec::len)), (Some("deploy"), Some(1)));
    assert_eq!(office.state.live_tokens(office.account).len(), 1);
}

#[tokio::test]
async fn a_rotation_that_the_server_asks_for_is_listed_with_who_snoozed_it() {
    let office = Office::open(Wish::default()).await;
    assert_eq!(office.says(&["rotations"]).await, "No rotation is open.\n");
    let opened = office.says(&["rotate", "deploy"]).await;
    assert!(opened.contains("is open; the command line asked for it"), "{opened}");
    office.says(&["snooze", "deploy", "--as", "ada", "--for", "2h"]).await;
    let listed = office.says(&["rotations"]).await;
    assert!(listed.contains("Waiting for approval") && listed.contains("ada until "), "{listed}");
}

#[tokio::test]
async fn a_leak_is_confirmed_before_an_outage_is_planned() {
    let office = Office::open(Wish::default()).await;
    let unconfirmed = office.complains(&["rotate", "deploy", "--as", "grace", "--leaked"]).await;
    assert_eq!(unconfirmed, "error: --leaked means an outage and wants to be confirmed; type --yes too\n");
    insta::assert_snapshot!("leaked", office.says(&["rotate", "deploy", "--as", "grace", "--leaked", "--yes"]).await);
    let shown = office.json(&["show", "deploy", "--json"]).await;
    let strategy = shown["card"]["fields"].as_array().unwrap().iter().find(|field| field["label"] == "Strategy");
    let words = strategy.unwrap()["value"]["text"].as_str().unwrap();
    assert!(words.starts_with("revoke_first ("), "{words}");
    assert_eq!(shown["card"]["reasons"][0], "the value leaked, so it is revoked first");
}

#[tokio::test]
async fn a_leak_turns_the_gentle_rotation_that_is_open_around() {
    let office = Office::open(Wish::default()).await;
    office.says(&["rotate", "deploy", "--as", "grace"]).await;
    let leak = ["rotate", "deploy", "--as", "grace", "--leaked", "--yes", "--reason", "it stands in a public ticket"];
    let told = office.says(&leak).await;
    assert!(
        told.contains("Grace Hopper reported an incident.") && told.contains("It waits for ada, in chat or here"),
        "{told}"
    );
    let shown = office.json(&["show", "deploy", "--json"]).await;
    assert_eq!(shown["card"]["title"], "Incident: revoke and replace deploy");
    assert!(shown["card"]["status"]["sentence"].as_str().unwrap().contains("it stands in a public ticket"), "{shown}");
}

#[tokio::test]
async fn whoever_is_mistyped_is_asked_whether_somebody_near_was_meant() {
    let office = Office::open(Wish::default()).await;
    assert_eq!(
        office.complains(&["plan", "deplyo"]).await,
        "error: no token \"deplyo\" is configured; did you mean deploy? See `rekey list`\n"
    );
    assert_eq!(
        office.complains(&["rotate", "deploy", "--as", "adda"]).await,
        "error: there is no [people.adda] in the configuration; did you mean ada? See `rekey people list`\n"
    );
    assert_eq!(
        office.complains(&["rotate", "deploy", "--as", "zoe"]).await,
        "error: there is no [people.zoe] in the configuration; see `rekey people list`\n"
    );
    assert_eq!(
        office.complains(&["plan", "unheard-of"]).await,
        "error: no token \"unheard-of\" is configured; add a [[token]] with that id, or see `rekey list`\n"
    );
    assert_eq!(
        office.complains(&["show", "deploy"]).await,
        "error: deploy has no rotation yet; `rekey rotate deploy --as <person>` opens one\n"
    );
    assert_eq!(office.complains(&["show", "01nothing"]).await, "error: no rotation \"01nothing\"; see `rekey list`\n");
}

#[tokio::test]
async fn a_gitlab_that_is_not_there_is_named_with_the_way_out() {
    let office = Office::open(Wish::default()).await;
    let address = office.gitlab.base_url();
    office.configure(|text| text.replace(&address, "http://127.0.0.1:9"));
    let why = "GitLab could not be asked (127.0.0.1:9: Connection refused)";
    assert_eq!(
        office.complains(&["plan", "deploy"]).await.replace(":PORT", ":9"),
        format!("error: {why}; check [gitlab] url, then run `rekey doctor`\n")
    );
    let output = office.run(&["list"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(office.tame(&output.stdout).contains("unreachable"), "the list is shown all the same");
    assert_eq!(office.tame(&output.stderr), "error: GitLab told of no token; run `rekey doctor`\n");
}

#[tokio::test]
async fn an_empty_journal_is_said_to_be_empty() {
    let office = Office::open(Wish::default()).await;
    office.says(&["list"]).await;
    assert_eq!(office.says(&["audit", "verify"]).await, "The journal is empty.\n");
}

#[tokio::test]
async fn the_audit_finds_the_line_that_was_edited() {
    let office = Office::open(Wish::default()).await;
    let nowhere = office.complains(&["audit", "verify"]).await;
    assert!(nowhere.starts_with("error: there is no database at /folder/rekey.db; "), "{nowhere}");

    office.says(&["rotate", "deploy", "--as", "grace"]).await;
    office.says(&["decline", "deploy", "--as", "ada", "--reason", "not now"]).await;
    insta::assert_snapshot!("audit", office.says(&["audit", "verify"]).await);

    sqlx::any::install_default_drivers();
    let url = format!("sqlite:{}", office.folder.path().join("rekey.db").display());
    let pool = sqlx::AnyPool::connect(&url).await.unwrap();
    sqlx::query("UPDATE journal SET actor = 'grace via cli' WHERE seq = 2").execute(&pool).await.unwrap();
    pool.close().await;
    let output = office.run(&["audit", "verify"]).await;
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!("audit_fault", office.tame(&output.stdout));
}

#[tokio::test]
async fn a_hostile_name_reaches_no_terminal() {
    let world: fn(&mut World) = |world| {
        let group = rekey::sandbox::gitlab::Place::Group(9_001);
        let account = world.service_account(group, "odd-bot");
        let mint = rekey::sandbox::gitlab::Mint::new(account, "odd\u{1b}[2J\u{202e}", &["read_api"]);
        world.mint(mint.expires(super::office::in_days(3)));
    };
    let office = Office::open(Wish { world, ..Wish::default() }).await;
    let odd = LOST.replace("id = \"lost\"", "id = \"odd\"").replace("deploy-bot", "odd-bot");
    office.configure(|text| text + &odd.replace("name = \"lost\"", "name = \"odd\\u001b[2J\\u202e\""));
    for arguments in [["plan", "odd"].as_slice(), &["list"], &["rotate", "odd", "--as", "grace"], &["show", "odd"]] {
        let said = office.says(arguments).await;
        assert!(!said.contains('\u{1b}') && !said.contains('\u{202e}'), "{arguments:?}: {said:?}");
    }
}
