//! The project in which every rotation gets its issue.

use super::Visit;
use super::finding::Finding;
use crate::cli::words::{list, role};
use crate::gitlab::{IssueQuery, Project, Role};
use crate::http::CallError;
use crate::rotation::group::Group;
use crate::rotation::ids::PersonId;
use crate::rotation::token::ManagedToken;

/// May label, assign and see confidential issues.
const REPORTER: u8 = 20;

pub(super) async fn look(visit: &Visit<'_>) -> Vec<Finding> {
    let seen = visit.engine.gitlab.project(&visit.config.issues.project, visit.me.user_id).await;
    let takes_mail = seen.as_ref().ok().and_then(Option::as_ref).is_some_and(|project| project.takes_mail);
    let project = project(visit, seen).await;
    [Some(project), comments(visit, takes_mail)].into_iter().flatten().collect()
}

/// Where a comment decides. Whether GitLab takes mail stands in its machine's own files; only a service desk shows it.
fn comments(visit: &Visit<'_>, takes_mail: bool) -> Option<Finding> {
    let person = |id: &PersonId| visit.engine.catalog.people.get(id).is_some_and(|person| person.gitlab.is_some());
    let decides = |token: &ManagedToken| {
        let group = token.groups.iter().any(|group| matches!(group, Group::Gitlab { .. }));
        !token.step_up && (group || token.approvers.iter().any(person))
    };
    let tokens = visit.config.tokens.iter().map(|(token, _)| token).filter(|token| decides(token));
    let tokens: Vec<&str> = tokens.map(|token| token.id.as_str()).collect();
    if tokens.is_empty() {
        return None;
    }
    let seen = if takes_mail { "this GitLab takes mail" } else { "whether this GitLab takes mail cannot be seen" };
    let what = format!(
        "for {} a comment decides, and is as strong as reply-by-mail ({seen}); set step_up for what a comment shall not \
         decide",
        list(tokens)
    );
    Some(Finding::ok("comments", what))
}

async fn project(visit: &Visit<'_>, seen: Result<Option<Project>, CallError>) -> Finding {
    let (path, bot) = (visit.config.issues.project.as_str(), &visit.me.username);
    let give = format!("give {bot} the role Reporter there");
    let project = match seen {
        Err(error) => return Finding::fail(path, error.to_string(), error.mend().unwrap_or("try again")),
        Ok(None) => {
            let what = format!("it does not exist, or {bot} cannot see it");
            return Finding::fail(path, what, format!("correct [issues] project, or {give}"));
        }
        Ok(Some(project)) => project,
    };
    if project.archived {
        return Finding::fail(path, "it is archived", "unarchive it, or name another project");
    }
    if let Role::Level(level) = project.role
        && !visit.me.admin
        && level < REPORTER
    {
        let what = format!("{bot} is {} there: labels and confidential issues need more", role(level));
        return Finding::fail(path, what, give);
    }
    let ours = IssueQuery {
        labels: visit.config.issues.labels.clone(),
        created_after: Some(visit.engine.clock.now()),
        ..IssueQuery::default()
    };
    match visit.engine.gitlab.issues(path, &ours).await {
        Ok(_) => Finding::ok(path, format!("issues can be opened, labelled and {}", secrecy(visit))),
        Err(error) => {
            let mend = error.mend().unwrap_or("turn issues on in the project's settings");
            Finding::fail(path, error.to_string(), mend)
        }
    }
}

fn secrecy(visit: &Visit<'_>) -> &'static str {
    if visit.config.issues.confidential { "made confidential" } else { "seen by everybody in the project" }
}
