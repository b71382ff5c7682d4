//! The app's home tab: opening it is an event, and its buttons are clicks without a message.

use super::door::{DEADLINE, NoAnswer};
use super::people::{button, payload};
use super::world::{View, World};
use super::{Handle, views};
use serde_json::{Value, json};
use std::time::Duration;

/// Between two looks at a tab that is being filled.
const LOOK: Duration = Duration::from_millis(20);

impl Handle {
    /// The home tab that a person sees.
    pub fn home(&self, user: &str) -> Option<View> {
        self.with(|world| world.views.get(&format!("VHOME{user}")).cloned())
    }

    /// Opens the app's home tab, of which the bot hears.
    pub async fn open_home(&self, user: &str) -> Result<(), NoAnswer> {
        let payload = self.with(|world| {
            let known = world.views.get(&format!("VHOME{user}")).cloned();
            let shown = known.map(|view| views::shown(world, &view, &json!({"values": {}})));
            let mut event = json!({"type": "app_home_opened", "user": user, "channel": "D0HOME0001", "tab": "home"});
            event["event_ts"] = world.next_ts().into();
            if let Some(shown) = shown {
                event["view"] = shown;
            }
            event_of(world, event)
        });
        self.deliver_event(&payload).await
    }

    /// Presses a button of the home tab.
    pub async fn press_home(&self, user: &str, action_id: &str) -> Result<(), NoAnswer> {
        let payload = self.with(|world| {
            let no_button = || NoAnswer::NoButton(action_id.to_owned());
            let view = world.views.get(&format!("VHOME{user}")).cloned().ok_or_else(no_button)?;
            let pressed = button(&view.content["blocks"], action_id).ok_or_else(no_button)?;
            let mut payload = payload(world, user, "block_actions")?;
            payload["view"] = views::shown(world, &view, &json!({"values": {}}));
            payload["container"] = json!({"type": "view", "view_id": view.id});
            payload["actions"] = json!([pressed]);
            Ok(payload)
        })?;
        self.send_click(&payload).await
    }

    /// Opens it and waits until the bot has filled it.
    pub async fn home_when_filled(&self, user: &str) -> Result<View, NoAnswer> {
        let before = self.home(user).map(|view| view.hash);
        self.open_home(user).await?;
        let filled = async {
            loop {
                match self.home(user).filter(|view| Some(&view.hash) != before.as_ref()) {
                    Some(view) => return view,
                    None => tokio::time::sleep(LOOK).await,
                }
            }
        };
        let failed = |_| NoAnswer::Failed("the home tab stays as it was".into());
        tokio::time::timeout(DEADLINE, filled).await.map_err(failed)
    }
}

fn event_of(world: &mut World, event: Value) -> Value {
    world.counter += 1;
    json!({
        "token": "legacy-verification-token", "team_id": world.settings.team, "api_app_id": "A0APP00001",
        "event": event, "type": "event_callback", "event_id": format!("Ev{:09}", world.counter),
        "event_time": world.now.as_second(), "authorizations": [], "is_ext_shared_channel": false,
    })
}
