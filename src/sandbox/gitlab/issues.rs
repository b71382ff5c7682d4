//! Issues: create, read, change. Descriptions run quick actions, as GitLab's do.

use super::issue_list::visible;
use super::model::Issue;
use super::page::page;
use super::people::{GUEST, REPORTER};
use super::quick;
use super::reply::{Answer, Refusal, Reply, stamp};
use super::request::Ctx;
use super::users;
use super::world::World;
use serde_json::{Value, json};

const CHANGEABLE: &[&str] = &[
    "title",
    "description",
    "labels",
    "add_labels",
    "remove_labels",
    "state_event",
    "due_date",
    "confidential",
    "assignee_ids",
    "issue_type",
];

/// GET /projects/:id/issues
pub(super) fn list(ctx: &mut Ctx) -> Answer {
    let project = ctx.project_as(GUEST)?;
    let found = super::issue_list::found(ctx, project)?;
    page(ctx, &found, |issue| shown(ctx.world, issue))
}

/// GET /projects/:id/issues/:iid
pub(super) fn get(ctx: &mut Ctx) -> Answer {
    let id = named(ctx)?;
    Ok(Reply::ok(shown(ctx.world, &ctx.world.issues[&id])))
}

/// POST /projects/:id/issues
pub(super) fn create(ctx: &mut Ctx) -> Answer {
    let project = ctx.project_as(GUEST)?;
    ctx.params.require(&["title"])?;
    let iid = ctx.world.issues.values().filter(|issue| issue.project == project).map(|issue| issue.iid).max();
    let now = ctx.world.now;
    let mut issue = Issue {
        id: 0,
        iid: iid.unwrap_or(0) + 1,
        project,
        title: String::new(),
        description: String::new(),
        labels: Vec::new(),
        open: true,
        author: ctx.caller.user,
        assignees: Vec::new(),
        due_date: None,
        confidential: false,
        issue_type: "issue".into(),
        created_at: now,
        updated_at: now,
        closed_at: None,
    };
    change(ctx, &mut issue)?;
    issue.id = ctx.world.next_id("issue");
    let answer = shown(ctx.world, &issue);
    ctx.world.issues.insert(issue.id, issue);
    Ok(Reply::created(answer))
}

/// PUT /projects/:id/issues/:iid
pub(super) fn update(ctx: &mut Ctx) -> Answer {
    let id = named(ctx)?;
    if !CHANGEABLE.iter().any(|key| ctx.params.has(key)) {
        let all = CHANGEABLE.join(", ");
        return Err(Refusal::parameter(format!("{all} are missing, at least one parameter must be provided")));
    }
    let mut issue = ctx.world.issues[&id].clone();
    let level = ctx.world.level(ctx.caller.user, super::people::Place::Project(issue.project));
    if issue.author != ctx.caller.user && level < REPORTER {
        return Err(Refusal::forbidden());
    }
    change(ctx, &mut issue)?;
    issue.updated_at = ctx.world.now;
    let answer = shown(ctx.world, &issue);
    ctx.world.issues.insert(id, issue);
    Ok(Reply::ok(answer))
}

fn change(ctx: &Ctx, issue: &mut Issue) -> Result<(), Refusal> {
    let params = &ctx.params;
    if params.has("title") {
        issue.title = params.text("title").unwrap_or_default();
    }
    if issue.title.trim().is_empty() {
        return Err(Refusal::invalid("title", "can't be blank"));
    }
    if issue.title.chars().count() > 255 {
        return Err(Refusal::invalid("title", "is too long (maximum is 255 characters)"));
    }
    change_labels(ctx, issue);
    if let Some(ids) = params.list("assignee_ids") {
        issue.assignees = ids.iter().filter_map(|id| id.parse().ok()).filter(|&id| id != 0).collect();
    }
    if params.has("due_date") {
        issue.due_date = params
            .text("due_date")
            .filter(|text| !text.is_empty())
            .map(|_| ())
            .map_or(Ok(None), |()| params.parsed("due_date"))?;
    }
    issue.confidential = params.flag("confidential")?.unwrap_or(issue.confidential);
    let kinds = ["issue", "incident", "test_case", "task"];
    issue.issue_type = params.word("issue_type", &kinds)?.unwrap_or(issue.issue_type.clone());
    match params.word("state_event", &["close", "reopen"])?.as_deref() {
        Some("close") => issue.set_open(false, ctx.world.now),
        Some(_) => issue.set_open(true, ctx.world.now),
        None => {}
    }
    if params.has("description") {
        let (text, actions) = quick::split(&params.text("description").unwrap_or_default());
        issue.description = text;
        actions.iter().for_each(|action| quick::apply(action, issue, ctx.world.now));
    }
    if issue.description.len() > 1_048_576 {
        return Err(Refusal::invalid("description", "is too long (maximum is 1048576 characters)"));
    }
    Ok(())
}

fn change_labels(ctx: &Ctx, issue: &mut Issue) {
    if let Some(labels) = ctx.params.list("labels") {
        issue.labels = labels;
    }
    let removed = ctx.params.list("remove_labels").unwrap_or_default();
    issue.labels.retain(|label| !removed.contains(label));
    issue.labels.extend(ctx.params.list("add_labels").unwrap_or_default());
    issue.labels.sort();
    issue.labels.dedup();
}

/// The issue that the path means; a confidential one is unknown to guests other than its author.
pub(super) fn named(ctx: &Ctx) -> Result<u64, Refusal> {
    let project = ctx.project_as(GUEST)?;
    let iid = ctx.number("iid", "")?;
    let meant = |issue: &&Issue| issue.project == project && issue.iid == iid && visible(ctx, issue);
    ctx.world.issues.values().find(meant).map(|issue| issue.id).ok_or_else(|| Refusal::not_found(""))
}

/// As the API shows it.
pub(super) fn shown(world: &World, issue: &Issue) -> Value {
    let path = world.projects.get(&issue.project).map_or("", |project| &project.path);
    let assignees: Vec<Value> = issue.assignees.iter().map(|&id| users::brief(world, id)).collect();
    let notes = world.notes.values().filter(|note| note.issue == issue.id && !note.system).count();
    json!({
        "id": issue.id, "iid": issue.iid, "project_id": issue.project, "title": issue.title,
        "description": issue.description, "state": if issue.open { "opened" } else { "closed" },
        "created_at": stamp(issue.created_at), "updated_at": stamp(issue.updated_at),
        "closed_at": issue.closed_at.map(stamp), "labels": issue.labels, "milestone": null,
        "assignees": assignees, "assignee": assignees.first(), "author": users::brief(world, issue.author),
        "type": issue.issue_type.to_uppercase(), "issue_type": issue.issue_type, "user_notes_count": notes,
        "due_date": issue.due_date, "confidential": issue.confidential, "discussion_locked": null,
        "web_url": format!("{}/{path}/-/issues/{}", world.settings.url, issue.iid),
    })
}
