//! With what the ledger seals what it must be able to believe: a key that whoever writes the database does not have.

use super::apart;
use crate::secret::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac::{self, HMAC_SHA256};
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use zeroize::Zeroizing;

/// Bytes of a key.
const BYTES: usize = 32;
/// What nobody but its user, and a group that a container is given, may do with a key.
const OTHERS: u32 = 0o006;

/// The key is not 32 bytes in base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not 32 random bytes in base64; make one with `openssl rand -base64 32`")]
pub struct BadKey;

/// The first seals; what any of them sealed is believed.
#[derive(Clone)]
pub struct Keys(Vec<hmac::Key>);

impl Keys {
    /// The newest key first.
    pub fn new(newest: &Secret, older: &[Secret]) -> Result<Self, BadKey> {
        std::iter::once(newest).chain(older).map(key).collect::<Result<_, _>>().map(Self)
    }

    /// A key that ends with the process, for a database that does too.
    pub(super) fn passing() -> Self {
        Self(vec![hmac::Key::new(HMAC_SHA256, random().as_slice())])
    }

    /// The key in this file, which is made if there is none and `may_make`. `Ok(None)`: there is none.
    pub(super) fn beside(path: &Path, may_make: bool) -> std::io::Result<Option<Self>> {
        match read(path) {
            Ok(text) => Self::new(&Secret::new(text), &[]).map(Some).map_err(std::io::Error::other),
            Err(error) if error.kind() == ErrorKind::NotFound && may_make => make(path).map(Some),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The seal on these fields of one kind of thing. No two lists of fields are sealed alike.
    pub(super) fn seal(&self, kind: &str, fields: &[&str]) -> String {
        let key = self.0.first().expect("there is at least one key");
        hex::encode(hmac::sign(key, &bytes(kind, fields)))
    }

    /// Whether that is a seal of ours on exactly these fields.
    pub(super) fn fits(&self, seal: &str, kind: &str, fields: &[&str]) -> bool {
        let Ok(seal) = hex::decode(seal) else { return false };
        let bytes = bytes(kind, fields);
        self.0.iter().any(|key| hmac::verify(key, &bytes, &seal).is_ok())
    }
}

fn bytes(kind: &str, fields: &[&str]) -> Vec<u8> {
    let mut bytes = format!("rekey ledger {kind}\0").into_bytes();
    for field in fields {
        bytes.extend((field.len() as u64).to_be_bytes());
        bytes.extend(field.as_bytes());
    }
    bytes
}

fn key(text: &Secret) -> Result<hmac::Key, BadKey> {
    let bytes = Zeroizing::new(STANDARD.decode(text.expose().trim()).map_err(|_| BadKey)?);
    if bytes.len() == BYTES { Ok(hmac::Key::new(HMAC_SHA256, &bytes)) } else { Err(BadKey) }
}

/// One that others can read, such as a copy that was put back, opens the database to them.
fn read(path: &Path) -> std::io::Result<String> {
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & OTHERS != 0 {
        let path = path.display();
        return Err(std::io::Error::other(format!(
            "other users of this machine can read or change it; run chmod 600 {path}"
        )));
    }
    fs::read_to_string(path)
}

fn random() -> Zeroizing<[u8; BYTES]> {
    let mut bytes = Zeroizing::new([0; BYTES]);
    rand::Rng::fill(&mut rand::rng(), bytes.as_mut_slice());
    bytes
}

/// Only whole keys are ever seen: written apart, then put in its place unless another process was faster.
fn make(path: &Path) -> std::io::Result<Keys> {
    let text = Zeroizing::new(STANDARD.encode(random().as_slice()));
    match apart::write(path, text.as_bytes(), |apart| fs::hard_link(apart, path)) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Keys::beside(path, false)?.ok_or_else(|| std::io::Error::other("the key vanished")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(byte: u8) -> Secret {
        Secret::new(STANDARD.encode([byte; BYTES]))
    }

    #[test]
    fn a_seal_fits_one_kind_one_list_of_fields_and_a_key_that_is_known() {
        let old = Keys::new(&secret(1), &[]).unwrap();
        let seal = old.seal("inbox", &["a", "bc"]);
        assert!(Keys::new(&secret(2), &[secret(1)]).unwrap().fits(&seal, "inbox", &["a", "bc"]));
        for (kind, fields) in [("inbox", ["ab", "c"]), ("line", ["a", "bc"]), ("inbox", ["a", "bd"])] {
            assert!(!old.fits(&seal, kind, &fields), "{kind} {fields:?}");
        }
        assert!(!Keys::new(&secret(2), &[]).unwrap().fits(&seal, "inbox", &["a", "bc"]));
        assert!(!old.fits("", "inbox", &["a", "bc"]));
    }

    #[test]
    fn a_key_is_made_once_and_nobody_else_may_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rekey.db.key");
        assert!(Keys::beside(&path, false).unwrap().is_none());
        let seal = Keys::beside(&path, true).unwrap().unwrap().seal("x", &[]);
        assert!(Keys::beside(&path, true).unwrap().unwrap().fits(&seal, "x", &[]));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        for open in [0o644, 0o604, 0o602] {
            fs::set_permissions(&path, fs::Permissions::from_mode(open)).unwrap();
            let refused = Keys::beside(&path, true).err().unwrap().to_string();
            assert!(refused.ends_with(&format!("run chmod 600 {}", path.display())), "{refused}");
        }
    }
}
