//! Decisions of people: one click, one commit. Redeliveries have no second effect.

mod again;

use super::attempts::Attempt;
use super::directory::Age;
use super::rights::Visitor;
use super::{Engine, EngineError, OpenedRotation};
use crate::ledger::Filter;
use crate::rotation::decider::Decider;
use crate::rotation::event::Event;
use crate::rotation::ids::{PlanHash, RotationId, TokenName};
use crate::rotation::next::{latest_snooze, next};
use crate::rotation::policy::{Policy, later};
use crate::rotation::record::{Origin, Rotation};
use crate::rotation::refusal::{Refusal, when};
use crate::rotation::token::ManagedToken;
use crate::rotation::view::Action;
use crate::telemetry::CLICKS;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;
use tokio::time::error::Elapsed;

/// Snooze without a duration.
const SNOOZE_SECONDS: u64 = 24 * 3600;

/// How long a click waits for a look at what its plan names.
const LOOK: Duration = Duration::from_secs(5);

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
    /// Decline: why, in their words.
    pub reason: Option<String>,
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
        let (via, with_code, shell) = (self.via.clone(), self.with_code, self.by.shell.clone());
        let by = Decider { person, account, via, with_code, shell, stop, policy };
        // Who said no to one plan, or to hear of it later, has not seen another.
        if self.plan.is_some() && matches!(self.action, Action::Decline | Action::Snooze) {
            meant_plan(self, rotation)?;
        }
        Ok(match self.action {
            Action::Approve => Event::Approve { by, plan: meant_plan(self, rotation)?, start_at },
            Action::Decline => Event::Decline { by, reason: self.reason.clone() },
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
        // The mark is quick and the journal is sure: whoever can write the database can take the mark away.
        if self.ledger.was_told(&key).await? || self.ledger.is_spent(&key).await? {
            return Ok(rotation);
        }
        let rotation = self.weigh_schedule(click, rotation).await?;
        let outcome = match self.event_of(click, &rotation).await {
            Ok(event) => self.accept_decision(&rotation, &event, &key).await,
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

    /// A yes is for the places that are there at the click: what was swapped, emptied or removed since the plan voids it.
    /// What cannot be looked at now is looked at again before anything is made.
    async fn accept_decision(&self, rotation: &Rotation, event: &Event, key: &str) -> Result<Rotation, EngineError> {
        let counts = matches!(event, Event::Approve { .. }) && next(rotation, event, self.clock.now()).is_ok();
        if counts && rotation.asks_anew {
            self.still_means(rotation).await?;
        } else if counts {
            match self.look_at_click(rotation).await {
                Ok(Ok(Event::Replanned { plan, .. }))
                    if plan.hash() == rotation.plan.hash() && plan.blockers.is_empty() => {}
                Ok(Ok(changed)) => {
                    let current = self.advance(&rotation.id, &changed, None).await?.plan;
                    // What only cannot be begun any more is the same plan, and says why.
                    if current.hash() == rotation.plan.hash() && !current.blockers.is_empty() {
                        return Err(Refusal::Blocked { why: current.blockers.join("; ") }.into());
                    }
                    return Err(Refusal::PlanChanged { current: current.hash().short().to_owned() }.into());
                }
                Ok(Err(_)) | Err(_) => {}
            }
        }
        Ok(self.advance_once(&rotation.id, event, None, Some(key)).await?)
    }

    /// One refusal may pass at once, so what stands in the way is looked at twice.
    async fn look_at_click(&self, rotation: &Rotation) -> Result<Result<Event, EngineError>, Elapsed> {
        let look = || tokio::time::timeout(LOOK, self.compare_plan(rotation));
        match look().await? {
            Ok(Event::Replanned { plan, .. }) if rotation.plan.blockers.is_empty() && !plan.blockers.is_empty() => {
                look().await
            }
            looked => Ok(looked),
        }
    }

    async fn event_of(&self, click: &Click, rotation: &Rotation) -> Result<Event, EngineError> {
        if click.by.shell.is_some() && !self.settings.decide_as {
            return Err(Refusal::ShellsMayNot.into());
        }
        let policy = if click.action.is_about_a_stop() {
            // What is decided on a stop starts at once, so the right is asked for anew; nobody else's matters to it.
            self.rights().policy(&rotation.plan.token, std::slice::from_ref(&click.by), Age::Now).await?
        } else {
            let policy = self.rights().policy_for(rotation, &click.by).await;
            policy.map_err(|unproven| Refusal::Unproven { why: unproven.to_string() })?
        };
        let now = self.clock.now();
        let start_at = self.start(rotation, now);
        if click.action == Action::Approve {
            lasts(start_at, policy.approval_seconds, now)?;
        }
        Ok(click.event(rotation, policy, start_at, now)?)
    }

    /// An incident does not wait for a window, and neither does a token that is dead before it opens.
    pub(super) fn start(&self, rotation: &Rotation, now: Timestamp) -> Timestamp {
        let window = self.settings.window.as_ref();
        let hurries = rotation.is_incident() || rotation.plan.at_once || rotation.asks_anew;
        let window = window.filter(|_| !hurries);
        window.map_or(now, |window| window.next_open(now))
    }

    /// Since the plan was made the window may have closed before the expiry: then people are asked about another plan.
    async fn weigh_schedule(&self, click: &Click, rotation: Rotation) -> Result<Rotation, EngineError> {
        let misses = self.misses_window(rotation.plan.old.expires_at).is_some() && !rotation.is_incident();
        if click.action != Action::Approve || misses == rotation.plan.at_once || rotation.asks_anew {
            return Ok(rotation);
        }
        self.look_again(&rotation).await?;
        Ok(self.ledger.load(&rotation.id).await?.unwrap_or(rotation))
    }

    async fn journal_refusal(&self, click: &Click, refusal: &Refusal) {
        let attempt = Attempt {
            event: format!("refused_{}", click.action.word()),
            who: self.actor(&format!("{} via {}", click.by.person, click.via)),
            rotation: Some(click.rotation.clone()),
        };
        self.journal_in_vain(attempt, serde_json::json!({ "why": refusal.name() })).await;
    }

    /// Writes down that somebody tried something in vain: `outsider` who is nobody here, `lapsed_click` too late.
    pub async fn journal_attempt(&self, event: &str, who: &str, what: &str) {
        let attempt = Attempt { event: event.into(), who: self.actor(who), rotation: None };
        self.journal_in_vain(attempt, serde_json::json!({ "what": what })).await;
    }

    /// Opens a rotation by hand, whatever the expiry.
    pub async fn rotate(&self, token: &str, by: Origin) -> Result<OpenedRotation, EngineError> {
        let managed = self.managed(token)?;
        if let Origin::Person { person } = &by
            && !self.is_open(managed).await?
        {
            // Once it is open nobody could approve it, and it would keep others from asking.
            let policy = self.rights().on_paper(managed, &[Visitor::named(person.clone())]);
            if policy.leaves_nobody_but(person) {
                return Err(Refusal::NobodyElse { needed: policy.needed() }.into());
            }
        }
        self.consider(managed, by, true).await
    }

    async fn is_open(&self, managed: &ManagedToken) -> Result<bool, EngineError> {
        let filter = Filter { open_only: true, token: Some(managed.id.clone()), limit: 1 };
        Ok(!self.ledger.list(filter).await?.is_empty())
    }

    /// The managed token that a person named, or what is near it.
    pub fn managed(&self, name: &str) -> Result<&ManagedToken, EngineError> {
        self.catalog.tokens.get(&TokenName::from(name)).ok_or_else(|| {
            let known = self.catalog.tokens.keys().map(TokenName::as_str);
            EngineError::NoToken { given: name.to_owned(), hint: near(name, known) }
        })
    }

    /// The one rotation that a person named by id (or its beginning) or by token.
    pub async fn rotation(&self, text: &str) -> Result<Rotation, EngineError> {
        let found = one_of(self.ledger.find(text).await?, text)?;
        found.ok_or_else(|| match self.catalog.tokens.get_key_value(&TokenName::from(text)) {
            Some((token, _)) => EngineError::NeverRotated { token: token.clone() },
            None => EngineError::NoRotation { given: text.to_owned() },
        })
    }
}

/// The one that is meant of those that fit what was typed, newest first; none if none does.
pub fn one_of(mut found: Vec<Rotation>, text: &str) -> Result<Option<Rotation>, EngineError> {
    if found.iter().filter(|rotation| rotation.id.as_str() != text).count() > 1 {
        let open: Vec<Rotation> = found.iter().filter(|rotation| !rotation.phase.is_closed()).cloned().collect();
        found = if open.is_empty() { vec![found.remove(0)] } else { open };
    }
    match found.len() {
        0 | 1 => Ok(found.pop()),
        _ => Err(EngineError::Unknown(format!("{text:?} could be several rotations; give more of the id"))),
    }
}

/// An approval that is too old when the window opens would be void then, and nobody the wiser.
fn lasts(start_at: Timestamp, approval_seconds: u64, now: Timestamp) -> Result<(), Refusal> {
    if start_at <= now || later(now, approval_seconds) > start_at {
        return Ok(());
    }
    let from = start_at.saturating_sub(seconds(approval_seconds)).unwrap_or(start_at);
    Err(Refusal::Impossible {
        why: format!(
            "the window opens on {}, and an approval would be too old by then (approval_ttl); approve after {}, or let \
             the administrator of rekey lengthen approval_ttl",
            when(start_at),
            when(from)
        ),
    })
}

fn seconds(seconds: u64) -> SignedDuration {
    SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX / 4))
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
