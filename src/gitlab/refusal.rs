//! What GitLab's refusals mean: its words come before its numbers. The one place that decides it, for the client and
//! for every store that lives in GitLab; whoever acts on a refusal asks it whom it concerns and what mends it.

mod gateway;

use crate::http::{About, Dialect, Reading, Refused};
use gateway::is_gitlabs;

/// GitLab's way of refusing.
pub const DIALECT: Dialect = Dialect { read, whoami: "/user" };

const READ_ONLY: &str = "wait until the maintenance or the failover of GitLab is over; rekey goes on by itself";
const PROXY: &str = "let whoever runs the proxy before GitLab pass the bot's calls on, or lift its ban; rekey goes on by \
                     itself";
const PROXY_LOGIN: &str = "let the bot show what the proxy before GitLab asks for ([gitlab.proxy]), or let whoever runs \
                           it pass the bot's calls on; rekey goes on by itself";
const LOGIN: &str = "let whoever runs the proxy before GitLab pass calls to /api on that carry a token, or let the bot \
                     show what it asks for ([gitlab.proxy]); rekey goes on by itself";
const MOVED: &str = "correct its path in the configuration";
const TOO_OLD: &str = "update GitLab to 17.11 or later (18.9 for service accounts of projects), or manage other tokens";
const NEW_TOKEN: &str = "make a new token for the bot with the scope api, and put it where [gitlab] token points";
const UNBLOCK: &str = "unblock or confirm the bot's account in GitLab's admin area";
const FINE_GRAINED: &str = "give the bot's fine-grained token the permissions that GitLab names";
const ENFORCED: &str = "replace this token by a fine-grained one by hand: this GitLab allows no other kind any more";

/// GitLab's words (in lower case), whom they concern, and the way out.
const KNOWN: &[(&[&str], About, &str)] = &[
    (&["password expired", "password has expired"], About::Caller, "set a new password for the bot's account"),
    (
        &["terms of service", "accept the terms", "accept these terms"],
        About::Caller,
        "sign in as the bot's account \
                                                                                     and accept the terms",
    ),
    (&["dpop"], About::Caller, "turn off \"Require DPoP\" for the bot's account: rekey does not sign its calls so"),
    (&["two-factor", "2fa"], About::Caller, "set up two-factor authentication for the bot's account, or exempt it"),
    (
        &[
            "been blocked",
            "is blocked",
            "been banned",
            "is banned",
            "deactivated",
            "pending approval",
            "not confirmed",
            "confirm your email",
            "email confirmation",
            "account is locked",
        ],
        About::Caller,
        UNBLOCK,
    ),
    (&["insufficient_granular_scope", "fine-grained personal access token"], About::Call, FINE_GRAINED),
    (&["legacy personal access tokens is disabled"], About::Call, ENFORCED),
    (&["insufficient_scope", "higher privileges than provided"], About::Call, NEW_TOKEN),
    (
        &["sso session", "saml", "single sign-on"],
        About::Call,
        "start a session of the bot's account with the group's \
                                                               single sign-on, or use a service account",
    ),
    (
        &["ip address", "your ip", "ip restriction", "restricted by ip", "allowed ip", "ip allowlist"],
        About::Call,
        "add the address of the bot to the allow-list of the group or the instance",
    ),
    (&["archived"], About::Call, "unarchive the project"),
];

/// Words by which GitLab says that it takes no writes, or none from here, for now.
const FOR_NOW: &[(&[&str], &str, &str)] = &[
    (&["read-only instance", "read-only mode", "maintenance mode"], "GitLab is read-only for now", READ_ONLY),
    (&["rate limit", "too many requests", "retry later"], "GitLab limits requests", PROXY),
];

/// What one refusal means.
fn read(refused: &Refused<'_>) -> Reading {
    let words = refused.words.unwrap_or_default().to_lowercase();
    let has = |signs: &[&str]| signs.iter().any(|sign| words.contains(sign));
    if let Some((_, what, mend)) = FOR_NOW.iter().find(|(signs, ..)| has(signs)) {
        return Reading::NotNow { why: format!("{what} ({})", refused.words.unwrap_or_default()), mend };
    }
    match refused.status {
        300..=399 => redirected(refused),
        // A 408 may have had its effect.
        400..=407 | 409..=499 if !is_gitlabs(refused) => Reading::NotNow {
            why: format!("{} came without GitLab's words, so something before GitLab answered", refused.status),
            mend: if matches!(refused.status, 401 | 407) { PROXY_LOGIN } else { PROXY },
        },
        401 => match words.contains("invalid_token") || words.contains("impersonation is disabled") {
            true => Reading::mended(About::Credential, NEW_TOKEN),
            false => known(has).unwrap_or(Reading::NoOrNobody),
        },
        405 if words.contains("moved project") => Reading::reworded("it was moved or renamed", MOVED),
        404 | 405 if lacks_route(refused) => too_old(refused),
        400..=499 => known(has).unwrap_or_else(Reading::plain),
        _ => Reading::plain(),
    }
}

fn known(has: impl Fn(&[&str]) -> bool) -> Option<Reading> {
    let (_, about, mend) = KNOWN.iter().find(|(signs, ..)| has(signs))?;
    Some(Reading::mended(*about, mend))
}

/// GitLab has no such call at all, which its framework says under another key than GitLab itself.
fn lacks_route(refused: &Refused<'_>) -> bool {
    let unrouted = serde_json::from_slice::<serde_json::Value>(refused.body)
        .is_ok_and(|body| body.get("message").is_none() && body.get("error").is_some());
    unrouted && refused.path.contains("/service_accounts")
}

fn too_old(refused: &Refused<'_>) -> Reading {
    let said = refused.words.unwrap_or_default();
    Reading::reworded(format!("this GitLab is too old to manage tokens of service accounts ({said})"), TOO_OLD)
}

/// Redirects are never followed. One for good to a number is a move, one of a write to the start page is how a read-only
/// GitLab answers what carries no JSON (under its external address, which need not be the one that is called), and one to
/// another host or a login page is not GitLab's.
fn redirected(refused: &Refused<'_>) -> Reading {
    let Some(location) = refused.location else { return Reading::plain() };
    let (named, path) = origin_and_path(location);
    let origin = if named.is_empty() { refused.origin } else { named };
    let is_elsewhere = !origin.eq_ignore_ascii_case(refused.origin);
    let for_good = matches!(refused.status, 301 | 308);
    let start = refused.base.trim_end_matches('/').trim_end_matches("/api/v4");
    if let Some((what, number)) = numbered(path).filter(|_| for_good && numbered(refused.path).is_none()) {
        return Reading::reworded(format!("it was moved or renamed; GitLab knows it as {what} {number}"), MOVED);
    }
    if is_elsewhere && path == refused.path && (for_good || host(origin) == host(refused.origin)) {
        let words = format!("GitLab sends us on to {origin}; [gitlab] url is outdated");
        return Reading::reworded(words, "write that address as [gitlab] url");
    }
    if for_good && refused.is_write && path.trim_end_matches('/') == start {
        let why = "GitLab is read-only for now: it redirects what is to be written to its start page".to_owned();
        return Reading::NotNow { why, mend: READ_ONLY };
    }
    // Who sends a call back to itself wants a cookie first, which is a login too.
    if is_elsewhere || path == refused.path || is_login(path) {
        let why =
            format!("a proxy in front of GitLab wants a login: it sends us to {origin} instead of passing the call on");
        return Reading::NotNow { why, mend: LOGIN };
    }
    Reading::mended(About::Call, "correct [gitlab] url, or the path in the configuration")
}

/// Whether a path is one where people sign in, as GitLab and the usual proxies name it.
fn is_login(path: &str) -> bool {
    ["sign_in", "login", "/auth", "/oauth", "/saml", "/sso", "/outpost"].iter().any(|sign| path.contains(sign))
}

/// `https://host` and the path of an address, without its query.
fn origin_and_path(location: &str) -> (&str, &str) {
    let bare = location.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = bare.split_once("://") else { return ("", bare) };
    match rest.find('/') {
        Some(slash) => bare.split_at(scheme.len() + 3 + slash),
        None => (bare, "/"),
    }
}

/// The name in `https://name:port`.
fn host(origin: &str) -> &str {
    let authority = origin.split_once("://").map_or(origin, |(_, authority)| authority);
    authority
        .rsplit_once(':')
        .filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()))
        .map_or(authority, |(name, _)| name)
}

/// The project or group that a path of the API names by its number.
fn numbered(path: &str) -> Option<(&'static str, &str)> {
    let mut parts = path.split('/').skip_while(|part| !matches!(*part, "projects" | "groups"));
    let what = if parts.next()? == "projects" { "project" } else { "group" };
    let number = parts.next()?;
    (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())).then_some((what, number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderMap;

    fn reading(status: u16, is_write: bool, path: &str, location: Option<&str>, body: &str) -> String {
        let words = serde_json::from_str::<serde_json::Value>(body).ok();
        let word = |key: &str| words.as_ref()?.get(key)?.as_str().map(str::to_owned);
        let words = [word("message"), word("error"), word("error_description")].into_iter().flatten();
        let words = words.collect::<Vec<_>>().join(": ");
        let words = Some(words.as_str()).filter(|words| !words.is_empty());
        let base = if path.starts_with("/git/") { "/git/api/v4" } else { "/api/v4" };
        let (headers, body) = (HeaderMap::new(), body.as_bytes());
        let origin = "https://h";
        match read(&Refused { is_write, path, base, origin, status, headers: &headers, location, body, words }) {
            Reading::NotNow { why, .. } => format!("later: {why}"),
            Reading::NoOrNobody => "no, or nobody".into(),
            Reading::No { words, told } => {
                let words = words.map(|words| format!(" {words}:")).unwrap_or_default();
                format!("{:?}:{words} {}", told.about, told.mend.unwrap_or("as it says"))
            }
        }
    }

    fn refusal(status: u16, message: &str) -> String {
        reading(status, true, "/api/v4/projects/acme%2Fx", None, &serde_json::json!({ "message": message }).to_string())
    }

    #[test]
    fn words_come_before_numbers() {
        let page = "<html>Forbidden</html>";
        for (status, body, what) in [
            (403, r#"{"message":"You cannot perform write operations on a read-only instance"}"#, "later: GitLab is"),
            (503, r#"{"message":"system is in maintenance mode"}"#, "later: GitLab is read-only"),
            (401, page, "later: 401 came without"),
            (403, "Forbidden\n", "later: 403 came without"),
            (404, page, "later: 404 came without"),
            (403, "", "later: 403 came without"),
            (405, page, "later: 405 came without"),
            (413, page, "later: 413 came without"),
            (418, "", "later: 418 came without"),
            (408, page, "Call: as it says"),
            (403, r#"{"message":"Forbidden"}"#, "later: 403 came without"),
            (401, r#"{"message":"Unauthorized"}"#, "later: 401 came without"),
            (404, r#"{"statusCode":404,"error":{"code":"x"}}"#, "later: 404 came without"),
            (
                403,
                r#"{"message":"403 Forbidden - Access from your IP address is not allowed"}"#,
                "Call: add the address",
            ),
            (400, r#"{"error":"name is missing"}"#, "Call: as it says"),
            (401, r#"{"message":"401 Unauthorized"}"#, "no, or nobody"),
            (401, r#"{"error":"invalid_token","error_description":"Token is expired."}"#, "Credential: make a new"),
            (401, r#"{"error":"dpop_error","error_description":"DPoP header is missing"}"#, "Caller: turn off"),
            (403, r#"{"message":"403 Forbidden"}"#, "Call: as it says"),
            (502, page, "Call: as it says"),
        ] {
            let got = reading(status, true, "/api/v4/projects/1/variables/X", None, body);
            assert!(got.starts_with(what), "{status} {body}: {got}");
        }
    }

    #[test]
    fn each_state_of_an_account_has_its_own_way_out() {
        for (words, what) in [
            ("403 Forbidden - Your password expired. Please access GitLab from a web browser", "Caller: set a new"),
            ("403 Forbidden - Your account has been blocked.", "Caller: unblock"),
            ("You (@bot) must accept the Terms of Service in order to perform this action.", "Caller: sign in"),
            ("Cannot find valid SSO session. Please login via your group's SSO", "Call: start a session"),
            ("403 Forbidden - Access from your IP address is not allowed", "Call: add the address"),
        ] {
            assert!(refusal(403, words).starts_with(what), "{words}: {}", refusal(403, words));
        }
        let legacy =
            "400 Bad request - Rotation of legacy personal access tokens is disabled. Use a fine-grained token";
        assert!(refusal(400, legacy).starts_with("Call: replace this token"));
    }

    #[test]
    fn a_redirect_is_a_move_maintenance_a_login_page_or_another_address() {
        let (moved, tokens) = ("/api/v4/projects/acme%2Fx/variables/X", "/api/v4/groups/3/access_tokens/9");
        for (is_write, path, location, what) in [
            (
                false,
                moved,
                "http://h/api/v4/projects/21",
                "Call: it was moved or renamed; GitLab knows it as project 21",
            ),
            (true, tokens, "http://elsewhere/", "later: GitLab is read-only"),
            (true, tokens, "https://h", "later: GitLab is read-only"),
            (true, "/git/api/v4/groups/3/access_tokens/9", "https://h/git/", "later: GitLab is read-only"),
            (false, tokens, "https://h/", "Call: correct [gitlab] url"),
            (true, tokens, "https://new/api/v4/groups/3/access_tokens/9", "Call: GitLab sends us on to https://new;"),
            (false, tokens, "https://sso.example/login?next=x", "later: a proxy in front of GitLab wants a login"),
        ] {
            let got = reading(301, is_write, path, Some(location), "<html></html>");
            assert!(got.starts_with(what), "{path} -> {location}: {got}");
        }
        assert!(refusal(405, "Non GET methods are not allowed for moved projects").contains("moved or renamed"));
    }

    #[test]
    fn a_login_page_of_a_proxy_is_never_a_move_nor_an_outdated_address() {
        let path = "/api/v4/projects/acme%2Fx/variables/X";
        for (status, location) in [
            (302, "https://auth.example/?rd=https%3A%2F%2Fh%2Fapi%2Fv4"),
            (303, "https://auth.example/"),
            (307, "https://auth.example/api/v4/projects/acme%2Fx/variables/X"),
            (302, "https://idp.example/api/v4/projects/21"),
            (302, "https://tenant.example/authorize?client_id=x&redirect_uri=y"),
            (302, "/oauth2/start?rd=%2Fapi"),
            (302, "https://h/users/sign_in"),
            (302, "https://h/outpost.goauthentik.io/start"),
            (307, path),
            (308, "https://sso.example/flow"),
        ] {
            for is_write in [false, true] {
                let got = reading(status, is_write, path, Some(location), "");
                assert!(got.starts_with("later: a proxy in front of GitLab wants a login"), "{location}: {got}");
            }
        }
        for (status, location) in [(302, "http://h"), (301, "https://h:8443"), (308, "https://new.example")] {
            let got = reading(status, false, path, Some(&format!("{location}{path}")), "");
            assert!(got.contains("[gitlab] url is outdated"), "{location}: {got}");
        }
    }

    #[test]
    fn a_call_that_gitlab_does_not_know_is_not_an_object_that_is_missing() {
        let path = "/api/v4/groups/3/service_accounts/42/personal_access_tokens";
        for (status, body, what) in [
            (405, r#"{"error":"405 Not Allowed"}"#, "Call: this GitLab is too old"),
            (404, r#"{"error":"404 Not Found"}"#, "Call: this GitLab is too old"),
            (404, r#"{"message":"404 User Not Found"}"#, "Call: as it says"),
        ] {
            assert!(reading(status, false, path, None, body).starts_with(what), "{body}");
        }
    }
}
