//! Bytes that are written one by one: as the numbers of a list (`[103, 108]`, `0x67, 0x6c`, `67:6c`), as programs print
//! their buffers, or with a zero byte beside each, as UTF-16 has them.

use super::SHORTEST;
use std::ops::Range;

/// What may stand between two numbers of a list, indentation included.
const WIDEST_GAP: usize = 32;
/// Eight numbers of one digit, and what is between.
const SHORTEST_LIST: usize = 2 * SHORTEST - 1;
/// `0x67` is the longest number of a byte.
const LONGEST_NUMBER: usize = 4;

/// The numbers of one list so far, each with its digits.
pub(super) type Listed = Vec<(u8, Range<usize>)>;

/// What a byte is to a list.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Between,
    Digit,
    Other,
}

static CLASSES: [Class; 256] = {
    let (mut classes, mut byte) = ([Class::Other; 256], 0u8);
    while byte < 128 {
        classes[byte as usize] = match byte {
            b' ' | b'\n' | b',' | b';' | b':' | b'-' | b'|' | b'"' | b'\'' => Class::Between,
            b'x' | b'X' => Class::Digit,
            byte if byte.is_ascii_hexdigit() => Class::Digit,
            _ => Class::Other,
        };
        byte += 1;
    }
    classes
};

/// Every list of numbers that is long enough to matter, read in hex and in decimal.
pub(super) fn lists(bytes: &[u8]) -> Vec<Listed> {
    let (mut found, mut gap, mut at) = (Vec::new(), 0, 0);
    let (mut hex, mut decimal) = (Listed::new(), Listed::new());
    let mut end = |list: &mut Listed| match list.len() {
        0 => {}
        length if length < SHORTEST => list.clear(),
        _ => found.push(std::mem::take(list)),
    };
    loop {
        if hex.is_empty() && decimal.is_empty() {
            at = beginning(bytes, at);
        }
        let Some(byte) = bytes.get(at) else { break };
        let (start, class) = (at, CLASSES[usize::from(*byte)]);
        at += 1;
        if class == Class::Between && gap < WIDEST_GAP {
            gap += 1;
            continue;
        }
        while class == Class::Digit && bytes.get(at).is_some_and(|next| CLASSES[usize::from(*next)] == class) {
            at += 1;
        }
        let word = &bytes[start..at];
        let may_be = class == Class::Digit && word.len() <= LONGEST_NUMBER;
        for (list, read) in [(&mut hex, in_hex as fn(&[u8]) -> Option<u8>), (&mut decimal, in_decimal)] {
            match read(word).filter(|_| may_be) {
                Some(byte) => list.push((byte, start..at)),
                None => end(list),
            }
        }
        gap = 0;
    }
    end(&mut hex);
    end(&mut decimal);
    found
}

/// The first place from which on a list may begin: where enough follows that no list is without. Most of a text is passed
/// over so, without a look at every byte.
fn beginning(bytes: &[u8], mut at: usize) -> usize {
    while let Some(next) = bytes.get(at..at + SHORTEST_LIST) {
        match next.iter().rposition(|byte| CLASSES[usize::from(*byte)] == Class::Other) {
            Some(other) => at += other + 1,
            None => return at,
        }
    }
    bytes.len()
}

fn in_hex(word: &[u8]) -> Option<u8> {
    let digits = word.strip_prefix(b"0x").or_else(|| word.strip_prefix(b"0X")).unwrap_or(word);
    number(digits, 2, 16)
}

fn in_decimal(word: &[u8]) -> Option<u8> {
    number(word, 3, 10)
}

fn number(digits: &[u8], most: usize, base: u32) -> Option<u8> {
    if !(1..=most).contains(&digits.len()) {
        return None;
    }
    let value = digits.iter().try_fold(0, |value, digit| Some(value * base + char::from(*digit).to_digit(base)?))?;
    u8::try_from(value).ok()
}

/// Where visible characters stand with a zero byte between each two: the first of them, and how many there are.
pub(super) fn wide(bytes: &[u8], least: usize) -> Vec<(usize, usize)> {
    let (mut found, mut at) = (Vec::new(), 0);
    if !bytes.contains(&0) {
        return found;
    }
    let is_visible = |nth: usize| bytes.get(nth).is_some_and(u8::is_ascii_graphic);
    while let Some(zero) = bytes.get(at..).and_then(|rest| rest.iter().position(|byte| *byte == 0)) {
        let zero = at + zero;
        let first = zero.checked_sub(1).filter(|before| is_visible(*before)).unwrap_or(zero + 1);
        let mut count = 0;
        while is_visible(first + 2 * count) {
            count += 1;
            if bytes.get(first + 2 * count - 1) != Some(&0) {
                break;
            }
        }
        if count >= least {
            found.push((first, count));
        }
        at = (first + 2 * count).max(zero + 1);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<String> {
        let said = |list: Listed| list.iter().map(|(byte, _)| char::from(*byte)).collect();
        lists(text.as_bytes()).into_iter().map(said).collect()
    }

    #[test]
    fn numbers_in_a_row_are_a_list_and_others_are_none() {
        for list in [
            "0x67, 0x6c, 0x70, 0x61, 0x74, 0x2d, 0x41, 0x62",
            "{0x67,0x6C,0x70,0x61,\n        0x74,0x2d,0x41,0x62}",
            "67:6c:70:61:74:2d:41:62",
            "67 6c 70 61 74 2d 41 62",
            "[103, 108, 112, 97, 116, 45, 65, 98]",
            "[103 108 112 97 116 45 65 98]",
        ] {
            assert_eq!(read(list), ["glpat-Ab"], "{list}");
        }
        for none in ["14:00:23.117", "2026-11-21 14:00", "10.0.0.7 10.0.0.8 10.0.0.9", "1, 2, 3, 400, 5, 6, 7, 8", ""] {
            assert!(read(none).is_empty(), "{none}");
        }
    }

    #[test]
    fn characters_beside_zeros_are_found_whichever_comes_first() {
        assert_eq!(wide(b"\xff\xfea\0b\0c\0d\0", 4), [(2, 4)]);
        assert_eq!(wide(b"\xfe\xff\0a\0b\0c\0d", 4), [(3, 4)]);
        assert!(wide(b"abc\0def\0\0\0g\0h\0", 4).is_empty());
    }
}
