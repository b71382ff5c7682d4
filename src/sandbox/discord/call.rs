//! A call of the bot, and what it is answered.

use serde_json::Value;
use std::collections::BTreeMap;

/// A call, taken apart.
pub(super) struct Call<'c> {
    pub method: &'c str,
    pub path: Vec<&'c str>,
    pub query: BTreeMap<String, String>,
    pub body: Value,
}

impl Call<'_> {
    /// A number of the query.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.query.get(name)?.parse().ok()
    }
}

/// What is answered.
pub(super) enum Reply {
    Body(Value),
    Nothing,
}
