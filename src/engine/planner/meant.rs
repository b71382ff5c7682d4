//! Which live token the configuration means, and what is amiss if that cannot be told.

use crate::engine::{Engine, EngineError};
use crate::rotation::token::{LiveToken, ManagedToken};

impl Engine {
    /// The live token that the configuration means: by name, among the owner's active ones. If there is none, the one
    /// that expired last and that nobody revoked: somebody forgot it.
    pub async fn live_token(&self, managed: &ManagedToken) -> Result<LiveToken, EngineError> {
        let tokens = self.visible_tokens(managed).await?;
        self.meant_among(managed, tokens).await
    }

    /// The same, among the owner's tokens that were listed before. What earlier rotations of ours left stands in
    /// nobody's way.
    pub(in crate::engine) async fn meant_among(
        &self,
        managed: &ManagedToken,
        tokens: Vec<LiveToken>,
    ) -> Result<LiveToken, EngineError> {
        match self.meant(managed, tokens.clone()) {
            Err(EngineError::Amiss { token: Some(token), .. }) if token.active => {
                let left = self.without_leftovers(managed, &tokens).await?;
                self.meant(managed, left)
            }
            meant => meant,
        }
    }

    fn meant(&self, managed: &ManagedToken, tokens: Vec<LiveToken>) -> Result<LiveToken, EngineError> {
        let named = tokens.into_iter().filter(|token| token.name == managed.name);
        let (revoked, named): (Vec<LiveToken>, Vec<LiveToken>) = named.partition(|token| token.revoked);
        let (mut named, expired): (Vec<LiveToken>, Vec<LiveToken>) = named.into_iter().partition(|token| token.active);
        named.sort_by_key(|token| (token.expires_at.is_none(), token.expires_at, token.id));
        let last = |tokens: Vec<LiveToken>| tokens.into_iter().max_by_key(|token| (token.expires_at, token.id));
        if named.is_empty() {
            named.extend(last(expired));
        }
        match named.len() {
            0 => Err(none_lives(managed, last(revoked))),
            1 => Ok(named.remove(0)),
            _ => self.soonest(managed, named),
        }
    }

    /// Several tokens of one name: only the one about to expire can be meant, and only if it is alone in that.
    fn soonest(&self, managed: &ManagedToken, mut named: Vec<LiveToken>) -> Result<LiveToken, EngineError> {
        let near = named.iter().filter(|token| self.is_near(managed, token)).count();
        if near == 1 {
            return Ok(named.remove(0));
        }
        let ids: Vec<String> = named.iter().map(|token| token.id.to_string()).collect();
        let why = format!(
            "{} has {} active tokens named {:?} ({}); revoke the ones that are not in use",
            managed.owner,
            ids.len(),
            managed.name,
            ids.join(", ")
        );
        Err(EngineError::Amiss { token: Some(Box::new(named.remove(0))), state: "ambiguous", why })
    }
}

fn none_lives(managed: &ManagedToken, revoked: Option<LiveToken>) -> EngineError {
    let (owner, name, id) = (&managed.owner, &managed.name, &managed.id);
    match revoked {
        Some(dead) => {
            let why = format!(
                "token {} of {owner}, named {name:?}, was revoked, and no live one replaces it: {}",
                dead.id,
                super::compare::REPLACE
            );
            EngineError::Amiss { token: Some(Box::new(dead)), state: "dead", why }
        }
        None => {
            let why = format!(
                "{owner} has no token named {name:?}; make one, or mend `name` of token {id} in the configuration"
            );
            EngineError::Amiss { token: None, state: "missing", why }
        }
    }
}
