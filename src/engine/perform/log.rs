//! The end of a failed job's log: what it says of the failure, and whether it may be shown. A job may print whatever it
//! has, in whatever spelling, so its log is shown only while this process knows the values that may be in it.

use crate::engine::Engine;
use crate::rotation::record::Rotation;
use crate::secret::{self, hide};
use regex::{Regex, RegexSet};
use std::sync::LazyLock;

/// How much of a failed job's log is read.
pub(super) const LOG_BYTES: usize = 2_000;

/// By these words git, registries, package managers and HTTP clients say that they were refused.
static REFUSED: LazyLock<RegexSet> = LazyLock::new(|| {
    let words = [
        // git and ssh
        r"could not read (?:username|password)",
        r"authentication failed|authentication (?:is )?required|terminal prompts disabled|unable to authenticate",
        r"not allowed to (?:download|push|pull|upload|force push|access)|don't have permission|do not have permission",
        r"permission denied \((?:publickey|password|keyboard)",
        r"invalid (?:username|user ?name|login|credentials?|token|api key|access token)\b",
        // registries
        r"\b(?:access|requested access to the resource is) (?:is )?(?:denied|forbidden)|\bdenied: |no basic auth credentials",
        r"failed to authorize|authorization failed|not authorized|unauthorised",
        r#"(?:^|[\s:"'(\[{=])unauthorized(?:["')\]}:.,]|\s*$)"#,
        // package managers
        r"\be40[13]\b|\beneedauth\b|\beotp\b|incorrect or missing password|need auth\b|you must be logged in",
        // OAuth and GitLab
        r"\binvalid_(?:token|grant|client)\b|\binsufficient_(?:scope|granular_scope)\b",
        r"\btoken (?:is |was |has )?(?:been )?(?:expired|revoked|invalid)\b|\b(?:expired|revoked) token\b",
    ];
    RegexSet::new(words.map(|words| format!("(?im){words}"))).expect("constant patterns")
});

/// A status where programs print one. A number alone says nothing: 401 tests may have passed.
static STATUS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?ix)(?: \b(?: http(?:/[\d.]+)? | (?:http\s?)?error | err | status | code | response | returned | answered | failed | statuscode | exception )
              (?: \s+(?:error|status|code|with|is|was) )* ["'\s:=(\[]* 40[13]\b
            | \b40[13]\W{1,3}(?:unauthorized|forbidden|client\serror|permission|access\sdenied) )(?P<after>\s+[a-z]+)?"#,
    )
    .expect("a constant pattern")
});

/// What is counted, and no status.
const COUNTED: [&str; 16] = [
    "test",
    "tests",
    "spec",
    "specs",
    "ms",
    "seconds",
    "file",
    "files",
    "line",
    "lines",
    "warnings",
    "failures",
    "errors",
    "examples",
    "assertions",
    "times",
];

impl Engine {
    /// The log, fit to be shown; `None` unless the old value and the new one are known here, so that they are found in it.
    pub(super) async fn shown_log(&self, rotation: &Rotation, log: &str) -> Option<String> {
        let mut held = Vec::new();
        for planned in rotation.plan.stores.iter().filter(|planned| planned.capabilities.readable) {
            if let Some(store) = self.stores.get(&planned.id) {
                held.extend(store.read().await.ok().flatten());
            }
        }
        let old = self.custody.old(&rotation.id);
        let new = rotation.phase.minted().map(|new| &new.digest);
        let known = old.as_ref().is_some_and(secret::knows) && new.is_none_or(secret::knows);
        known.then(|| readable(whole_words(log)))
    }
}

/// Whether a credential was refused, in the words of git, docker, npm and their like. No is no proof of the opposite.
pub fn tells_of_a_refusal(log: &str) -> bool {
    let is_status = |found: regex::Captures<'_>| {
        let after = found.name("after").map_or("", |after| after.as_str()).trim().to_ascii_lowercase();
        !COUNTED.contains(&after.as_str())
    };
    REFUSED.is_match(log) || STATUS.captures_iter(log).any(is_status)
}

/// A log that was cut off at its beginning, from the first whole word on: half a token looks like none.
fn whole_words(log: &str) -> &str {
    match log.find(char::is_whitespace) {
        Some(end) if log.len() >= LOG_BYTES => &log[end..],
        None if log.len() >= LOG_BYTES => "",
        _ => log,
    }
}

/// A log without colours, control characters and secrets.
pub fn readable(log: &str) -> String {
    static ESCAPES: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"\x1b\[[0-9;?]*[ -/]*[@-~]|section_(start|end):\d+:[^\r\n]*\r?").expect("a constant pattern")
    });
    let plain = ESCAPES.replace_all(log, "").replace('\r', "\n");
    let plain: String = plain.chars().filter(|c| *c == '\n' || !c.is_control()).collect();
    hide(plain.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_refusal_are_known_whoever_says_them() {
        for line in [
            "fatal: unable to access 'https://git.example/x.git/': The requested URL returned error: 403",
            "fatal: could not read Username for 'https://git.example': No such device or address",
            "remote: You are not allowed to download code from this project.",
            "remote: HTTP Basic: Access denied. If a password was provided for Git authentication, it was incorrect",
            "fatal: Authentication failed for 'https://git.example/x.git/'",
            "git@git.example: Permission denied (publickey).",
            "Error response from daemon: denied: access forbidden",
            "denied: requested access to the resource is denied",
            "Error response from daemon: Get \"https://r.example/v2/\": unauthorized: HTTP Basic: Access denied",
            "error pulling image: no basic auth credentials",
            "npm ERR! code E401",
            "npm error 403 403 Forbidden - PUT https://r.example/x",
            "npm error code ENEEDAUTH",
            "HTTPError: 401 Client Error: Unauthorized for url: https://pypi.example",
            "curl: (22) The requested URL returned error: 401",
            "< HTTP/2 401",
            "{\"message\":\"401 Unauthorized\"}",
            "{\"error\":\"insufficient_scope\"}",
            "Could not transfer artifact: status code: 401, reason phrase: Unauthorized (401)",
            "error: You must be logged in to the server (Unauthorized)",
            "Error: token was revoked",
        ] {
            assert!(tells_of_a_refusal(line), "{line}");
        }
    }

    #[test]
    fn what_is_counted_or_merely_named_is_no_refusal() {
        for line in [
            "1401 tests run, 3 failed",
            "401 tests passed",
            "error: 403 warnings",
            "took 401 ms, line 403 of main.rs",
            "test unauthorized_users_are_rejected ... ok",
            "sh: 1: ./deploy.sh: not found",
            "job 14010 of pipeline 40300",
            "ERROR: Job failed: exit code 128",
        ] {
            assert!(!tells_of_a_refusal(line), "{line}");
        }
    }
}
