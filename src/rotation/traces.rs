//! What a rotation leaves behind and what is seen of it: the tokens that it made, and their uses before they are revoked.

use super::ids::TokenId;
use super::phase::{Minted, Outcome, Phase};
use super::policy::later;
use super::record::{Evidence, Rotation};
use super::store::Tag;
use crate::clock::utc_date;
use crate::secret::Digest;
use jiff::Timestamp;

/// GitLab writes the last use of a token down at most every ten minutes.
const LAST_USE_LAG_SECONDS: u64 = 660;

impl Rotation {
    /// The marker that the token of this attempt carries in its description.
    pub fn marker(&self, attempt: u32) -> String {
        format!("{}{attempt}", self.marker_prefix())
    }

    /// What a write of the new value belongs to.
    pub fn tag(&self, new: &Minted) -> Tag {
        Tag { rotation: self.id.clone(), attempt: new.attempt, token: new.id, expires_at: new.expires_at }
    }

    /// What putting the previous value back belongs to.
    pub fn tag_of_old(&self, attempt: u32) -> Tag {
        let old = &self.plan.old;
        Tag { rotation: self.id.clone(), attempt, token: old.id, expires_at: old.expires_at }
    }

    /// What the markers of all attempts begin with.
    pub fn marker_prefix(&self) -> String {
        format!("rekey:{}.", self.id)
    }

    /// Whether this rotation made that token. Rows of earlier versions say so only in their evidence.
    pub fn has_made(&self, token: TokenId) -> bool {
        let said = format!("new token {token} made");
        self.made.contains_key(&token)
            || self.lost.contains(&token)
            || self.evidence.iter().any(|seen| seen.source == "gitlab" && seen.what.starts_with(&said))
    }

    /// Whether it ended otherwise than done, and tokens that it made may be alive.
    pub fn may_have_left_tokens(&self, now: Timestamp) -> bool {
        let done = matches!(self.phase, Phase::Closed { outcome: Outcome::Done, .. });
        let said = |seen: &Evidence| seen.source == "gitlab" && seen.what.starts_with("new token ");
        let made = !self.made.is_empty() || !self.lost.is_empty() || self.evidence.iter().any(said);
        let dead = self.plan.new.expires_at.is_some_and(|date| date <= utc_date(now));
        made && !done && !dead
    }

    /// Forgets what allows more than the plan says that people approve: which other tokens may be revoked, and what may be
    /// overwritten. It may be somebody else's word; tokens of ours are found again by their marker.
    pub fn disown(&mut self) {
        self.lost.clear();
        self.lost_digests.clear();
        self.made.clear();
        self.contested.clear();
        self.overwrite.clear();
        self.foreign.clear();
    }

    /// Our token whose value that is.
    pub fn made_with(&self, digest: &Digest) -> Option<TokenId> {
        self.made.iter().find(|(_, made)| *made == digest).map(|(token, _)| *token)
    }

    /// From when on a token may be revoked as far as its uses tell: once GitLab has said the same for a whole period of
    /// silence, and longer than GitLab may take to say it.
    pub fn silent_from(&self, token: TokenId) -> Timestamp {
        let window = self.plan.timing.grace_seconds.max(LAST_USE_LAG_SECONDS);
        self.uses.get(&token).map_or(Timestamp::MIN, |seen| later(seen.since, window))
    }
}
