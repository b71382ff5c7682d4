//! What one kind of store answers, with the usual answer to what most kinds do not have. An adapter is no
//! [`SecretStore`](super::SecretStore): it becomes one only inside of [`Discreet`](super::discreet::Discreet), so none can
//! be used that says more than it may.

use super::{Base, Caution, CiVariable, Seen, StoreError, Written};
use crate::rotation::identity::Identity;
use crate::rotation::ids::StoreId;
use crate::rotation::store::{Capabilities, Tag, Undo};
use crate::secret::Secret;
use std::sync::Arc;

/// Each as [`SecretStore`](super::SecretStore) says.
#[async_trait::async_trait]
pub(super) trait Adapter: Send + Sync {
    fn id(&self) -> &StoreId;

    fn capabilities(&self) -> Capabilities;

    async fn preflight(&self) -> Result<(), StoreError>;

    async fn look(&self) -> Result<Seen, StoreError>;

    async fn write(&self, value: &Secret, base: &Base, tag: &Tag) -> Result<Written, StoreError>;

    async fn roll_back(&self, undo: &Undo, base: &Base, tag: &Tag) -> Result<Written, StoreError> {
        let _unused = (undo, base, tag);
        Err(StoreError::refused(self.id(), "it keeps no earlier value", "put the previous value there by hand"))
    }

    async fn finish(&self, tag: &Tag, undo: Option<&Undo>) -> Result<(), StoreError> {
        let _unused = (tag, undo);
        Ok(())
    }

    fn ci_variable(&self) -> Option<&CiVariable> {
        None
    }

    fn cautions(&self) -> Vec<Caution> {
        Vec::new()
    }

    fn held_to(&self, identity: &Identity) -> Option<Arc<dyn Adapter>> {
        let _unused = identity;
        None
    }
}
