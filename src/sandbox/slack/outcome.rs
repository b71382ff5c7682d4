//! What a method of Slack comes to.

use serde_json::{Value, json};

/// `Err` is Slack's code for the refusal and what goes with it.
pub(super) type Outcome = Result<Value, Value>;

pub(super) fn refuse<T>(code: &str) -> Result<T, Value> {
    Err(json!({"ok": false, "error": code}))
}
