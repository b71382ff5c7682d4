//! Decisions of people: one click, one commit. Redeliveries have no second effect.

use super::attempts::Attempt;
use super::directory::Age;
use super::rights::Visitor;
use super::{Engine, EngineError, OpenedRotation};
use crate::rotation::event::{Decider, Event};
use crate::rotation::ids::{PlanHash, RotationId, TokenName};
use crate::rotation::next::latest_snooze;
use crate::rotation::policy::{Policy, later};
use crate::rotation::record::{Origin, Rotation};
use crate::rotation::refusal::Refusal;
use crate::rotation::view::Action;
use crate::telemetry::CLICKS;
use jiff::Timestamp;

/// Snooze without a duration.
const SNOOZE_SECONDS: u64 = 24 * 3600;

/// A click, a command or a comment, by somebody who was recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Click {
    /// Unique per click, so that a redelivery has no second effect (Slack: trigger or signature; CLI: random).
    pub key: String,
    /// Which rotation.
    pub rotation: RotationId,
    /// What.
    pub action: Action,
    /// Who.
    pub by: Visitor,
    /// Where: `slack`, `discord`, `issue`, `cli`.
    pub via: String,
    /// The plan hash that the person saw, whole or at least its first eight digits. Needed to approve.
    pub plan: Option<String>,
    /// Snooze: for how long.
    pub snooze_seconds: Option<u64>,
    /// Which stop of the rotation they saw, for what is decided on a stop; unset: the present one.
    pub stop: Option<u32>,
    /// Whether a one-time code of this person came with it, and was right.
    pub with_code: bool,
}

impl Click {
    /// What the click means for a rotation, under a policy. An approval must name the plan that was seen.
    pub fn event(
        &self,
        rotation: &Rotation,
        policy: Policy,
        start_at: Timestamp,
        now: Timestamp,
    ) -> Result<Event, Refusal> {
        let (person, account) = (self.by.person.clone(), self.by.account.clone());
        let stop = Some(self.stop.unwrap_or(rotation.stops));
        let by = Decider { person, account, via: self.via.clone(), with_code: self.with_code, stop, policy };
        // Who said no to one plan, or to hear of it later, has not seen another.
        if self.plan.is_some() && matches!(self.action, Action::Decline | Action::Snooze) {
            meant_plan(self, rotation)?;
        }
        Ok(match self.action {
            Action::Approve => Event::Approve { by, plan: meant_plan(self, rotation)?, start_at },
            Action::Decline => Event::Decline { by, reason: None },
            Action::Snooze => Event::Snooze { by, until: self.snoozed_until(rotation, now) },
            Action::Retry => Event::Retry { by },
            Action::Restore => Event::Restore { by },
            Action::Abandon => Event::Abandon { by },
        })
    }

    /// A duration that was typed holds or is refused; the button means a day, or as long as there is.
    fn snoozed_until(&self, rotation: &Rotation, now: Timestamp) -> Timestamp {
        let day = later(now, SNOOZE_SECONDS);
        match (self.snooze_seconds, latest_snooze(rotation)) {
            (Some(seconds), _) => later(now, seconds),
            (None, Some(latest)) if latest > now => day.min(latest),
            (None, _) => day,
        }
    }
}

impl Engine {
    /// Decides. The click is committed when this returns; a refusal is journalled and changes nothing.
    pub async fn decide(&self, click: &Click) -> Result<Rotation, EngineError> {
        let rotation = self.rotation(click.rotation.as_str()).await?;
        let key = format!("click:{}:{}", click.via, click.key);
        if self.ledger.was_told(&key).await? {
            return Ok(rotation);
        }
        let outcome = match self.event_of(click, &rotation).await {
            Ok(event) => self.advance(&rotation.id, &event, None).await.map_err(EngineError::from),
            Err(error) => Err(error),
        };
        let result = match &outcome {
            Ok(_) => "done",
            Err(EngineError::Refused(refusal)) => {
                self.journal_refusal(click, refusal).await;
                refusal.name()
            }
            Err(_) => "failed",
        };
        // Only now: a click whose decision was not committed may be delivered again. `next` bears the rest, and a click that
        // was refused is refused again, in the same words.
        if result == "done" {
            self.ledger.first_time(&key, self.clock.now()).await?;
        }
        metrics::counter!(CLICKS, "action" => click.action.word(), "result" => result).increment(1);
        outcome
    }

    async fn event_of(&self, click: &Click, rotation: &Rotation) -> Result<Event, EngineError> {
        let policy = if click.action.is_about_a_stop() {
            // What is decided on a stop starts at once, so the right is asked for anew; nobody else's matters to it.
            self.rights().policy(&rotation.plan.token, std::slice::from_ref(&click.by), Age::Now).await?
        } else {
            let policy = self.rights().policy_for(rotation, &click.by).await;
            policy.map_err(|unproven| Refusal::Unproven { why: unproven.to_string() })?
        };
        let now = self.clock.now();
        Ok(click.event(rotation, policy, self.start(rotation, now), now)?)
    }

    /// An incident does not wait for a window.
    fn start(&self, rotation: &Rotation, now: Timestamp) -> Timestamp {
        let window = self.settings.window.as_ref();
        let window = window.filter(|_| !rotation.is_incident());
        window.map_or(now, |window| window.next_open(now))
    }

    async fn journal_refusal(&self, click: &Click, refusal: &Refusal) {
        let attempt = Attempt {
            event: format!("refused_{}", click.action.word()),
            who: format!("{} via {}", click.by.person, click.via),
            rotation: Some(click.rotation.clone()),
        };
        self.journal_in_vain(attempt, serde_json::json!({ "why": refusal.name() })).await;
    }

    /// Writes down that somebody tried something in vain: `outsider` who is nobody here, `lapsed_click` too late.
    pub async fn journal_attempt(&self, event: &str, who: &str, what: &str) {
        let attempt = Attempt { event: event.into(), who: who.to_owned(), rotation: None };
        self.journal_in_vain(attempt, serde_json::json!({ "what": what })).await;
    }

    /// Opens a rotation by hand, whatever the expiry.
    pub async fn rotate(&self, token: &str, by: Origin) -> Result<OpenedRotation, EngineError> {
        let managed = self.managed(token)?;
        self.consider(managed, by, true).await
    }

    /// The managed token that a person named, or what is near it.
    pub fn managed(&self, name: &str) -> Result<&crate::rotation::token::ManagedToken, EngineError> {
        self.catalog.tokens.get(&TokenName::from(name)).ok_or_else(|| {
            let known = self.catalog.tokens.keys().map(TokenName::as_str);
            EngineError::NoToken { given: name.to_owned(), hint: near(name, known) }
        })
    }

    /// The one rotation that a person named by id (or its beginning) or by token.
    pub async fn rotation(&self, text: &str) -> Result<Rotation, EngineError> {
        let mut found = self.ledger.find(text).await?;
        if found.iter().filter(|rotation| rotation.id.as_str() != text).count() > 1 {
            let open: Vec<Rotation> = found.iter().filter(|rotation| !rotation.phase.is_closed()).cloned().collect();
            found = if open.is_empty() { vec![found.remove(0)] } else { open };
        }
        match found.len() {
            0 => Err(match self.catalog.tokens.get_key_value(&TokenName::from(text)) {
                Some((token, _)) => EngineError::NeverRotated { token: token.clone() },
                None => EngineError::NoRotation { given: text.to_owned() },
            }),
            1 => Ok(found.remove(0)),
            _ => Err(EngineError::Unknown(format!("{text:?} could be several rotations; give more of the id"))),
        }
    }
}

fn meant_plan(click: &Click, rotation: &Rotation) -> Result<PlanHash, Refusal> {
    let current = rotation.plan.hash();
    match &click.plan {
        Some(given) if current.is_meant_by(given) => Ok(current),
        _ => Err(Refusal::PlanChanged { current: current.short().to_owned() }),
    }
}

/// The name that was probably meant, as the end of a sentence.
pub fn near<'a>(given: &str, known: impl Iterator<Item = &'a str>) -> String {
    let best = known.map(|name| (strsim::levenshtein(given, name), name)).min();
    match best {
        Some((far, name)) if far <= given.len().max(3) / 2 => format!("; did you mean {name}?"),
        _ => String::new(),
    }
}
