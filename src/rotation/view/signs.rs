//! The words and signs that every messenger uses for steps and buttons, so that a rotation reads the same everywhere.

use super::{Action, Card, Progress};

/// What is asked before an incident is approved, and the yes to it.
pub const LEAKED: (&str, &str) =
    ("The token is revoked at once. What uses it fails until the new one is stored.", "Revoke it now");

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
            Self::Snooze => "Remind me tomorrow",
            Self::Retry => "Try again",
            Self::Restore => "Restore old value",
            Self::Abandon => "Abandon",
        }
    }

    /// For what is easily pressed and hard to take back: what is asked first, and the yes to it.
    pub fn question(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Restore => Some(("Every store gets the old token back. The new token is revoked.", "Restore")),
            Self::Abandon => Some((
                "The rotation ends here. Tokens that a store may hold stay alive until you revoke them.",
                "Abandon",
            )),
            Self::Approve | Self::Decline | Self::Snooze | Self::Retry => None,
        }
    }
}

impl Card {
    /// What is asked before an action counts on this card, and the yes to it.
    pub fn question(&self, action: Action) -> Option<(&'static str, &'static str)> {
        match action {
            Action::Approve if self.incident => Some(LEAKED),
            other => other.question(),
        }
    }
}
