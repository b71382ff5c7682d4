//! A store whose value is one part of the document that another store holds. The other store only ever sees whole
//! documents, and its own guard against changes by others covers the rest of them.

use super::adapter::Adapter;
use super::caution::Cautions;
use super::template::{Misfit, Template};
use super::{Base, Caution, SecretStore, Seen, StoreError, Written};
use crate::rotation::identity::Identity;
use crate::rotation::ids::StoreId;
use crate::rotation::store::{Capabilities, Tag, Undo};
use crate::secret::Secret;
use std::sync::Arc;

/// One part of one document.
pub(super) struct Templated {
    id: StoreId,
    inner: Arc<dyn SecretStore>,
    template: Template,
    cautions: Cautions,
}

impl Templated {
    pub(super) fn new(id: StoreId, inner: Arc<dyn SecretStore>, template: Template) -> Self {
        Self { id, inner, template, cautions: Cautions::default() }
    }

    /// The document as it is, and everything that was seen with it.
    async fn document(&self) -> Result<(Secret, Seen), StoreError> {
        let mut seen = self.inner.look().await?;
        match seen.value.take() {
            Some(document) => Ok((document, seen)),
            None => {
                let why = "it cannot be read, so the rest of its document would be lost";
                Err(self.refused(why, "make it readable, or store the value alone"))
            }
        }
    }

    fn refused(&self, why: &str, mend: &str) -> StoreError {
        StoreError::refused(&self.id, why, mend)
    }

    fn misfit(&self, misfit: &Misfit) -> StoreError {
        self.refused(&misfit.why, &misfit.mend)
    }
}

#[async_trait::async_trait]
impl Adapter for Templated {
    fn ci_variable(&self) -> Option<&super::CiVariable> {
        self.inner.ci_variable()
    }

    fn id(&self) -> &StoreId {
        &self.id
    }

    /// The whole document would come back with an older version, so what others changed in it since would be lost: the
    /// part is rewritten instead.
    fn capabilities(&self) -> Capabilities {
        let inner = self.inner.capabilities();
        let rollback = Capabilities::plain().rollback;
        Capabilities { rollback: if inner.readable { rollback } else { inner.rollback }, ..inner }
    }

    async fn preflight(&self) -> Result<(), StoreError> {
        self.inner.preflight().await?;
        let (document, _) = self.document().await?;
        self.cautions.set(self.template.unread(&document));
        self.template.extract(&document).map_err(|misfit| self.misfit(&misfit))?;
        let room = self.inner.capabilities().max_bytes.is_none_or(|most| (document.expose().len() as u64) < most);
        if room { Ok(()) } else { Err(self.refused("its document is as long as it may be", "make it shorter")) }
    }

    fn cautions(&self) -> Vec<Caution> {
        let mut cautions = self.inner.cautions();
        cautions.extend(self.cautions.get());
        cautions
    }

    async fn look(&self) -> Result<Seen, StoreError> {
        let (document, seen) = self.document().await?;
        let value = self.template.extract(&document).map_err(|misfit| self.misfit(&misfit))?;
        Ok(Seen { value: Some(value), ..seen })
    }

    fn held_to(&self, identity: &Identity) -> Option<Arc<dyn Adapter>> {
        let inner = self.inner.held_to(identity)?;
        Some(Arc::new(Self::new(self.id.clone(), inner, self.template.clone())))
    }

    async fn write(&self, value: &Secret, base: &Base, tag: &Tag) -> Result<Written, StoreError> {
        let (document, seen) = self.document().await?;
        let held = self.template.extract(&document).map_err(|misfit| self.misfit(&misfit))?;
        if held.digest() == value.digest() {
            return Ok(Written::Done);
        }
        if seen.base != *base {
            return Err(StoreError::conflict(&self.id, "its document is not as it was"));
        }
        let document = self.template.replace(&document, value).map_err(|misfit| self.misfit(&misfit))?;
        self.inner.write(&document, base, tag).await
    }

    async fn finish(&self, tag: &Tag, undo: Option<&Undo>) -> Result<(), StoreError> {
        self.inner.finish(tag, undo).await
    }
}
