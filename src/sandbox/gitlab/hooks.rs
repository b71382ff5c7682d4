//! Webhooks over the API. Secrets are written, never read back.

use super::model::Hook;
use super::page::page;
use super::people::{MAINTAINER, OWNER, Place};
use super::reply::{Answer, Refusal, Reply, stamp};
use super::request::Ctx;
use jiff::Timestamp;
use serde_json::{Value, json};

const EVENTS: &[&str] = &["pipeline", "job", "note", "confidential_note", "resource_access_token"];

impl Hook {
    /// A webhook for all events that the sandbox sends.
    pub fn new(place: Place, url: &str) -> Self {
        let events = EVENTS.iter().map(|&event| event.to_owned()).collect();
        let created_at = Timestamp::UNIX_EPOCH;
        Self { id: 0, place, url: url.to_owned(), token: None, signing_token: None, events, created_at }
    }

    /// Signs its events.
    pub fn signing(self, token: &str) -> Self {
        Self { signing_token: Some(token.to_owned()), ..self }
    }

    /// Sends a secret token along.
    pub fn token(self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self }
    }
}

/// GET …/hooks
pub(super) fn list(ctx: &mut Ctx) -> Answer {
    let place = managed(ctx)?;
    let own: Vec<&Hook> = ctx.world.hooks.values().filter(|hook| hook.place == place).collect();
    page(ctx, &own, |hook| shown(hook))
}

/// GET …/hooks/:hook_id
pub(super) fn get(ctx: &mut Ctx) -> Answer {
    let place = managed(ctx)?;
    let id = ctx.number("hook_id", "")?;
    let hook = ctx.world.hooks.get(&id).filter(|hook| hook.place == place);
    Ok(Reply::ok(shown(hook.ok_or_else(|| Refusal::not_found(""))?)))
}

/// POST …/hooks
pub(super) fn create(ctx: &mut Ctx) -> Answer {
    let place = managed(ctx)?;
    ctx.params.require(&["url"])?;
    let url = ctx.params.text("url").unwrap_or_default();
    if !url.starts_with("http://") && !url.starts_with("https://") {
        return Err(Refusal::parameter("Invalid url given".into()));
    }
    let mut hook = Hook::new(place, &url);
    hook.token = ctx.params.text("token");
    hook.signing_token = ctx.params.text("signing_token");
    ctx.params.flag("push_events")?;
    ctx.params.flag("enable_ssl_verification")?;
    let mut events = Vec::new();
    for &event in EVENTS {
        if ctx.params.flag(&parameter(event))?.unwrap_or(false) {
            events.push(event.to_owned());
        }
    }
    hook.events = events;
    let id = ctx.world.hook(hook);
    Ok(Reply::created(shown(&ctx.world.hooks[&id])))
}

fn managed(ctx: &Ctx) -> Result<Place, Refusal> {
    match ctx.place()? {
        Place::Project(_) => ctx.place_as(MAINTAINER),
        _ => ctx.place_as(OWNER),
    }
}

fn parameter(event: &str) -> String {
    format!("{event}_events")
}

fn shown(hook: &Hook) -> Value {
    let mut shown = json!({
        "id": hook.id, "url": hook.url, "name": null, "description": null, "created_at": stamp(hook.created_at),
        "enable_ssl_verification": true, "alert_status": "executable", "disabled_until": null,
        "token_present": hook.token.is_some(), "signing_token_present": hook.signing_token.is_some(),
        "push_events": false, "custom_webhook_template": null, "custom_headers": [],
    });
    for &event in EVENTS {
        shown[parameter(event)] = json!(hook.events.iter().any(|wanted| wanted == event));
    }
    let key = if matches!(hook.place, Place::Group(_)) { "group_id" } else { "project_id" };
    let (Place::Group(id) | Place::Project(id)) = hook.place else { return shown };
    shown[key] = json!(id);
    shown
}
