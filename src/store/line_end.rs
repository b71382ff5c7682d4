//! A store whose value stands in a line: `echo` ends what it writes with a line break, and so do variables of type
//! `file`; some editors begin with a byte order mark. Neither is part of the token, and both stay when it changes.

use super::{Base, Caution, SecretStore, Seen, StoreError, Written};
use crate::rotation::identity::Identity;
use crate::rotation::ids::StoreId;
use crate::rotation::store::{Capabilities, Tag, Undo};
use crate::secret::Secret;
use std::sync::{Arc, Mutex, PoisonError};
use zeroize::Zeroizing;

/// What some editors begin a text with.
const MARK: char = '\u{feff}';

/// A store that holds the value alone, or the value in a line.
pub(super) struct LineEnd {
    inner: Arc<dyn SecretStore>,
    /// What the last look found before and behind the value.
    around: Mutex<(String, String)>,
}

impl LineEnd {
    pub(super) fn around(inner: Arc<dyn SecretStore>) -> Arc<dyn SecretStore> {
        Arc::new(Self { inner, around: Mutex::default() })
    }

    fn found(&self) -> (String, String) {
        self.around.lock().unwrap_or_else(PoisonError::into_inner).clone()
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

    fn ci_variable(&self) -> Option<&super::CiVariable> {
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
        let text = held.expose();
        let line = text.trim_start_matches(MARK);
        let value = line.trim_end_matches(['\n', '\r']);
        let around = (text[..text.len() - line.len()].to_owned(), line[value.len()..].to_owned());
        *self.around.lock().unwrap_or_else(PoisonError::into_inner) = around;
        seen.value = Some(Secret::new(value.to_owned()));
        Ok(seen)
    }

    async fn write(&self, value: &Secret, base: &Base, tag: &Tag) -> Result<Written, StoreError> {
        let (start, end) = self.found();
        if start.is_empty() && end.is_empty() {
            return self.inner.write(value, base, tag).await;
        }
        let mut line = Zeroizing::new(String::with_capacity(start.len() + value.expose().len() + end.len()));
        line.push_str(&start);
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
