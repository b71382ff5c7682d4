//! The commands as Discord gets them, and what people mean by them.

use rekey::chat::discord::inbound::{self, Data};
use rekey::engine::desk::Blank;
use rekey::rotation::view::Action;
use rekey::rotation::wish::{COMMANDS, Which, Wish};
use rekey::server::discord::commands::{blank, difference, registered, wish};
use serde_json::{Value, json};

fn data(verb: &str, values: &[(&str, &str)]) -> Data {
    let values: Vec<Value> =
        values.iter().map(|(name, value)| json!({"name": name, "type": 3, "value": value})).collect();
    let sub = json!({"name": verb, "type": 1, "options": values});
    inbound::interaction(json!({"data": {"name": "rekey", "options": [sub]}}).to_string().as_bytes()).unwrap().data
}

fn said(verb: &str, values: &[(&str, &str)]) -> Wish {
    wish(&data(verb, values)).unwrap()
}

#[test]
fn the_manifest_holds_what_the_bot_registers() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/manifests/discord/commands.json");
    let wanted = format!("{}\n", serde_json::to_string_pretty(&registered()).unwrap());
    if std::env::var_os("REKEY_WRITE_MANIFESTS").is_some() {
        std::fs::write(path, &wanted).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), wanted, "set REKEY_WRITE_MANIFESTS=1 to write it anew");
}

#[test]
fn every_verb_of_the_table_is_a_subcommand_for_the_guild_alone() {
    let command = &registered()[0];
    let verbs: Vec<&str> = command["options"].as_array().unwrap().iter().map(|v| v["name"].as_str().unwrap()).collect();
    assert_eq!(verbs, COMMANDS.map(|command| command.verb));
    assert_eq!((&command["integration_types"], &command["contexts"]), (&json!([0]), &json!([0])));
}

#[test]
fn what_was_chosen_means_what_it_means_when_typed() {
    assert_eq!(said("help", &[]), Wish::Help);
    assert_eq!(said("list", &[]), Wish::List(Which::All));
    assert_eq!(said("list", &[("which", "mine")]), Wish::List(Which::Mine));
    assert_eq!(said("plan", &[("token", "deploy-bot")]), Wish::parse("plan deploy-bot"));
    assert_eq!(
        said("approve", &[("plan", "4f2a9c11"), ("rotation", "01jd")]),
        Wish::parse("approve 01jd 4f2a9c11"),
        "whatever their order"
    );
    assert_eq!(said("snooze", &[("rotation", "01jd"), ("for", "3d")]), Wish::parse("snooze 01jd 3d"));
    assert_eq!(
        said("incident", &[("token", "deploy"), ("reason", "pasted  into a ticket")]),
        Wish::Incident { token: "deploy".into(), reason: Some("pasted into a ticket".into()) }
    );
}

#[test]
fn a_value_of_several_words_is_not_taken_for_two_values() {
    assert_eq!(said("incident", &[("token", "a b")]), Wish::Incident { token: "a_b".into(), reason: None });
    assert!(matches!(said("approve", &[("rotation", "x y"), ("plan", "")]), Wish::Unclear { .. }));
    for odd in ["dance", ""] {
        assert_eq!(wish(&data(odd, &[])), None);
    }
}

#[test]
fn while_it_is_typed_it_is_known_what_for() {
    let typing = |verb: &str, values: Value| {
        let sub = json!({"name": verb, "options": values});
        let body = json!({"data": {"name": "rekey", "options": [sub]}}).to_string();
        blank(&inbound::interaction(body.as_bytes()).unwrap().data)
    };
    let focused = |name: &str| json!([{"name": name, "value": "de", "focused": true}]);
    assert_eq!(typing("plan", focused("token")), Some((Blank::Token, "de".into())));
    assert_eq!(typing("incident", focused("token")), Some((Blank::Token, "de".into())));
    assert_eq!(typing("status", focused("rotation")), Some((Blank::Rotation(None), "de".into())));
    assert_eq!(typing("retry", focused("rotation")), Some((Blank::Rotation(Some(Action::Retry)), "de".into())));
    let both = json!([{"name": "rotation", "value": "01jd"}, {"name": "plan", "value": "", "focused": true}]);
    assert_eq!(typing("approve", both), Some((Blank::Plan { rotation: "01jd".into() }, String::new())));
    assert_eq!(typing("incident", focused("reason")), None);
    assert_eq!(typing("plan", json!([{"name": "token", "value": "de"}])), None);
}

#[test]
fn the_difference_to_what_is_registered_is_told_and_defaults_of_discord_are_none() {
    let wanted = registered();
    assert_eq!(difference(&wanted, &[]), Some("it is not there".into()));
    let mut there = wanted.clone();
    for (name, value) in [("id", json!("1")), ("version", json!("2")), ("nsfw", json!(false)), ("guild_id", json!("3"))]
    {
        there[0][name] = value;
    }
    for (name, value) in [("options", json!([])), ("required", json!(false)), ("choices", Value::Null)] {
        there[0]["options"][15][name] = value;
    }
    assert_eq!(difference(&wanted, &there), None);
    there[0]["options"][1]["description"] = "something else".into();
    there[0]["options"][2]["name"] = "spin".into();
    assert_eq!(difference(&wanted, &there), Some("new rotate, gone spin, changed plan".into()));
    there.push(json!({"name": "other"}));
    assert_eq!(difference(&wanted, &there), Some("there are other commands: other".into()));
}
