//! Stores as a rotation may use them: each held to the place that its plan names. What goes by the same name and is
//! another place is neither read for the truth nor written; what we wrote there ourselves carries the identity on.

use super::Engine;
use crate::rotation::identity::Identity;
use crate::rotation::ids::{ConsumerId, StoreId};
use crate::rotation::phase::{Phase, Run};
use crate::rotation::record::Rotation;
use crate::rotation::store::{Capabilities, Tag, Undo};
use crate::rotation::token::Consumer;
use crate::secret::{Digest, Secret};
use crate::store::CiVariable;
use crate::store::{Base, Caution, SecretStore, Seen, StoreError, Written};
use std::collections::BTreeSet;
use std::sync::Arc;

impl Engine {
    /// The store of that name, held to what the rotation's plan knows of it. `None`: it left the configuration.
    pub(super) fn store_of(&self, rotation: &Rotation, id: &StoreId) -> Option<Arc<dyn SecretStore>> {
        let inner = self.addressed_store(rotation, id)?;
        let Some(expected) = rotation.plan.identity_of(id) else { return Some(inner) };
        let minted = rotation.phase.minted().map(|new| new.digest.clone());
        let mut ours: BTreeSet<Digest> = rotation.lost_digests.iter().cloned().chain(minted).collect();
        if matches!(rotation.phase, Phase::Restoring { .. }) {
            ours.extend(self.custody.previous(&rotation.id, id).map(|previous| previous.digest()));
        }
        Some(Arc::new(Held { inner, expected: expected.clone(), ours }))
    }

    /// The store of that name where the plan knows it to be, whatever stands there: for a look that only asks whether a
    /// value of ours is there, after which nothing is written.
    pub(super) fn addressed_store(&self, rotation: &Rotation, id: &StoreId) -> Option<Arc<dyn SecretStore>> {
        let store = self.stores.get(id)?;
        let known = rotation.plan.identity_of(id);
        Some(known.and_then(|known| store.held_to(known)).unwrap_or_else(|| store.clone()))
    }

    /// The consumer of that name and how far it is; its project by number, as the plan knows it.
    pub(super) fn consumer<'a>(&self, rotation: &'a Rotation, id: &ConsumerId) -> Option<(Consumer, &'a Run)> {
        let Phase::Verifying { runs, .. } = &rotation.phase else { return None };
        let mut consumer = rotation.plan.consumers.iter().find(|consumer| consumer.id == *id)?.clone();
        if let Some(number) = self.gitlab.project_number(consumer.identity.as_ref()) {
            consumer.project = number.to_string();
        }
        Some((consumer, runs.get(id)?))
    }
}

/// One store, held to one place.
struct Held {
    inner: Arc<dyn SecretStore>,
    expected: Identity,
    /// Values that only we can have put there.
    ours: BTreeSet<Digest>,
}

impl Held {
    /// What is there, if it is the place that is meant.
    async fn checked(&self) -> Result<Seen, StoreError> {
        let seen = self.inner.look().await?;
        let ours = seen.value.as_ref().is_some_and(|value| self.ours.contains(&value.digest()));
        match &seen.identity {
            Some(identity) if *identity != self.expected && !ours => Err(StoreError::Swapped {
                store: self.inner.id().clone(),
                why: format!("it was {}, and is {identity} now", self.expected),
            }),
            _ => Ok(seen),
        }
    }
}

#[async_trait::async_trait]
impl SecretStore for Held {
    fn id(&self) -> &StoreId {
        self.inner.id()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn preflight(&self) -> Result<(), StoreError> {
        self.inner.preflight().await
    }

    async fn look(&self) -> Result<Seen, StoreError> {
        self.checked().await
    }

    /// The base may be hours old, so the place is looked at once more.
    async fn write(&self, value: &Secret, base: &Base, tag: &Tag) -> Result<Written, StoreError> {
        self.checked().await?;
        self.inner.write(value, base, tag).await
    }

    async fn roll_back(&self, undo: &Undo, base: &Base, tag: &Tag) -> Result<Written, StoreError> {
        self.checked().await?;
        self.inner.roll_back(undo, base, tag).await
    }

    async fn finish(&self, tag: &Tag, undo: Option<&Undo>) -> Result<(), StoreError> {
        // What is there may be somebody else's by now, and what they keep beside it is theirs. Any other trouble the store
        // meets itself, if there is something to remove.
        if let Err(error @ StoreError::Swapped { .. }) = self.checked().await {
            return Err(error);
        }
        self.inner.finish(tag, undo).await
    }

    fn ci_variable(&self) -> Option<&CiVariable> {
        self.inner.ci_variable()
    }

    fn cautions(&self) -> Vec<Caution> {
        self.inner.cautions()
    }

    /// Held to that, and to what was meant before.
    fn held_to(&self, identity: &Identity) -> Option<Arc<dyn SecretStore>> {
        let inner = self.inner.held_to(identity)?;
        Some(Arc::new(Self { inner, expected: self.expected.clone(), ours: self.ours.clone() }))
    }
}
