//! A store whose value stands in a line: `echo` ends what it writes with a line break, and so do variables of type
//! `file`. The line break is not part of the token, and stays where it is when the token changes.

use super::{Base, Caution, SecretStore, Seen, StoreError, Written};
use crate::rotation::identity::Identity;
use crate::rotation::ids::StoreId;
use crate::rotation::store::{Capabilities, Tag, Undo};
use crate::secret::Secret;
use std::sync::{Arc, Mutex, PoisonError};
use zeroize::Zeroizing;

/// A store that holds the value alone, or the value and a line break.
pub(super) struct LineEnd {
    inner: Arc<dyn SecretStore>,
    /// What the last look found behind the value.
    end: Mutex<String>,
}

impl LineEnd {
    pub(super) fn around(inner: Arc<dyn SecretStore>) -> Arc<dyn SecretStore> {
        Arc::new(Self { inner, end: Mutex::new(String::new()) })
    }

    fn end(&self) -> String {
        self.end.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait::async_trait]
impl SecretStore for LineEnd {
    fn id(&self) -> &StoreId {
        self.inner.id()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn preflight(&self) -> Result<(), StoreError> {
        self.inner.preflight().await
    }

    fn ci_variable(&self) -> Option<&super::gitlab_variable::Spec> {
        self.inner.ci_variable()
    }

    fn cautions(&self) -> Vec<Caution> {
        self.inner.cautions()
    }

    fn held_to(&self, identity: &Identity) -> Option<Arc<dyn SecretStore>> {
        self.inner.held_to(identity).map(Self::around)
    }

    async fn look(&self) -> Result<Seen, StoreError> {
        let mut seen = self.inner.look().await?;
        let Some(held) = seen.value.take() else { return Ok(seen) };
        let value = held.expose().trim_end_matches(['\n', '\r']);
        held.expose()[value.len()..].clone_into(&mut self.end.lock().unwrap_or_else(PoisonError::into_inner));
        seen.value = Some(Secret::new(value.to_owned()));
        Ok(seen)
    }

    async fn write(&self, value: &Secret, base: &Base, tag: &Tag) -> Result<Written, StoreError> {
        let end = self.end();
        if end.is_empty() {
            return self.inner.write(value, base, tag).await;
        }
        let mut line = Zeroizing::new(String::with_capacity(value.expose().len() + end.len()));
        line.push_str(value.expose());
        line.push_str(&end);
        let line = Secret::new(std::mem::take(&mut line));
        self.inner.write(&line, base, tag).await.map_err(StoreError::hidden)
    }

    async fn roll_back(&self, undo: &Undo, base: &Base, tag: &Tag) -> Result<Written, StoreError> {
        self.inner.roll_back(undo, base, tag).await
    }

    async fn finish(&self, tag: &Tag, undo: Option<&Undo>) -> Result<(), StoreError> {
        self.inner.finish(tag, undo).await
    }
}
