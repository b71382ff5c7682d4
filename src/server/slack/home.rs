//! The home tab: what waits for one person, what they asked for, what comes up, what was done of late.

use super::{Door, reply};
use crate::chat::slack::client::Published;
use crate::chat::slack::parts::{button, context, header, section, section_with};
use crate::chat::slack::prose;
use crate::engine::desk::{Caller, Home, Row, words};
use crate::rotation::view::prose::Prose;
use serde_json::{Value, json};

/// Longest row, in characters: eighty of them make a tab.
const LONGEST: usize = 700;

/// Shows it. A version that is newer than the one that the person saw when they opened the tab stays.
pub async fn publish(door: &Door, caller: &Caller, seen: &str) {
    let view = match door.desk.home(caller).await {
        Ok(Ok(home)) => view(&home),
        Ok(Err(error)) => note(&words::refusal(&error)),
        Err(stranger) => note(&words::stranger(&stranger, caller)),
    };
    let replaces = Some(seen).filter(|hash| !hash.is_empty());
    match door.client.publish_home(&caller.account, &view, replaces).await {
        Ok(Published::Shown(_) | Published::Overtaken) => {}
        Err(error) => tracing::warn!(%error, "a home tab could not be shown"),
    }
}

/// The whole tab.
pub fn view(home: &Home) -> Value {
    let mut blocks = Vec::new();
    let others = !home.waiting.is_empty() || !home.yours.is_empty();
    let none_near = if others { "No other token expires soon." } else { "No token expires soon." };
    for (title, rows, empty) in [
        ("Waiting for you", &home.waiting, "Nothing waits for you."),
        ("Your requests", &home.yours, "None of your requests is open."),
        ("Coming up", &home.coming, none_near),
        ("Recently done", &home.done, "Nothing was finished recently."),
    ] {
        blocks.push(header(title));
        match rows.as_slice() {
            [] => blocks.push(context(empty)),
            rows => blocks.extend(rows.iter().enumerate().map(|(index, one)| row(title, index, one))),
        }
    }
    json!({"type": "home", "blocks": blocks})
}

/// A tab of words only: for strangers, and for trouble.
pub fn note(words: &Prose) -> Value {
    json!({"type": "home", "blocks": [section(&reply::words(words).text)]})
}

fn row(title: &str, index: usize, row: &Row) -> Value {
    let text = prose::line_within(&row.line, LONGEST);
    match row.review.as_ref().and_then(|wish| wish.to_id()) {
        Some(value) => {
            let name = format!("rekey.review.{}.{index}", title.replace(' ', "-").to_lowercase());
            section_with(
                &text,
                button(&name, "Review", &value, &format!("Review: {}", Prose::from(row.line.clone()).plain())),
            )
        }
        None => section(&text),
    }
}
