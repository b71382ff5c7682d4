//! Where a token's value lives: one trait, one registry. A new adapter is one file beside its siblings, one variant
//! and one line in [`build`], one line in the contract suite.

mod file;
mod gitlab_variable;

use crate::http::{Api, CallError};
use crate::rotation::ids::StoreId;
use crate::rotation::store::Capabilities;
use crate::secret::Secret;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// One place that holds one value.
#[async_trait::async_trait]
pub trait SecretStore: Send + Sync {
    /// Its full identity, as shown to people.
    fn id(&self) -> &StoreId;

    /// What it can do; what depends on the very object is honest once [`SecretStore::preflight`] has looked at it.
    fn capabilities(&self) -> Capabilities;

    /// Proves that it exists, that no other could be meant, and that we may write it. Changes nothing.
    async fn preflight(&self) -> Result<(), StoreError>;

    /// What it holds; `None` if that cannot be read by design.
    async fn read(&self) -> Result<Option<Secret>, StoreError>;

    /// Puts the value there and leaves everything else about the place as it was. May be repeated with the same value.
    async fn write(&self, value: &Secret) -> Result<(), StoreError>;
}

/// Why a store did not do what it was asked, sorted by what the caller can do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Nothing was changed; the same again may go well later.
    #[error("{store} is not available: {why}")]
    Unavailable {
        /// The store.
        store: StoreId,
        /// How long it asked to wait, if it did.
        retry_after: Option<Duration>,
        /// What was seen.
        why: String,
    },
    /// The write may have landed, or may land yet. Repeat it with the same value, or read.
    #[error("{store} may or may not hold the value: {why}")]
    Unknown {
        /// The store.
        store: StoreId,
        /// What was seen.
        why: String,
    },
    /// Nothing was changed, and nothing will be until a person acts.
    #[error("{store} refuses: {why}. To mend it: {mend}")]
    Refused {
        /// The store.
        store: StoreId,
        /// What it said.
        why: String,
        /// What a person can do.
        mend: String,
    },
}

impl StoreError {
    fn refused(store: &StoreId, why: impl Into<String>, mend: impl Into<String>) -> Self {
        Self::Refused { store: store.clone(), why: why.into(), mend: mend.into() }
    }

    fn unavailable(store: &StoreId, why: impl ToString) -> Self {
        Self::Unavailable { store: store.clone(), retry_after: None, why: why.to_string() }
    }

    /// For a call that writes. A refusal's `mend` depends on the store and on the status.
    fn of_write(store: &StoreId, error: &CallError, mend: impl FnOnce(u16) -> String) -> Self {
        match error {
            CallError::Unknown { .. } | CallError::Nonsense { .. } => {
                Self::Unknown { store: store.clone(), why: error.to_string() }
            }
            _ => Self::of_read(store, error, mend),
        }
    }

    /// For a call that changes nothing, so that whatever was lost may be asked again.
    fn of_read(store: &StoreId, error: &CallError, mend: impl FnOnce(u16) -> String) -> Self {
        match error {
            CallError::Status { status, .. } => Self::refused(store, error.to_string(), mend(*status)),
            CallError::RateLimited { retry_after, .. } => {
                Self::Unavailable { store: store.clone(), retry_after: Some(*retry_after), why: error.to_string() }
            }
            _ => Self::unavailable(store, error),
        }
    }
}

/// A store as the configuration names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoreSpec {
    /// A CI/CD variable.
    GitlabVariable {
        /// Where it is defined.
        scope: VariableScope,
        /// Its key.
        key: String,
        /// Its environment scope; `*` is all.
        environment_scope: String,
    },
    /// A file on the machine that the bot runs on.
    File {
        /// Its absolute path.
        path: PathBuf,
    },
}

/// Where a CI/CD variable is defined.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VariableScope {
    /// A project, by full path.
    Project(String),
    /// A group, by full path.
    Group(String),
    /// The whole instance.
    Instance,
}

impl StoreSpec {
    /// The full identity: two specs have the same one only if they mean the same place.
    pub fn id(&self) -> StoreId {
        StoreId(match self {
            Self::GitlabVariable { scope, key, environment_scope } => match scope {
                VariableScope::Project(path) => format!("gitlab-variable {path} {key} (scope {environment_scope})"),
                VariableScope::Group(path) => format!("gitlab-variable group {path} {key} (scope {environment_scope})"),
                VariableScope::Instance => format!("gitlab-variable instance {key}"),
            },
            Self::File { path } => format!("file {}", path.display()),
        })
    }
}

/// What adapters may need from outside.
pub struct Context {
    /// The GitLab instance, with the bot's credential.
    pub gitlab: Arc<Api>,
}

/// The registry: from a name to the thing.
pub fn build(spec: &StoreSpec, context: &Context) -> Arc<dyn SecretStore> {
    let id = spec.id();
    match spec {
        StoreSpec::GitlabVariable { scope, key, environment_scope } => Arc::new(gitlab_variable::GitlabVariable::new(
            id,
            context.gitlab.clone(),
            scope.clone(),
            key.clone(),
            environment_scope.clone(),
        )),
        StoreSpec::File { path } => Arc::new(file::File::new(id, path.clone())),
    }
}
