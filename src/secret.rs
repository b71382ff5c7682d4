//! The one type that holds a token's value. It cannot be printed, cloned or serialised, and is wiped on drop,
//! so a value can only leave through [`Secret::expose`], which is easy to find in review.

mod file;

pub use file::SecretFile;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest as _, Sha256};
use std::sync::LazyLock;

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
pub struct Secret(SecretString);

/// SHA-256 of a secret, in lower-case hex. Safe to store and to compare; tokens carry over 100 random bits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Digest(pub String);

impl Secret {
    /// Takes ownership of a value; the caller keeps no copy.
    pub fn new(value: String) -> Self {
        Self(SecretString::from(value))
    }

    /// The value itself, for a request body, a header or a store and nothing else.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// A second owner of the same value, wiped on its own drop. Named, not `Clone`, so that copies are deliberate.
    pub fn duplicate(&self) -> Self {
        Self(SecretString::from(self.expose().to_owned()))
    }

    /// The digest by which the value is recognised later without keeping it.
    pub fn digest(&self) -> Digest {
        Digest(hex::encode(Sha256::digest(self.expose().as_bytes())))
    }

    /// Compares with text from outside without leaking, through time, how much of it matched.
    pub fn matches(&self, other: &[u8]) -> bool {
        use subtle::ConstantTimeEq;
        Sha256::digest(self.expose().as_bytes()).ct_eq(&Sha256::digest(other)).into()
    }
}

static TOKEN_LIKE: LazyLock<regex::Regex> = LazyLock::new(|| {
    regex::Regex::new(
        r"(?x) [A-Za-z0-9_-]{0,40}?
          (?: gl(?:pat|dt|rt|rtr|cbt|ptt|ft|imt|agent|wt|soat|ffct|oas)- | xox[a-z]- | xapp- | whsec_ | ops_eyJ )
          [A-Za-z0-9._=/+-]{8,}",
    )
    .expect("a constant pattern")
});

/// Replaces everything that looks like a GitLab, Slack or webhook token, so that text from outside can be shown.
pub fn redact(text: &str) -> String {
    TOKEN_LIKE.replace_all(text, "[MASKED]").into_owned()
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
            let masked = redact(&format!("value is {token}, see log"));
            assert_eq!(masked, "value is [MASKED], see log");
        }
    }

    #[test]
    fn ordinary_text_is_left_alone() {
        let text = "HTTP 401 from https://gitlab.example/api/v4/user for deploy-bot";
        assert_eq!(redact(text), text);
    }

    #[test]
    fn a_secret_is_recognised_by_its_digest_and_in_constant_time() {
        let secret = Secret::new("glpat-1".into());
        assert_eq!(secret.digest(), Secret::new("glpat-1".into()).digest());
        assert!(secret.matches(b"glpat-1"));
        assert!(!secret.matches(b"glpat-2"));
    }
}
