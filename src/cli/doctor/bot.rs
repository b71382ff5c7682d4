//! The instance and the bot's own token: reachable, of use, and neither too weak nor too strong.

use super::finding::Finding;
use crate::clock::utc_date;
use crate::config::Config;
use crate::engine::Engine;
use crate::gitlab::Me;
use crate::http::CallError;
use crate::rotation::token::{LiveToken, Owner};
use jiff::Timestamp;
use jiff::civil::Date;

/// A bot's token with fewer days than this should be replaced now.
const SOON_DAYS: i32 = 30;

/// Who the bot is, if GitLab tells, and what was found.
pub(super) async fn look(config: &Config, engine: &Engine) -> (Option<Me>, Vec<Finding>) {
    let mut findings = vec![address(engine).await];
    let reference = &config.gitlab.token.reference;
    if !engine.gitlab.could_be_token(&config.gitlab.token.value) {
        let what = format!("{reference} does not look like a token of this GitLab, so GitLab was not asked");
        let mend = "give the whole token (glpat-…); if your GitLab has a prefix of its own, write it as [gitlab] \
                    token_prefixes";
        findings.push(Finding::fail("token", what, mend));
        return (None, findings);
    }
    match engine.gitlab.whoami(&config.gitlab.token.value).await {
        Ok(Some(token)) => findings.extend([scopes(&token), expiry(&token, engine.clock.today())]),
        Ok(None) => {
            let what = format!("GitLab does not accept the token of {reference}");
            findings.push(Finding::fail(
                "token",
                what,
                "make a personal access token with the scope api, and put it there",
            ));
            return (None, findings);
        }
        // The address says it already.
        Err(_) => return (None, findings),
    }
    match engine.gitlab.me().await {
        Ok(me) => {
            findings.push(account(config, &me));
            findings.extend(clock(engine).await);
            (Some(me), findings)
        }
        Err(error) => {
            findings.push(Finding::fail("account", error.to_string(), "give the token the scope api"));
            (None, findings)
        }
    }
}

async fn address(engine: &Engine) -> Finding {
    let host = engine.gitlab.host();
    match engine.gitlab.metadata().await {
        Ok(metadata) => Finding::ok("address", format!("{host} answers, version {}", metadata.version)),
        Err(CallError::Status { status: 401 | 403, .. }) => Finding::ok("address", format!("{host} answers")),
        Err(error) => {
            let mend = "correct [gitlab] url; behind a proxy set HTTPS_PROXY, for a private authority set ca_file";
            Finding::fail("address", format!("{host} does not answer as GitLab: {error}"), mend)
        }
    }
}

fn scopes(token: &LiveToken) -> Finding {
    let beyond: Vec<&str> =
        token.scopes.iter().map(String::as_str).filter(|scope| ["admin_mode", "sudo"].contains(scope)).collect();
    if token.granular {
        return Finding::ok("scopes", "fine-grained; the checks below tell whether they suffice");
    }
    if !token.scopes.contains("api") {
        let has = token.scopes.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        let what = format!("the scope api is missing; the token has {has}");
        return Finding::fail("scopes", what, "make a token with the scope api; scopes cannot be added");
    }
    if !beyond.is_empty() {
        let what = format!("api, and more than needed: {}", beyond.join(", "));
        return Finding::warn("scopes", what, "make a token with the scope api alone, unless admin mode is on");
    }
    Finding::ok("scopes", "api")
}

fn expiry(token: &LiveToken, today: Date) -> Finding {
    let Some(date) = token.expires_at else {
        return Finding::warn("expiry", "the bot's own token never expires", "give it an expiry, and renew it in time");
    };
    let days = today.until(date).map_or(0, |span| span.get_days());
    let what = format!("the bot's own token expires on {date}, in {days} days");
    if days < SOON_DAYS {
        return Finding::warn("expiry", what, "make a new one soon; without it nothing is rotated");
    }
    Finding::ok("expiry", what)
}

fn account(config: &Config, me: &Me) -> Finding {
    let name = &me.username;
    let of_users = |owner: &Owner| matches!(owner, Owner::User { .. } | Owner::InstanceServiceAccount { .. });
    let needed = config.tokens.iter().any(|(token, _)| of_users(&token.owner));
    match (me.admin, needed) {
        (true, true) => Finding::ok("account", format!("{name}, an administrator, as some tokens need")),
        (true, false) => {
            let what = format!("{name} is an administrator, which no configured token needs");
            Finding::warn("account", what, "use an account that is a member only where tokens are managed")
        }
        (false, _) => Finding::ok("account", name.clone()),
    }
}

async fn clock(engine: &Engine) -> Option<Finding> {
    let theirs = engine.gitlab.clock().await.ok()??;
    Some(skew(theirs, engine.clock.now()))
}

fn skew(theirs: Timestamp, ours: Timestamp) -> Finding {
    let besides = if utc_date(theirs) == utc_date(ours) { "" } else { ", on another date" };
    super::clock::compared("GitLab", ours.duration_since(theirs), besides)
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;

    #[test]
    fn half_a_minute_of_skew_is_let_pass_and_more_is_told_with_its_side() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let ours = at("2026-11-21T12:00:00Z");
        assert_eq!(skew(at("2026-11-21T12:00:30Z"), ours).verdict, Verdict::Ok);
        assert_eq!(skew(at("2026-11-21T12:00:31Z"), ours).what, "31 s behind GitLab's");
        assert_eq!(skew(at("2026-11-21T12:00:31Z"), ours).verdict, Verdict::Warn);
        let hours = skew(at("2026-11-20T23:00:00Z"), ours);
        assert_eq!(hours.what, "46800 s ahead of GitLab's, on another date");
        assert_eq!(hours.verdict, Verdict::Fail, "nothing that is signed would be believed");
    }
}
