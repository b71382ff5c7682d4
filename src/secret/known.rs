//! What this process knows: every value that lives in a [`Secret`](super::Secret), for as long as it lives. Nothing is
//! kept in plain text, only keyed hashes of short pieces, by which a text is searched in one pass whatever the number of
//! values. A value is hashed when the first text is searched after it was made, so that one that comes and goes in a
//! request costs nothing.

use super::view::{Spelled, View};
use super::{document, look};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use std::ops::Range;
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError, RwLock, Weak};
use zeroize::Zeroizing;

/// So many consecutive characters of a value are a piece that counts; a shorter value counts as a whole.
const PIECE: usize = 12;
/// Shorter ones would be found in ordinary words.
const SHORTEST: usize = 8;
/// Whole bytes in a piece of twelve characters of base64, and of hex, wherever it begins.
const BASE64_PIECE: usize = 8;
const HEX_PIECE: usize = 5;
/// More of a document is not known: no value that is rotated is anywhere near as long.
const LONGEST: usize = 128 << 10;

static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
static SEEDS: LazyLock<[u64; 3]> = LazyLock::new(|| [1u8, 2, 3].map(|nth| KEY.hash_one(nth)));
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
}

impl Pieces {
    fn add(&mut self, pieces: &[u64]) {
        for piece in pieces {
            let count = self.counts.entry(*piece).or_default();
            self.forms[form(*piece)] += usize::from(*count == 0);
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
                }
            }
        }
    }

    /// Where the bytes of a view without white space hold a piece of a known value.
    pub(super) fn in_view(&self, view: &View, mut found: impl FnMut(Range<usize>)) {
        let bytes = view.bytes();
        let lengths = match view.spelled {
            Spelled::Plainly => SHORTEST..=PIECE,
            Spelled::Base64 => BASE64_PIECE..=BASE64_PIECE,
            Spelled::Hex => HEX_PIECE..=HEX_PIECE,
        };
        for length in lengths.filter(|length| self.forms[form_of(view.spelled, *length)] > 0) {
            for (at, piece) in bytes.windows(length).enumerate() {
                if self.counts.contains_key(&mark(view.spelled, piece)) {
                    found(at..at + length);
                }
            }
        }
    }
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

/// A piece as it is remembered: a keyed hash whose last four bits are its form.
fn mark(spelled: Spelled, piece: &[u8]) -> u64 {
    let form = form_of(spelled, piece.len());
    mixed(piece, form as u64) & !0xf | form as u64
}

/// Millions of pieces of texts are hashed for every one that is known, so this is the fastest hash that depends on all
/// of a key that nobody outside can learn. A piece has five to twelve bytes.
fn mixed(piece: &[u8], form: u64) -> u64 {
    let (mut head, mut tail) = ([0; 8], [0; 8]);
    let half = piece.len().min(8);
    head[..half].copy_from_slice(&piece[..half]);
    let rest = piece.len() - half;
    tail[..rest].copy_from_slice(&piece[half..]);
    let [one, two, three] = *SEEDS;
    let folded = fold(u64::from_le_bytes(head) ^ one, u64::from_le_bytes(tail) ^ two ^ form.rotate_left(56));
    fold(folded ^ two, three)
}

fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b | 1);
    (product as u64) ^ ((product >> 64) as u64)
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
    let mut pieces = vec![whole(&digest(value))];
    let mut end = value.len().min(LONGEST);
    while !value.is_char_boundary(end) {
        end -= 1;
    }
    document::secrets(&value[..end], &mut |secret| add_secret(secret, &mut pieces));
    pieces.sort_unstable();
    pieces.dedup();
    pieces.into_boxed_slice()
}

fn add_secret(secret: &str, into: &mut Vec<u64>) {
    let bytes = Zeroizing::new(View::of(secret).tight().bytes());
    if bytes.len() < SHORTEST {
        return;
    }
    let mut add = |spelled, length| into.extend(bytes.windows(length).map(|piece| mark(spelled, piece)));
    add(Spelled::Plainly, bytes.len().min(PIECE));
    add(Spelled::Base64, BASE64_PIECE);
    add(Spelled::Hex, HEX_PIECE);
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
