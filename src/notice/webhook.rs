//! GitLab's webhooks: a JSON body in, a [`Notice`] out. Only the fields that we need are read, so that new ones
//! never break us; `variables` and `builds` of a pipeline are not even looked at, because they show values in clear.

use super::{Notice, Resource, name::plain};
use crate::secret::hide;
use jiff::civil::Date;
use serde::Deserialize;

/// The body is not what its event promises. The sender is genuine (signatures come first), so this is a changed
/// template or a GitLab that we do not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Not JSON, or fields of other types than GitLab documents.
    #[error("the body of the {event} is not the JSON that GitLab sends")]
    NotJson {
        /// The event by its header.
        event: String,
    },
    /// A field that the event cannot do without.
    #[error("the {kind} event has no usable `{field}`")]
    Missing {
        /// `object_kind` of the body.
        kind: String,
        /// Where in the body.
        field: &'static str,
    },
    /// Header and body name different events.
    #[error("the header says {event} and the body {kind}")]
    Mismatch {
        /// The event by its header.
        event: String,
        /// `object_kind` of the body.
        kind: String,
    },
    /// Neither `X-Gitlab-Instance` nor the project tells which GitLab this is.
    #[error("the event does not say which gitlab sent it")]
    NoHost,
}

#[derive(Deserialize)]
struct Kind {
    object_kind: Option<String>,
}

#[derive(Deserialize)]
struct Body {
    object_kind: Option<String>,
    event_name: Option<String>,
    #[serde(default)]
    object_attributes: Attributes,
    project: Option<Project>,
    group: Option<Group>,
    user: Option<User>,
    issue: Option<Issue>,
    project_id: Option<u64>,
    pipeline_id: Option<u64>,
    build_id: Option<u64>,
    build_name: Option<String>,
    build_status: Option<String>,
}

#[derive(Default, Deserialize)]
struct Attributes {
    id: Option<u64>,
    name: Option<String>,
    expires_at: Option<String>,
    status: Option<String>,
    #[serde(rename = "ref")]
    git_ref: Option<String>,
    source: Option<String>,
    note: Option<String>,
    noteable_type: Option<String>,
    action: Option<String>,
    system: Option<bool>,
}

#[derive(Deserialize)]
struct Project {
    id: Option<u64>,
    path_with_namespace: Option<String>,
    web_url: Option<String>,
}

#[derive(Deserialize)]
struct Group {
    group_id: Option<u64>,
    group_path: Option<String>,
    full_path: Option<String>,
}

#[derive(Deserialize)]
struct User {
    id: Option<u64>,
    username: Option<String>,
}

#[derive(Deserialize)]
struct Issue {
    iid: Option<u64>,
}

/// Reads one event whose signature was already checked. `event` is `X-Gitlab-Event`, `instance` is
/// `X-Gitlab-Instance`; neither is signed, so the body decides and the caller compares the host with its own.
pub fn parse(event: &str, instance: Option<&str>, body: &[u8]) -> Result<Notice, Malformed> {
    let body: Body = match read(body) {
        Some(read) => read,
        None => return unreadable(event, body),
    };
    let kind = body.object_kind.as_deref().unwrap_or_default();
    let Some(expected) = header_of(kind) else {
        return Ok(useless(if kind.is_empty() { event } else { kind }));
    };
    if event.eq_ignore_ascii_case("System Hook") {
        return Ok(useless("system"));
    }
    if !event.trim_start_matches("Confidential ").eq_ignore_ascii_case(expected) {
        return Err(Malformed::Mismatch { event: plain(event), kind: kind.to_owned() });
    }
    let host = || host(instance, &body).ok_or(Malformed::NoHost);
    match kind {
        "access_token" => token(&body, host),
        "pipeline" => pipeline(&body, host()?),
        "build" => job(&body, host()?),
        "note" => comment(&body, host),
        _ => Ok(ignored("deploy tokens are not rotated here".into())),
    }
}

fn read<'x, T: Deserialize<'x>>(body: &'x [u8]) -> Option<T> {
    serde_json::from_slice(body).ok()
}

/// An event that we have no use for may give our fields other types; that is no error of its sender.
fn unreadable(event: &str, body: &[u8]) -> Result<Notice, Malformed> {
    match read::<Kind>(body).and_then(|kind| kind.object_kind) {
        Some(kind) if header_of(&kind).is_none() => Ok(useless(&kind)),
        _ => Err(Malformed::NotJson { event: plain(event) }),
    }
}

/// Host of a URL, with the port unless it is the scheme's own; `None` if it is not a plain http(s) URL.
pub fn host_of(url: &str) -> Option<String> {
    super::email::address::Address::read(url).and_then(|address| address.host())
}

fn header_of(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "access_token" => "Resource Access Token Hook",
        "deploy_token" => "Resource Deploy Token Hook",
        "pipeline" => "Pipeline Hook",
        "build" => "Job Hook",
        "note" => "Note Hook",
        _ => return None,
    })
}

fn token(body: &Body, host: impl Fn() -> Result<String, Malformed>) -> Result<Notice, Malformed> {
    match body.event_name.as_deref() {
        Some("expiring_access_token") => (),
        other => return Ok(ignored(format!("{} is not an expiry", plain(other.unwrap_or("an unnamed event"))))),
    }
    let need = |field| missing("access_token", field);
    let attributes = &body.object_attributes;
    Ok(Notice::TokenExpiring {
        host: host()?,
        owner: resource(body).ok_or_else(need("project or group"))?,
        token_id: attributes.id.ok_or_else(need("object_attributes.id"))?,
        name: plain(attributes.name.as_deref().unwrap_or_default()),
        expires_at: attributes.expires_at.as_deref().and_then(date).ok_or_else(need("object_attributes.expires_at"))?,
    })
}

fn resource(body: &Body) -> Option<Resource> {
    if let Some(project) = &body.project {
        return Some(Resource::Project { id: project.id?, path: project.path_with_namespace.clone()? });
    }
    let group = body.group.as_ref()?;
    Some(Resource::Group { id: group.group_id?, path: group.full_path.clone().or_else(|| group.group_path.clone())? })
}

fn pipeline(body: &Body, host: String) -> Result<Notice, Malformed> {
    let need = |field| missing("pipeline", field);
    let (project_id, project) = project(body).ok_or_else(need("project"))?;
    let attributes = &body.object_attributes;
    Ok(Notice::Pipeline {
        host,
        project_id,
        project,
        pipeline_id: attributes.id.ok_or_else(need("object_attributes.id"))?,
        status: attributes.status.clone().ok_or_else(need("object_attributes.status"))?,
        git_ref: attributes.git_ref.clone().unwrap_or_default(),
        source: attributes.source.clone().unwrap_or_default(),
    })
}

fn job(body: &Body, host: String) -> Result<Notice, Malformed> {
    let need = |field| missing("build", field);
    let project_id = body.project_id.or_else(|| body.project.as_ref()?.id);
    Ok(Notice::Job {
        host,
        project_id: project_id.ok_or_else(need("project_id"))?,
        pipeline_id: body.pipeline_id.ok_or_else(need("pipeline_id"))?,
        job_id: body.build_id.ok_or_else(need("build_id"))?,
        name: body.build_name.clone().ok_or_else(need("build_name"))?,
        status: body.build_status.clone().ok_or_else(need("build_status"))?,
    })
}

fn comment(body: &Body, host: impl Fn() -> Result<String, Malformed>) -> Result<Notice, Malformed> {
    let need = |field| missing("note", field);
    let attributes = &body.object_attributes;
    if attributes.noteable_type.as_deref() != Some("Issue") {
        return Ok(ignored("a comment that is not under an issue".into()));
    }
    let (project_id, project) = project(body).ok_or_else(need("project"))?;
    let user = body.user.as_ref().ok_or_else(need("user"))?;
    Ok(Notice::Comment {
        host: host()?,
        project_id,
        project,
        issue_iid: body.issue.as_ref().and_then(|issue| issue.iid).ok_or_else(need("issue.iid"))?,
        note_id: attributes.id.ok_or_else(need("object_attributes.id"))?,
        author_id: user.id.ok_or_else(need("user.id"))?,
        author_username: user.username.clone().ok_or_else(need("user.username"))?,
        body: hide(attributes.note.as_deref().unwrap_or_default()),
        // GitLab before 16.11 sends no action and only new comments.
        created: attributes.action.as_deref().is_none_or(|action| action == "create"),
        system: attributes.system.unwrap_or(false),
    })
}

fn project(body: &Body) -> Option<(u64, String)> {
    let project = body.project.as_ref()?;
    Some((project.id?, project.path_with_namespace.clone()?))
}

fn host(instance: Option<&str>, body: &Body) -> Option<String> {
    instance.and_then(host_of).or_else(|| host_of(body.project.as_ref()?.web_url.as_deref()?))
}

/// GitLab mixes `2026-11-28`, `2026-11-28 00:00:00 UTC` and ISO 8601; expiry counts in UTC dates.
fn date(text: &str) -> Option<Date> {
    let (day, rest) = (text.get(..10)?, &text[10..]);
    if !(rest.is_empty() || rest.starts_with([' ', 'T'])) {
        return None;
    }
    let moment = text.replacen(' ', "T", 1).replace(" UTC", "Z");
    let in_utc = moment.parse().ok().map(crate::clock::utc_date);
    in_utc.or_else(|| day.parse().ok())
}

fn missing(kind: &'static str, field: &'static str) -> impl Fn() -> Malformed {
    move || Malformed::Missing { kind: kind.to_owned(), field }
}

fn useless(kind: &str) -> Notice {
    ignored(format!("a {} event is of no use to us", plain(kind)))
}

fn ignored(why: String) -> Notice {
    Notice::Ignored { why }
}
