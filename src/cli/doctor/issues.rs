//! The project in which every rotation gets its issue.

use super::Visit;
use super::finding::Finding;
use crate::cli::words::role;
use crate::gitlab::{IssueQuery, Role};

/// May label, assign and see confidential issues.
const REPORTER: u8 = 20;

pub(super) async fn look(visit: &Visit<'_>) -> Vec<Finding> {
    vec![project(visit).await]
}

async fn project(visit: &Visit<'_>) -> Finding {
    let (path, bot) = (visit.config.issues.project.as_str(), &visit.me.username);
    let give = format!("give {bot} the role Reporter there");
    let project = match visit.engine.gitlab.project(path, visit.me.user_id).await {
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
