//! `rekey init`, asked by a person, by a script, and by somebody who pastes a secret.

use rekey::cli::init::{Dialogue, InitArgs, run};
use rekey::config::{Machine, SlackMode, WithoutSecrets, load};
use std::path::Path;

/// Answers the questions with `lines`; gives what was printed and how it ended.
fn asked(args: &InitArgs, path: &Path, lines: &str, interactive: bool) -> (String, Result<(), String>) {
    let (mut input, mut output) = (lines.as_bytes(), Vec::new());
    let ended = run(args, path, &mut Dialogue::new(&mut input, &mut output, interactive));
    (String::from_utf8(output).unwrap(), ended.map(|_| ()).map_err(|error| error.to_string()))
}

fn by_flags() -> InitArgs {
    InitArgs {
        issues_project: Some("acme/operations".into()),
        approver: Some("@ada.lovelace".into()),
        ..InitArgs::default()
    }
}

#[test]
fn a_person_answers_few_questions_and_gets_a_configuration_that_is_right() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rekey.toml");
    let lines =
        "https://gitlab.example.com\n\nacme/operations\nada\nT0ACME\n\nC0OPS\nU0ADA\n\n\ngitlab@example.com\n\n";
    let (printed, ended) = asked(&InitArgs::default(), &path, lines, true);
    assert_eq!(ended, Ok(()));
    insta::assert_snapshot!(printed.replace(&path.display().to_string(), "rekey.toml"));
    let text = std::fs::read_to_string(&path).unwrap();
    insta::assert_snapshot!("written", text);

    let config = load(&path, &WithoutSecrets(Machine)).unwrap();
    assert_eq!(config.gitlab.token.reference, "env:GITLAB_TOKEN");
    assert_eq!(config.slack.unwrap().channel, "C0OPS");
    assert_eq!(config.mail.unwrap().senders, ["gitlab@example.com"]);

    let block = text.split_once("fill in yours.\n").unwrap().1;
    let uncommented = block.lines().map(|line| line.trim_start_matches("# ")).collect::<Vec<_>>().join("\n");
    std::fs::write(&path, text.replace(block, &uncommented)).unwrap();
    let config = load(&path, &WithoutSecrets(Machine)).unwrap();
    assert_eq!(config.tokens[0].0.consumers[0].id.as_str(), "pipeline acme/deploy main, job deploy");
}

#[test]
fn an_answer_that_is_wrong_is_asked_for_again_and_the_others_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rekey.toml");
    let lines = "gitlab.example.com\nhttps://gitlab.example.com\n\nacme/operations\nada\n#ops\nT0ACME\nhttp\nC0OPS\n\
                 U0ADA\n42\n123456789012345678\n223456789012345678\n323456789012345678\n423456789012345678\n\n\nmysql:x\n\n";
    let (printed, ended) = asked(&InitArgs::default(), &path, lines, true);
    assert_eq!(ended, Ok(()), "{printed}");
    for objection in ["url is not an address", "team is \"#ops\"", "application is \"42\"", "[database]: url"] {
        assert!(printed.contains(objection), "{objection}: {printed}");
    }
    let config = load(&path, &WithoutSecrets(Machine)).unwrap();
    assert!(matches!(config.slack.unwrap().mode, SlackMode::Http));
    assert_eq!(config.discord.unwrap().guild, "223456789012345678");
    assert_eq!(config.people.values().next().unwrap().discord.as_deref(), Some("423456789012345678"));
    assert!(printed.contains("env:SLACK_SIGNING_SECRET, env:DISCORD_TOKEN)"), "{printed}");
}

#[test]
fn a_name_that_gitlab_could_not_know_is_asked_for_again_by_the_rules_of_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rekey.toml");
    let lines = "\n\noperations\nacme/operations\nacme/ada\nada\n\n\n\ngitlab@\ngitlab@example.com\n\n";
    let (printed, ended) = asked(&InitArgs::default(), &path, lines, true);
    assert_eq!(ended, Ok(()), "{printed}");
    let objections = [
        "\"operations\", which is no project's path",
        "\"acme/ada\", which is no login",
        "\"gitlab@\" is neither an address",
    ];
    for objection in objections {
        assert!(printed.contains(objection), "{objection}: {printed}");
    }
    let wrong = InitArgs { issues_project: Some("operations".into()), force: true, ..by_flags() };
    let told = asked(&wrong, &path, "", false).1.unwrap_err();
    assert!(told.contains("write the full path with its group, as in its address, \"acme/operations\""), "{told}");
}

#[test]
fn who_has_webhooks_says_where_their_secret_is_and_is_told_what_to_do_in_gitlab() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rekey.toml");
    let lines = "\n\nacme/operations\nada\n\n\nhunter2hunter2hunter2\nfile:/run/secrets/webhook\n\n\n";
    let (printed, ended) = asked(&InitArgs::default(), &path, lines, true);
    assert_eq!(ended, Ok(()), "{printed}");
    assert!(printed.contains("secret_token must say where the value is"), "{printed}");
    assert!(printed.contains("(env:GITLAB_TOKEN, file:/run/secrets/webhook)"), "{printed}");
    assert!(printed.contains("/hooks/gitlab with the secret token of file:/run/secrets/webhook"), "{printed}");
    let config = load(&path, &WithoutSecrets(Machine)).unwrap();
    assert_eq!(config.gitlab.webhook.secret_tokens[0].reference, "file:/run/secrets/webhook");

    let without = InitArgs { force: true, ..by_flags() };
    let (printed, ended) = asked(&without, &path, "", false);
    assert_eq!(ended, Ok(()));
    assert!(!printed.contains("webhook"), "{printed}");
    assert!(load(&path, &WithoutSecrets(Machine)).unwrap().gitlab.webhook.secret_tokens.is_empty());
}

#[test]
fn a_script_gives_flags_and_is_asked_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rekey.toml");
    let (printed, ended) = asked(&by_flags(), &path, "", false);
    assert_eq!(ended, Ok(()));
    assert!(printed.starts_with("Wrote ") && printed.lines().count() == 4, "{printed}");
    let config = load(&path, &WithoutSecrets(Machine)).unwrap();
    assert_eq!(config.people.keys().next().unwrap().as_str(), "ada-lovelace");
    assert!(config.slack.is_none() && config.mail.is_none());
}

#[test]
fn a_script_that_leaves_out_what_has_no_default_is_told_the_flag() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rekey.toml");
    let args = InitArgs { issues_project: None, yes: true, ..by_flags() };
    let told = asked(&args, &path, "", true).1.unwrap_err();
    assert!(told.contains("--issues-project"), "{told}");
    assert!(!path.exists());
}

#[test]
fn a_configuration_that_exists_is_kept_unless_told_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rekey.toml");
    std::fs::write(&path, "precious").unwrap();
    let told = asked(&by_flags(), &path, "", false).1.unwrap_err();
    assert!(told.contains("exists; use --force"), "{told}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    let args = InitArgs { force: true, ..by_flags() };
    assert_eq!(asked(&args, &path, "", false).1, Ok(()));
    assert!(load(&path, &WithoutSecrets(Machine)).is_ok());
}

#[test]
fn a_secret_given_as_an_answer_is_refused_and_written_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rekey.toml");
    let secret = "glpat-CanaryCanaryCanary00";
    let args = InitArgs { gitlab_token: Some(secret.into()), ..by_flags() };
    let told = asked(&args, &path, "", false).1.unwrap_err();
    assert!(told.contains("token holds a secret itself") && !told.contains("Canary"), "{told}");
    assert!(!path.exists());

    let lines = format!("https://gitlab.example.com\n{secret}\nfile:/run/secrets/gitlab\n\n\n\n\n\n");
    let (printed, ended) = asked(&by_flags(), &path, &lines, true);
    assert_eq!(ended, Ok(()));
    assert!(printed.contains("That is a secret itself") && !printed.contains("Canary"), "{printed}");
    assert!(!std::fs::read_to_string(&path).unwrap().contains("Canary"));
}

#[test]
fn answers_that_make_no_configuration_are_told_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rekey.toml");
    let hostile = "a\" }}\n[server]\nlisten = \"{{person}}";
    let args =
        InitArgs { gitlab_url: Some("http://gitlab.example".into()), approver: Some(hostile.into()), ..by_flags() };
    let told = asked(&args, &path, "", false).1.unwrap_err();
    assert!(
        told.contains("[gitlab]: url would send secrets in clear") && told.ends_with("nothing was written"),
        "{told}"
    );
    assert!(!path.exists());
}
