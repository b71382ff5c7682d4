//! What stands between two texts, in one line.

use super::spelling::Spelling;
use super::{Misfit, Part, alike};
use regex::Regex;
use std::ops::Range;

/// Found where `before` stands, followed by no blanks and then `after`.
pub(super) fn find(text: &str, before: &str, after: &str) -> Result<Vec<Part>, Misfit> {
    let start = if before.is_empty() { "^" } else { "" };
    let end = if after.is_empty() { r"(?:\s|\z)" } else { "" };
    let pattern = format!("(?m){start}{}(\\S*?){}{end}", regex::escape(before), regex::escape(after));
    let pattern = Regex::new(&pattern).map_err(|_| Misfit::new("the template is too long", "write a shorter one"))?;
    let parts = pattern.captures_iter(text).filter_map(|found| Some(Ok(value(text, found.get(1)?.range()))));
    alike(text, parts, "text of that form")
}

/// As in YAML and shell, quotes around all of it are no part of the value, and stay.
fn value(text: &str, range: Range<usize>) -> Part {
    let found = &text[range.clone()];
    let quote =
        ['"', '\''].into_iter().find(|quote| found.len() >= 2 && found.starts_with(*quote) && found.ends_with(*quote));
    match quote {
        Some(quote) => Part { range: range.start + 1..range.end - 1, spelling: Spelling::Quoted(quote) },
        None => Part { range, spelling: Spelling::Bare },
    }
}
