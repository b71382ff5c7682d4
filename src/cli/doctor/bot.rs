//! The instance and the bot's own token: reachable, of use, and neither too weak nor too strong.

use super::finding::{Finding, Verdict};
use crate::clock::utc_date;
use crate::config::Config;
use crate::engine::Engine;
use crate::engine::planner::FINE_GRAINED_BOT;
use crate::gitlab::{Me, Metadata};
use crate::http::CallError;
use crate::rotation::token::{LiveToken, Owner};
use jiff::Timestamp;
use jiff::civil::Date;

/// A bot's token with fewer days than this should be replaced now.
const SOON_DAYS: i32 = 30;

/// Who the bot is, if GitLab tells, and what was found.
pub(super) async fn look(config: &Config, engine: &Engine) -> (Option<Me>, Vec<Finding>) {
    let (address, version) = address(engine).await;
    let answers = address.verdict != Verdict::Fail;
    let mut findings = vec![address];
    findings.extend(version.and_then(|version| too_old(config, &version)));
    let reference = &config.gitlab.token.reference;
    if !engine.gitlab.could_be_token(&config.gitlab.token.value) {
        let what = format!("{reference} does not look like a token of this GitLab, so GitLab was not asked");
        let mend = "give the whole token (glpat-…); if your GitLab has a prefix of its own, write it as [gitlab] \
                    token_prefixes";
        findings.push(Finding::fail("token", what, mend));
        return (None, findings);
    }
    match engine.gitlab.introspect(&config.gitlab.token.value).await {
        Ok(token) => findings.extend([scopes(&token), expiry(&token, engine.clock.today())]),
        Err(error) if error.status() == Some(401) => {
            let what = format!("GitLab does not accept the token of {reference}: {}", error.words());
            let mend = error.mend().unwrap_or("make a personal access token with the scope api, and put it there");
            findings.push(Finding::fail("token", what, mend));
            return (None, findings);
        }
        Err(error) => {
            // An address that does not answer says it already.
            findings.extend(answers.then(|| refused("token", &error)));
            return (None, findings);
        }
    }
    match engine.gitlab.me().await {
        Ok(me) => {
            findings.push(account(config, &me));
            findings.extend(clock(engine).await);
            (Some(me), findings)
        }
        Err(error) => {
            findings.push(refused("account", &error));
            (None, findings)
        }
    }
}

/// What GitLab says of itself, where it tells.
async fn address(engine: &Engine) -> (Finding, Option<Metadata>) {
    let host = engine.gitlab.host();
    match engine.gitlab.metadata().await {
        Ok(metadata) => {
            (Finding::ok("address", format!("{host} answers, version {}", metadata.version)), Some(metadata))
        }
        Err(CallError::Status { status: 401 | 403, .. }) => {
            let what =
                format!("{host} answers and does not tell its version, so nobody knows whether it is new enough");
            (Finding::warn("address", what, "give the bot's token the scope api, or let it read /metadata"), None)
        }
        Err(error) => {
            let usual = "correct [gitlab] url; behind a proxy set HTTPS_PROXY, for a private authority set ca_file";
            let what = format!("{host} does not answer as GitLab: {error}");
            (Finding::fail("address", what, error.mend().unwrap_or(usual)), None)
        }
    }
}

/// Tokens of service accounts can be managed from 17.11 on, those of projects from 18.9 on.
fn too_old(config: &Config, metadata: &Metadata) -> Option<Finding> {
    let has = |of: fn(&Owner) -> bool| config.tokens.iter().any(|(token, _)| of(&token.owner));
    let (needed, what) = if has(|owner| matches!(owner, Owner::ProjectServiceAccount { .. })) {
        ((18, 9), "service accounts of projects")
    } else if has(|owner| matches!(owner, Owner::GroupServiceAccount { .. })) {
        ((17, 11), "service accounts")
    } else {
        return None;
    };
    let ((major, minor), version) = (needed, &metadata.version);
    (!metadata.is_at_least(major, minor)).then(|| {
        let what = format!("tokens of {what} need GitLab {major}.{minor} or later; this is {version}");
        Finding::fail("version", what, format!("update GitLab to {major}.{minor} or later"))
    })
}

/// GitLab answers, and says no to the bot itself.
fn refused(subject: &str, error: &CallError) -> Finding {
    let usual = match error.is_passing() {
        true => "run `rekey doctor` again once GitLab answers",
        false => "give the bot a token with the scope api that may read itself, and see that its account is active",
    };
    Finding::fail(subject, error.to_string(), error.mend().unwrap_or(usual))
}

fn scopes(token: &LiveToken) -> Finding {
    let beyond: Vec<&str> =
        token.scopes.iter().map(String::as_str).filter(|scope| ["admin_mode", "sudo"].contains(scope)).collect();
    if token.granular {
        let mend = "see that it has the permissions that the documentation names, or use a token with the scope api";
        return Finding::warn("scopes", FINE_GRAINED_BOT, mend);
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
