//! One key of a dotenv file: `KEY=value`, perhaps after `export`, perhaps in quotes, which stay.

use super::spelling::Spelling;
use super::{Misfit, Part, alike, lines};

/// What means something inside double quotes.
const SPECIAL: &[char] = &['\\', '"', '$', '`'];

pub(super) fn find(text: &str, key: &str) -> Result<Vec<Part>, Misfit> {
    let what = format!("line {key}=");
    let part = |(at, line)| value_of(line, key).map(|(from, rest)| value(at + from, rest));
    alike(text, lines(text).filter_map(part), &what)
}

fn value(start: usize, rest: &str) -> Result<Part, Misfit> {
    let (skipped, length, spelling) = match rest.chars().next() {
        Some('"') => (1, closing(&rest[1..], '"', true)?, Spelling::Escaped(SPECIAL)),
        Some(quote @ ('\'' | '`')) => (1, closing(&rest[1..], quote, false)?, Spelling::Quoted(quote)),
        _ => (0, bare_length(rest), Spelling::Bare),
    };
    let start = start + skipped;
    Ok(Part { range: start..start + length, spelling })
}

/// What follows `KEY=` in a line, and where.
fn value_of<'l>(line: &'l str, key: &str) -> Option<(usize, &'l str)> {
    let rest = line.trim_start();
    let rest = rest.strip_prefix("export").filter(|rest| rest.starts_with(char::is_whitespace)).unwrap_or(rest);
    let rest = rest.trim_start().strip_prefix(key)?.trim_start().strip_prefix('=')?.trim_start();
    Some((line.len() - rest.len(), rest))
}

fn closing(rest: &str, quote: char, escapes: bool) -> Result<usize, Misfit> {
    let mut escaped = false;
    for (at, c) in rest.char_indices() {
        if c == quote && !escaped {
            return Ok(at);
        }
        escaped = escapes && c == '\\' && !escaped;
    }
    Err(Misfit::new("its quotes are not closed in the same line", "write the value in one line"))
}

/// Up to a comment or the blanks at the end.
fn bare_length(rest: &str) -> usize {
    let comment = rest.find(" #").or_else(|| rest.find("\t#")).unwrap_or(rest.len());
    if rest.starts_with('#') { 0 } else { rest[..comment].trim_end().len() }
}
