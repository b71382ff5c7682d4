//! Events: somebody opened the home tab, or the app was removed. Each is acknowledged at once; what follows may be
//! repeated without harm.

use super::{Answer, Door, caller, home};
use crate::chat::slack::inbound::Event;
use serde_json::json;
use std::sync::Arc;

pub fn answer(door: &Arc<Door>, event: Event) -> Answer {
    // The question whether we are there comes before there is an app.
    if event.kind == "event_callback" && !door.is_ours(&event.api_app_id, "slack_event") {
        return Answer::nothing();
    }
    match (event.kind.as_str(), event.event.kind.as_str()) {
        ("url_verification", _) => return Answer::with(json!({"challenge": event.challenge})),
        ("event_callback", "app_home_opened") if event.event.tab != "messages" => {
            let (door, caller) = (door.clone(), caller::of_event(door, &event));
            tokio::spawn(async move { home::publish(&door, &caller, &event.event.view.hash).await });
        }
        ("event_callback", "app_uninstalled" | "tokens_revoked") => {
            tracing::error!("the app was removed from Slack; install it again and give its new token");
        }
        _ => {}
    }
    Answer::nothing()
}
