//! What stands between two texts, in one line.

use super::spelling::Spelling;
use super::{Misfit, Part, only};
use regex::Regex;

/// Found where `before` stands, followed by no blanks and then `after`.
pub(super) fn find(text: &str, before: &str, after: &str) -> Result<Part, Misfit> {
    let start = if before.is_empty() { "^" } else { "" };
    let end = if after.is_empty() { r"(?:\s|\z)" } else { "" };
    let pattern = format!("(?m){start}{}(\\S*?){}{end}", regex::escape(before), regex::escape(after));
    let pattern = Regex::new(&pattern).map_err(|_| Misfit::new("the template is too long", "write a shorter one"))?;
    let range = only(pattern.captures_iter(text).filter_map(|found| Some(found.get(1)?.range())), "text of that form")?;
    Ok(Part { range, spelling: Spelling::Bare })
}
