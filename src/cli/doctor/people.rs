//! The people who may approve: known to GitLab, and recognised where they click.

use super::Visit;
use super::finding::Finding;
use crate::app;
use crate::cli::words::list;
use crate::engine::settings::Person;
use crate::rotation::ids::PersonId;
use std::collections::BTreeSet;

pub(super) async fn look(visit: &Visit<'_>) -> Vec<Finding> {
    let approvers: BTreeSet<&PersonId> = visit.config.tokens.iter().flat_map(|(token, _)| &token.approvers).collect();
    let mut findings = Vec::new();
    for id in approvers {
        if let Some(person) = visit.engine.catalog.people.get(id) {
            findings.push(one(visit, id, person).await);
        }
    }
    findings
}

async fn one(visit: &Visit<'_>, id: &PersonId, person: &Person) -> Finding {
    let mut known = Vec::new();
    match in_gitlab(visit, person).await {
        Ok(login) => known.extend(login),
        Err((what, mend)) => return Finding::fail(id.as_str(), what, mend),
    }
    match in_slack(visit, person).await {
        Ok(Known::Looked(name)) => known.push(name),
        Ok(Known::Nowhere) => {}
        Ok(Known::Unlooked(what)) => {
            known.push(what);
            return Finding::warn(id.as_str(), list(known), "add the scope users:read to the app and install it again");
        }
        Err((what, mend)) => return Finding::fail(id.as_str(), what, mend),
    }
    if visit.config.slack.is_some() && person.slack.is_none() {
        let what = "has no slack id, so presses of buttons are not believed";
        return Finding::warn(id.as_str(), what, format!("add slack = \"U…\" to [people.{id}]"));
    }
    if known.is_empty() && person.discord.is_none() {
        let what = "has no account anywhere, so nobody is believed to be this person";
        return Finding::warn(id.as_str(), what, format!("add gitlab, slack or discord to [people.{id}]"));
    }
    if known.is_empty() {
        known.push("is looked up in Discord when they click".to_owned());
    }
    Finding::ok(id.as_str(), list(known))
}

/// What Slack tells of a person.
enum Known {
    /// Their name there.
    Looked(String),
    /// Slack does not tell the app.
    Unlooked(String),
    /// Nobody looks for them there.
    Nowhere,
}

async fn in_gitlab(visit: &Visit<'_>, person: &Person) -> Result<Option<String>, (String, String)> {
    let Some(login) = &person.gitlab else { return Ok(None) };
    match visit.engine.gitlab.user(login).await {
        Ok(Some(user)) if user.state != "active" => {
            Err((format!("GitLab user {login} is {}", user.state), "name somebody else, or let them in again".into()))
        }
        Ok(Some(user)) => match visit.engine.held_logins().await.unwrap_or_default().get(&login.to_lowercase()) {
            Some(held) if *held != user.id => {
                let what = format!("GitLab login {login} belongs to another account than when rekey first looked");
                Err((what, format!("if it is theirs all the same, run `rekey people forget-login {login}`")))
            }
            _ => Ok(Some(format!("GitLab @{login}"))),
        },
        Ok(None) => Err((format!("GitLab knows no user {login}"), "correct gitlab".into())),
        Err(error) => Err((error.to_string(), error.mend().unwrap_or("try again").into())),
    }
}

/// Slack tells about people only to apps with `users:read`; that it is missing is said where Slack is looked at.
async fn in_slack(visit: &Visit<'_>, person: &Person) -> Result<Known, (String, String)> {
    let (Some(slack), Some(id)) = (&visit.config.slack, &person.slack) else { return Ok(Known::Nowhere) };
    let Ok(Some(client)) = app::slack_of(visit.config) else { return Ok(Known::Nowhere) };
    let granted = client.scopes().await.ok().flatten().unwrap_or_default();
    if !granted.iter().any(|scope| scope == "users:read") {
        return Ok(Known::Unlooked(format!("Slack {id}, which was not looked up")));
    }
    match client.member(id).await {
        Ok(member) if member.deleted => Err((format!("Slack user {id} was deactivated"), "correct slack".into())),
        Ok(member) if !member.belongs_to(&slack.team) => {
            let (what, own) = match slack.team.starts_with('E') {
                true => ("is not of the organisation", "organisation"),
                false => ("belongs to another workspace", "workspace"),
            };
            let what = format!("Slack user {id} {what}, but of {}", member.team_id);
            Err((what, format!("give the id from your own {own}")))
        }
        Ok(member) if member.is_guest() => Err((
            format!("Slack user {id} is a guest, and rekey does not answer to guests"),
            "name somebody else".into(),
        )),
        Ok(member) => Ok(Known::Looked(format!("Slack @{}", member.name))),
        Err(error) => Err((error.to_string(), "correct slack".into())),
    }
}
