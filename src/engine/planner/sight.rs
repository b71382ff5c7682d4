//! Looking tokens up. A user's tokens are shown to administrators and to that user only; where the bot is neither,
//! the token itself is asked, with the value that a store holds.

use crate::engine::{Engine, EngineError};
use crate::gitlab::TokenFilter;
use crate::http::CallError;
use crate::rotation::ids::StoreId;
use crate::rotation::plan::Plan;
use crate::rotation::token::{LiveToken, ManagedToken, Owner};
use crate::store::StoreError;

impl Engine {
    /// Whether GitLab shows the bot this owner's tokens. Asking in vain counts as a failed login, so it is not tried.
    pub(in crate::engine) async fn may_look_up(&self, owner: &Owner) -> Result<bool, CallError> {
        match owner {
            Owner::User { .. } | Owner::InstanceServiceAccount { .. } => {
                Ok(self.gitlab.me().await?.sees_tokens_of(owner))
            }
            _ => Ok(true),
        }
    }

    /// The owner's tokens, dead ones too, or the one whose value a store holds.
    pub(super) async fn visible_tokens(&self, managed: &ManagedToken) -> Result<Vec<LiveToken>, EngineError> {
        if self.may_look_up(&managed.owner).await? {
            return Ok(self.gitlab.list(&managed.owner, &TokenFilter::default()).await?);
        }
        Ok(self.stored_token(&managed.stores).await?.into_iter().collect())
    }

    /// The token that a plan replaces, dead or alive; `None` if there is no trace of it.
    pub(super) async fn visible_token(
        &self,
        managed: &ManagedToken,
        plan: &Plan,
    ) -> Result<Option<LiveToken>, EngineError> {
        let id = plan.old.id;
        if self.may_look_up(&managed.owner).await? {
            // A group that was renamed is still the same group; the configuration may name another by now.
            let known = plan.owner_number.filter(|_| managed.owner == plan.owner);
            return Ok(self.gitlab.find(&managed.owner.by_number(known), id).await?);
        }
        Ok(self.stored_token(&managed.stores).await?.filter(|token| token.id == id))
    }

    async fn stored_token(&self, stores: &[StoreId]) -> Result<Option<LiveToken>, EngineError> {
        for store in stores.iter().filter_map(|id| self.stores.get(id)) {
            let value = store.read().await.map_err(|error| match error {
                StoreError::Refused { .. } => EngineError::Broken(error.to_string()),
                _ => EngineError::Unavailable(error.to_string()),
            })?;
            let Some(value) = value else { continue };
            if let Some(token) = self.gitlab.whoami(&value).await? {
                return Ok(Some(token));
            }
        }
        Ok(None)
    }
}
