//! `[command.<name>]` and `kind = "command"` as people write them.

use super::super::configured::{configured, mistakes};

const SAFE: &str = r#"
[command.safe]
program = "/usr/local/libexec/rekey-safe"
args = ["--vault", "prod"]
env = { SAFE_KEY = "env:HOME" }
timeout = "20s"
"#;

const STORE: &str = r#"
[[token.store]]
kind = "command"
at = "safe"
place = "prod/deploy-token"
"#;

#[test]
fn a_program_gets_path_and_what_is_named_by_reference() {
    let config = configured(SAFE, STORE).unwrap();
    assert_eq!(config.tokens[0].1[0].id().0, "command safe prod/deploy-token");
    let settings = &config.connections.command["safe"];
    assert_eq!(settings.environment.keys().collect::<Vec<_>>(), ["PATH", "SAFE_KEY"]);
    assert_eq!(settings.environment["SAFE_KEY"].expose(), std::env::var("HOME").unwrap());
    assert_eq!(settings.timeout.unwrap().as_secs(), 20);
    assert!(!format!("{settings:?}").contains(&std::env::var("HOME").unwrap()));
}

#[test]
fn mistakes_are_named_with_the_way_out() {
    for (wrong, right, words) in [
        ("safe\"", "save\"", "there is no connection [command.save]; add it, or correct the name"),
        ("place", "plaice", "did you mean \"place\"?"),
    ] {
        assert!(mistakes(SAFE, &STORE.replace(wrong, right)).contains(words), "{}", mistakes(SAFE, STORE));
    }
    for (right, wrong, words) in [
        ("/usr/local/libexec/", "", "[command.safe]: program must be an absolute path"),
        ("20s", "2m", "[command.safe]: timeout must be at most 30s"),
        ("env:HOME", "a-literal-secret", "[command.safe]: env: "),
        ("[\"--vault\", \"prod\"]", "\"--vault\"", "args must be a list of texts"),
    ] {
        let told = mistakes(&SAFE.replace(right, wrong), STORE);
        assert!(told.contains(words) && !told.contains("a-literal-secret"), "{told}");
    }
}

#[test]
fn two_names_for_one_program_are_one_place() {
    let again = SAFE.replace("command.safe", "command.vault");
    let stores = format!("{STORE}{}", STORE.replace("\"safe\"", "\"vault\""));
    assert!(mistakes(&format!("{SAFE}{again}"), &stores).contains("is there twice; remove one"));
    let other = again.replace("prod", "test");
    assert_eq!(mistakes(&format!("{SAFE}{other}"), &stores), "none");
}
