//! The second layer: what looks like somebody's credential, known or not. By the prefixes that vendors give their
//! tokens and those of the instance, and by the place where it stands: a header, an address, an option of a program.

use regex::{Captures, Regex, RegexSet};
use std::ops::Range;
use std::sync::{LazyLock, PoisonError, RwLock};

/// What a pattern found is not hidden on which condition.
type Unless = fn(&str) -> bool;

/// Words without which a pattern finds nothing, the pattern, and its exception. Hidden is the first group, or all if there
/// is none.
const PATTERNS: [(&str, &str, Unless); 18] = [
    // GitLab, Slack, webhooks, 1Password.
    (
        "gl(?:pat|dt|rt|rtr|cbt|ptt|ft|imt|agent|wt|soat|ffct|oas)-|xox[a-z]-|xoxe\\.|xapp-|whsec_|ops_eyj",
        r"(?:gl(?:pat|dt|rt|rtr|cbt|ptt|ft|imt|agent|wt|soat|ffct|oas)-|(?:xoxe\.)?xox[a-z]-|xapp-|whsec_|ops_eyJ)[A-Za-z0-9._=/+-]{8,}",
        never,
    ),
    // Other vendors.
    (
        "gh[pousr]_|github_pat_|npm_|hv[sbr]\\.|dckr_pat_|pypi-|ya29\\.|aiza|sk-",
        r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|npm_[A-Za-z0-9]{30,}|hv[sbr]\.[A-Za-z0-9_-]{20,}|dckr_pat_[\w-]{20,}|pypi-[\w-]{20,}|ya29\.[\w-]{20,}|AIza[\w-]{35}|sk-[\w-]{20,})",
        never,
    ),
    ("eyj", r"\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?", never),
    ("[mno][\\w-]{23,27}\\.", r"\b[MNO][\w-]{23,27}\.[\w-]{6}\.[\w-]{27,}", never),
    ("hooks\\.slack", r"hooks\.slack\.com/(?:services|triggers|workflows|commands)/([^\s\x22'<>]+)", never),
    ("/webhooks/", r"discord(?:app)?\.com/api/(?:v\d+/)?webhooks/\d+/([\w-]+)", never),
    ("private key", r"-----BEGIN [A-Z ]*PRIVATE KEY-----([\s\S]*?)(?:-----END|$)", never),
    // Headers, as programs print them.
    (
        "authorization",
        r"(?i)authorization[\x22'\]]*\s*[:=]>?\s*[\x22']?(?:basic|bearer|token|bot|digest|negotiate|ntlm|apikey|genie-?key|hawk|oauth)\s+([^\s\x22',;\]}]+)",
        is_reference,
    ),
    ("aws4-hmac", r"(?i)authorization[\x22'\]]*\s*[:=]>?\s*[\x22']?(AWS4-HMAC[^\x22'\n]+)", never),
    (
        "authorization",
        r"(?i)authorization[\x22'\]]*\s*[:=]>?\s*[\x22']?(?:[a-z][\w-]*\s+)?([^\s\x22',;\]}]{6,})",
        is_talk,
    ),
    (
        "-token",
        r"(?i)(?:private|job|deploy|vault|gitlab|auth|consul|access|security|csrf|refresh|subject)-token[\x22'\]]*\s*[:=]>?\s*[\x22']?([^\s\x22',;\]}]{4,})",
        is_talk,
    ),
    (
        "api-?key|cookie",
        r"(?i)(?:x-(?:goog-)?api-?key|\bapi-key|(?:set-)?cookie)[\x22'\]]*\s*[:=]>?\s*[\x22']?([^\s\x22',\]}]{6,})",
        is_talk,
    ),
    ("bearer|basic", r"\b[Bb](?:earer|asic)\s+([A-Za-z0-9._~+/=-]{12,})", is_no_random),
    // Addresses, forms, JSON.
    ("://", r"[a-zA-Z][a-zA-Z0-9+.-]*://[^\s/:@\x22'<>]*:([^\s/@\x22'<>]+)@", is_reference),
    ("://", r"[a-zA-Z][a-zA-Z0-9+.-]*://([^\s/:@\x22'<>]{12,})@", is_no_random),
    (
        "_token|_secret|passw|pwd|passphrase|api_?key|secret_",
        r"(?i)\b(?:private_token|job_token|access_token|refresh_token|id_token|client_secret|password|passwd|pwd|passphrase|api_?key|secret_id|secret_key|secret_access_key)[\x22']?\s*(?:=|:\s*[\x22'])\s*[\x22']?([^\s\x22'&,;}]{6,})",
        is_talk,
    ),
    // Options of programs.
    (
        "-u|--user|--proxy-user|--password",
        r"(?:^|\s)(?:-u|-U|--user|--proxy-user|--password)[ =]?[\x22']?(?:[^\s\x22':=]*:)([^\s\x22']{4,})",
        is_talk,
    ),
    (
        "-p|--password",
        r"(?:^|\s)(?:--password[ =]|(?:docker|podman|buildah|helm|oras|mysql)\s[^\n]*\s-p[ =]?)[\x22']?([^\s\x22']{6,})",
        is_talk,
    ),
];

static LITERALS: LazyLock<RegexSet> =
    LazyLock::new(|| RegexSet::new(PATTERNS.map(|(words, ..)| format!("(?i){words}"))).expect("constant patterns"));
static COMPILED: LazyLock<Vec<Regex>> =
    LazyLock::new(|| PATTERNS.iter().map(|(_, pattern, _)| Regex::new(pattern).expect("a constant pattern")).collect());

/// The prefixes that instances give to their tokens, as the configuration names them.
static PREFIXES: RwLock<Vec<String>> = RwLock::new(Vec::new());

/// From now on what begins so and goes on like a token is taken for one.
pub(super) fn add_prefix(prefix: &str) {
    let mut prefixes = PREFIXES.write().unwrap_or_else(PoisonError::into_inner);
    if !prefix.is_empty() && !prefixes.iter().any(|known| known == prefix) {
        prefixes.push(prefix.to_owned());
    }
}

/// What in the text looks like a credential.
pub(super) fn credentials(text: &str, mut found: impl FnMut(Range<usize>)) {
    for nth in LITERALS.matches(text) {
        for captures in COMPILED[nth].captures_iter(text) {
            let Some(hit) = hidden(&captures) else { continue };
            if !PATTERNS[nth].2(hit.as_str()) && !hit.as_str().starts_with("[MASKED") {
                found(with_prefix(text, hit.range(), nth == 0));
            }
        }
    }
    for prefix in PREFIXES.read().unwrap_or_else(PoisonError::into_inner).iter() {
        for (at, _) in text.match_indices(prefix.as_str()) {
            let rest = &text[at + prefix.len()..];
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !"._-".contains(c)).unwrap_or(rest.len());
            if end >= 16 && is_like_random(&rest[..end]) {
                found(at..at + prefix.len() + end);
            }
        }
    }
}

/// An instance may put a prefix of its own before GitLab's.
fn with_prefix(text: &str, hit: Range<usize>, may_have_one: bool) -> Range<usize> {
    let belongs = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_-".contains(byte);
    let before = text.as_bytes()[..hit.start].iter().rev().take(40).take_while(belongs).count();
    if may_have_one { hit.start - before..hit.end } else { hit }
}

fn hidden<'t>(captures: &Captures<'t>) -> Option<regex::Match<'t>> {
    if captures.len() > 1 { captures.get(1) } else { captures.get(0) }
}

fn never(_: &str) -> bool {
    false
}

/// The name of a variable, where a secret is, a place to be filled in, or what others masked.
fn is_reference(text: &str) -> bool {
    let points =
        text.starts_with(['$', '<', '{', '%', '*', '(']) || text.starts_with("env:") || text.starts_with("file:");
    points || text.to_ascii_lowercase().contains("redacted")
}

fn is_talk(text: &str) -> bool {
    is_reference(text) || is_prose(text.trim_end_matches(['.', ':', '!', '?']))
}

fn is_no_random(text: &str) -> bool {
    !is_like_random(text)
}

/// A word as people write it: letters, of which at most the first is a capital, perhaps with hyphens.
pub(super) fn is_prose(text: &str) -> bool {
    let is_word = |word: &str| {
        word.len() <= 16
            && word.chars().skip(1).all(|c| c.is_lowercase())
            && !word.contains(|c: char| !c.is_alphabetic())
    };
    text.split(['-', '_']).all(is_word)
}

/// Long, of letters and digits, and changing between small letters, capitals and digits as no name does.
pub(super) fn is_like_random(text: &str) -> bool {
    let class = |byte: u8| match byte {
        b'0'..=b'9' => Some(0),
        b'a'..=b'z' => Some(1),
        b'A'..=b'Z' => Some(2),
        _ => None,
    };
    let classes: Vec<u8> = text.bytes().filter_map(class).collect();
    let changes = classes.windows(2).filter(|pair| pair[0] != pair[1]).count();
    classes.len() >= 12 && changes >= 3 && changes * 8 >= classes.len()
}
