//! Custody: the values of minted tokens, and the previous values of stores, in the memory of this process only.
//! Wiped as soon as nothing can need them; a process that dies takes them along, and the machine mints again.

use crate::rotation::ids::{RotationId, StoreId, TokenId};
use crate::rotation::phase::{Minted, Phase};
use crate::rotation::record::Rotation;
use crate::secret::{Digest, Secret};
use crate::store::Base;
use crate::telemetry::CUSTODY_SECONDS;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

/// What is held for one rotation.
#[derive(Default)]
struct Held {
    minted: Option<Fresh>,
    previous: BTreeMap<StoreId, Arc<Secret>>,
    bases: BTreeMap<StoreId, Base>,
    left: BTreeMap<StoreId, Base>,
    vouched: BTreeSet<Digest>,
    whose: BTreeMap<Digest, Option<TokenId>>,
    old: Option<Digest>,
}

/// A value that a store may still lack, and since when it is here.
struct Fresh {
    minted: Minted,
    value: Arc<Secret>,
    since: Instant,
}

impl Drop for Fresh {
    fn drop(&mut self) {
        metrics::histogram!(CUSTODY_SECONDS).record(self.since.elapsed());
    }
}

/// The values this process holds.
#[derive(Default)]
pub struct Custody(Mutex<BTreeMap<RotationId, Held>>);

impl Custody {
    /// Takes a minted value; one of an earlier attempt is wiped.
    pub fn take(&self, rotation: &RotationId, minted: Minted, value: Secret) {
        self.lock().entry(rotation.clone()).or_default().minted =
            Some(Fresh { minted, value: Arc::new(value), since: Instant::now() });
    }

    /// The value of that attempt, if this process made it.
    pub fn value(&self, rotation: &RotationId, attempt: u32) -> Option<(Minted, Arc<Secret>)> {
        let held = self.lock();
        let fresh = held.get(rotation)?.minted.as_ref()?;
        (fresh.minted.attempt == attempt).then(|| (fresh.minted.clone(), fresh.value.clone()))
    }

    /// Keeps what a store held before its first write, so that it can be restored.
    pub fn keep_previous(&self, rotation: &RotationId, store: &StoreId, value: Secret) {
        self.lock().entry(rotation.clone()).or_default().previous.entry(store.clone()).or_insert(Arc::new(value));
    }

    /// The state of a store from which it is written: changed by anybody else, it is not overwritten.
    pub fn keep_base(&self, rotation: &RotationId, store: &StoreId, base: Base) {
        self.lock().entry(rotation.clone()).or_default().bases.insert(store.clone(), base);
    }

    /// The state from which the store is written, if this process looked at it.
    pub fn base(&self, rotation: &RotationId, store: &StoreId) -> Option<Base> {
        self.lock().get(rotation)?.bases.get(store).cloned()
    }

    /// The next write starts from a new look.
    pub fn forget_base(&self, rotation: &RotationId, store: &StoreId) {
        if let Some(held) = self.lock().get_mut(rotation) {
            held.bases.remove(store);
        }
    }

    /// The state in which a write of ours left a store whose value nobody can read.
    pub fn keep_left(&self, rotation: &RotationId, store: &StoreId, base: Base) {
        self.lock().entry(rotation.clone()).or_default().left.insert(store.clone(), base);
    }

    /// That state, if this process wrote it.
    pub fn left(&self, rotation: &RotationId, store: &StoreId) -> Option<Base> {
        self.lock().get(rotation)?.left.get(store).cloned()
    }

    /// What the store held before, if this process read it.
    pub fn previous(&self, rotation: &RotationId, store: &StoreId) -> Option<Arc<Secret>> {
        self.lock().get(rotation)?.previous.get(store).cloned()
    }

    /// GitLab said that a value with that digest is this token's: it need not be asked again for the next store.
    pub fn vouch(&self, rotation: &RotationId, digest: Digest) {
        self.lock().entry(rotation.clone()).or_default().vouched.insert(digest);
    }

    /// A value with that digest is, as far as anybody can tell, the old token's.
    pub fn keep_old(&self, rotation: &RotationId, digest: Digest) {
        self.lock().entry(rotation.clone()).or_default().old = Some(digest);
    }

    /// By what the old token's value is recognised, if this process has seen it.
    pub fn old(&self, rotation: &RotationId) -> Option<Digest> {
        self.lock().get(rotation)?.old.clone()
    }

    /// Whether GitLab said so before.
    pub fn is_vouched(&self, rotation: &RotationId, digest: &Digest) -> bool {
        self.lock().get(rotation).is_some_and(|held| held.vouched.contains(digest))
    }

    /// Whose value with that digest is, if GitLab was asked: the token, or nobody's that lives.
    pub fn whose(&self, rotation: &RotationId, digest: &Digest) -> Option<Option<TokenId>> {
        self.lock().get(rotation)?.whose.get(digest).copied()
    }

    /// Remembers what GitLab said of it.
    pub fn keep_whose(&self, rotation: &RotationId, digest: Digest, token: Option<TokenId>) {
        self.lock().entry(rotation.clone()).or_default().whose.insert(digest, token);
    }

    /// Wipes what the rotation can no longer need.
    pub fn prune(&self, rotation: &Rotation) {
        let mut held = self.lock();
        if !may_restore(&rotation.phase) {
            held.remove(&rotation.id);
        } else if !may_write(&rotation.phase)
            && let Some(held) = held.get_mut(&rotation.id)
        {
            held.minted = None;
        }
    }

    /// Whether a minted value is held that a store still lacks.
    pub fn holds_minted(&self, rotation: &RotationId) -> bool {
        self.lock().get(rotation).is_some_and(|held| held.minted.is_some())
    }

    /// Another worker has taken over: whatever is held here is stale.
    pub fn forget(&self, rotation: &RotationId) {
        self.lock().remove(rotation);
    }

    /// Whether anything is held for it.
    pub fn holds(&self, rotation: &RotationId) -> bool {
        self.lock().contains_key(rotation)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<RotationId, Held>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

fn may_write(phase: &Phase) -> bool {
    match phase {
        Phase::Minting { .. } | Phase::Distributing { .. } => true,
        Phase::Stuck { at, .. } => may_write(at),
        _ => false,
    }
}

fn may_restore(phase: &Phase) -> bool {
    match phase {
        Phase::Minting { .. } | Phase::Distributing { .. } | Phase::Verifying { .. } => true,
        Phase::Grace { .. } | Phase::Restoring { .. } => true,
        Phase::Stuck { at, .. } => may_restore(at),
        _ => false,
    }
}
