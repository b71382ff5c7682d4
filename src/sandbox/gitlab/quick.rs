//! Quick actions: a line `/close` in a description or comment is a command of its author, not text.

use super::model::Issue;
use jiff::Timestamp;

const KNOWN: &[&str] = &["/close", "/reopen", "/confidential"];

/// The text without its command lines, and the commands. Code blocks are left alone.
pub(super) fn split(text: &str) -> (String, Vec<String>) {
    let mut fenced = false;
    let mut actions = Vec::new();
    let mut kept = Vec::new();
    for line in text.split('\n') {
        fenced ^= line.trim_start().starts_with("```");
        match KNOWN.iter().find(|&&known| !fenced && line.trim_end() == known) {
            Some(action) => actions.push((*action).to_owned()),
            None => kept.push(line),
        }
    }
    (kept.join("\n"), actions)
}

/// Does what a command says.
pub(super) fn apply(action: &str, issue: &mut Issue, now: Timestamp) {
    match action {
        "/close" => issue.set_open(false, now),
        "/reopen" => issue.set_open(true, now),
        "/confidential" => issue.confidential = true,
        _ => {}
    }
}
