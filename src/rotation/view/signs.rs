//! The words and signs that every messenger uses for steps and buttons, so that a rotation reads the same everywhere.

use super::{Action, Card, Progress};

/// What is asked before an incident is approved, and the yes to it.
pub const LEAKED: (&str, &str) =
    ("The token is revoked at once. What uses it fails until the new one is stored.", "Revoke it now");

/// What is asked before the previous value is put back.
const RESTORE: &str = "The stores get their previous value back, one after the other; at one that cannot be restored it \
                       stops and asks again. Once all have it, the new token is revoked.";

impl Progress {
    /// The state by symbol; the words stand beside it.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Done => "✅",
            Self::Now => "🔄",
            Self::Todo => "⬜",
            Self::Failed => "❌",
            Self::Skipped => "➖",
        }
    }
}

impl Action {
    /// What stands on the button.
    pub fn label(self) -> &'static str {
        match self {
            Self::Approve => "Approve",
            Self::Decline => "Decline",
            Self::Snooze => "Snooze 1 day",
            Self::Retry => "Retry",
            Self::Restore => "Restore previous value",
            Self::Abandon => "Abandon",
        }
    }

    /// For what is easily pressed and hard to take back: what is asked first, and the yes to it.
    pub fn question(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Restore => Some((RESTORE, "Restore")),
            Self::Abandon => Some((
                "The rotation ends here; no token is revoked that a store may hold. Revoke by hand what you do not need.",
                "Abandon",
            )),
            Self::Approve | Self::Decline | Self::Snooze | Self::Retry => None,
        }
    }
}

impl Card {
    /// What is asked before an action counts on this card, and the yes to it.
    pub fn question(&self, action: Action) -> Option<(String, &'static str)> {
        let (question, yes) = match action {
            Action::Approve if self.incident => LEAKED,
            other => other.question()?,
        };
        let mut question = question.to_owned();
        if action == Action::Restore && !self.unrestorable.is_empty() {
            question = format!("{question} Cannot be restored: {}.", self.unrestorable.join(", "));
        }
        Some((question, yes))
    }
}
