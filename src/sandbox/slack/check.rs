//! What Slack refuses of blocks, views and metadata: unknown shapes, texts that are too long, too many parts.

use serde_json::Value;
use std::collections::BTreeSet;

type Check = Result<(), String>;

/// Blocks of one message.
pub(super) fn blocks(blocks: &[Value]) -> Check {
    let length = serde_json::to_string(blocks).map_or(0, |text| text.chars().count());
    require(length <= 13_200, "msg_blocks_too_long")?;
    list(blocks, 50, block)
}

/// A whole modal or home tab.
pub(super) fn view(view: &Value, kind: &str) -> Check {
    require(view["type"] == kind, &format!("the type of the view must be {kind}"))?;
    let blocks = view["blocks"].as_array().ok_or("missing required field: blocks")?;
    list(blocks, 100, |one| if one["type"] == "input" { input(one) } else { block(one) })?;
    for (name, most) in [("private_metadata", 3_000), ("callback_id", 255), ("external_id", 255)] {
        require(within(view, name, most), &format!("{name} is too long"))?;
    }
    if kind == "home" {
        return require(
            view.get("title").is_none() && view.get("submit").is_none(),
            "a home tab has no title or submit",
        );
    }
    text(&view["title"], 24, &["plain_text"])?;
    for name in ["submit", "close"] {
        if let Some(words) = view.get(name) {
            text(words, 24, &["plain_text"])?;
        }
    }
    let has_input = blocks.iter().any(|block| block["type"] == "input");
    require(!has_input || view.get("submit").is_some(), "a submit is required when there is an input block")
}

fn list(blocks: &[Value], most: usize, check: impl Fn(&Value) -> Check) -> Check {
    require(blocks.len() <= most, &format!("no more than {most} items allowed [json-pointer:/blocks]"))?;
    let mut ids = BTreeSet::new();
    for (at, one) in blocks.iter().enumerate() {
        check(one).map_err(|why| format!("{why} [json-pointer:/blocks/{at}]"))?;
        if let Some(id) = one["block_id"].as_str() {
            require(id.chars().count() <= 255 && ids.insert(id), "block_id is too long or used twice")?;
        }
    }
    Ok(())
}

fn input(block: &Value) -> Check {
    text(&block["label"], 2_000, &["plain_text"])?;
    if let Some(hint) = block.get("hint") {
        text(hint, 2_000, &["plain_text"])?;
    }
    let element = &block["element"];
    require(element["type"] == "plain_text_input", "unsupported input element")?;
    require(within(element, "action_id", 255), "action_id is too long")?;
    if let Some(placeholder) = element.get("placeholder") {
        text(placeholder, 150, &["plain_text"])?;
    }
    let number = |name: &str, usual: u64| element.get(name).map_or(Some(usual), Value::as_u64);
    let lengths = number("min_length", 0).zip(number("max_length", 3_000));
    require(lengths.is_some_and(|(least, most)| least <= most && most <= 3_000), "the lengths are out of range")?;
    require(within(element, "initial_value", 3_000), "initial_value is too long")
}

/// Metadata is a type and a flat object.
pub(super) fn metadata(metadata: &Value) -> Check {
    let flat = |payload: &serde_json::Map<String, Value>| payload.values().all(|v| !v.is_object() && !v.is_null());
    let fits = metadata["event_type"].is_string() && metadata["event_payload"].as_object().is_some_and(flat);
    require(fits, "invalid_metadata_format")
}

fn require(holds: bool, why: &str) -> Check {
    if holds { Ok(()) } else { Err(why.to_owned()) }
}

fn block(block: &Value) -> Check {
    match block["type"].as_str().unwrap_or_default() {
        "header" => text(&block["text"], 150, &["plain_text"]),
        "section" => section(block),
        "context" => all(block, "elements", 10, |one| text(one, 3_000, &["plain_text", "mrkdwn"])),
        "actions" => all(block, "elements", 25, button).and_then(|()| distinct(block)),
        "divider" => Ok(()),
        other => Err(format!("unsupported type: {other}")),
    }
}

fn section(block: &Value) -> Check {
    require(block.get("text").is_some() || block.get("fields").is_some(), "a section needs text or fields")?;
    if let Some(one) = block.get("text") {
        text(one, 3_000, &["plain_text", "mrkdwn"])?;
    }
    if let Some(accessory) = block.get("accessory") {
        button(accessory)?;
    }
    match block.get("fields") {
        Some(_) => all(block, "fields", 10, |one| text(one, 2_000, &["plain_text", "mrkdwn"])),
        None => Ok(()),
    }
}

fn all(block: &Value, name: &str, most: usize, each: impl Fn(&Value) -> Check) -> Check {
    let items = block[name].as_array().ok_or(format!("missing required field: {name}"))?;
    require((1..=most).contains(&items.len()), &format!("1 to {most} items allowed in {name}"))?;
    items.iter().try_for_each(each)
}

fn text(text: &Value, most: usize, kinds: &[&str]) -> Check {
    let kind = text["type"].as_str().unwrap_or_default();
    require(kinds.contains(&kind), &format!("unsupported text type: {kind}"))?;
    require(kind == "plain_text" || text.get("emoji").is_none(), "emoji is for plain_text only")?;
    let length = text["text"].as_str().map_or(0, |text| text.chars().count());
    require((1..=most).contains(&length), &format!("must be 1 to {most} characters, is {length}"))
}

/// Two elements of one block must not have the same name.
fn distinct(block: &Value) -> Check {
    let mut seen = BTreeSet::new();
    let names = block["elements"].as_array().into_iter().flatten().filter_map(|one| one["action_id"].as_str());
    require(names.into_iter().all(|name| seen.insert(name)), "action_id is used twice")
}

fn button(button: &Value) -> Check {
    require(button["type"] == "button", "unsupported element")?;
    text(&button["text"], 75, &["plain_text"])?;
    require(within(button, "action_id", 255), "action_id is too long")?;
    require(within(button, "value", 2_000), "value is too long")?;
    require(within(button, "accessibility_label", 75), "accessibility_label is too long")?;
    styled(button)?;
    match button.get("confirm") {
        Some(confirm) => dialog(confirm),
        None => Ok(()),
    }
}

fn styled(one: &Value) -> Check {
    let style = one.get("style").and_then(Value::as_str);
    require(matches!(style, None | Some("primary" | "danger")), "unknown style")
}

fn dialog(confirm: &Value) -> Check {
    styled(confirm)?;
    text(&confirm["title"], 100, &["plain_text"])?;
    text(&confirm["text"], 300, &["plain_text", "mrkdwn"])?;
    text(&confirm["confirm"], 30, &["plain_text"])?;
    text(&confirm["deny"], 30, &["plain_text"])
}

fn within(value: &Value, name: &str, most: usize) -> bool {
    value.get(name).is_none_or(|text| text.as_str().is_some_and(|text| text.chars().count() <= most))
}
