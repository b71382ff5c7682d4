//! The instance, projects, groups, and who is a member of them.

use super::page::page;
use super::people::{MAINTAINER, Place, is_within};
use super::reply::{Answer, Refusal, Reply};
use super::request::Ctx;
use super::users;
use super::world::World;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// GET /metadata
pub(super) fn metadata(ctx: &mut Ctx) -> Answer {
    let version = &ctx.world.settings.version;
    Ok(Reply::ok(json!({"version": version, "revision": "9ffb4aa0c11", "enterprise": version.ends_with("-ee"),
        "kas": {"enabled": false, "externalUrl": null, "externalK8sProxyUrl": null, "version": null}})))
}

/// GET /version
pub(super) fn version(ctx: &mut Ctx) -> Answer {
    Ok(Reply::ok(json!({"version": ctx.world.settings.version, "revision": "9ffb4aa0c11"})))
}

/// GET /projects/:id
pub(super) fn project(ctx: &mut Ctx) -> Answer {
    let Place::Project(id) = ctx.place()? else { return Err(Refusal::not_found("Project")) };
    let project = &ctx.world.projects[&id];
    let direct = project.members.get(&ctx.caller.user);
    let groups = ctx.world.groups.values().filter(|group| is_within(&project.path, &group.path));
    let inherited = groups.filter_map(|group| group.members.get(&ctx.caller.user)).max();
    let access = |level: Option<&u8>| level.map(|level| json!({"access_level": level, "notification_level": 3}));
    let url = format!("{}/{}", ctx.world.settings.url, project.path);
    let own = json!({
        "id": id, "name": project.name(), "path": project.name(), "path_with_namespace": project.path,
        "name_with_namespace": project.path.replace('/', " / "), "description": null, "default_branch": "main",
        "web_url": url, "http_url_to_repo": format!("{url}.git"), "visibility": "private",
        "archived": project.archived, "issues_enabled": true, "namespace": {"full_path": project.namespace()},
        "permissions": {"project_access": access(direct), "group_access": access(inherited)},
        "service_desk_enabled": ctx.world.settings.takes_mail,
    });
    let reasons: &[&str] = if ctx.caller.admin { &["admin"] } else { &[] };
    Ok(Reply::ok(ctx.world.shown("project", reasons, &own)))
}

/// GET /projects/:id/job_token_scope
pub(super) fn job_token_scope(ctx: &mut Ctx) -> Answer {
    let project = ctx.project_as(MAINTAINER)?;
    let is_closed = !ctx.world.open_to_job_tokens.contains(&project);
    Ok(Reply::ok(json!({"inbound_enabled": is_closed, "outbound_enabled": false})))
}

/// GET /groups/:id
pub(super) fn group(ctx: &mut Ctx) -> Answer {
    let Place::Group(id) = ctx.place()? else { return Err(Refusal::not_found("Group")) };
    let path = &ctx.world.groups[&id].path;
    let name = path.rsplit('/').next().unwrap_or(path);
    let own = json!({"id": id, "name": name, "path": name, "full_path": path, "full_name": path.replace('/', " / "),
        "visibility": "private", "web_url": format!("{}/groups/{path}", ctx.world.settings.url), "parent_id": null});
    let reasons: &[&str] = if path.contains('/') { &[] } else { &["top_level"] };
    Ok(Reply::ok(ctx.world.shown("group", reasons, &own)))
}

/// GET …/members/all
pub(super) fn members(ctx: &mut Ctx) -> Answer {
    let place = ctx.place()?;
    let all: Vec<(u64, u8)> = everyone(ctx.world, place).into_iter().collect();
    page(ctx, &all, |&(user, level)| shown(ctx.world, user, level))
}

/// GET …/members/all/:user_id, inherited membership included.
pub(super) fn member(ctx: &mut Ctx) -> Answer {
    let place = ctx.place()?;
    let user = ctx.number("user_id", "")?;
    let level = everyone(ctx.world, place).get(&user).copied().ok_or_else(|| Refusal::not_found(""))?;
    Ok(Reply::ok(shown(ctx.world, user, level)))
}

/// GET …/members/:user_id, direct membership only.
pub(super) fn direct_member(ctx: &mut Ctx) -> Answer {
    let place = ctx.place()?;
    let user = ctx.number("user_id", "")?;
    let members = match place {
        Place::Project(id) => &ctx.world.projects[&id].members,
        Place::Group(id) => &ctx.world.groups[&id].members,
        Place::Instance => return Err(Refusal::not_found("")),
    };
    let level = members.get(&user).copied().ok_or_else(|| Refusal::not_found(""))?;
    Ok(Reply::ok(shown(ctx.world, user, level)))
}

fn everyone(world: &World, place: Place) -> BTreeMap<u64, u8> {
    let path = world.path_of(place);
    let mut all = BTreeMap::new();
    let groups = world.groups.values().filter(|group| is_within(path, &group.path)).map(|group| &group.members);
    let own = match place {
        Place::Project(id) => world.projects.get(&id).map(|project| &project.members),
        _ => None,
    };
    for (&user, &level) in groups.chain(own).flatten() {
        let known: &mut u8 = all.entry(user).or_insert(level);
        *known = level.max(*known);
    }
    all
}

fn shown(world: &World, user: u64, level: u8) -> Value {
    let mut shown = users::brief(world, user);
    shown["access_level"] = json!(level);
    shown["expires_at"] = Value::Null;
    shown["membership_state"] = json!("active");
    shown
}
