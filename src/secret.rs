//! The one type that holds a token's value. It cannot be printed, cloned or serialised, and is wiped on drop,
//! so a value can only leave through [`Secret::expose`], which is easy to find in review. Whatever lives in one is known
//! to [`hide`], through which every text goes before it is shown, logged or stored.

mod digits;
mod document;
mod escape;
mod file;
mod hide;
mod json;
mod known;
mod list;
mod look;
mod sieve;
mod view;
pub mod walk;

pub use file::SecretFile;
pub use hide::{hide, is_safe};
pub use json::hide_in;

/// A value with fewer characters would be found in ordinary words, so [`hide`] does not look for it.
pub const SHORTEST: usize = 8;

use sha2::{Digest as _, Sha256};
use std::sync::Arc;

/// A secret value in memory, zeroed on drop.
///
/// ```compile_fail
/// let value = rekey::secret::Secret::new("glpat-1".into());
/// println!("{value:?}");
/// ```
/// ```compile_fail
/// let value = rekey::secret::Secret::new("glpat-1".into());
/// println!("{value}");
/// ```
/// ```compile_fail
/// let value = rekey::secret::Secret::new("glpat-1".into());
/// let copy = value.clone();
/// ```
/// ```compile_fail
/// let value = rekey::secret::Secret::new("glpat-1".into());
/// serde_json::to_string(&value);
/// ```
pub struct Secret(Arc<known::Held>);

/// SHA-256 of a secret, in lower-case hex. Safe to store and to compare; tokens carry over 100 random bits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Digest(pub String);

/// What stays known of a value that is no longer here: keyed hashes, by which [`hide`] still finds it.
pub struct Imprint(known::Imprint);

impl Imprint {
    /// Whether it is that value's.
    pub fn is_of(&self, value: &Secret) -> bool {
        self.0.is_of(value.expose())
    }
}

impl Secret {
    /// Takes ownership of a value; the caller keeps no copy.
    pub fn new(value: String) -> Self {
        Self(known::Held::new(value))
    }

    /// The value itself, for a request body, a header or a store and nothing else.
    pub fn expose(&self) -> &str {
        self.0.value()
    }

    /// A second owner of the same memory, which is wiped when the last one lets go. Named, not `Clone`, so that it is
    /// deliberate.
    pub fn duplicate(&self) -> Self {
        Self(self.0.clone())
    }

    /// The digest by which the value is recognised later without keeping it.
    pub fn digest(&self) -> Digest {
        Digest(hex::encode(Sha256::digest(self.expose().as_bytes())))
    }

    /// Lets [`hide`] know the value for longer than it lives.
    pub fn imprint(&self) -> Imprint {
        Imprint(known::Imprint::of(self.expose()))
    }

    /// Whether [`hide`] can find it: of a value with too many secrets in it, pieces are not kept, and every text is hidden
    /// as a whole while it lives.
    pub fn can_be_hidden(&self) -> bool {
        known::can_be_hidden(self.expose())
    }

    /// Compares with text from outside without leaking, through time, how much of it matched.
    pub fn matches(&self, other: &[u8]) -> bool {
        are_equal(self.expose().as_bytes(), other)
    }
}

/// Compares without leaking, through time, how much of it matched.
pub fn are_equal(one: &[u8], other: &[u8]) -> bool {
    use subtle::ConstantTimeEq;
    Sha256::digest(one).ct_eq(&Sha256::digest(other)).into()
}

/// Whether a value with that digest lives in this process, so that [`hide`] finds it in any text.
pub fn knows(digest: &Digest) -> bool {
    known::knows(&digest.0)
}

/// From now on [`hide`] takes what begins like this for a token: the instance gives its own such a prefix.
pub fn expect_prefix(prefix: &str) {
    look::add_prefix(prefix);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_looks_like_a_token_is_masked_whatever_its_shape() {
        for token in [
            "glpat-AbCdEfGhIjKlMnOpQrSt",
            "glpat-AbCdEfGhIjKlMnOpQrStUvWxYz0123.01.120abcdef",
            "acmeglpat-AbCdEfGhIjKlMnOpQrSt",
            "xoxb-1234567890-abcdef",
        ] {
            let masked = hide(&format!("value is {token}, see log"));
            assert_eq!(masked, "value is [MASKED], see log");
        }
    }

    #[test]
    fn ordinary_text_is_left_alone() {
        let text = "HTTP 401 from https://gitlab.example/api/v4/user for deploy-bot";
        assert_eq!(hide(text), text);
    }

    #[test]
    fn a_secret_is_recognised_by_its_digest_and_in_constant_time() {
        let secret = Secret::new("glpat-1".into());
        assert_eq!(secret.digest(), Secret::new("glpat-1".into()).digest());
        assert!(secret.matches(b"glpat-1"));
        assert!(!secret.matches(b"glpat-2"));
    }
}
