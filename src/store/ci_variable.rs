//! A CI/CD variable as the configuration names it. Other stores may keep a token in one as well, and the planner asks
//! which jobs would see it.

use super::place::Place;
use serde::{Deserialize, Serialize};

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

/// A CI/CD variable as the configuration names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CiVariable {
    /// Where it is defined.
    pub scope: VariableScope,
    /// Its key.
    pub key: String,
    /// Its environment scope; `*` is all.
    pub environment_scope: String,
    /// How it is made if it is not there; `None`: it must be there.
    #[serde(default)]
    pub create: Option<Create>,
}

/// The flags of a variable that the bot makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Create {
    /// Job logs do not show it.
    pub masked: bool,
    /// Nobody can read it any more, us included; it is masked as well. Only possible when it is made.
    pub hidden: bool,
    /// Only jobs on protected refs see it.
    pub protected: bool,
}

impl CiVariable {
    pub(super) fn id(&self) -> String {
        let Self { scope, key, environment_scope, .. } = self;
        match scope {
            VariableScope::Project(path) => format!("gitlab-variable {path} {key} (scope {environment_scope})"),
            VariableScope::Group(path) => format!("gitlab-variable group {path} {key} (scope {environment_scope})"),
            VariableScope::Instance => format!("gitlab-variable instance {key}"),
        }
    }

    /// Paths of groups and projects do not distinguish case, keys of variables do.
    pub(super) fn place(&self) -> Place {
        let mut spec = self.clone();
        if let VariableScope::Project(path) | VariableScope::Group(path) = &mut spec.scope {
            *path = path.to_lowercase();
        }
        Place::whole(spec.id())
    }
}
