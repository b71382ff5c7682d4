//! Secrets of one-time codes at rest: XChaCha20-Poly1305 under the key of the configuration, bound to the person, so that
//! a row copied to somebody else opens for nobody.

use crate::rotation::ids::PersonId;
use crate::secret::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

/// What a sealed text begins with: the way in which it was sealed.
const WAY: &str = "x1:";
const NONCE: usize = 24;

/// Why a key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 32 bytes in base64; make one with `openssl rand -base64 32`")]
pub struct BadKey;

/// Seals with its first key and opens with every one of them: old and new hold while the key is itself being replaced.
pub struct Seal(Vec<XChaCha20Poly1305>);

impl Seal {
    /// From keys in base64, the present one first; at least one.
    pub fn new(first: &Secret, older: &[Secret]) -> Result<Self, BadKey> {
        std::iter::once(first).chain(older).map(cipher).collect::<Result<_, _>>().map(Self)
    }

    /// Seals for one person. `nonce` must be random and new.
    pub fn seal(&self, person: &PersonId, plain: &[u8], nonce: [u8; NONCE]) -> String {
        let cipher = self.0.first().expect("there is at least one key");
        let payload = Payload { msg: plain, aad: person.as_str().as_bytes() };
        let sealed = cipher.encrypt(&XNonce::from(nonce), payload).expect("a few bytes are never too long");
        format!("{WAY}{}", STANDARD.encode([nonce.as_slice(), &sealed].concat()))
    }

    /// What was sealed for this person under one of the keys; `None` if it was not, or was changed since.
    pub fn open(&self, person: &PersonId, sealed: &str) -> Option<Zeroizing<Vec<u8>>> {
        let bytes = STANDARD.decode(sealed.strip_prefix(WAY)?).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE)?;
        let nonce = XNonce::from(<[u8; NONCE]>::try_from(nonce).ok()?);
        let payload = || Payload { msg: sealed, aad: person.as_str().as_bytes() };
        self.0.iter().find_map(|cipher| cipher.decrypt(&nonce, payload()).ok()).map(Zeroizing::new)
    }
}

fn cipher(key: &Secret) -> Result<XChaCha20Poly1305, BadKey> {
    let bytes = Zeroizing::new(STANDARD.decode(key.expose().trim()).map_err(|_| BadKey)?);
    XChaCha20Poly1305::new_from_slice(&bytes).map_err(|_| BadKey)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> Secret {
        Secret::new(STANDARD.encode([byte; 32]))
    }

    #[test]
    fn what_was_sealed_opens_for_the_same_person_under_an_old_key_too() {
        let old = Seal::new(&key(1), &[]).unwrap();
        let sealed = old.seal(&"alice".into(), b"secret", [7; NONCE]);
        let new = Seal::new(&key(2), &[key(1)]).unwrap();
        assert_eq!(new.open(&"alice".into(), &sealed).unwrap().as_slice(), b"secret");
        assert!(!sealed.contains("secret"));
    }

    #[test]
    fn another_person_another_key_or_a_changed_byte_opens_nothing() {
        let seal = Seal::new(&key(1), &[]).unwrap();
        let sealed = seal.seal(&"alice".into(), b"secret", [7; NONCE]);
        assert!(seal.open(&"bob".into(), &sealed).is_none());
        assert!(Seal::new(&key(2), &[]).unwrap().open(&"alice".into(), &sealed).is_none());
        let mut bytes = STANDARD.decode(&sealed[WAY.len()..]).unwrap();
        for index in 0..bytes.len() {
            bytes[index] ^= 1;
            assert!(seal.open(&"alice".into(), &format!("{WAY}{}", STANDARD.encode(&bytes))).is_none());
            bytes[index] ^= 1;
        }
        for text in ["", "x1:", "x1:AAAA", "secret"] {
            assert!(seal.open(&"alice".into(), text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_key_that_is_not_32_bytes_is_refused() {
        for text in ["", "short", "not base64!", &STANDARD.encode([1; 31]), &STANDARD.encode([1; 33])] {
            assert!(Seal::new(&Secret::new(text.to_owned()), &[]).is_err(), "{text}");
        }
    }
}
