//! From which version on GitLab tells what of a token, by where it shows it.

use super::Showing;

impl Showing {
    /// From which version on the permissions are told there, if they are.
    pub(super) fn tells_permissions(self) -> Option<&'static str> {
        match self {
            Self::Single => Some("19.5"),
            Self::Listed => Some("19.2"),
            Self::OfAccount => None,
            Self::Made => Some("19.6"),
        }
    }
}
