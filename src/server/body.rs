//! Headers as text, and handing over what was made of a body.

use super::outcome::Refusal;
use super::{Intake, Limits};
use crate::ledger::Accepted;
use crate::notice::Notice;
use axum::http::HeaderMap;

/// A header as text; one that is not text counts as missing.
pub(super) fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// Waits for the commit, but not for ever.
pub(super) async fn hand_over(
    intake: &dyn Intake,
    limits: &Limits,
    key: String,
    notice: &Notice,
) -> Result<Accepted, Refusal> {
    let accepted = tokio::time::timeout(limits.commit, intake.accept(key, notice)).await;
    Ok(accepted.map_err(|_| Refusal::late(limits.commit))??)
}
