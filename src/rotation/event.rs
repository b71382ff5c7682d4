//! What may happen to a rotation: reports of workers, decisions of people, the passing of time.

use super::decider::Decider;
use super::ids::{ConsumerId, PersonId, PlanHash, StoreId, SurfaceName, TokenId};
use super::phase::{Minted, RunRef};
use super::plan::Plan;
use super::policy::Policy;
use super::record::Audience;
use super::store::Undo;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What may happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum Event {
    /// The plan was made again from GitLab's present truth.
    Replanned {
        /// The new plan.
        plan: Box<Plan>,
        /// Last use of the old token.
        old_last_used: Option<Timestamp>,
    },
    /// The old token was rotated, revoked or replaced by somebody else.
    Superseded {
        /// How, in words.
        how: String,
    },
    /// Time has passed: deadlines and windows are looked at.
    Tick {
        /// Who may approve, at this moment.
        policy: Policy,
    },
    /// What is stored of this rotation may be old, or somebody else's: no yes of before counts.
    Doubted {
        /// Why, in words.
        why: String,
        /// It may have gone on in a time that is lost: whatever was under way stops for a person.
        behind: bool,
    },
    /// Tokens with our marker, made in a time that is lost.
    LeftBehind {
        /// What was found.
        found: BTreeSet<TokenId>,
    },
    /// The window had closed again when the rotation could have started: it waits for the next one.
    Postponed {
        /// Who may approve, at this moment.
        policy: Policy,
        /// When it opens next.
        start_at: Timestamp,
    },
    /// The token is no longer in the configuration.
    Withdrawn,
    /// A person says that the value leaked: nothing was done yet, so the case goes another way.
    Incident {
        /// Who says so: an approver.
        person: PersonId,
        /// Where: `slack`, `discord`, `issue`, `cli`.
        via: String,
        /// What happened, in their words.
        reason: String,
        /// Whether they may be the one who asked for the rotation.
        #[serde(default)]
        own: bool,
        /// The plan that revokes first.
        plan: Box<Plan>,
    },
    /// Somebody who may not decide says that the value leaked: the approvers are told, and the plan stays.
    LeakReported {
        /// Who says so.
        person: PersonId,
        /// Where: `slack`, `discord`, `issue`, `cli`.
        via: String,
        /// What happened, in their words.
        reason: String,
    },
    /// A person says yes to a plan.
    Approve {
        /// Who, under which policy.
        by: Decider,
        /// To which plan.
        plan: PlanHash,
        /// When the rotation may start.
        start_at: Timestamp,
    },
    /// The yeses were counted again, under a policy that may have changed.
    Counted {
        /// Who may approve, at this moment.
        policy: Policy,
        /// When the rotation may start.
        start_at: Timestamp,
    },
    /// A person says no.
    Decline {
        /// Who, under which policy.
        by: Decider,
        /// Why, in their words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// A person wants to be reminded later.
    Snooze {
        /// Who, under which policy.
        by: Decider,
        /// Until when.
        until: Timestamp,
    },
    /// A person wants a stuck rotation to try again.
    Retry {
        /// Who, under which policy.
        by: Decider,
    },
    /// A person wants the previous value back.
    Restore {
        /// Who, under which policy.
        by: Decider,
    },
    /// A person ends it; tokens stay as they are.
    Abandon {
        /// Who, under which policy.
        by: Decider,
    },
    /// The mint request of this attempt is about to be sent. Nothing is sent before this is committed.
    MintStarted {
        /// Which try.
        attempt: u32,
        /// Who may approve, at this moment.
        policy: Policy,
    },
    /// The token exists and its value is in custody.
    Minted {
        /// The token.
        new: Minted,
    },
    /// The request certainly had no effect; the same attempt may be sent again.
    MintNotSent {
        /// Which try.
        attempt: u32,
    },
    /// GitLab refused; repeating cannot help.
    MintRefused {
        /// Which try.
        attempt: u32,
        /// GitLab's words.
        why: String,
    },
    /// Nobody holds the value of this attempt. Tokens found with our marker, or made by our rotate, are listed.
    ValueLost {
        /// Which try.
        attempt: u32,
        /// What was found.
        found: BTreeSet<TokenId>,
    },
    /// An interrupted rotate with the token's own authority: it cannot be repeated.
    SelfRotateInterrupted {
        /// Which try.
        attempt: u32,
    },
    /// What a store needs to bring its present value back, before anything is written to it.
    UndoKnown {
        /// Which store.
        store: StoreId,
        /// What it needs.
        undo: Undo,
    },
    /// A store cannot be written for the moment; the others go first.
    StoreDown {
        /// Which store.
        store: StoreId,
        /// Why, in words.
        why: String,
    },
    /// A store holds the new value.
    Stored {
        /// Which token's value.
        attempt: u32,
        /// Which store.
        store: StoreId,
        /// It was read back and compared.
        read_back: bool,
    },
    /// A store will not take the value; repeating cannot help.
    StoreRefused {
        /// Which store.
        store: StoreId,
        /// Its words and the way out.
        why: String,
    },
    /// Somebody else's value is in the place that a store is about; nothing was overwritten.
    StoreConflict {
        /// Which store.
        store: StoreId,
        /// What was seen.
        why: String,
        /// Other stores of which the same was seen.
        #[serde(default)]
        also: Vec<StoreId>,
        /// A few bits of what each holds, where it could be read.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        held: BTreeMap<StoreId, u16>,
    },
    /// A store holds the new value, but somebody else wrote there in the same moment and may have lost a change by it.
    StoreOverwrote {
        /// Which store.
        store: StoreId,
        /// What was seen.
        why: String,
    },
    /// A place is another one than people approved, whatever its name: nothing is written there.
    StoreSwapped {
        /// Which store.
        store: StoreId,
        /// What was seen.
        why: String,
    },
    /// Every readable store was read again after earlier writes could no longer land.
    Settled,
    /// A readable store holds something else.
    StoreDrifted {
        /// Which store.
        store: StoreId,
        /// The token it holds, if it is one of ours.
        holds: Option<TokenId>,
        /// A few bits of what it holds, where it could be read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        held: Option<u16>,
    },
    /// A store of the plan left the configuration, so what it holds can no longer be looked at.
    StoreMissing {
        /// Which.
        store: StoreId,
    },
    /// A consumer is about to be started. Nothing is sent before this is committed.
    ConsumerStarting {
        /// Which.
        consumer: ConsumerId,
        /// The newest run before, by GitLab's number: only a newer one can be ours. `None` if nobody could look.
        after: Option<u64>,
    },
    /// A consumer runs.
    ConsumerStarted {
        /// Which.
        consumer: ConsumerId,
        /// What runs.
        run: RunRef,
    },
    /// Its named job ran after the switch and passed.
    ConsumerPassed {
        /// Which.
        consumer: ConsumerId,
        /// What ran.
        run: RunRef,
        /// How many copies of its job there were, if several.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        copies: Option<u32>,
    },
    /// Its named job failed, was skipped or did not finish in time.
    ConsumerFailed {
        /// Which.
        consumer: ConsumerId,
        /// What happened.
        what: String,
        /// Where to look.
        url: Option<String>,
        /// The end of the log, masked.
        log: Option<String>,
    },
    /// The new token was seen in use.
    NewSeen {
        /// GitLab's last use.
        at: Timestamp,
    },
    /// The consumers passed but nobody used the new token.
    NewNeverUsed,
    /// Somebody killed the new token before the rotation was over.
    NewDied {
        /// Which.
        token: TokenId,
        /// What became of it, in words.
        how: String,
    },
    /// The old token was dead when its value was being put back, or had been.
    OldDied {
        /// What became of it, in words.
        how: String,
    },
    /// The old token was looked at.
    OldSeen {
        /// GitLab's last use.
        last_used: Option<Timestamp>,
        /// From where.
        ips: Vec<String>,
    },
    /// A token that is about to be revoked, and is not the old one, was used.
    StillUsed {
        /// Which.
        token: TokenId,
        /// GitLab's last use.
        last_used: Timestamp,
        /// From where.
        ips: Vec<String>,
    },
    /// A token is revoked, by us or already.
    Revoked {
        /// Which.
        token: TokenId,
    },
    /// A token must not or cannot be revoked.
    RevokeRefused {
        /// Which.
        token: TokenId,
        /// Why, in words.
        why: String,
    },
    /// The last look found these live tokens with our marker, besides the new one.
    Probed {
        /// What was found.
        found: BTreeSet<TokenId>,
        /// What stores could not clean up, in words.
        #[serde(default)]
        untidy: Vec<String>,
    },
    /// A store holds the previous value again.
    Restored {
        /// Which.
        store: StoreId,
        /// Nothing of ours was ever sent to it.
        #[serde(default)]
        untouched: bool,
    },
    /// A store cannot get the previous value back.
    RestoreImpossible {
        /// Which.
        store: StoreId,
        /// Why, in words.
        why: String,
    },
    /// It is time to remind people.
    Reminded {
        /// How many steps of the reminders are behind us with this one.
        steps: u32,
        /// Whom it is for.
        to: Audience,
    },
    /// Something outside is down; the worker will try again.
    Delayed {
        /// Why, in words.
        why: String,
    },
    /// Retries are used up.
    GaveUp {
        /// It will not pass by itself, so nobody waited for it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        at_once: bool,
        /// Why, in words.
        why: String,
    },
    /// A surface shows this revision and has delivered this many announcements.
    Published {
        /// Which.
        surface: SurfaceName,
        /// Its own name for what it shows.
        reference: String,
        /// Where a person opens it.
        url: Option<String>,
        /// What it shows.
        revision: u64,
        /// What it delivered.
        announced: u32,
    },
    /// Somebody opened the surface to others than its readers.
    SurfaceExposed {
        /// Which.
        surface: SurfaceName,
        /// It is closed to them again; else nothing more is written there.
        mended: bool,
    },
    /// People removed the surface; it is no longer fed.
    SurfaceGone {
        /// Which.
        surface: SurfaceName,
    },
}

impl Event {
    /// The event's name, as in the journal and metrics.
    pub fn name(&self) -> String {
        serde_json::to_value(self)
            .ok()
            .and_then(|value| value.get("event").and_then(|name| name.as_str()).map(str::to_owned))
            .unwrap_or_default()
    }
}
