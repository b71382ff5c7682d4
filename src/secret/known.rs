//! What this process knows: every value that lives in a [`Secret`](super::Secret), for as long as it lives. Nothing is
//! kept in plain text, only keyed hashes of short pieces, by which a text is searched in one pass whatever the number of
//! values. A value is hashed when the first text is searched after it was made, so that one that comes and goes in a
//! request costs nothing.

use super::digits::{BASE64, HEX, Spelled};
use super::sieve::{self, BELOW, Sieve, mixed};
use super::view::View;
use super::{SHORTEST, document, look};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use std::ops::Range;
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError, RwLock, Weak};
use zeroize::Zeroizing;

/// So many consecutive characters of a value are a piece that counts; a shorter value counts as a whole.
const PIECE: usize = 12;
/// Of a value with more secret bytes than this, pieces are not worth their memory: nothing that is rotated is anywhere near
/// as long. While there is one, every text is hidden as a whole.
const LONGEST: usize = 128 << 10;
/// Stands among the pieces of such a value.
const TOO_LONG: u64 = 0xf;

/// So many pieces that are gone are let through at least before the sieve is made anew.
const MOST_STALE: usize = 1 << 12;

static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
static NEW: LazyLock<Mutex<HashMap<usize, Weak<Held>>>> = LazyLock::new(Mutex::default);
static PIECES: LazyLock<RwLock<Pieces>> = LazyLock::new(RwLock::default);

/// A value in memory, zeroed and forgotten when its last owner lets go.
pub(super) struct Held {
    value: SecretString,
    pieces: OnceLock<Box<[u64]>>,
}

impl Held {
    pub(super) fn new(value: String) -> Arc<Self> {
        let held = Arc::new(Self { value: SecretString::from(value), pieces: OnceLock::new() });
        lock(&NEW).insert(held.address(), Arc::downgrade(&held));
        held
    }

    pub(super) fn value(&self) -> &str {
        self.value.expose_secret()
    }

    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        match self.pieces.get() {
            Some(pieces) => PIECES.write().unwrap_or_else(PoisonError::into_inner).remove(pieces),
            None => drop(lock(&NEW).remove(&self.address())),
        }
    }
}

/// The pieces of a value without the value.
pub(super) struct Imprint {
    whole: u64,
    pieces: Box<[u64]>,
}

impl Imprint {
    pub(super) fn of(value: &str) -> Self {
        let imprint = Self { whole: whole(&digest(value)), pieces: pieces_of(value) };
        PIECES.write().unwrap_or_else(PoisonError::into_inner).add(&imprint.pieces);
        imprint
    }

    pub(super) fn is_of(&self, value: &str) -> bool {
        self.whole == whole(&digest(value))
    }
}

impl Drop for Imprint {
    fn drop(&mut self) {
        PIECES.write().unwrap_or_else(PoisonError::into_inner).remove(&self.pieces);
    }
}

/// How many values have each piece, and how many pieces there are of each form.
#[derive(Default)]
pub(super) struct Pieces {
    counts: HashMap<u64, u32, Keyed>,
    forms: [usize; 16],
    sieve: Sieve,
    /// How many pieces the sieve lets through that are not known any more.
    stale: usize,
}

impl Pieces {
    fn add(&mut self, pieces: &[u64]) {
        for piece in pieces {
            let count = self.counts.entry(*piece).or_default();
            if *count == 0 {
                self.forms[form(*piece)] += 1;
                self.sieve.let_through(*piece);
            }
            *count += 1;
        }
    }

    fn remove(&mut self, pieces: &[u64]) {
        for piece in pieces {
            if let Some(count) = self.counts.get_mut(piece) {
                *count -= 1;
                if *count == 0 {
                    self.counts.remove(piece);
                    self.forms[form(*piece)] -= 1;
                    self.stale += 1;
                }
            }
        }
        if self.stale > MOST_STALE.max(self.counts.len()) {
            self.sieve.close();
            self.counts.keys().for_each(|piece| self.sieve.let_through(*piece));
            self.stale = 0;
        }
    }

    /// By which the beginnings of pieces are told from all else.
    pub(super) fn sieve(&self) -> &Sieve {
        &self.sieve
    }

    /// Whether there is a value that could not be found in a text.
    pub(super) fn hide_all(&self) -> bool {
        self.counts.contains_key(&TOO_LONG)
    }

    /// Where the bytes of a view without white space hold a piece of a known value.
    pub(super) fn in_view(&self, view: &View, mut found: impl FnMut(Range<usize>)) {
        let (shortest, longest) = lengths(view.spelled);
        let bytes = view.bytes();
        for at in 0..bytes.len() {
            if !self.sieve.may_begin(&bytes[at..], shortest) {
                continue;
            }
            for length in (shortest..=longest).filter(|length| self.forms[form_of(view.spelled, *length)] > 0) {
                let Some(piece) = bytes.get(at..at + length) else { break };
                if self.counts.contains_key(&mark(view.spelled, piece)) {
                    found(at..at + length);
                }
            }
        }
    }
}

/// The shortest piece that counts and the longest that is looked for.
pub(super) fn lengths(spelled: Spelled) -> (usize, usize) {
    match spelled {
        Spelled::Plainly => (SHORTEST, PIECE),
        Spelled::Base64 => (BASE64.piece, BASE64.piece),
        Spelled::Hex => (HEX.piece, HEX.piece),
    }
}

/// Whether the secrets in a value are few enough to be found again in any text.
pub(super) fn can_be_hidden(value: &str) -> bool {
    if value.len() <= LONGEST {
        return true;
    }
    let mut bytes = 0;
    document::secrets(value, &mut |secret| bytes += secret.len());
    bytes <= LONGEST
}

/// Looks at what is known at this moment.
pub(super) fn with<T>(look: impl FnOnce(&Pieces) -> T) -> T {
    // Owned until all locks are gone: whoever lets go of a value last takes it out, under the same locks.
    let _fresh = take_in();
    look(&PIECES.read().unwrap_or_else(PoisonError::into_inner))
}

/// Hashes what was made since. Nobody else goes on before that is done.
fn take_in() -> Vec<Arc<Held>> {
    let mut new = lock(&NEW);
    let fresh: Vec<Arc<Held>> = new.drain().filter_map(|(_, held)| held.upgrade()).collect();
    if !fresh.is_empty() {
        let mut pieces = PIECES.write().unwrap_or_else(PoisonError::into_inner);
        fresh.iter().for_each(|held| pieces.add(held.pieces.get_or_init(|| pieces_of(held.value()))));
    }
    fresh
}

/// Whether a value with that digest lives in this process.
pub(super) fn knows(digest: &str) -> bool {
    let mark = whole(digest);
    with(|pieces| pieces.counts.contains_key(&mark))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A piece as it is remembered: its place in the sieve, a keyed hash, and in the last four bits its form.
fn mark(spelled: Spelled, piece: &[u8]) -> u64 {
    let form = form_of(spelled, piece.len()) as u64;
    sieve::slot(piece) << BELOW | mixed(piece, form) & ((1 << BELOW) - 1) & !0xf | form
}

fn digest(value: &str) -> String {
    hex::encode(Sha256::digest(value.as_bytes()))
}

fn whole(digest: &str) -> u64 {
    KEY.hash_one(digest) & !0xf
}

fn form(mark: u64) -> usize {
    (mark & 0xf) as usize
}

fn form_of(spelled: Spelled, length: usize) -> usize {
    match spelled {
        Spelled::Plainly => length,
        Spelled::Base64 => 1,
        Spelled::Hex => 2,
    }
}

/// The marks are keyed hashes already.
type Keyed = BuildHasherDefault<AsIs>;

#[derive(Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        // The low bits choose the bucket, and those are the form.
        self.0.rotate_left(32)
    }

    fn write(&mut self, _: &[u8]) {}

    fn write_u64(&mut self, mark: u64) {
        self.0 = mark;
    }
}

/// By what a value is found: its own pieces, or those of the secrets in it if it is a document.
fn pieces_of(value: &str) -> Box<[u64]> {
    let (mut pieces, mut bytes) = (vec![whole(&digest(value))], 0);
    document::secrets(value, &mut |secret| {
        bytes += secret.len();
        if bytes <= LONGEST {
            add_secret(secret, &mut pieces);
        }
    });
    if bytes > LONGEST {
        pieces.push(TOO_LONG);
    }
    pieces.sort_unstable();
    pieces.dedup();
    pieces.into_boxed_slice()
}

fn add_secret(secret: &str, into: &mut Vec<u64>) {
    let bytes = Zeroizing::new(View::of(secret).tight().bytes().to_vec());
    if bytes.len() < SHORTEST {
        return;
    }
    let mut add = |spelled, length| into.extend(bytes.windows(length).map(|piece| mark(spelled, piece)));
    add(Spelled::Plainly, bytes.len().min(PIECE));
    add(Spelled::Base64, BASE64.piece);
    add(Spelled::Hex, HEX.piece);
    // A form sends a plus for every space.
    if secret.contains(' ') {
        let sent = Zeroizing::new(secret.replace(' ', "+"));
        into.extend(sent.as_bytes().windows(sent.len().min(PIECE)).map(|piece| mark(Spelled::Plainly, piece)));
    }
    // What is left of a short one without its prefix is shorter than a piece.
    for (at, _) in bytes.iter().enumerate().take(PIECE + SHORTEST).filter(|(_, byte)| b"-_./".contains(byte)) {
        let rest = &bytes[at + 1..];
        let counts = (SHORTEST..PIECE).contains(&rest.len());
        if counts && std::str::from_utf8(rest).is_ok_and(|rest| !look::is_prose(rest)) {
            into.push(mark(Spelled::Plainly, rest));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_value_with_too_many_secrets_no_piece_is_promised_and_every_text_would_be_hidden() {
        let letters = "Qz7-";
        for (length, can) in [(LONGEST, true), (LONGEST + 4, false)] {
            let value = letters.repeat(length / letters.len());
            assert_eq!(can_be_hidden(&value), can);
            let mut known = Pieces::default();
            known.add(&pieces_of(&value));
            assert_eq!(known.hide_all(), !can);
            known.remove(&pieces_of(&value));
            assert!(!known.hide_all() && known.counts.is_empty());
        }
    }

    #[test]
    fn what_is_forgotten_is_let_through_no_more() {
        let (mut known, kept) = (Pieces::default(), pieces_of("Kept-8hGf5dSa2qWe"));
        known.add(&kept);
        let gone: String = (0..20_000u32).map(|number| format!("{:x}-", number.wrapping_mul(2_654_435_761))).collect();
        let gone = pieces_of(&gone[..LONGEST]);
        known.add(&gone);
        known.remove(&gone);
        let let_through = |text: &str| text.as_bytes().windows(8).filter(|at| known.sieve.may_begin(at, 8)).count();
        assert_eq!(let_through("Kept-8hGf5dSa2qWe"), 10, "all of it");
        let others: String = (0..3_000u32).map(|number| format!("{:x}.", number.wrapping_mul(40_503))).collect();
        assert!(let_through(&others) < 10, "and hardly anything else");
    }
}
