//! Each managed token: the bot may replace it, it is there, it is whose it should be, and there is time left.

use super::Visit;
use super::finding::Finding;
use crate::cli::words::{list, owner, role};
use crate::engine::EngineError;
use crate::engine::planner::{Maker, choose};
use crate::http::CallError;
use crate::rotation::token::{LiveToken, ManagedToken, Owner, Strategy};

const MAINTAINER: u8 = 40;
const OWNER: u8 = 50;

pub(super) async fn look(visit: &Visit<'_>, token: &ManagedToken) -> Vec<Finding> {
    let id = token.id.as_str();
    if let Some(trouble) = membership(visit, token).await {
        return vec![trouble];
    }
    let live = match visit.engine.live_token(token).await {
        Ok(live) => live,
        Err(error) => return vec![missing(id, &token.owner, &error)],
    };
    let (strategy, _) = choose(token, &live, &Maker { me: &visit.me, takes_permissions: false }, None);
    let mut findings = vec![found(visit, token, &live, strategy)];
    findings.extend(right(visit, token, &live, strategy));
    findings.extend(match visit.engine.too_few_approvers(token).await {
        Some(what) => Some(nobody(id, what)),
        None => none_to_spare(visit, token),
    });
    findings.extend(policy(token, &live, strategy));
    findings.extend(whose(visit, token, &live).await);
    findings
}

/// The role without which GitLab does not even list the owner's tokens.
async fn membership(visit: &Visit<'_>, token: &ManagedToken) -> Option<Finding> {
    let (gitlab, me) = (&visit.engine.gitlab, &visit.me);
    let (place, level, needed) = match &token.owner {
        Owner::GroupServiceAccount { group, .. } | Owner::Group { group } => {
            (format!("group {group}"), gitlab.group(group, me.user_id).await.map(|g| g.map(|g| g.level)), OWNER)
        }
        Owner::ProjectServiceAccount { project, .. } | Owner::Project { project } => {
            let found = gitlab.project(project, me.user_id).await;
            (format!("project {project}"), found.map(|p| p.map(|p| p.level)), MAINTAINER)
        }
        Owner::InstanceServiceAccount { .. } | Owner::User { .. } => return None,
    };
    enough(visit, token.id.as_str(), &place, level, needed)
}

fn enough(
    visit: &Visit<'_>,
    id: &str,
    place: &str,
    level: Result<Option<Option<u8>>, CallError>,
    needed: u8,
) -> Option<Finding> {
    let bot = &visit.me.username;
    let give = format!("give {bot} the role {} there", role(needed));
    match level {
        Err(error) => Some(Finding::fail(id, error.to_string(), mend_of(&error, &give))),
        Ok(None) => {
            let what = format!("{place} does not exist, or {bot} cannot see it");
            Some(Finding::fail(id, what, format!("correct the path, or {give}")))
        }
        Ok(Some(level)) if !visit.me.admin && level.unwrap_or_default() < needed => {
            let has = role(level.unwrap_or_default());
            Some(Finding::fail(id, format!("{bot} is {has} in {place}, too little to manage tokens"), give))
        }
        Ok(Some(_)) => None,
    }
}

fn missing(id: &str, owner: &Owner, error: &EngineError) -> Finding {
    let mend = match (error, owner) {
        (EngineError::Locked { mend, .. } | EngineError::Denied { mend: Some(mend), .. }, _) => mend,
        (error, _) if error.is_passing() => "try again",
        (EngineError::Denied { .. }, _) => "give the bot the role that this needs, or correct the owner",
        (EngineError::Amiss { .. }, _) => "make it, or correct the configuration",
        (_, Owner::User { .. } | Owner::InstanceServiceAccount { .. }) => {
            "correct the owner, or let a store hold its value: the bot cannot list other users' tokens"
        }
        _ => "correct the owner, or revoke the tokens that are not in use",
    };
    let what = error.to_string();
    match what.split_once("; ").filter(|_| !matches!(error, EngineError::Locked { .. })) {
        Some((what, mend)) => Finding::fail(id, what, mend),
        None => Finding::fail(id, what, mend),
    }
}

fn mend_of(error: &CallError, usual: &str) -> String {
    match error.is_passing() {
        true => error.mend().unwrap_or("try again").to_owned(),
        false => error.mend().unwrap_or(usual).to_owned(),
    }
}

fn found(visit: &Visit<'_>, token: &ManagedToken, live: &LiveToken, strategy: Strategy) -> Finding {
    let id = token.id.as_str();
    let what = format!("{}, {strategy}, scopes {}", owner(&token.owner), list(&live.scopes));
    let Some(date) = live.expires_at else {
        let mend = "give it an expiry, or rotate it by hand with `rekey rotate`";
        return Finding::warn(id, format!("never expires, so nothing starts a rotation; {what}"), mend);
    };
    let days = visit.engine.days_left(live).unwrap_or_default();
    let what = format!("expires on {date}, in {days} days; {what}");
    match visit.engine.is_near(token, live.expires_at) {
        true => Finding::warn(id, what, "it is due; `rekey serve` opens its rotation, if it has not yet"),
        false => Finding::ok(id, what),
    }
}

/// What the strategy needs beyond the role.
fn right(visit: &Visit<'_>, token: &ManagedToken, live: &LiveToken, strategy: Strategy) -> Option<Finding> {
    let (id, me) = (token.id.as_str(), &visit.me);
    match (&token.owner, strategy) {
        (_, Strategy::SelfRotate) => rotates_itself(id, live),
        (Owner::User { username }, Strategy::InPlace) if me.admin || *username == me.username => None,
        (Owner::User { username } | Owner::InstanceServiceAccount { username }, _) if !me.admin => {
            let what = format!("only an administrator may replace tokens of {username} by {strategy}");
            Some(Finding::fail(id, what, "use strategy = \"self\", or an administrator's token"))
        }
        _ => None,
    }
}

fn rotates_itself(id: &str, live: &LiveToken) -> Option<Finding> {
    let may = live.scopes.iter().any(|scope| scope == "api" || scope == "self_rotate");
    (!may).then(|| {
        let what = "it cannot rotate itself: it has neither api nor self_rotate";
        Finding::fail(id, what, "replace it once by hand with one that has self_rotate")
    })
}

fn nobody(id: &str, what: String) -> Finding {
    Finding::fail(id, what, "name more people under approvers, or put more into its groups")
}

/// Whoever asks for a rotation cannot approve it, so one more than are needed must be there.
fn none_to_spare(visit: &Visit<'_>, token: &ManagedToken) -> Option<Finding> {
    let named = visit.engine.catalog.named(&token.id);
    if !token.groups.is_empty() || named.len() > token.quorum.max(1) as usize {
        return None;
    }
    let (names, id) = (list(named.iter().map(|person| &person.0)), token.id.as_str());
    let what = match named.len() {
        1 => format!("{names} is its only approver and cannot approve what {names} asks for"),
        _ => format!("all of its approvers are needed ({names}), and who asks cannot approve"),
    };
    Some(Finding::warn(id, what, "name one more under approvers, or let others ask"))
}

fn policy(token: &ManagedToken, live: &LiveToken, strategy: Strategy) -> Option<Finding> {
    let id = token.id.as_str();
    let allowed = token.scopes.as_ref()?;
    if live.scopes.is_disjoint(allowed) {
        let what = format!("its scopes ({}) are none of those that the policy allows", list(&live.scopes));
        return Some(Finding::fail(id, what, "correct scopes"));
    }
    let copies = matches!(strategy, Strategy::InPlace | Strategy::SelfRotate);
    (copies && !live.scopes.is_subset(allowed)).then(|| {
        let what = format!("{strategy} copies all scopes, but the policy allows only {}", list(allowed));
        Finding::fail(id, what, "use strategy = \"overlap\", or allow the scopes")
    })
}

async fn whose(visit: &Visit<'_>, token: &ManagedToken, live: &LiveToken) -> Option<Finding> {
    let id = token.id.as_str();
    match visit.engine.gitlab.resolve_user(&token.owner).await {
        Ok(Some(user)) if user != live.user_id => {
            let what = format!("token {} belongs to another user than {}", live.id, token.owner);
            Some(Finding::fail(id, what, "correct the owner"))
        }
        _ => None,
    }
}
