//! Branches over the API: those that pipelines are defined for, and the protected ones.

use super::people::{DEVELOPER, MAINTAINER, Place, REPORTER};
use super::reply::{Answer, Refusal, Reply};
use super::request::Ctx;
use serde_json::json;

/// GET /projects/:id/repository/branches/:branch
pub(super) fn get(ctx: &mut Ctx) -> Answer {
    let project = ctx.project_as(REPORTER)?;
    let branch = ctx.part("branch").to_owned();
    let protected = ctx.world.is_protected(project, &branch);
    let defined = ctx.world.definitions.iter().any(|known| known.project == project && known.git_ref == branch);
    if !protected && !defined {
        return Err(Refusal::not_found("Branch"));
    }
    let needed = if protected { MAINTAINER } else { DEVELOPER };
    let can_push = ctx.world.level(ctx.caller.user, Place::Project(project)) >= needed;
    Ok(Reply::ok(json!({
        "name": branch, "merged": false, "protected": protected, "default": branch == "main",
        "developers_can_push": false, "developers_can_merge": false, "can_push": can_push,
    })))
}
