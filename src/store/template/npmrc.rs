//! The token of a registry in an `.npmrc`: `//registry.example.com/path/:_authToken=value`, perhaps in quotes of either
//! kind, perhaps with a comment behind it. All of that stays.

use super::spelling::Spelling;
use super::{Misfit, Part, alike, lines};

pub(super) fn find(text: &str, registry: &str) -> Result<Vec<Part>, Misfit> {
    let key = key(registry);
    let what = format!("line {key}=");
    let part = |(at, line): (usize, &str)| {
        let rest = line.trim_start().strip_prefix(&key)?.trim_start().strip_prefix('=')?.trim_start();
        Some(Ok(value(at + line.len() - rest.len(), rest)))
    };
    alike(text, lines(text).filter_map(part), &what)
}

/// npm ends a value at `;` or `#`, and takes quotes off that stand around all of it.
fn value(start: usize, rest: &str) -> Part {
    let quoted = ['"', '\''].into_iter().find_map(|quote| {
        let inner = rest.strip_prefix(quote)?;
        let length = inner.find(quote)?;
        let behind = inner[length + 1..].trim_start();
        (behind.is_empty() || behind.starts_with([';', '#'])).then_some((quote, length))
    });
    match quoted {
        Some((quote, length)) => {
            let spelling = if quote == '"' { Spelling::Json } else { Spelling::Quoted(quote) };
            Part { range: start + 1..start + 1 + length, spelling }
        }
        None => {
            let length = rest.split([';', '#']).next().unwrap_or_default().trim_end().len();
            Part { range: start..start + length, spelling: Spelling::Bare }
        }
    }
}

/// The key by which npm finds the token of a registry.
pub(super) fn key(registry: &str) -> String {
    let rest = registry.trim_start_matches("https:").trim_start_matches("http:").trim_start_matches('/');
    let slash = if rest.ends_with('/') { "" } else { "/" };
    format!("//{rest}{slash}:_authToken")
}
