//! Forms at people's screens: filled in as far as Slack's own client lets them, sent, and what the answer does to them.

use super::door::{Door, NoAnswer};
use super::people::payload;
use super::world::{View, World};
use super::{Handle, check, views};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What became of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Submitted {
    /// It closed.
    Closed,
    /// It stays open and says what is wrong, by block.
    Errors(BTreeMap<String, String>),
    /// It shows something else now.
    Replaced,
}

impl Handle {
    /// The form at a person's screen.
    pub fn form(&self, user: &str) -> Option<View> {
        self.with(|world| open_form(world, user))
    }

    /// Fills in the open form, by block, and sends it.
    pub async fn submit(&self, user: &str, values: &[(&str, &str)]) -> Result<Submitted, NoAnswer> {
        let view = self.form(user).ok_or_else(|| NoAnswer::NoForm("none is open".into()))?;
        let payload = self.with(|world| submission(world, user, &view, values))?;
        let answer = self.deliver(Door::Interactions, &payload).await?;
        self.with(|world| react(world, view, &answer))
    }

    /// Closes the open form without sending it.
    pub fn close_form(&self, user: &str) {
        self.with(|world| {
            let open = open_form(world, user).map(|view| view.id);
            open.and_then(|id| world.views.remove(&id));
        });
    }
}

fn open_form(world: &World, user: &str) -> Option<View> {
    let mut open = world.views.values().filter(|view| view.user == user && view.content["type"] == "modal");
    open.next_back().cloned()
}

/// As far as Slack's own client lets a form go.
fn submission(world: &mut World, user: &str, view: &View, values: &[(&str, &str)]) -> Result<Value, NoAnswer> {
    let mut state = json!({});
    for block in view.content["blocks"].as_array().into_iter().flatten().filter(|block| block["type"] == "input") {
        let (name, element) = (block["block_id"].as_str().unwrap_or_default(), &block["element"]);
        let given = values.iter().find(|(block, _)| *block == name).map(|(_, value)| *value).filter(|v| !v.is_empty());
        let length = given.map_or(0, |value| value.chars().count() as u64);
        let wrong = |why: &str| NoAnswer::NoForm(format!("{name}: {why}"));
        if given.is_none() && block["optional"] != true {
            return Err(wrong("must be filled in"));
        }
        if given.is_some() && length < element["min_length"].as_u64().unwrap_or(0) {
            return Err(wrong("is too short"));
        }
        if length > element["max_length"].as_u64().unwrap_or(3_000) {
            return Err(wrong("is too long"));
        }
        let action = element["action_id"].as_str().unwrap_or_default();
        state[name] = json!({action: {"type": element["type"], "value": given}});
    }
    let mut payload = payload(world, user, "view_submission")?;
    payload["view"] = views::shown(world, view, &json!({"values": state}));
    payload["response_urls"] = json!([]);
    Ok(payload)
}

fn react(world: &mut World, view: View, answer: &Value) -> Result<Submitted, NoAnswer> {
    let wrong = |why: &str| NoAnswer::Failed(format!("the answer to the form is wrong: {why}"));
    match answer["response_action"].as_str() {
        None | Some("clear") => {
            world.views.remove(&view.id);
            Ok(Submitted::Closed)
        }
        Some("errors") => {
            let inputs: Vec<&str> = view.content["blocks"]
                .as_array()
                .into_iter()
                .flatten()
                .filter(|block| block["type"] == "input")
                .filter_map(|block| block["block_id"].as_str())
                .collect();
            let errors: BTreeMap<String, String> =
                serde_json::from_value(answer["errors"].clone()).map_err(|_| wrong("errors are texts by block"))?;
            if errors.is_empty() || !errors.keys().all(|block| inputs.contains(&block.as_str())) {
                return Err(wrong("errors must name input blocks"));
            }
            Ok(Submitted::Errors(errors))
        }
        Some("update") => {
            check::view(&answer["view"], "modal").map_err(|why| wrong(&why))?;
            views::put(world, view.id, view.user, answer["view"].clone());
            Ok(Submitted::Replaced)
        }
        Some(_) => Err(wrong("unknown response_action")),
    }
}
