//! What Discord refuses of messages and forms: texts that are too long, too many parts, unknown shapes.

use super::refusal::{Outcome, invalid};
use serde_json::Value;
use std::collections::BTreeSet;

type Check = Outcome<()>;

/// What a message may be made of.
const MESSAGE: &[&str] = &[
    "content",
    "nonce",
    "enforce_nonce",
    "tts",
    "embeds",
    "allowed_mentions",
    "message_reference",
    "components",
    "sticker_ids",
    "attachments",
    "flags",
    "poll",
];

/// The body of a message, new or edited.
pub(super) fn message(body: &Value) -> Check {
    known(body, MESSAGE, "")?;
    text(body, "content", 0, 2_000, "")?;
    if let Some(nonce) = body.get("nonce") {
        let length = nonce.as_str().map_or_else(|| nonce.to_string().len(), |text| text.chars().count());
        require(length <= 25, "nonce", "Must be 25 or fewer in length.")?;
    }
    embeds(list(body, "embeds"))?;
    mentions(&body["allowed_mentions"])?;
    components(list(body, "components"))
}

/// The data of a form.
pub(super) fn modal(data: &Value) -> Check {
    known(data, &["custom_id", "title", "components"], "data")?;
    text(data, "custom_id", 1, 100, "data")?;
    text(data, "title", 1, 45, "data")?;
    let parts = list(data, "components");
    require((1..=5).contains(&parts.len()), "data.components", "Must be between 1 and 5 in length.")?;
    let words = parts.iter().filter(|part| part["type"] == 10);
    words.into_iter().try_for_each(|words| text(words, "content", 1, 4_000, "data.components"))?;
    let mut ids = BTreeSet::new();
    for part in parts.iter().filter(|part| part["type"] != 10) {
        let input = input_of(part)?;
        text(input, "custom_id", 1, 100, "data.components.custom_id")?;
        let id = input["custom_id"].as_str().unwrap_or_default();
        require(ids.insert(id), "data.components.custom_id", "Component custom id cannot be duplicated")?;
        require(matches!(input["style"].as_u64(), Some(1 | 2)), "data.components.style", "Unknown style")?;
        text(input, "placeholder", 0, 100, "data.components")?;
        text(input, "value", 0, 4_000, "data.components")?;
    }
    Ok(())
}

/// The field of a label (type 18), or of a row (deprecated, but taken).
fn input_of(part: &Value) -> Outcome<&Value> {
    let input = match part["type"].as_u64() {
        Some(18) => {
            text(part, "label", 1, 45, "data.components")?;
            text(part, "description", 0, 100, "data.components")?;
            &part["component"]
        }
        Some(1) => {
            let input = &part["components"][0];
            text(input, "label", 1, 45, "data.components")?;
            input
        }
        _ => return invalid("data.components.type", "Value of field \"type\" must be one of (1, 10, 18)."),
    };
    match input["type"].as_u64() {
        Some(4) => Ok(input),
        _ => invalid("data.components.type", "Value of field \"type\" must be one of (4,)."),
    }
}

/// The choices of an autocomplete.
pub(super) fn choices(data: &Value) -> Check {
    let choices = list(data, "choices");
    require(choices.len() <= 25, "data.choices", "Must be 25 or fewer in length.")?;
    for choice in choices {
        text(choice, "name", 1, 100, "data.choices")?;
        require(choice["value"].is_string(), "data.choices.value", "This field is required")?;
        text(choice, "value", 0, 100, "data.choices")?;
    }
    Ok(())
}

fn embeds(embeds: &[Value]) -> Check {
    require(embeds.len() <= 10, "embeds", "Must be 10 or fewer in length.")?;
    let mut total = 0;
    for embed in embeds {
        text(embed, "title", 0, 256, "embeds")?;
        text(embed, "description", 0, 4_096, "embeds")?;
        text(&embed["footer"], "text", 0, 2_048, "embeds.footer")?;
        let fields = list(embed, "fields");
        require(fields.len() <= 25, "embeds.fields", "Must be 25 or fewer in length.")?;
        for field in fields {
            text(field, "name", 1, 256, "embeds.fields")?;
            text(field, "value", 1, 1_024, "embeds.fields")?;
            total += length(field, "name") + length(field, "value");
        }
        total += length(embed, "title") + length(embed, "description") + length(&embed["footer"], "text");
    }
    require(total <= 6_000, "embeds", "Embed size exceeds maximum size of 6000")
}

fn mentions(mentions: &Value) -> Check {
    let parse: Vec<&str> = list(mentions, "parse").iter().filter_map(Value::as_str).collect();
    let kinds = ["roles", "users", "everyone"];
    require(parse.iter().all(|kind| kinds.contains(kind)), "allowed_mentions.parse", "Unknown kind")?;
    for kind in ["users", "roles"] {
        let ids = list(mentions, kind);
        require(ids.len() <= 100, "allowed_mentions", "Must be 100 or fewer in length.")?;
        let both = parse.contains(&kind) && !ids.is_empty();
        require(!both, "allowed_mentions", "parse and ids of the same kind are mutually exclusive")?;
    }
    Ok(())
}

/// Rows of buttons.
fn components(rows: &[Value]) -> Check {
    require(rows.len() <= 5, "components", "Must be 5 or fewer in length.")?;
    let mut ids = BTreeSet::new();
    for row in rows {
        require(row["type"] == 1, "components.type", "Value of field \"type\" must be one of (1,).")?;
        let buttons = list(row, "components");
        require((1..=5).contains(&buttons.len()), "components.components", "Must be between 1 and 5 in length.")?;
        for button in buttons {
            self::button(button)?;
            if let Some(id) = button["custom_id"].as_str() {
                require(ids.insert(id), "components.custom_id", "Component custom id cannot be duplicated")?;
            }
        }
    }
    Ok(())
}

fn button(button: &Value) -> Check {
    require(button["type"] == 2, "components.type", "Value of field \"type\" must be one of (2,).")?;
    text(button, "label", 1, 80, "components")?;
    match button["style"].as_u64() {
        Some(1..=4) => {
            require(button["custom_id"].is_string(), "components.custom_id", "A custom id is required")?;
            text(button, "custom_id", 1, 100, "components")
        }
        Some(5) => require(button["url"].is_string(), "components.url", "A url is required"),
        _ => invalid("components.style", "Value of field \"style\" must be one of (1, 2, 3, 4, 5)."),
    }
}

fn known(body: &Value, names: &[&str], place: &str) -> Check {
    let Some(fields) = body.as_object() else { return invalid("_", "Only dictionaries may be used here") };
    match fields.keys().find(|name| !names.contains(&name.as_str())) {
        Some(name) => invalid(&format!("{place}.{name}"), "No such field"),
        None => Ok(()),
    }
}

fn list<'v>(body: &'v Value, name: &str) -> &'v [Value] {
    body[name].as_array().map_or(&[], Vec::as_slice)
}

fn length(body: &Value, name: &str) -> usize {
    body[name].as_str().map_or(0, |text| text.chars().count())
}

fn text(body: &Value, name: &str, least: usize, most: usize, place: &str) -> Check {
    let given = &body[name];
    if given.is_null() && least == 0 {
        return Ok(());
    }
    let fits = given.is_string() && (least..=most).contains(&length(body, name));
    require(fits, &format!("{place}.{name}"), &format!("Must be between {least} and {most} in length."))
}

fn require(holds: bool, place: &str, why: &str) -> Check {
    if holds { Ok(()) } else { invalid(place.trim_start_matches('.'), why) }
}
