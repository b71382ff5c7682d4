//! Whether a job's log says that a credential was refused, in the words of git, registries, package managers and HTTP
//! clients. Line by line: what a test suite prints of its own refusals is none of the job's.

mod another;

use super::plain;
use another::is_of_another_kind;
use regex::{Regex, RegexSet};
use std::sync::LazyLock;

/// By these words programs say that they were refused.
static REFUSED: LazyLock<RegexSet> = LazyLock::new(|| {
    let words = [
        // git, ssh and git-lfs
        r"could not read (?:username|password)",
        r"authentication failed|authentication (?:is )?required|terminal prompts disabled|unable to authenticate",
        r"not allowed to (?:download|push|pull|upload|force push|access)",
        r"(?:don't|do not|doesn't) have (?:the )?(?:required |necessary )?permissions?(?: (?:to (?:view|access|push|pull|download|upload|publish|perform|create|delete|update|get|deploy|do)|for|on)\b|\s*[.!:]|\s*$)",
        r"permission denied (?:\((?:publickey|password|keyboard)|for user)",
        r"failed to authenticate|could not authenticate|authentication (?:error|failure)\b|invalid authentication|\bauthorization error\b",
        r"you must use a personal access token|^\s*(?:username|password) for '?https?://|/users/sign_in\S* *redirected",
        r"(?:location|redirect\w*)\b.*/users/sign_in\b|your account (?:has been|is) (?:blocked|locked|deactivated)",
        r"bad (?:credentials|username)|login (?:failed|denied)|credentials (?:are |were )?(?:not correct|incorrect|invalid|expired)",
        r"invalid (?:username|user ?name|login|credentials?|api key|(?:access|api|gitlab|auth|deploy|job) token)\b",
        // registries
        r#"\b(?:access|requested access to the resource is) (?:is )?(?:denied|forbidden)|(?:^|[:"'(\[{=]\s*|\b(?:access|error|message|response)\s)denied: |: denied\s*$|no basic auth credentials"#,
        r"failed to authorize|authorization failed|unauthorised",
        r#"\bnot authorized(?:\s+to\b|["')\]}:.,!;]|\s*$)"#,
        r#"(?:^|[\s:"'(\[{=])unauthorized(?:["')\]}:.,]|\s*$)|\(forbidden\)|\bcode = (?:unauthenticated|permissiondenied)\b"#,
        // package managers and tools around GitLab
        r"\be40[13]\b|_fetch_40[13]\b|\beneedauth\b|\beotp\b|incorrect or missing password|need auth\b|you must be logged in",
        r"token rejected for|no token found for|\beinvalidgltoken\b|\beglno(?:pull|push)permission\b",
        r"asked for the client to provide credentials|could not acquire credentials|unable to find credentials for",
        r"missing credentials for\b|wrong (?:user ?|user)(?:name)? or password|interactive mode disabled|\bglab auth login\b",
        r"^\s*user for [\w.-]+(?::\d+)?:\s*(?:$|password|eoferror|traceback)|insufficient permissions to the resource",
        r"\brequires auth\b|\binvalid auth\b|\brequired authentication\b",
        // OAuth and GitLab
        r#"(?:^|[^:]:|[\s"'`({\[=,;])(?:invalid_(?:token|grant|client)|insufficient_(?:scope|granular_scope))(?:\.?\s|\.?$|["'`)}\],;]|:[^:]|:$)"#,
        r"\btoken (?:is |was |has )?(?:been )?(?:expired|revoked|invalid)\b|\b(?:expired|revoked) token\b",
    ];
    RegexSet::new(words.map(|words| format!("(?i){words}"))).expect("constant patterns")
});

/// A status where programs print one. A number alone says nothing: 401 tests may have passed.
static STATUS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?ix)(?P<before>\b[a-z]+\s+)?
            \b(?: https?(?:/[\d.]+)? | http2 | (?:http\s?)?error | (?:http[_-]?|response[_-]?)?status(?:[_-]?code)? | (?:http[_-]|response[_-])?code | response
                | returned | answered | exception | got | request | (?P<bare>with) )
            (?: \s+(?:error|status|code|http|with|is|was) )* ["'\s:=(\[]* 40[13]\b (?P<after>[\s:]*[a-z]+)?"#,
    )
    .expect("a constant pattern")
});

/// The same with GitLab's or HTTP's own words beside the number, or at the end of a line about a request.
static WORDED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?ix) \b40[13]\W{1,3}(?:unauthorized|forbidden|client\serror|error\b|permission|access\sdenied)
            | \b(?:unauthorized|forbidden|denied)\W{1,3}40[13]\b
            | \b(?:get|put|post|head|patch|delete)\s+["'`]?https?://\S+\s*[-:]?\s*(?:returned\s+|:\s*)?40[13]\s*$"#,
    )
    .expect("a constant pattern")
});

/// What may follow a status; what is counted is none.
const FOLLOWS: [&str; 22] = [
    "unauthorized",
    "forbidden",
    "unauthorised",
    "denied",
    "while",
    "with",
    "for",
    "from",
    "on",
    "when",
    "client",
    "error",
    "permission",
    "access",
    "and",
    "received",
    "returned",
    "reason",
    "message",
    "by",
    "instead",
    "response",
];

/// What must stand before "with" where nothing that follows tells what is counted.
const ANSWERED: [&str; 10] =
    ["failed", "fails", "responded", "responds", "answered", "replied", "rejected", "refused", "denied", "aborted"];

/// What makes a number another thing than a status.
const PRECEDES: [&str; 8] = ["exit", "exited", "exits", "total", "expected", "expect", "processed", "finished"];

/// What else a line with these bare words must speak of; parsers have tokens too.
static TOKEN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?i)\b(?:gitlab|auth\w*|api|https?|registry|login|status|remote)\b.*\binvalid token\s*(?:[.,!)}\]"]|$)"#,
    )
    .expect("a constant pattern")
});

/// Whether a credential was refused, as far as the log says. No is no proof of the opposite.
pub fn tells_of_a_refusal(log: &str) -> bool {
    plain(log).lines().map(without_time).filter(|line| !is_of_another_kind(line)).any(is_refusal)
}

/// A line without what runners may put before it: the time, and which of the job's streams it came from.
fn without_time(line: &str) -> &str {
    static TIME: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"^\d{4}-\d\d-\d\dT[\d:.]+Z (?:\d\d[OE][ +]?)?").expect("a constant pattern"));
    TIME.find(line).map_or(line, |time| line.get(time.end()..).unwrap_or_default())
}

fn is_refusal(line: &str) -> bool {
    REFUSED.is_match(line)
        || WORDED.is_match(line)
        || TOKEN.is_match(line)
        || STATUS.captures_iter(line).any(|found| is_status(&found))
}

fn is_status(found: &regex::Captures<'_>) -> bool {
    let word = |name| found.name(name).map_or("", |word| word.as_str()).trim_matches(|c: char| !c.is_alphabetic());
    let (before, after) = (word("before").to_ascii_lowercase(), word("after").to_ascii_lowercase());
    let is_bare = found.name("bare").is_some();
    if is_bare && !ANSWERED.contains(&before.as_str()) && !FOLLOWS.contains(&after.as_str()) {
        return false;
    }
    !PRECEDES.contains(&before.as_str()) && (after.is_empty() || FOLLOWS.contains(&after.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines as the programs print them that were refused, one a line.
    const REFUSALS: &str = include_str!("../../../../tests/samples/logs/refused.txt");
    /// Lines that only look like it.
    const OTHERS: &str = include_str!("../../../../tests/samples/logs/others.txt");

    fn lines(text: &'static str) -> impl Iterator<Item = &'static str> {
        text.lines().filter(|line| !line.is_empty())
    }

    #[test]
    fn the_words_of_a_refusal_are_known_whoever_says_them() {
        let missed: Vec<&str> = lines(REFUSALS).filter(|line| !tells_of_a_refusal(line)).collect();
        assert!(missed.is_empty(), "{missed:#?}");
    }

    #[test]
    fn what_is_counted_tested_or_merely_named_is_no_refusal() {
        let taken: Vec<&str> = lines(OTHERS).filter(|line| tells_of_a_refusal(line)).collect();
        assert!(taken.is_empty(), "{taken:#?}");
    }

    #[test]
    fn colours_hide_nothing() {
        assert!(tells_of_a_refusal("\u{1b}[31mUnauthorized\u{1b}[0m"));
        assert!(tells_of_a_refusal("\u{1b}[0;31merror:\u{1b}[0m got \u{1b}[1m401\u{1b}[0m"));
    }
}
