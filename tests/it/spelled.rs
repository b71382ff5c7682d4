//! A value in every spelling in which it may get out, and the hunt for it: any twelve consecutive characters of any of
//! them are a leak.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::collections::HashSet;

/// So many characters in a row tell too much.
const PIECE: usize = 12;

/// Every spelling, as somebody would print it.
pub fn spellings(value: &str) -> Vec<String> {
    let mut all = vec![value.to_owned(), serde_json::to_string(value).unwrap(), escaped(value), hex::encode(value)];
    all.push(hex::encode_upper(value));
    all.push(value.bytes().map(|byte| format!("%{byte:02X}")).collect());
    all.push(value.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect());
    for before in ["", "u:", "u"] {
        all.push(STANDARD.encode(format!("{before}{value}")));
        all.push(URL_SAFE_NO_PAD.encode(format!("{before}{value}")));
    }
    all
}

/// What of the value is in the text, with its surroundings.
pub fn find(text: &[u8], value: &str) -> Option<String> {
    let spelt = spellings(value);
    let mut pieces: HashSet<&[u8]> = HashSet::new();
    for spelling in &spelt {
        // What stands before the value in base64, and the end that depends on what follows, say nothing of it.
        let edge = if spelling.starts_with("dT") { 4 } else { 0 };
        pieces.extend(spelling.as_bytes()[edge..].windows(PIECE.min(value.len())));
    }
    let at = text.windows(PIECE.min(value.len())).position(|piece| pieces.contains(piece))?;
    let near = &text[at.saturating_sub(80)..text.len().min(at + 120)];
    Some(String::from_utf8_lossy(near).into_owned())
}

fn escaped(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

#[test]
fn the_hunt_finds_a_value_however_it_is_spelled_and_nothing_where_there_is_none() {
    for spelling in spellings("canary-hunted-98765") {
        assert!(find(format!("before {spelling} after").as_bytes(), "canary-hunted-98765").is_some(), "{spelling}");
    }
    assert_eq!(find(b"canary-hunt, ed-98765", "canary-hunted-98765"), None);
}
