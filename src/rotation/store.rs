//! What a store can and cannot do: shown to the approver and used by the engine.

use serde::{Deserialize, Serialize};

/// Honest abilities of one store.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Capabilities {
    /// The value can be read back and compared.
    pub readable: bool,
    /// Older values are kept by the store itself.
    pub versions: bool,
    /// A concurrent change by others is detected by the store.
    pub compare_and_set: bool,
    /// The previous value can be brought back without our having kept it.
    pub rollback: bool,
    /// Longest value in bytes, if there is a limit.
    pub max_bytes: Option<u64>,
    /// A read may lag behind a write.
    pub eventual: bool,
}
