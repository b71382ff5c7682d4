//! Other live tokens of the same name: what earlier rotations of ours left is named and swept; anybody else's is named
//! and stays. Ours is what carries our marker and what our own row says that it made: a marker anybody may write.

use crate::engine::{Engine, EngineError};
use crate::gitlab::TokenFilter;
use crate::rotation::ids::{RotationId, TokenId};
use crate::rotation::plan::{Leftover, Plan};
use crate::rotation::record::Rotation;
use crate::rotation::token::{LiveToken, ManagedToken};
use crate::secret::{Digest, Secret};
use std::collections::BTreeMap;

/// Live tokens of the same name besides the one that is replaced.
#[derive(Debug, Default)]
pub(super) struct Twins {
    /// By number, with the digest of their value where we know it.
    known: BTreeMap<TokenId, Option<Digest>>,
}

impl Engine {
    pub(super) async fn check_twins(&self, plan: &mut Plan, managed: &ManagedToken) -> Result<Twins, EngineError> {
        let mut twins = Twins::default();
        if !self.may_look_up(&managed.owner).await? {
            return Ok(twins);
        }
        let alive = TokenFilter { active: Some(true), ..TokenFilter::default() };
        let mut tokens = self.gitlab.list(&plan.addressed_owner(), &alive).await?;
        tokens.retain(|token| token.name == managed.name && token.id != plan.old.id);
        for token in tokens {
            let id = token.id;
            let marker = marker_of(&token.description).map(|(marker, _)| marker);
            match self.maker(managed, &token).await? {
                Some(rotation) => {
                    let from = &rotation.id;
                    plan.warnings.push(format!("token {id} is left of rotation {from}; it is revoked at the end"));
                    plan.leftovers.push(Leftover { token: id, rotation: rotation.id.clone() });
                    twins.known.insert(id, rotation.made.get(&id).cloned());
                }
                None if self.is_near(managed, &token) || !self.is_near_by_date(managed, plan.old.expires_at) => {
                    plan.blockers.push(format!(
                        "tokens {} and {id} are both named {:?}, and nothing tells which is meant; revoke the one that is \
                         not in use{}",
                        plan.old.id,
                        managed.name,
                        marker.map(|marker| format!(" ({})", unknown(id, marker))).unwrap_or_default()
                    ));
                    twins.known.insert(id, None);
                }
                None => {
                    let whose = match marker {
                        Some(marker) => format!("token {id} has the same name, and {}", unknown(id, marker)),
                        None => format!("token {id} has the same name and rekey did not make it"),
                    };
                    plan.warnings.push(format!("{whose}, so it stays alive; revoke it by hand if nobody needs it"));
                    twins.known.insert(id, None);
                }
            }
        }
        plan.leftovers.sort_by_key(|left| left.token);
        Ok(twins)
    }

    /// The closed rotation of this owner and name that made a token, if it was ours.
    pub(super) async fn maker(
        &self,
        managed: &ManagedToken,
        token: &LiveToken,
    ) -> Result<Option<Rotation>, EngineError> {
        for (_, id) in token.description.split_whitespace().filter_map(marked) {
            let Some(rotation) = self.ledger.load(&id).await? else { continue };
            let same = rotation.plan.owner == managed.owner && rotation.plan.old.name == managed.name;
            if same && rotation.phase.is_closed() && rotation.has_made(token.id) {
                return Ok(Some(rotation));
            }
        }
        Ok(None)
    }

    /// Among tokens of one name without those that earlier rotations left: then one may be told to be meant. If all are
    /// ours, it is the newest.
    pub(super) async fn without_leftovers(
        &self,
        managed: &ManagedToken,
        tokens: &[LiveToken],
    ) -> Result<Vec<LiveToken>, EngineError> {
        let (mut others, mut ours) = (Vec::new(), Vec::new());
        for token in tokens.iter().filter(|token| token.name == managed.name && token.active) {
            let made = self.maker(managed, token).await?.is_some();
            if made { ours.push(token.clone()) } else { others.push(token.clone()) }
        }
        let newest = ours.into_iter().max_by_key(|token| token.id);
        Ok(if others.is_empty() { newest.into_iter().collect() } else { others })
    }

    /// Which of the twins a store holds. GitLab is asked only where nothing else recognises the value, and once for each.
    pub(super) async fn twin_in(
        &self,
        plan: &Plan,
        twins: &Twins,
        held: &Secret,
    ) -> Result<Option<TokenId>, EngineError> {
        let digest = held.digest();
        if let Some((id, _)) = twins.known.iter().find(|(_, known)| known.as_ref() == Some(&digest)) {
            return Ok(Some(*id));
        }
        if twins.known.is_empty() || held.expose().is_empty() || !self.gitlab.could_be_token(held) {
            return Ok(None);
        }
        let plans = RotationId(format!("plans of {}", plan.token));
        let whose = match self.custody.whose(&plans, &digest) {
            Some(whose) => whose,
            None => {
                let whose = self.gitlab.whoami(held).await?.map(|token| token.id);
                self.custody.keep_whose(&plans, digest, whose);
                whose
            }
        };
        Ok(whose.filter(|id| twins.known.contains_key(id)))
    }

    /// Whose token a store holds, if that can be told without using it.
    pub(super) async fn number_in(&self, plan: &Plan, held: &Secret) -> Result<Option<TokenId>, EngineError> {
        let (plans, digest) = (RotationId(format!("plans of {}", plan.token)), held.digest());
        if let Some(Some(known)) = self.custody.whose(&plans, &digest) {
            return Ok(Some(known));
        }
        if !self.gitlab.me().await?.admin {
            return Ok(None);
        }
        let known = self.gitlab.number_of(held).await;
        if known.is_some() {
            self.custody.keep_whose(&plans, digest, known);
        }
        Ok(known)
    }
}

/// Longer than any id of ours.
const LONGEST_ID: usize = 40;

/// A marker, and the rotation that it names.
fn marked(word: &str) -> Option<(&str, RotationId)> {
    let (rotation, attempt) = word.strip_prefix("rekey:")?.rsplit_once('.')?;
    let is_id = rotation.len() <= LONGEST_ID && rotation.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (is_id && attempt.parse::<u32>().is_ok()).then(|| (word, RotationId(rotation.to_owned())))
}

/// The first marker in a token's description. Anybody may have written it.
pub(in crate::engine) fn marker_of(description: &str) -> Option<(&str, RotationId)> {
    description.split_whitespace().find_map(marked)
}

/// Words for a marker of a rotation that does not know the token.
fn unknown(id: TokenId, marker: &str) -> String {
    format!("token {id} carries {marker:?}, of which rekey knows nothing: its database lost it, or somebody wrote it")
}
