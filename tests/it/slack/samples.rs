//! Everything that Slack's own test suites and documents say it sends is understood.

use super::messenger::api;
use axum::Router;
use rekey::chat::ChatError;
use rekey::chat::slack::client::Client;
use rekey::chat::slack::inbound::{self, Event, Interaction};
use rekey::chat::slack::socket::{Envelope, Kind, Said, read};
use rekey::notice::signature::{self, Key, Untrusted};
use rekey::secret::Secret;
use serde_json::Value;
use std::path::PathBuf;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/samples/slack")
}

fn sample(name: &str) -> String {
    std::fs::read_to_string(folder().join(name)).unwrap()
}

fn as_form(payload: &str) -> Vec<u8> {
    form_urlencoded::Serializer::new(String::new()).append_pair("payload", payload).finish().into_bytes()
}

fn interaction(name: &str) -> Interaction {
    inbound::interaction(&as_form(&sample(name))).expect(name)
}

/// What each message on a socket is.
const HEARD: [(&str, &str); 9] = [
    ("socket_disconnect.python_sdk.json", "Goodbye(TooMany)"),
    ("socket_disconnect_refresh.composed.json", "Goodbye(Renewal)"),
    ("socket_disconnect_warning.composed.json", "Goodbye(Renewal)"),
    ("socket_events_api.python_sdk.json", "Event"),
    ("socket_hello.python_sdk.json", "Hello"),
    ("socket_interactive_block_actions.composed.json", "Interaction of U0APP00001"),
    ("socket_interactive_shortcut.python_sdk.json", "Interaction of U111"),
    ("socket_interactive_view_submission.composed.json", "Interaction of U0APP00001"),
    ("socket_slash_commands.python_sdk.json", "Command"),
];

/// By the reader that the bot itself uses.
fn heard(name: &str) -> String {
    match read(&sample(name)).expect(name) {
        Said::Request(Envelope { kind: Kind::Interaction, payload, id, .. }) => {
            assert!(!id.is_empty(), "{name}");
            format!("Interaction of {}", inbound::from_socket::<Interaction>(payload).expect(name).user.id)
        }
        Said::Request(Envelope { kind, .. }) => format!("{kind:?}"),
        other => format!("{other:?}"),
    }
}

#[test]
fn every_sample_is_understood() {
    let mut seen = 0;
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name.ends_with(".form") {
            let command = inbound::command(sample(&name).as_bytes());
            assert!(!command.user_id.is_empty() && !command.trigger_id.is_empty(), "{name}");
            seen += 1;
        } else if name.starts_with("block_actions") || name.starts_with("view_") {
            let interaction = interaction(&name);
            assert!(!interaction.user.id.is_empty() && !interaction.team_of_user().is_empty(), "{name}");
            seen += 1;
        } else if name.starts_with("socket_") {
            assert_eq!(heard(&name), HEARD.iter().find(|(sample, _)| *sample == name).expect(&name).1, "{name}");
            seen += 1;
        }
    }
    assert!(seen >= 15, "{seen} samples");
}

#[test]
fn a_click_is_read_whole() {
    let click = interaction("block_actions.approve.composed.json");
    assert_eq!((click.kind.as_str(), click.user.id.as_str()), ("block_actions", "U0APP00001"));
    assert_eq!(click.actions[0].action_id, "rotation.approve");
    assert_eq!(click.actions[0].value, "req_01JD3Z");
    assert!(click.response_url.starts_with("https://hooks.slack.com/actions/"));
}

#[test]
fn an_organisation_wide_install_without_a_team_and_numbers_in_metadata_are_understood() {
    let mut payload: Value = serde_json::from_str(&sample("block_actions.approve.composed.json")).unwrap();
    payload["team"] = Value::Null;
    payload["message"]["metadata"]["event_payload"]["id"] = 7.into();
    payload["type"] = "something_new".into();
    payload["actions"][0]["value"] = Value::Null;
    let read = inbound::interaction(&as_form(&payload.to_string())).unwrap();
    assert_eq!((read.kind.as_str(), read.team_of_user()), ("something_new", "T0TEAM0001"));
    assert_eq!(read.actions[0].value, "");
}

#[test]
fn a_slash_command_with_quotes_and_ampersands_is_read() {
    let command = inbound::command(sample("slash_command.rotate.composed.form").as_bytes());
    assert_eq!(command.text, "deploy-bot --project acme/api --reason \"leak & rotate\"");
    assert_eq!((command.team_id.as_str(), command.user_id.as_str()), ("T0TEAM0001", "U0REQ00001"));
}

#[test]
fn the_question_whether_we_are_there_is_read() {
    let event: Event = serde_json::from_str(&sample("events_url_verification.json")).unwrap();
    assert_eq!(event.kind, "url_verification");
    assert!(event.challenge.starts_with("3eZb"));
}

#[test]
fn slacks_own_worked_example_of_a_signature_is_accepted_in_its_time_and_refused_later() {
    let vector: Value = serde_json::from_str(&sample("signature_vector.json")).unwrap();
    let text = |name: &str| vector[name].as_str().unwrap();
    let keys = [Key::from_text(&Secret::new(text("signing_secret").into())).unwrap()];
    let second: i64 = text("timestamp").parse().unwrap();
    let check = |off: i64, body: &str| {
        let now = jiff::Timestamp::from_second(second + off).unwrap();
        signature::slack(&keys, Some(text("timestamp")), Some(text("signature")), body.as_bytes(), now)
    };
    assert_eq!(check(0, text("body")), Ok(0));
    assert_eq!(check(300, text("body")), Ok(0));
    assert_eq!(check(301, text("body")), Err(Untrusted::Stale(301)));
    assert_eq!(check(-301, text("body")), Err(Untrusted::Stale(-301)));
    assert_eq!(check(0, "token=other"), Err(Untrusted::Mismatch));
}

#[test]
fn a_form_is_read_with_what_was_typed_and_shows_none_of_it() {
    let form = interaction("view_submission.totp.composed.json");
    assert_eq!((form.kind.as_str(), form.view.callback_id.as_str()), ("view_submission", "rotation.confirm"));
    assert_eq!(form.view.typed("totp").unwrap().text(), "492039");
    assert_eq!((form.view.typed("reason"), form.view.typed("other")), (None, None));
    assert!(form.view.private_metadata.contains("req_01JD3Z"));
    assert!(!format!("{form:?}").contains("492039"));
}

#[test]
fn what_comes_over_the_socket_is_read_as_what_comes_to_the_endpoints() {
    let payload = |name: &str| serde_json::from_str::<Value>(&sample(name)).unwrap()["payload"].clone();
    let click: Interaction = inbound::from_socket(payload("socket_interactive_block_actions.composed.json")).unwrap();
    assert_eq!(click, interaction("block_actions.approve.composed.json"));
    let command: inbound::Command = inbound::from_socket(payload("socket_slash_commands.python_sdk.json")).unwrap();
    assert_eq!((command.command.as_str(), command.user_id.as_str()), ("/hello-socket-mode", "U111"));
    let event: Event = inbound::from_socket(payload("socket_events_api.python_sdk.json")).unwrap();
    assert_eq!((event.kind.as_str(), event.event_id.as_str()), ("event_callback", "Ev111"));
    assert_eq!((event.event.kind.as_str(), event.event.user.as_str()), ("app_mention", "U222"));
}

#[tokio::test]
async fn slacks_word_for_too_many_calls_is_a_wish_to_wait() {
    let said = sample("web_api_error_ratelimited.json");
    let answer = move || std::future::ready(([("content-type", "application/json")], said.clone()));
    let base = crate::http::serve(Router::new().fallback(answer)).await;
    match Client::new(api(&base, "xoxb-somebody")).auth_test().await {
        Err(ChatError::Unavailable { retry_after: Some(wait), .. }) => assert_eq!(wait.as_secs(), 30),
        other => unreachable!("{other:?}"),
    }
}
