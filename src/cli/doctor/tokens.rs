//! Each managed token: the bot may replace it, it is there, it is whose it should be, and there is time left.

use super::Visit;
use super::finding::Finding;
use crate::cli::words::{list, owner, role};
use crate::engine::EngineError;
use crate::engine::planner::{FINE_GRAINED_BOT, Inspection, Subject};
use crate::gitlab::Role;
use crate::http::CallError;
use crate::rotation::token::{LiveToken, ManagedToken, Owner, Strategy};

const MAINTAINER: u8 = 40;
const OWNER: u8 = 50;

/// What is to be said of the token, and the plan's checks, if there could be a plan.
pub(super) async fn look(visit: &Visit<'_>, token: &ManagedToken) -> (Vec<Finding>, Option<Inspection>) {
    let id = token.id.as_str();
    if let Some(trouble) = membership(visit, token).await {
        return without_plan(visit, token, trouble).await;
    }
    let live = match visit.engine.live_token(token).await {
        Ok(live) => live,
        Err(error) => return without_plan(visit, token, missing(id, &token.owner, &error)).await,
    };
    let inspection = match visit.engine.inspect(token, &live, None, None).await {
        Ok(inspection) => inspection,
        Err(error) => return without_plan(visit, token, missing(id, &token.owner, &error)).await,
    };
    let subject = Subject::Token;
    let failures: Vec<Finding> =
        inspection.blockers_of(&subject).map(|(what, mend)| Finding::fail(id, what, or(mend, usual(what)))).collect();
    let mut findings = match failures.is_empty() {
        true => vec![found(visit, token, &live, inspection.plan.strategy)],
        false => failures,
    };
    let warnings = inspection.warnings_of(&subject).filter(|(what, _)| !is_said_elsewhere(what));
    findings.extend(warnings.map(|(what, mend)| Finding::warn(id, what, or(mend, "know it before you approve"))));
    findings.extend(none_to_spare(visit, token));
    (findings, Some(inspection))
}

/// There can be no plan; what its consumers need is looked at all the same.
async fn without_plan(visit: &Visit<'_>, token: &ManagedToken, trouble: Finding) -> (Vec<Finding>, Option<Inspection>) {
    (vec![trouble], visit.engine.inspect_consumers(token).await.ok())
}

/// What helps where the words of the plan do not say it.
fn usual(what: &str) -> &'static str {
    match what.contains("approve") {
        true => "name more people under approvers, or put more into its groups",
        false => "mend it: until then nobody can approve its rotation",
    }
}

fn or<'a>(mend: &'a str, usual: &'a str) -> &'a str {
    if mend.is_empty() { usual } else { mend }
}

/// Stores and consumers have lines of their own, and so has the bot.
fn is_said_elsewhere(warning: &str) -> bool {
    warning == FINE_GRAINED_BOT || warning.starts_with("a store cannot be") || warning.starts_with("no pipeline proves")
}

/// The role without which GitLab does not even list the owner's tokens.
async fn membership(visit: &Visit<'_>, token: &ManagedToken) -> Option<Finding> {
    let (gitlab, me) = (&visit.engine.gitlab, &visit.me);
    let (place, level, needed) = match &token.owner {
        Owner::GroupServiceAccount { group, .. } | Owner::Group { group } => {
            (format!("group {group}"), gitlab.group(group, me.user_id).await.map(|g| g.map(|g| g.role)), OWNER)
        }
        Owner::ProjectServiceAccount { project, .. } | Owner::Project { project } => {
            let found = gitlab.project(project, me.user_id).await;
            (format!("project {project}"), found.map(|p| p.map(|p| p.role)), MAINTAINER)
        }
        Owner::InstanceServiceAccount { .. } | Owner::User { .. } => return None,
    };
    enough(visit, token.id.as_str(), &place, level, needed)
}

fn enough(
    visit: &Visit<'_>,
    id: &str,
    place: &str,
    level: Result<Option<Role>, CallError>,
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
        Ok(Some(Role::Level(level))) if !visit.me.admin && level < needed => {
            let has = role(level);
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
    match visit.engine.is_near(token, live) {
        true => Finding::warn(id, what, "it is due; `rekey serve` opens its rotation, if it has not yet"),
        false => Finding::ok(id, what),
    }
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
