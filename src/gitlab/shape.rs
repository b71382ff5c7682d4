//! What a token of this instance can look like. A store may hold anything; what cannot be a token is nobody's business
//! and is never sent to GitLab to find out whose it is.

use crate::secret::Secret;

/// GitLab's own prefix of personal, project and group access tokens.
const USUAL: &str = "glpat-";
/// The length of tokens before GitLab 14.5, which have no prefix.
const OLDEST: usize = 20;
/// Far beyond the longest, in bytes.
pub const LONGEST: usize = 300;

/// Whether the value could be an access token of an instance with these prefixes of its own.
pub(super) fn could_be_token(value: &Secret, prefixes: &[String]) -> bool {
    let text = value.expose();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    if !(OLDEST..=LONGEST).contains(&text.len()) {
        return false;
    }
    let rest = prefixes.iter().find_map(|prefix| text.strip_prefix(prefix.as_str()));
    match rest.or_else(|| text.strip_prefix(USUAL)) {
        Some(rest) => rest.chars().all(is_plain),
        None => text.len() == OLDEST && text.chars().all(|c| is_plain(c) && c != '.'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn could_be(value: &str) -> bool {
        could_be_token(&Secret::new(value.into()), &["acme/".into()])
    }

    #[test]
    fn tokens_with_a_known_prefix_or_of_the_oldest_form_could_be_ours() {
        for value in [
            "glpat-AbCdEfGhIjKlMnOpQrSt",
            "glpat-AbCdEfGhIjKlMnOpQrStUvWxYz0123.01.120abcdef",
            "acme/AbCdEfGhIjKlMnOpQrSt",
            "AbCdEfGhIjKlMn-p_rSt",
        ] {
            assert!(could_be(value), "{value}");
        }
    }

    #[test]
    fn anything_else_in_a_store_is_never_shown_to_gitlab() {
        for value in [
            "",
            "changeme",
            "correct horse battery staple",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "xoxb-1234567890-abcdefghijkl",
            "-----BEGIN PRIVATE KEY-----\nMIIEvQ\n-----END PRIVATE KEY-----",
            "{\"token\": \"glpat-AbCdEfGhIjKlMnOpQrSt\"}",
            "glpat-AbCdEfGhIjKlMnOpQrSt and more",
        ] {
            assert!(!could_be(value), "{value}");
        }
    }
}
