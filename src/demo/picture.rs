//! Everything that the page shows, as JSON: what the sandboxes say of themselves, and where the bot stands.

use super::stage::PEOPLE;
use super::{CHANNEL, DISCORD_CHANNEL, Demo, DemoError, Held, lock, samples};
use crate::rotation::phase::Phase;
use crate::rotation::record::Rotation;
use crate::rotation::view::card;
use jiff::Timestamp;
use mail_parser::MessageParser;
use serde_json::{Value, json};

impl Demo {
    /// The present moment.
    pub(super) async fn picture(&self) -> Result<Value, DemoError> {
        let gitlab = self.look(&format!("{}/sandbox/state", self.gitlab.base_url())).await?;
        let slack = match &self.slack {
            Some(slack) => self.look(&format!("{}/sandbox/slack/state", slack.base_url())).await?,
            None => Value::Null,
        };
        let discord = match &self.discord {
            Some(discord) => self.look(&format!("{}/sandbox/discord/state", discord.base_url())).await?,
            None => Value::Null,
        };
        Ok(json!({
            "now": Timestamp::now(), "channel": CHANNEL, "discord_channel": DISCORD_CHANNEL, "grace": self.tempo.grace, "account": self.cast.account,
            "people": PEOPLE,
            "sent": *lock(&self.sent), "rotation": self.rotation().await.as_ref().map(standing),
            "faults": {"red": gitlab["failing_job"].is_string(), "cut": self.is_armed()},
            "gitlab": gitlab, "slack": slack, "discord": discord, "log": self.log.lines(),
            "stores": self.held().await?.iter().skip(1).map(shelf).collect::<Vec<_>>(),
        }))
    }

    async fn look(&self, url: &str) -> Result<Value, DemoError> {
        let failed = |error: reqwest::Error| DemoError::Call(error.without_url().to_string());
        let body = self.client.get(url).send().await.map_err(failed)?.bytes().await.map_err(failed)?;
        serde_json::from_slice(&body).map_err(|_| DemoError::Call("a sandbox answers nonsense".into()))
    }
}

/// A store beside the variable.
fn shelf(held: &Held) -> Value {
    json!({ "name": held.store, "holds_token": held.token })
}

fn standing(rotation: &Rotation) -> Value {
    let card = card(rotation);
    let stopped_at = match &rotation.phase {
        Phase::Stuck { at, .. } => Some(at.name()),
        _ => None,
    };
    let until = match &rotation.phase {
        Phase::Grace { until, .. } => Some(*until),
        Phase::Revoking { .. } => rotation.quarantine_until,
        _ => None,
    };
    json!({
        "id": rotation.id, "phase": rotation.phase.name(), "stopped_at": stopped_at, "until": until,
        "old": rotation.plan.old.id, "new": rotation.phase.minted().map(|new| new.id), "outcome": card.outcome,
        "symbol": card.status.symbol, "word": card.status.word, "sentence": card.status.sentence,
        "waiting": card.waiting.map(|waiting| waiting.why),
    })
}

/// What lies in the mailbox, as a mail program shows it.
pub(super) fn mailbox() -> Vec<Value> {
    let shown = samples().map(|sample| {
        let mail = MessageParser::default().parse(sample.raw).unwrap_or_default();
        let from = mail.from().and_then(|from| from.first());
        let address = from.and_then(|from| from.address()).unwrap_or_default();
        json!({
            "name": sample.name, "about": sample.about, "subject": mail.subject(), "address": address,
            "from": from.and_then(|from| from.name()).unwrap_or(address), "text": mail.body_text(0), "raw": sample.raw,
        })
    });
    shown.into()
}
