//! Requests of Discord as it publishes and sends them: each is understood, each trap has its name, the genuine ones
//! verify and fail as they should.

use axum::Router;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use jiff::Timestamp;
use rekey::chat::ChatError;
use rekey::chat::discord::Message;
use rekey::chat::discord::client::Client;
use rekey::chat::discord::inbound::{self, BUTTON, COMMAND, COMPLETE, FORM, Interaction, PING};
use rekey::notice::signature::Untrusted;
use rekey::server::discord::Key;
use rekey::server::discord::signature::genuine;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const GUILD: &str = "1300000000000000099";

macro_rules! sample {
    ($name:literal) => {
        serde_json::from_str::<Value>(include_str!(concat!("../../samples/discord/", $name))).unwrap()
    };
}

fn read(value: &Value) -> Interaction {
    inbound::interaction(value.to_string().as_bytes()).unwrap()
}

#[test]
fn the_smallest_ping_is_a_ping() {
    assert_eq!(read(&sample!("ping_minimal.json")).kind, PING);
}

#[test]
fn a_command_tells_who_where_and_what() {
    let command = read(&sample!("application_command.rotate.composed.json"));
    assert_eq!(
        (command.kind, command.account(), command.data.name.as_str()),
        (COMMAND, "1300000000000000010", "token")
    );
    assert_eq!(command.roles(), BTreeSet::from(["1300000000000000201", "1300000000000000202"].map(str::to_owned)));
    assert!(command.is_in_guild() && command.is_installed_by(GUILD));
    let values: Vec<String> = command.data.options[0].options.iter().map(|given| given.text()).collect();
    assert_eq!(values, ["deploy-bot", "30", "true", "1300000000000000011"]);
}

#[test]
fn the_documentations_own_example_is_understood_and_proves_no_installation() {
    let command = read(&sample!("application_command.docs_verbatim.json"));
    assert_eq!((command.kind, command.account()), (COMMAND, "53908232506183680"));
    assert!(!command.is_in_guild() && !command.is_installed_by("290926798626357999"));
}

#[test]
fn what_is_being_typed_is_marked() {
    let typing = read(&sample!("autocomplete.composed.json"));
    let given = &typing.data.options[0].options[0];
    assert_eq!((typing.kind, given.focused, given.text()), (COMPLETE, true, "dep".to_owned()));
}

#[test]
fn a_click_is_the_same_by_http_and_over_the_gateway() {
    let click = read(&sample!("message_component.approve.composed.json"));
    let envelope = sample!("gateway_interaction_create.composed.json");
    let heard = read(&envelope["d"]);
    for click in [&click, &heard] {
        assert_eq!((click.kind, click.account()), (BUTTON, "1300000000000000011"));
        assert_eq!(click.data.custom_id, "approve:req_01JD3Z");
        assert!(!click.is_from_private());
    }
    assert_eq!(click.id, heard.id);
}

#[test]
fn what_was_typed_is_found_in_rows_and_in_labels() {
    let mut form = sample!("modal_submit.action_row.composed.json");
    let typed = vec![("code".to_owned(), "492039".to_owned())];
    assert_eq!((read(&form).kind, read(&form).typed()), (FORM, typed.clone()));
    let input = form["data"]["components"][0]["components"][0].clone();
    let words = json!({"type": 10, "id": 7});
    form["data"]["components"] = json!([words, {"type": 18, "id": 1, "component": input}]);
    assert_eq!(read(&form).typed(), typed);
}

#[test]
fn parts_that_are_missing_null_or_of_another_shape_are_facts_of_life() {
    let click = sample!("message_component.approve.composed.json");
    for part in click.as_object().unwrap().keys() {
        for value in [Value::Null, json!(7), json!("text"), json!([1]), json!({"x": 1})] {
            let mut odd = click.clone();
            odd[part] = value;
            let read = read(&odd);
            assert!(part == "member" || part == "user" || read.account() == "1300000000000000011", "{part}");
        }
        let mut without = click.clone();
        without.as_object_mut().unwrap().remove(part);
        drop(read(&without));
    }
    assert!(inbound::interaction(b"[]").is_none() || read(&json!([])).kind == 0);
}

#[test]
fn a_copy_that_a_user_installed_has_no_authority_though_it_is_used_in_the_guild() {
    let mut click = sample!("message_component.approve.composed.json");
    click["authorizing_integration_owners"] = json!({"1": "1300000000000000011"});
    assert!(read(&click).is_in_guild() && !read(&click).is_installed_by(GUILD));
    click["authorizing_integration_owners"] = json!({"0": "0", "1": "1300000000000000011"});
    assert!(!read(&click).is_installed_by(GUILD));
}

#[test]
fn requests_that_discord_itself_sent_verify_and_fail_as_they_should() {
    let vectors = sample!("signed_vectors.json");
    for vector in vectors.as_array().unwrap() {
        let text = |name: &str| vector[name].as_str().unwrap();
        let key = [Key::from_hex(text("public_key")).unwrap()];
        let sent = Timestamp::from_second(text("timestamp").parse().unwrap()).unwrap();
        let check = |body: &str, signature: Option<&str>, time: Option<&str>, later: i64| {
            let now = sent + jiff::SignedDuration::from_secs(later);
            genuine(&key, time, signature, body.as_bytes(), now)
        };
        let (body, signature, time) = (text("body"), Some(text("signature")), Some(text("timestamp")));
        if vector["valid"] == true {
            assert_eq!(check(body, signature, time, 0), Ok(()));
            assert_eq!(check(body, signature, time, 300), Ok(()));
            assert_eq!(check(body, signature, time, 301), Err(Untrusted::Stale(301)));
            assert_eq!(check(body, signature, time, -301), Err(Untrusted::Stale(-301)));
            assert_eq!(check(&format!("{body} "), signature, time, 0), Err(Untrusted::Mismatch));
            assert_eq!(check(body, signature, Some("1728695488"), 0), Err(Untrusted::Mismatch));
            assert_eq!(genuine(&[], time, signature, body.as_bytes(), sent), Err(Untrusted::NoSecret));
        } else {
            assert_eq!(check(body, signature, time, 0), Err(Untrusted::Mismatch));
        }
        for odd in ["", "zz", "é", &"0".repeat(128), &"f".repeat(127)] {
            assert_eq!(check(body, Some(odd), time, 0), Err(Untrusted::Mismatch), "{odd}");
        }
        assert!(matches!(check(body, None, time, 0), Err(Untrusted::Missing(_))));
        assert!(matches!(check(body, signature, None, 0), Err(Untrusted::Missing(_))));
    }
}

#[test]
fn a_public_key_that_is_none_is_refused() {
    for odd in ["", "7a", &"zz".repeat(32), &"ab".repeat(32)] {
        assert!(Key::from_hex(odd).is_err(), "{odd}");
    }
}

#[tokio::test]
async fn discords_word_for_too_many_calls_is_a_wish_to_wait() {
    let told = sample!("rest_429.json");
    let status = StatusCode::from_u16(u16::try_from(told["status"].as_u64().unwrap()).unwrap()).unwrap();
    let headers: HeaderMap = told["headers"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.as_str().unwrap().parse().unwrap()))
        .collect();
    let body = told["body"].to_string();
    let answer = move || std::future::ready((status, headers.clone(), body.clone()));
    let base = crate::http::serve(Router::new().fallback(answer)).await;
    let client = Client::new(super::house::api(&base, "a-token"));
    match client.post(super::house::CHANNEL, &Message::words("x".into()), "nonce").await {
        Err(ChatError::Unavailable { retry_after: Some(wait), .. }) => assert_eq!(wait.as_secs(), 65),
        other => unreachable!("{other:?}"),
    }
}
