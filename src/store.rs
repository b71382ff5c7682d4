//! Where a token's value lives: one trait, one registry. A new adapter is a module beside its siblings, a line in the
//! registry (`store/registry.rs`), and a line in the contract suite.

mod adapter;
pub mod aws_secrets_manager;
pub mod azure_key_vault;
mod caution;
mod ci_variable;
pub mod command;
mod connection;
mod discreet;
mod error;
pub mod file;
pub mod fortanix;
mod gitlab_holder;
mod gitlab_pages;
mod gitlab_rights;
pub mod gitlab_secure_file;
pub mod gitlab_variable;
pub mod google_secret_manager;
pub mod http;
mod keys;
pub mod kubernetes;
mod line_end;
pub mod onepassword;
mod place;
mod registry;
pub(crate) mod sections;
pub mod session;
mod source;
pub mod template;
mod templated;
pub mod vault;

pub use caution::Caution;
pub use ci_variable::{CiVariable, Create, VariableScope};
pub use connection::{BadConnection, Link, Named};
pub use error::StoreError;
pub use place::Place;
pub use registry::{Connections, Context, StoreSpec, build};
pub use source::Source;

use crate::rotation::identity::Identity;
use crate::rotation::ids::StoreId;
use crate::rotation::store::{Capabilities, Tag, Undo};
use crate::secret::{Digest, Secret};
use std::sync::Arc;

/// One place that holds one value, as the rest of the program sees it. Nothing here has a default: whatever is put around
/// a store answers for all of it, or does not compile. What a kind of store must answer itself is an
/// [`Adapter`](adapter::Adapter).
///
/// The engine calls in this order: `preflight` while people decide; then, in one process, `look`, [`Undo`] into the
/// database, `write` as often as it takes, `look` to compare. If it comes to that, `look` and `roll_back`, perhaps in
/// another process. At the very end `finish`.
#[async_trait::async_trait]
pub trait SecretStore: Send + Sync {
    /// Its full identity, as shown to people.
    fn id(&self) -> &StoreId;

    /// What it can do; what depends on the very object is honest once [`SecretStore::preflight`] has looked at it.
    fn capabilities(&self) -> Capabilities;

    /// Proves that it exists, that no other could be meant, and that we may write it. Changes nothing.
    async fn preflight(&self) -> Result<(), StoreError>;

    /// What it holds now.
    async fn look(&self) -> Result<Seen, StoreError>;

    /// Puts the value there and leaves everything else about the place as it was; it is certainly there afterwards. May
    /// be repeated with the same value and tag.
    ///
    /// `base` is the [`Seen::base`] of an earlier look: unless the place holds the value already, it is written only if
    /// it is still as it was then, else [`StoreError::Conflict`]. Stores without compare-and-set look again right before.
    async fn write(&self, value: &Secret, base: &Base, tag: &Tag) -> Result<Written, StoreError>;

    /// Puts back what `undo` names, if the place is still as in `base`. May be repeated. Only called if the store's
    /// rollback is [`Rollback::Native`](crate::rotation::store::Rollback::Native).
    async fn roll_back(&self, undo: &Undo, base: &Base, tag: &Tag) -> Result<Written, StoreError>;

    /// Removes what the rotation left in the store besides the value that it holds now: temporary names, labels, files
    /// of before. `undo` is what the first look gave, by which the value of before is found. Called once nothing but the
    /// present value lives; may be repeated, and finds nothing then.
    async fn finish(&self, tag: &Tag, undo: Option<&Undo>) -> Result<(), StoreError>;

    /// The CI/CD variable of GitLab that jobs get the value from, if it is one.
    fn ci_variable(&self) -> Option<&CiVariable>;

    /// What people should know before they approve, as the last [`SecretStore::preflight`] found it.
    fn cautions(&self) -> Vec<Caution>;

    /// The same place by the identity that an earlier look gave, whatever its name leads to by now. `None`: it can only be
    /// found by its name, and who asks compares what the look says of it.
    fn held_to(&self, identity: &Identity) -> Option<Arc<dyn SecretStore>>;
}

impl dyn SecretStore + '_ {
    /// The value alone; `None` if it cannot be read by design.
    pub async fn read(&self) -> Result<Option<Secret>, StoreError> {
        Ok(self.look().await?.value)
    }
}

/// What a place held when it was looked at.
pub struct Seen {
    /// The value; `None` if it cannot be read by design.
    pub value: Option<Secret>,
    /// By which a write notices that somebody else was there since.
    pub base: Base,
    /// How the store itself would bring this back later, if it can.
    pub undo: Option<Undo>,
    /// Which place it is, if the store can tell: gone with the place, and never another's.
    pub identity: Option<Identity>,
    /// What people should know of it before they approve, such as that its name is out of date.
    pub note: Option<String>,
}

impl Seen {
    /// What was seen of a place that cannot be told from another of the same name.
    pub fn new(value: Option<Secret>, base: Base, undo: Option<Undo>) -> Self {
        Self { value, base, undo, identity: None, note: None }
    }

    /// Seen at that very place.
    #[must_use]
    pub fn at(self, identity: Identity) -> Self {
        Self { identity: Some(identity), ..self }
    }
}

/// The state of a place at one moment. Lives in memory only: a digest of a document that has short passwords in it is
/// not to be kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Base {
    /// The store's own mark of the state, such as a version.
    pub version: Option<String>,
    /// The digest of all that was read.
    pub digest: Option<Digest>,
}

/// How a write went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// The place holds the value.
    Done,
    /// The store asks people of its own first. The same write again tells whether they have decided. Nothing that was
    /// asked for takes effect without that: a write with another token withdraws what this rotation asked for before.
    Waiting {
        /// Who must do what, in words.
        why: String,
    },
}

impl Base {
    /// Nothing is known but the store's own mark.
    pub fn version(version: impl Into<String>) -> Self {
        Self { version: Some(version.into()), digest: None }
    }

    /// Nothing is known but what was read.
    pub fn of(text: &Secret) -> Self {
        Self { version: None, digest: Some(text.digest()) }
    }
}
