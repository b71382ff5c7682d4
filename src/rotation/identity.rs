//! What a thing is, told by numbers and ids that cannot change hands. A path, a name or an address may lead elsewhere
//! tomorrow; what a plan names must still be the same thing at the click, before the mint and at every write.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Opaque: only who gave it can read it. Two are equal only if they mean the same thing of the same system.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Identity(pub String);

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
