//! A quick no, for the millions of places in texts at which nothing known begins: one bit for each beginning of a piece that
//! is known. A yes is looked at more closely.

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

/// So many bits, as a power of two: they fit into the cache of a processor.
const BITS: u32 = 19;
/// The lowest bits of a mark that do not say where it stands in the sieve.
pub(super) const BELOW: u32 = u64::BITS - BITS;

/// By which nobody outside can foresee what falls together.
static SEEDS: LazyLock<[u64; 3]> = LazyLock::new(|| {
    let key = RandomState::new();
    [1u8, 2, 3].map(|nth| key.hash_one(nth))
});

/// Where pieces begin that are known.
pub(super) struct Sieve {
    bits: Box<[u64]>,
    seeds: [u64; 3],
}

impl Default for Sieve {
    fn default() -> Self {
        Self { bits: vec![0; 1 << (BITS - 6)].into(), seeds: *SEEDS }
    }
}

impl Sieve {
    /// Whether something known may begin like this, of which at least so many bytes would be there.
    pub(super) fn may_begin(&self, bytes: &[u8], length: usize) -> bool {
        bytes.len() >= length && {
            let slot = slot_by(&self.seeds, bytes, length);
            self.bits[(slot >> 6) as usize] & 1 << (slot & 63) != 0
        }
    }

    /// From now on the piece of this mark is let through.
    pub(super) fn let_through(&mut self, mark: u64) {
        let slot = mark >> BELOW;
        self.bits[(slot >> 6) as usize] |= 1 << (slot & 63);
    }

    /// Lets nothing through.
    pub(super) fn close(&mut self) {
        self.bits.fill(0);
    }
}

/// Where a piece stands in the sieve: at most its first eight bytes decide.
pub(super) fn slot(piece: &[u8]) -> u64 {
    slot_by(&SEEDS, piece, piece.len())
}

fn slot_by(seeds: &[u64; 3], bytes: &[u8], length: usize) -> u64 {
    let head = match bytes.first_chunk::<8>() {
        Some(head) if length >= 8 => u64::from_le_bytes(*head),
        _ => padded(&bytes[..length.min(8)]),
    };
    fold(head ^ seeds[0], seeds[1]) >> BELOW
}

/// Depends on every byte of a piece, which has five to twelve, and on a key that nobody outside can learn.
pub(super) fn mixed(piece: &[u8], form: u64) -> u64 {
    let (head, tail) = piece.split_at(piece.len().min(8));
    let [one, two, three] = *SEEDS;
    let folded = fold(padded(head) ^ one, padded(tail) ^ two ^ form.rotate_left(56));
    fold(folded ^ two, three)
}

/// At most eight bytes as a number.
fn padded(bytes: &[u8]) -> u64 {
    let mut all = [0; 8];
    all[..bytes.len()].copy_from_slice(bytes);
    u64::from_le_bytes(all)
}

fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b | 1);
    (product as u64) ^ ((product >> 64) as u64)
}
