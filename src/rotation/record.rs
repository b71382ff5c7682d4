//! The rotation itself: the one row from which everything people see is projected.

use super::decider::Decider;
use super::ids::{PersonId, RotationId, RotationKey, StoreId, SurfaceName, TokenId};
use super::phase::Phase;
use super::plan::Plan;
use super::policy::Approval;
use super::store::Undo;
use crate::clock::utc_date;
use crate::secret::Digest;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What made us look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "by")]
pub enum Origin {
    /// An expiry email.
    Mail,
    /// A GitLab webhook.
    Webhook,
    /// The inventory scan.
    Scan,
    /// A person in chat.
    Person {
        /// Who; cannot approve their own request.
        person: PersonId,
    },
    /// A person who says that the value leaked. The confirmation is an approval like any other, and may be theirs:
    /// the safe direction must not wait for a second person.
    Incident {
        /// Who.
        person: PersonId,
        /// What happened, in their words.
        reason: String,
        /// Who asked for the rotation before it became an incident, if that may be the one who reported it: nobody
        /// approves alone what they asked for.
        #[serde(default)]
        asked_by: Option<PersonId>,
    },
    /// The command line on the server.
    Cli,
}

/// Something that was observed, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// When.
    pub at: Timestamp,
    /// Which system said so: `gitlab`, a store, `slack`, `rekey`.
    pub source: String,
    /// What, in a sentence without a final stop. May hold foreign text: escape when shown.
    pub what: String,
    /// Where to look.
    pub link: Option<String>,
}

/// One place where people see the rotation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Surface {
    /// The surface's own name for what it shows (issue number, channel and message).
    pub reference: Option<String>,
    /// Where a person opens it.
    pub url: Option<String>,
    /// The revision it shows.
    pub shown: u64,
    /// How many announcements it has delivered, in order.
    pub announced: u32,
    /// People removed it; it is no longer fed.
    pub gone: bool,
    /// Others than its readers see it, so that nothing more is written there for the time being.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exposed: bool,
}

/// Who should be pinged by an announcement, from quiet to loud. Nobody ever pings a whole channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// Those who follow the rotation: it stands in the card's thread, and nobody is mentioned.
    Followers,
    /// Those who may approve, mentioned in the thread.
    Approvers,
    /// One more person, mentioned in the thread.
    Person {
        /// Who.
        person: PersonId,
    },
    /// Another channel of a surface, where it stands by itself with a link to the card; elsewhere it is for followers.
    Channel {
        /// `slack` or `discord`.
        surface: SurfaceName,
        /// The channel's id there.
        channel: String,
    },
}

impl std::fmt::Display for Audience {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Followers => f.write_str("followers"),
            Self::Approvers => f.write_str("approvers"),
            Self::Person { person } => write!(f, "{person}"),
            Self::Channel { surface, channel } => write!(f, "{surface} channel {channel}"),
        }
    }
}

/// A sentence that should notify people once on every surface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    /// When it was decided.
    pub at: Timestamp,
    /// Whom it is for.
    pub to: Audience,
    /// The text; may hold foreign text: escape when shown.
    pub text: String,
}

/// Why nothing moves at the moment; cleared by the next step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// Since when.
    pub since: Timestamp,
    /// Why, such as `gitlab.example.com answers 503`.
    pub why: String,
}

/// Who ended a rotation before it was done, and why: whoever is asked again about the token must know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Who.
    pub by: PersonId,
    /// When.
    pub at: Timestamp,
    /// Why, in their words. May hold foreign text: escape when shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// One case: one managed token, one expiry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotation {
    /// Its name.
    pub id: RotationId,
    /// What makes it unique.
    pub key: RotationKey,
    /// Grows by one with every commit; the optimistic lock.
    pub version: u64,
    /// Grows with every change that people should see.
    pub revision: u64,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// By what.
    pub opened_by: Origin,
    /// What will be done.
    pub plan: Plan,
    /// Where it stands.
    pub phase: Phase,
    /// Yeses, also to earlier plans.
    pub approvals: Vec<Approval>,
    /// Who ended it before it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Box<Ended>>,
    /// How the case before this one ended, if this one asks about the same token again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earlier: Option<Box<str>>,
    /// When the plan was last compared with GitLab's truth.
    pub checked_at: Timestamp,
    /// When the present request for approval lapses.
    pub approve_by: Timestamp,
    /// No reminders before this, and one then: until then everybody who must act has snoozed.
    pub snoozed_until: Option<Timestamp>,
    /// Who wants to be left alone until when; the others are reminded all the same.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub snoozed: BTreeMap<PersonId, Timestamp>,
    /// Since when people are asked for the decision that is awaited; unset: since it was opened.
    #[serde(default)]
    pub asked_at: Option<Timestamp>,
    /// How many steps of the reminders were taken since.
    #[serde(default)]
    pub reminded: u32,
    /// When people were reminded last; the last step is repeated from then on.
    #[serde(default)]
    pub reminded_at: Option<Timestamp>,
    /// How often it has stopped: what somebody decides on one stop says nothing about the next.
    #[serde(default)]
    pub stops: u32,
    /// When it turned out that it may have gone on in a time that is lost: what it made then is looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubted_at: Option<Timestamp>,
    /// It was under way when the database lost its memory: it goes on once its whole policy has said yes again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub asks_anew: bool,
    /// From when on a store may hold a value that we made.
    pub switched_at: Option<Timestamp>,
    /// When every store held the present new value; a lost token used after this is used by somebody else.
    #[serde(default)]
    pub stored_at: Option<Timestamp>,
    /// How stores bring back what they held before our first write, where they can by themselves.
    #[serde(default)]
    pub undo: BTreeMap<StoreId, Undo>,
    /// Stores in which somebody else's value stopped us. Who retries lets it be overwritten.
    #[serde(default)]
    pub contested: BTreeSet<StoreId>,
    /// Stores whose present value may be overwritten whosever it is: a person said so.
    #[serde(default)]
    pub overwrite: BTreeSet<StoreId>,
    /// A few bits of what somebody else had in a contested store: enough to see that it is another value by now, too few to
    /// guess it by. Only what people were told of may be overwritten.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub foreign: BTreeMap<StoreId, u16>,
    /// Whether a store that cannot be read is noted in `undo` before its first write; not so in rows of earlier versions.
    #[serde(default)]
    pub blind_noted: bool,
    /// Tokens that we made and whose value is lost.
    pub lost: BTreeSet<TokenId>,
    /// What a store may hold of them.
    #[serde(default)]
    pub lost_digests: BTreeSet<Digest>,
    /// Every token that we made, and by what its value is recognised in a store, for good: a later rotation of the same
    /// token must know what this one left.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub made: BTreeMap<TokenId, Digest>,
    /// Uses of tokens that are about to be revoked, besides the old one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub uses: BTreeMap<TokenId, Use>,
    /// Nothing of ours is revoked before this: a request that we sent may still land.
    pub quarantine_until: Option<Timestamp>,
    /// No mint before this: an earlier request may still land where nobody could see or mend it.
    #[serde(default)]
    pub mint_from: Option<Timestamp>,
    /// Stores are read once more after this before anything is proven: an earlier write may still land.
    pub settle_at: Option<Timestamp>,
    /// Somebody else ended the old token while the rotation counted on it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub old_died: bool,
    /// The last attempt to make a token that was begun; 0 in rows of earlier versions, too.
    #[serde(default, skip_serializing_if = "is_none_yet")]
    pub attempts: u32,
    /// Last use of the old token, as last observed.
    pub old_last_used: Option<Timestamp>,
    /// First observed use of the new token.
    pub new_last_used: Option<Timestamp>,
    /// Why nothing moves.
    pub waiting: Option<Waiting>,
    /// What was observed.
    pub evidence: Vec<Evidence>,
    /// Where people see it.
    pub surfaces: BTreeMap<SurfaceName, Surface>,
    /// What people were told.
    pub announcements: Vec<Announcement>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_none_yet(attempts: &u32) -> bool {
    *attempts == 0
}

/// A use of a token that should be silent before it is revoked. GitLab's stamps are only compared with each other: how
/// long one has stayed the same is measured by us, so clocks that differ do no harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Use {
    /// The last use, as GitLab says.
    pub last: Timestamp,
    /// Since when GitLab says the same.
    pub since: Timestamp,
    /// How often it was another.
    pub broken: u32,
}

/// What a store says that holds the previous value again.
pub(super) const PREVIOUS_RESTORED: &str = "previous value restored";
/// How evidence names tokens that nobody has revoked.
pub(super) const ALIVE: &str = " alive";

impl Rotation {
    /// Whether the stores got the previous value back after something of ours was stored: all of them, so nobody has ended
    /// it on the way.
    pub fn was_restored(&self) -> bool {
        let mut told = self.evidence.iter().rev().map(|seen| seen.what.as_str());
        told.find(|what| *what == PREVIOUS_RESTORED || what.contains(ALIVE)) == Some(PREVIOUS_RESTORED)
    }

    /// The person who asked for it, who cannot approve it.
    pub fn requester(&self) -> Option<&PersonId> {
        match &self.opened_by {
            Origin::Person { person } => Some(person),
            Origin::Incident { asked_by, .. } => asked_by.as_ref(),
            _ => None,
        }
    }

    /// Whether it was opened because this person said so.
    pub fn is_asked_by(&self, by: &PersonId) -> bool {
        matches!(&self.opened_by, Origin::Person { person } | Origin::Incident { person, .. } if person == by)
    }

    /// Whether the old token was dead at that time: by its date, or because somebody ended it.
    pub fn old_is_dead(&self, now: Timestamp) -> bool {
        self.old_died || self.plan.old.expires_at.is_some_and(|date| date <= utc_date(now))
    }

    /// Whether a retry overwrites what somebody else put into a store.
    pub fn retry_overwrites(&self) -> bool {
        !self.contested.is_empty()
    }

    /// Whether people agreed to overwrite what a store holds by now: what they were told of, and nothing newer.
    pub fn may_overwrite(&self, store: &StoreId, held: Option<u16>) -> bool {
        let told = self.foreign.get(store);
        self.overwrite.contains(store) && told.is_none_or(|told| held.is_none_or(|held| held == *told))
    }

    /// Whether somebody said that the value leaked.
    pub fn is_incident(&self) -> bool {
        matches!(self.opened_by, Origin::Incident { .. })
    }

    pub(super) fn end_by(&mut self, by: &Decider, reason: Option<&str>, at: Timestamp) {
        self.ended = Some(Box::new(Ended { by: by.person.clone(), at, reason: reason.map(str::to_owned) }));
    }

    /// When nothing that is sent now can land any more. Nothing of ours is revoked before.
    pub(super) fn quarantine(&mut self, now: Timestamp) -> Timestamp {
        let horizon = super::policy::later(now, self.plan.timing.horizon_seconds);
        self.quarantine_until = self.quarantine_until.max(Some(horizon));
        horizon
    }

    pub(super) fn saw(&mut self, at: Timestamp, source: &str, what: impl Into<String>, link: Option<String>) {
        self.evidence.push(Evidence { at, source: source.to_owned(), what: what.into(), link });
    }

    /// Since when people are asked for the decision that is awaited.
    pub fn asked_since(&self) -> Timestamp {
        self.asked_at.unwrap_or(self.opened_at)
    }

    /// People are asked anew: reminders begin again.
    pub(super) fn ask(&mut self, now: Timestamp) {
        self.asked_at = Some(now);
        self.reminded = 0;
        self.reminded_at = None;
        self.snoozed_until = None;
        self.snoozed.clear();
    }

    pub(super) fn announce(&mut self, at: Timestamp, to: Audience, text: impl Into<String>) {
        self.announcements.push(Announcement { at, to, text: text.into() });
    }
}
