//! The token of a registry in an `.npmrc`: `//registry.example.com/path/:_authToken=value`.

use super::spelling::Spelling;
use super::{Misfit, Part, lines, only};

pub(super) fn find(text: &str, registry: &str) -> Result<Part, Misfit> {
    let key = key(registry);
    let what = format!("line {key}=");
    let value = |line: &str| {
        let rest = line.trim_start().strip_prefix(&key)?.trim_start().strip_prefix('=')?.trim_start();
        let start = line.len() - rest.len();
        let length = rest.trim_end().len();
        Some(start..start + length)
    };
    let (at, line, range) = only(lines(text).filter_map(|(at, line)| Some((at, line, value(line)?))), &what)?;
    let value = &line[range.clone()];
    if value.starts_with("${") {
        let mend = "store the value where that variable comes from";
        return Err(Misfit::new("it holds the name of a variable, not a value", mend));
    }
    let quoted = value.len() >= 2 && value.starts_with('"') && value.ends_with('"');
    let (inner, spelling) = if quoted { (1, Spelling::Json) } else { (0, Spelling::Bare) };
    Ok(Part { range: at + range.start + inner..at + range.end - inner, spelling })
}

/// The key by which npm finds the token of a registry.
pub(super) fn key(registry: &str) -> String {
    let rest = registry.trim_start_matches("https:").trim_start_matches("http:").trim_start_matches('/');
    let slash = if rest.ends_with('/') { "" } else { "/" };
    format!("//{rest}{slash}:_authToken")
}
