//! Every text that people read in Discord, kept to be read aloud, and the limits that no rotation may pass.

use super::house::{ALICE, BOB};
use crate::slack::rotations::{all, opened, plan, stuck_with};
use rekey::chat::discord::{Decider, Message, announcement, message};
use rekey::rotation::plan::{Plan, PlannedStore};
use rekey::rotation::record::Rotation;
use rekey::rotation::view::card;
use serde_json::Value;

/// What texts can be made of.
pub const HOSTILE: [&str; 8] = ["x", "*", "`", "@everyone ", "🔄", "<@1>", "word ", "[a](https://b)"];

fn deciders() -> Vec<Decider> {
    [ALICE, BOB].map(|user| Decider::User(user.to_owned())).into()
}

fn buttons(body: &Value) -> Vec<Value> {
    let rows = body["components"].as_array().unwrap().iter();
    rows.flat_map(|row| row["components"].as_array().unwrap().clone()).collect()
}

/// A message as a person sees it.
fn seen(message: &Message) -> String {
    let body = message.body();
    let mut lines = vec![body["content"].as_str().unwrap().to_owned()];
    for embed in body["embeds"].as_array().unwrap() {
        lines.push(format!("| # {}", embed["title"].as_str().unwrap()));
        let description = embed["description"].as_str().unwrap_or_default();
        lines.extend(description.lines().map(|line| format!("| {line}")));
        for field in embed["fields"].as_array().unwrap() {
            let value = field["value"].as_str().unwrap().replace('\n', "\n|   ");
            let between = if field["inline"] == true { " " } else { "\n|   " };
            lines.push(format!("| {}:{between}{value}", field["name"].as_str().unwrap()));
        }
        lines.push(format!("| ({})", embed["footer"]["text"].as_str().unwrap()));
    }
    let styles = ["", "primary", "plain", "success", "danger"];
    let button = |button: &Value| {
        format!("[{} {}]", button["label"].as_str().unwrap(), styles[button["style"].as_u64().unwrap() as usize])
    };
    lines.push(buttons(&body).iter().map(button).collect::<Vec<_>>().join("  "));
    lines.join("\n")
}

fn thread(rotation: &Rotation) -> Vec<Message> {
    let card = card(rotation);
    (0..rotation.announcements.len()).map(|index| announcement(&card, index, &deciders()).unwrap()).collect()
}

#[test]
fn the_discord_card_of_every_state_reads_well() {
    for (name, rotation) in all() {
        let told: Vec<String> = thread(&rotation).iter().map(seen).collect();
        let text = format!("{}\n--- thread\n{}", seen(&message(&card(&rotation), &deciders())), told.join("\n"));
        insta::assert_snapshot!(format!("discord_{name}"), text);
    }
}

#[test]
fn buttons_apply_or_are_not_there_and_say_which_plan_was_seen() {
    for (name, rotation) in all() {
        let card = card(&rotation);
        let body = message(&card, &[]).body();
        let ids: Vec<String> =
            buttons(&body).iter().map(|button| button["custom_id"].as_str().unwrap().to_owned()).collect();
        let details = usize::from(!card.actions.is_empty());
        assert_eq!(ids.len(), card.actions.len() + details, "{name}");
        for (id, action) in ids.iter().zip(&card.actions) {
            let plan = &card.plan.as_str()[..32];
            let stop = if action.is_about_a_stop() { format!(":{}", card.stop) } else { String::new() };
            assert!(id.ends_with(&format!("rekey:{}:{}:{plan}{stop}", action.word(), card.rotation)), "{id}");
            assert_eq!(id.starts_with("ask:"), action.question().is_some(), "{id}");
        }
    }
}

#[test]
fn the_hostile_mention_nobody_and_format_nothing() {
    let hostile = "@everyone <@&1300000000000000201> **b** `code` [x](https://evil) \u{202e}gnp ||spoiler||";
    let mut plan = plan();
    (plan.old.name, plan.new.name) = (hostile.into(), hostile.into());
    plan.warnings = vec![hostile.into()];
    let body = message(&card(&opened(plan)), &deciders()).body();
    // What stands between backticks is code, in which nothing means anything.
    let everything: String = body.to_string().replace("\\\\`", "").split('`').step_by(2).collect();
    for live in ["\u{202e}", " @everyone", "\"@everyone", " <@&", "x](", " ||s"] {
        assert!(!everything.contains(live), "{live:?} in {everything}");
    }
    assert_eq!(body["allowed_mentions"], serde_json::json!({"parse": [], "users": [ALICE, BOB], "roles": []}));
}

/// A rotation with every text at its longest.
pub fn endless(filler: &str) -> Rotation {
    let long = filler.repeat(2_000 / filler.len());
    let plan = plan();
    let store = |n: usize| PlannedStore { id: format!("store {n} {long}").as_str().into(), ..plan.stores[0].clone() };
    let mut rotation = opened(Plan {
        reasons: vec![long.clone(); 20],
        warnings: vec![long.clone(); 20],
        stores: (0..120).map(store).collect(),
        ..plan.clone()
    });
    rotation.plan.old.name.clone_from(&long);
    rotation.plan.new.scopes = (0..200).map(|n| format!("scope_{n}_{long}")).collect();
    rotation.plan.host.clone_from(&long);
    rotation
}

/// Far more than are named.
pub fn many_deciders() -> Vec<Decider> {
    let id = |n: u64| (1_300_000_000_000_000_000 + n).to_string();
    let elsewhere = |n: u64| Decider::Elsewhere(format!("the GitLab group {} {n}", "long/".repeat(100)));
    (0..400).map(|n| Decider::User(id(n))).chain((0..9).map(elsewhere)).collect()
}

#[test]
fn a_role_is_notified_and_a_group_of_another_service_is_named() {
    let asked = [Decider::Role(BOB.to_owned()), Decider::Elsewhere("the GitLab group acme (owner or more)".to_owned())];
    let message = message(&card(&opened(plan())), &asked);
    let last = message.content.lines().last().unwrap();
    assert_eq!(last, format!("Who decides: <@&{BOB}> the GitLab group acme (owner or more)"));
    assert_eq!(message.body()["allowed_mentions"], serde_json::json!({"parse": [], "users": [], "roles": [BOB]}));
}

#[test]
fn no_rotation_passes_the_limits_of_discord() {
    for filler in HOSTILE {
        let waiting = endless(filler);
        let mut blocked = waiting.clone();
        blocked.plan.blockers = vec![filler.repeat(2_000); 9];
        let log = filler.repeat(9_000);
        let many = many_deciders();
        let mut messages = vec![message(&card(&waiting), &many), message(&card(&blocked), &many)];
        let stuck = stuck_with(&log);
        messages.push(message(&card(&stuck), &many));
        messages.extend((0..stuck.announcements.len()).map(|at| announcement(&card(&stuck), at, &many).unwrap()));
        for one in messages {
            let body = one.body();
            let length = |value: &Value| value.as_str().unwrap_or_default().encode_utf16().count();
            assert!(length(&body["content"]) <= 2_000, "{}", length(&body["content"]));
            let mut total = 0;
            for embed in body["embeds"].as_array().unwrap() {
                assert!(length(&embed["title"]) <= 256 && length(&embed["description"]) <= 4_096);
                total += length(&embed["title"]) + length(&embed["description"]) + length(&embed["footer"]["text"]);
                let fields = embed["fields"].as_array().unwrap();
                assert!(fields.len() <= 25);
                for field in fields {
                    assert!((1..=1_024).contains(&length(&field["value"])), "{field}");
                    total += length(&field["name"]) + length(&field["value"]);
                }
            }
            assert!(total <= 6_000, "{filler}: {total}");
            assert!(one.pings.users.len() <= 100);
            assert!(buttons(&body).iter().all(|button| length(&button["custom_id"]) <= 100));
        }
    }
}
