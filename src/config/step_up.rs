//! `[step_up]`: with what the secrets of one-time codes are sealed.

use super::entry::Entry;
use crate::settings::secret_ref::{self, SecretRef};
use crate::settings::section::Section;

pub(super) const KEYS: &[&str] = &["key"];

/// What a token may ask for with a decision.
pub(super) const CHOICES: [(&str, bool); 2] = [("none", false), ("totp", true)];

/// How secrets of one-time codes are kept.
#[derive(Debug)]
pub struct StepUp {
    /// 32 bytes in base64; the first seals, all of them open.
    pub keys: Vec<SecretRef>,
}

pub(super) fn read(section: &Section<'_>) -> Option<StepUp> {
    if !section.has("key") {
        section.complain("", "key is missing; give 32 random bytes in base64, as `openssl rand -base64 32` makes them");
    }
    let keys = secret_ref::several(section, "key");
    (!keys.is_empty()).then_some(StepUp { keys })
}

/// A code can be asked for only where secrets can be kept, and only where something can be typed that nobody else reads.
pub(super) fn check(entries: &[Entry], root: &Section<'_>) {
    for entry in entries.iter().filter(|entry| entry.token.step_up && !root.has("step_up")) {
        let message =
            format!("token \"{}\": step_up needs [step_up] with a key for the codes' secrets", entry.token.id);
        root.source.problems.error(entry.place.clone(), message);
    }
    let has_messenger = root.has("slack") || root.has("discord");
    for entry in entries.iter().filter(|entry| entry.token.step_up && !has_messenger) {
        let message = format!(
            "token \"{}\": step_up needs [slack] or [discord]: a code can be asked for nowhere else, so nobody could approve",
            entry.token.id
        );
        root.source.problems.error(entry.place.clone(), message);
    }
}
