//! The end of a failed job's log: what it says of the failure, and whether it may be shown. A job may print whatever it
//! has, in whatever spelling, so its log is shown only while this process knows the values that may be in it.

mod refused;

pub(super) use refused::tells_of_a_refusal;

use crate::engine::Engine;
use crate::rotation::record::Rotation;
use crate::secret::{self, hide};
use regex::Regex;
use std::sync::LazyLock;

/// How much of a failed job's log is read and judged: pulls and clones stand at its beginning.
pub(super) const READ_BYTES: usize = 256 << 10;

/// How much of it is shown.
const SHOWN_BYTES: usize = 2_000;

impl Engine {
    /// The log, fit to be shown; `None` unless the old value, the new one and those of lost attempts, which a store may
    /// have held, are known here, so that they are found in it.
    pub(super) async fn shown_log(&self, rotation: &Rotation, log: &str) -> Option<String> {
        let mut held = Vec::new();
        for planned in rotation.plan.stores.iter().filter(|planned| planned.capabilities.readable) {
            if let Some(store) = self.stores.get(&planned.id) {
                held.extend(store.read().await.ok().flatten());
            }
        }
        let old = self.custody.old(&rotation.id);
        let new = rotation.phase.minted().map(|new| &new.digest);
        let mut others = rotation.lost_digests.iter().chain(new);
        let known = old.as_ref().is_some_and(secret::knows) && others.all(secret::knows);
        known.then(|| readable(end_of(log)))
    }
}

/// The end of a log, from a whole word on: half a token looks like none.
fn end_of(log: &str) -> &str {
    let Some(cut) = log.len().checked_sub(SHOWN_BYTES) else { return log };
    let end = (cut..log.len()).find(|at| log.is_char_boundary(*at)).map_or("", |at| &log[at..]);
    end.find(char::is_whitespace).map_or("", |word| &end[word..])
}

/// A log without colours, control characters and secrets.
pub fn readable(log: &str) -> String {
    hide(plain(log).trim())
}

/// A log without colours and control characters.
fn plain(log: &str) -> String {
    static ESCAPES: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"\x1b\[[0-9;?]*[ -/]*[@-~]|section_(start|end):\d+:[^\r\n]*\r?").expect("a constant pattern")
    });
    let plain = ESCAPES.replace_all(log, "").replace('\r', "\n");
    plain.chars().filter(|c| *c == '\n' || !c.is_control()).collect()
}
