//! Bytes that are written in digits, as base64 or hex, and what of a decoded run is worth a look: a run may begin anywhere,
//! so most of what it gives is nonsense.

use super::sieve::Sieve;
use std::ops::Range;

/// Shorter runs of base64 or hex hold no piece of a value that counts.
pub(super) const SHORTEST_RUN: usize = 12;

/// How the bytes of a view are spelled in the text, which decides how few of them are a piece that counts: twelve
/// characters of base64 hold eight whole bytes, twelve of hex hold five.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Spelled {
    Plainly,
    Base64,
    Hex,
}

/// How bytes are written in digits.
pub(super) struct Code {
    pub(super) spelled: Spelled,
    /// So many bytes are a piece that counts.
    pub(super) piece: usize,
    pub(super) decode: fn(&[u8], &mut Vec<u8>),
    /// Which digits spell the nth byte.
    pub(super) digits: fn(usize) -> (usize, usize),
}

pub(super) const BASE64: Code = Code {
    spelled: Spelled::Base64,
    piece: 8,
    decode: from_base64,
    digits: |nth| (nth / 3 * 4 + nth % 3, nth / 3 * 4 + nth % 3 + 2),
};
pub(super) const HEX: Code =
    Code { spelled: Spelled::Hex, piece: 5, decode: from_hex, digits: |nth| (2 * nth, 2 * nth + 2) };

fn from_base64(digits: &[u8], into: &mut Vec<u8>) {
    let bits =
        |group: &[u8]| group.iter().fold(0u32, |bits, digit| bits << 6 | u32::from(SEXTETS[usize::from(*digit)]));
    let (groups, rest) = digits.as_chunks::<4>();
    for group in groups {
        let [_, bytes @ ..] = bits(group).to_be_bytes();
        into.extend_from_slice(&bytes);
    }
    if !rest.is_empty() {
        let [_, bytes @ ..] = (bits(rest) << (6 * (4 - rest.len()))).to_be_bytes();
        into.extend_from_slice(&bytes[..rest.len() - 1]);
    }
}

fn from_hex(digits: &[u8], into: &mut Vec<u8>) {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => byte - b'0',
        _ => (byte | 0x20).wrapping_sub(b'a' - 10),
    };
    into.extend(digits.as_chunks::<2>().0.iter().map(|[high, low]| digit(*high) << 4 | digit(*low)));
}

/// The parts of what was decoded that may matter: text, and whatever may be known.
pub(super) fn stretches(bytes: &[u8], piece: usize, sieve: &Sieve) -> Vec<Range<usize>> {
    let mut found = readable(bytes);
    for at in 0..bytes.len() {
        if sieve.may_begin(&bytes[at..], piece) {
            found.push(at..at + piece);
        }
    }
    merged(found)
}

/// In order, and none touches another.
pub(super) fn merged(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_unstable_by_key(|range| range.start);
    let mut merged: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

/// Runs of characters that people can read.
fn readable(bytes: &[u8]) -> Vec<Range<usize>> {
    let (mut found, mut start, mut at) = (Vec::new(), 0, 0);
    while at <= bytes.len() {
        let width = bytes.get(at).map_or(0, |lead| width(*lead, &bytes[at..]));
        if width == 0 {
            if at - start >= SHORTEST_RUN {
                found.push(start..at);
            }
            start = at + 1;
        }
        at += width.max(1);
    }
    found
}

/// How many bytes a visible character or white space has; none if it is neither.
fn width(lead: u8, bytes: &[u8]) -> usize {
    let width = match lead {
        b'\t'..=b'\r' | b' '..=b'~' => return 1,
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return 0,
    };
    let follow = bytes.get(1..width).is_some_and(|rest| rest.iter().all(|byte| matches!(byte, 0x80..=0xbf)));
    if follow { width } else { 0 }
}

/// Whether it is a digit of base64, in either alphabet.
pub(super) fn is_base64(byte: u8) -> bool {
    SEXTETS[usize::from(byte)] != NONE
}

/// The stretches of bytes that fit, if they are long enough to matter.
pub(super) fn runs(bytes: &[u8], fits: impl Fn(u8) -> bool) -> Vec<Range<usize>> {
    let (mut found, mut start) = (Vec::new(), 0);
    for end in 0..=bytes.len() {
        if end < bytes.len() && fits(bytes[end]) {
            continue;
        }
        if end - start >= SHORTEST_RUN {
            found.push(start..end);
        }
        start = end + 1;
    }
    found
}

/// What each byte stands for as a digit of base64.
static SEXTETS: [u8; 256] = {
    let (mut table, mut byte) = ([NONE; 256], 0u8);
    while byte < 128 {
        if let Some(sextet) = sextet(byte) {
            table[byte as usize] = sextet;
        }
        byte += 1;
    }
    table
};
const NONE: u8 = u8::MAX;

/// What a digit of base64 stands for, in either alphabet.
const fn sextet(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}
