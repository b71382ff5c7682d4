//! Which parts of a document are secret. A store may hold a whole `.netrc` or JSON file: the values in it are hidden
//! wherever they turn up, but not its host names, keys and common words, or nobody could read a message any more.
//! Whatever is no document is a secret as a whole.

use super::SHORTEST;
use super::look::{is_like_random, is_prose};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use regex::Regex;
use serde_json::Value;
use std::sync::LazyLock;
use zeroize::Zeroizing;

/// Documents inside documents inside documents.
const DEEPEST: u8 = 4;

static ADDRESS: LazyLock<Regex> = LazyLock::new(|| pattern(r"^[a-zA-Z][a-zA-Z0-9+.-]*://(?:([^\s/?#@]*)@)?([^\s@]*)$"));
static ASSIGNED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r#"^(?:export\s+|set\s+|-\s+)?["']?([^\s"'=:]+|//\S+?:_\w+)["']?\s*(?:=|:\s|:$)\s*(.*)$"#)
});
static ONE_LINE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"^(?:(?:export\s+)?[A-Z_][A-Z0-9_]*=[^=]|//\S+:_\w+\s*=|machine\s+\S+\s|default\s+login\s)")
});
static PUBLIC_VALUE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?x)^(?: [A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.[a-z]{2,24}(?::\d+)?(?:/[a-z0-9_./-]*)?   # a host, an image
          | \.{0,2}/[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]*)*                                       # a path
          | [^\s@]+@[^\s@]+\.[a-z]{2,24}                                                       # a mail address
          | [0-9.:]+ | [$<{%].*                                                                # a number, a reference
          )$",
    )
});
static MOMENT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^\d{4}-\d\d-\d\d(?:[T\s]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?\s?(?:Z|UTC|[+-]\d\d:?\d\d)?(?:\[[\w/]+\])?)?$",
    )
});
static PUBLIC_KEY: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)(?:^|[_.-])(?:user|username|login|account|name|email|mail|host|hostname|server|url|uri|endpoint|registry|region|zone|scope|scopes|env|environment|stage|version|image|branch|ref|project|group|namespace|bucket|kind|type|apiversion|level|mode|algorithm|machine|always-auth|cafile|format|key|label|title|description|comment|note|message|field|section|category|vault|item)$",
    )
});
static SECRET_KEY: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)pass|pwd|secret|token|credential|private|auth$|(?:api|access|secret|private|signing|encryption|master|account)[_-]?key|signature|salt",
    )
});

static PATHS: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^(?:sqlite:.*|(?:/[a-z0-9._-]+){2,}(?::(?:/[a-z0-9._-]+)+)*)$"));

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a constant pattern")
}

/// Tells every secret part of a value: all of it, unless it is a document.
pub(super) fn secrets(value: &str, tell: &mut dyn FnMut(&str)) {
    inside(value, 0, tell);
}

fn inside(text: &str, depth: u8, tell: &mut dyn FnMut(&str)) {
    let trimmed = text.trim();
    if depth > DEEPEST {
        return tell(text);
    }
    if trimmed.starts_with(['{', '['])
        && let Ok(json) = serde_json::from_str::<Value>(trimmed)
    {
        return in_json("", json, depth, tell);
    }
    if trimmed.contains('\n') || ONE_LINE.is_match(trimmed) {
        return in_lines(trimmed, depth, tell);
    }
    let is_paths = PATHS.is_match(trimmed) && (trimmed.starts_with("sqlite:") || !is_like_random(trimmed));
    if !is_paths && !in_address(trimmed, depth, tell) {
        tell(text);
    }
}

/// The values of a JSON document; its keys are no secrets.
fn in_json(key: &str, json: Value, depth: u8, tell: &mut dyn FnMut(&str)) {
    match json {
        Value::String(text) => value_of(key, &Zeroizing::new(text), depth, tell),
        Value::Number(number) if SECRET_KEY.is_match(key) => tell(&number.to_string()),
        Value::Array(items) => items.into_iter().for_each(|item| in_json(key, item, depth, tell)),
        Value::Object(fields) => fields.into_iter().for_each(|(key, value)| in_json(&key, value, depth, tell)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// What stands under a key: a secret, unless key or value say that it is none.
fn value_of(key: &str, value: &str, depth: u8, tell: &mut dyn FnMut(&str)) {
    let value = value.trim();
    if value.len() < SHORTEST {
        return;
    }
    let nested = value.contains('\n') || value.starts_with(['{', '[']) || ONE_LINE.is_match(value);
    if nested && depth < DEEPEST {
        return inside(value, depth + 1, tell);
    }
    if in_address(value, depth, tell) || is_public(key, value) {
        return;
    }
    tell(value);
    // Docker keeps user and password so, Kubernetes everything.
    let decoded = Zeroizing::new(STANDARD.decode(value).unwrap_or_default());
    if depth < DEEPEST
        && let Ok(decoded) = std::str::from_utf8(&decoded)
    {
        match decoded.split_once(':').filter(|(user, _)| !user.contains(char::is_whitespace)) {
            Some((_, password)) => value_of("password", password, depth + 1, tell),
            None => value_of(key, decoded, depth + 1, tell),
        }
    }
}

/// A date, perhaps with a time: every other date shares its first digits, so it can be nobody's secret.
pub(super) fn is_moment(text: &str) -> bool {
    MOMENT.is_match(text)
}

fn is_public(key: &str, value: &str) -> bool {
    if is_moment(value) {
        return true;
    }
    let named = SECRET_KEY.is_match(key);
    let plain = is_prose(value) || (PUBLIC_KEY.is_match(key) && !is_like_random(value));
    let shaped = PUBLIC_VALUE.is_match(value) && !is_like_random(value);
    let is_number = value.bytes().all(|byte| byte.is_ascii_digit());
    if named { shaped && !is_number } else { plain || shaped }
}

/// An address is public but for its password, and for what in it looks made at random. Not so anything else.
fn in_address(text: &str, depth: u8, tell: &mut dyn FnMut(&str)) -> bool {
    let Some(found) = ADDRESS.captures(text) else { return false };
    let login = found.get(1).map_or("", |login| login.as_str());
    let password = login.split_once(':').map_or(login, |(_, password)| password);
    if login.contains(':') || is_like_random(login) {
        tell(password);
        let decoded = percent_encoding::percent_decode_str(password).decode_utf8_lossy();
        if decoded != password && depth < DEEPEST {
            tell(&Zeroizing::new(decoded.into_owned()));
        }
    }
    let rest = found.get(2).map_or("", |rest| rest.as_str());
    rest.split(['/', '?', '&', '=', '#', ';']).filter(|part| is_like_random(part)).for_each(&mut *tell);
    true
}

/// Lines of keys and values, of words in pairs, or of values alone.
fn in_lines(text: &str, depth: u8, tell: &mut dyn FnMut(&str)) {
    let is_netrc = text.lines().any(|line| {
        let mut words = line.split_whitespace();
        matches!(words.next(), Some("machine")) && words.next().is_some()
            || line.trim_start().starts_with("default login")
    });
    if is_netrc {
        return in_pairs(text, depth, tell);
    }
    for line in text.lines().map(str::trim) {
        match ASSIGNED.captures(line) {
            _ if line.starts_with(['#', ';']) => words(line, tell),
            Some(found) => {
                let (key, value) = (&found[1], found.get(2).map_or("", |value| value.as_str()));
                let value = value.trim_end_matches([',', ';']).trim_matches(['"', '\'']);
                value_of(key, value, depth, tell);
            }
            None if in_address(line, depth, tell) => {}
            None => words(line, tell),
        }
    }
}

/// `.netrc`: each word belongs to the one before it.
fn in_pairs(text: &str, depth: u8, tell: &mut dyn FnMut(&str)) {
    let mut key = "";
    for word in text.split_whitespace() {
        match key {
            "machine" | "login" | "password" | "account" => {
                value_of(key, word.trim_matches(['"', '\'']), depth, tell);
                key = "";
            }
            _ => key = word,
        }
    }
}

/// Words that nothing explains are secret if they are no words.
fn words(line: &str, tell: &mut dyn FnMut(&str)) {
    for word in line.split(|c: char| c.is_whitespace() || "\"',;()<>{}[]".contains(c)) {
        for part in word.split(':') {
            let is_dull = is_prose(part) || is_moment(part) || PUBLIC_VALUE.is_match(part);
            if part.len() >= SHORTEST && (is_like_random(part) || !is_dull && !line.starts_with(['#', ';'])) {
                tell(part);
            }
        }
    }
}
