//! A store that does to a write what the story says.

use super::setup::Setup;
use super::team::Team;
use crate::sandbox::stage::OLD;
use rekey::rotation::identity::Identity;
use rekey::rotation::ids::StoreId;
use rekey::rotation::store::{Capabilities, Tag, Undo};
use rekey::secret::Secret;
use rekey::store::CiVariable;
use rekey::store::{Base, Caution, SecretStore, Seen, StoreError, Written};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

/// What a store does to a write.
pub enum Does {
    Takes,
    /// Takes it, in the same moment as somebody else's.
    Crowds,
    /// Says that it took it.
    Pretends,
    /// Asks people of its own first.
    Asks,
}

/// A place whose writes go as the story says, by their number.
pub struct Rogue {
    id: StoreId,
    /// The value, and how often it was written.
    pub held: Mutex<(String, u32)>,
    does: fn(u32) -> Does,
    /// Whether somebody swapped the place by now, where it has an identity at all.
    pub swapped: Mutex<Option<Box<dyn Fn() -> bool + Send>>>,
    /// How often it was told to remove what it kept.
    pub finished: AtomicU32,
}

impl Rogue {
    pub async fn team(does: fn(u32) -> Does) -> (Arc<Self>, Team) {
        let (swapped, finished) = (Mutex::default(), AtomicU32::default());
        let rogue =
            Arc::new(Self { id: StoreId::from("rogue"), held: Mutex::new((OLD.into(), 0)), does, swapped, finished });
        let setup = Setup::new().token(|token| token.approval_seconds = 3600).also_in(rogue.clone());
        let team = setup.start(|_, _| {}).await;
        (rogue, team)
    }
}

#[async_trait::async_trait]
impl SecretStore for Rogue {
    fn id(&self) -> &StoreId {
        &self.id
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::plain()
    }

    async fn preflight(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn look(&self) -> Result<Seen, StoreError> {
        let swapped = self.swapped.lock().unwrap().as_ref().map(|swapped| swapped());
        let value = match swapped {
            Some(true) => Secret::new("somebody else's".into()),
            _ => Secret::new(self.held.lock().unwrap().0.clone()),
        };
        let base = Base::of(&value);
        let seen = Seen::new(Some(value), base, None);
        let place = swapped.map(|swapped| Identity(if swapped { "place two" } else { "place one" }.into()));
        Ok(match place {
            Some(place) => seen.at(place),
            None => seen,
        })
    }

    async fn write(&self, value: &Secret, _: &Base, _: &Tag) -> Result<Written, StoreError> {
        let mut held = self.held.lock().unwrap();
        held.1 += 1;
        let does = (self.does)(held.1);
        if matches!(does, Does::Takes | Does::Crowds) {
            held.0 = value.expose().to_owned();
        }
        match does {
            Does::Crowds => Err(StoreError::Overwrote { store: self.id.clone(), why: "version 7 came too".into() }),
            Does::Asks => Ok(Written::Waiting { why: "two of its quorum must agree".into() }),
            Does::Takes | Does::Pretends => Ok(Written::Done),
        }
    }

    async fn roll_back(&self, _: &Undo, _: &Base, _: &Tag) -> Result<Written, StoreError> {
        Err(StoreError::refused(&self.id, "it keeps no earlier value", "write it"))
    }

    async fn finish(&self, _: &Tag, _: Option<&Undo>) -> Result<(), StoreError> {
        self.finished.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn ci_variable(&self) -> Option<&CiVariable> {
        None
    }

    fn cautions(&self) -> Vec<Caution> {
        Vec::new()
    }

    fn held_to(&self, _: &Identity) -> Option<Arc<dyn SecretStore>> {
        None
    }
}
