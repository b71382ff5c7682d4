//! Around every adapter: what it was seen to hold or given stays known, as hashes, for as long as the store is there, and
//! no word of an error or of what is awaited leaves it with a secret in it. An adapter need not think of either.

use super::adapter::Adapter;
use super::{Base, Caution, CiVariable, SecretStore, Seen, StoreError, Written};
use crate::rotation::identity::Identity;
use crate::rotation::ids::StoreId;
use crate::rotation::store::{Capabilities, Tag, Undo};
use crate::secret::{Imprint, Secret, hide};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// The old value, the new one, and those of attempts between them.
const REMEMBERED: usize = 6;

/// A store whose secrets stay known.
pub(super) struct Discreet {
    inner: Arc<dyn Adapter>,
    known: Arc<Mutex<VecDeque<Imprint>>>,
}

impl Discreet {
    pub(super) fn around(inner: Arc<dyn Adapter>) -> Arc<dyn SecretStore> {
        Arc::new(Self { inner, known: Arc::default() })
    }

    /// What could not be found again in a text is not taken at all.
    fn learn(&self, value: &Secret) -> Result<(), StoreError> {
        if !value.can_be_hidden() {
            // Words of ours, which are not hidden while that value is there.
            let why = "more of what it holds is secret than rekey can keep out of its words".to_owned();
            let mend = "keep the token in a place of its own".to_owned();
            return Err(StoreError::Refused { store: self.id().clone(), why, mend, may_pass: false });
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.iter().any(|imprint| imprint.is_of(value)) {
            known.truncate(REMEMBERED - 1);
            known.push_front(value.imprint());
        }
        Ok(())
    }

    /// Looks once if nothing was seen yet: the store may repeat what it holds, and that must be known by then.
    async fn get_to_know(&self) {
        let knows = !self.known.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
        if !knows && self.inner.capabilities().readable {
            // Its trouble is told by what follows.
            let _unseen = self.look().await;
        }
    }
}

#[async_trait::async_trait]
impl SecretStore for Discreet {
    fn id(&self) -> &StoreId {
        self.inner.id()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn ci_variable(&self) -> Option<&CiVariable> {
        self.inner.ci_variable()
    }

    fn cautions(&self) -> Vec<Caution> {
        let hidden = |caution: Caution| Caution { what: hide(&caution.what), mend: hide(&caution.mend) };
        self.inner.cautions().into_iter().map(hidden).collect()
    }

    fn held_to(&self, identity: &Identity) -> Option<Arc<dyn SecretStore>> {
        let inner = self.inner.held_to(identity)?;
        Some(Arc::new(Self { inner, known: self.known.clone() }))
    }

    async fn preflight(&self) -> Result<(), StoreError> {
        let Err(error) = self.inner.preflight().await else { return Ok(()) };
        self.get_to_know().await;
        Err(error.hidden())
    }

    async fn look(&self) -> Result<Seen, StoreError> {
        let seen = self.inner.look().await.map_err(StoreError::hidden)?;
        if let Some(value) = &seen.value {
            self.learn(value)?;
        }
        Ok(Seen { note: seen.note.map(|note| hide(&note)), ..seen })
    }

    async fn write(&self, value: &Secret, base: &Base, tag: &Tag) -> Result<Written, StoreError> {
        self.learn(value)?;
        self.inner.write(value, base, tag).await.map(hidden).map_err(StoreError::hidden)
    }

    async fn roll_back(&self, undo: &Undo, base: &Base, tag: &Tag) -> Result<Written, StoreError> {
        self.get_to_know().await;
        self.inner.roll_back(undo, base, tag).await.map(hidden).map_err(StoreError::hidden)
    }

    async fn finish(&self, tag: &Tag, undo: Option<&Undo>) -> Result<(), StoreError> {
        self.get_to_know().await;
        self.inner.finish(tag, undo).await.map_err(StoreError::hidden)
    }
}

fn hidden(written: Written) -> Written {
    match written {
        Written::Waiting { why } => Written::Waiting { why: hide(&why) },
        Written::Done => Written::Done,
    }
}
