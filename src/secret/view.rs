//! Text read as a machine would read it: escapes undone, base64 and hex decoded, whatever is invisible left out, and for
//! every byte the place in the original that it came from. A value is looked for in all of these views, so that nobody
//! has to list in how many ways it can be spelled.

use super::escape;
use std::ops::Range;

/// Shorter runs of base64 or hex hold no piece of a value that counts.
const SHORTEST_RUN: usize = 12;
/// How often one spelling may be wrapped in another.
const DEEPEST: u8 = 4;
/// How many views of one text are unwrapped at most, and how many bytes all of them may have for each byte of it.
const MOST_VIEWS: usize = 48;
const MOST_GROWTH: usize = 48;

/// How the bytes of a view are spelled in the text, which decides how few of them are a piece that counts: twelve
/// characters of base64 hold eight whole bytes, twelve of hex hold five.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Spelled {
    Plainly,
    Base64,
    Hex,
}

/// One byte and the part of the original that spells it.
#[derive(Clone, Copy)]
struct Place {
    byte: u8,
    from: u32,
    to: u32,
}

/// One reading of a text.
#[derive(Clone)]
pub(super) struct View {
    pub(super) spelled: Spelled,
    places: Vec<Place>,
    /// How often escapes were undone, or what was encoded was decoded.
    rounds: u8,
}

impl View {
    /// The text itself, without what is invisible.
    pub(super) fn of(text: &str) -> Self {
        let mut view = Self { spelled: Spelled::Plainly, places: Vec::with_capacity(text.len()), rounds: 0 };
        let mut at = 0;
        while let Some(c) = text[at..].chars().next() {
            let end = at + c.len_utf8();
            if let Some(length) = escape::colour(&text[at..]) {
                at += length;
                continue;
            }
            if c.is_whitespace() {
                let blank = if c == '\n' { b'\n' } else { b' ' };
                view.push(&[blank], at..end);
            } else if !is_invisible(c) {
                view.push(&text.as_bytes()[at..end], at..end);
            }
            at = end;
        }
        view
    }

    /// The bytes.
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.places.iter().map(|place| place.byte).collect()
    }

    /// The same without white space: a value may be broken over lines.
    pub(super) fn tight(&self) -> Self {
        let places = self.places.iter().filter(|place| !place.byte.is_ascii_whitespace()).copied().collect();
        Self { places, ..*self }
    }

    /// The part of the original that spells these bytes.
    pub(super) fn original(&self, range: Range<usize>) -> Range<usize> {
        match (self.places.get(range.start), self.places.get(range.end.saturating_sub(1))) {
            (Some(first), Some(last)) => first.from as usize..last.to as usize,
            _ => 0..0,
        }
    }

    fn push(&mut self, bytes: &[u8], from: Range<usize>) {
        // Texts that are hidden are far shorter than 4 GiB.
        let (from, to) = (u32::try_from(from.start).unwrap_or(u32::MAX), u32::try_from(from.end).unwrap_or(u32::MAX));
        self.places.extend(bytes.iter().map(|byte| Place { byte: *byte, from, to }));
    }

    fn next(&self, spelled: Spelled) -> Self {
        let spelled = spelled.max(self.spelled);
        Self { spelled, places: Vec::with_capacity(self.places.len()), rounds: self.rounds + 1 }
    }

    /// The same with one kind of escapes undone; `None` if there are none.
    fn unescaped(&self, bytes: &[u8], undo: escape::Undo) -> Option<Self> {
        let mut view = self.next(Spelled::Plainly);
        let (mut at, mut kept) = (0, 0);
        while at < bytes.len() {
            let Some((length, means)) = undo(&bytes[at..]) else {
                at += 1;
                continue;
            };
            view.places.extend_from_slice(&self.places[kept..at]);
            view.push(&means, self.original(at..at + length));
            at += length;
            kept = at;
        }
        view.places.extend_from_slice(&self.places[kept..]);
        (kept > 0).then_some(view)
    }

    /// What its runs of letters and digits say if they are base64 or hex, from wherever they begin. A wrong beginning
    /// gives nonsense, in which nothing is found.
    fn decoded(&self) -> Vec<Self> {
        let tight = self.tight();
        let bytes = tight.bytes();
        let in_base64: Vec<_> = runs(&bytes, |byte| sextet(byte).is_some()).collect();
        let in_hex: Vec<_> = runs(&bytes, |byte| byte.is_ascii_hexdigit()).collect();
        let four =
            (0..4).filter(|_| !in_base64.is_empty()).map(|shift| tight.read_as_base64(&bytes, &in_base64, shift));
        let two = (0..2).filter(|_| !in_hex.is_empty()).map(|shift| tight.read_as_hex(&bytes, &in_hex, shift));
        four.chain(two).collect()
    }

    fn read_as_base64(&self, bytes: &[u8], runs: &[Range<usize>], shift: usize) -> Self {
        let mut view = self.next(Spelled::Base64);
        for run in runs {
            for at in (run.start + shift..run.end).step_by(4) {
                let group = &bytes[at..run.end.min(at + 4)];
                let bits = group.iter().fold(0u32, |bits, byte| bits << 6 | u32::from(sextet(*byte).unwrap_or(0)));
                let [_, decoded @ ..] = (bits << (6 * (4 - group.len()))).to_be_bytes();
                for (nth, byte) in decoded.into_iter().take(group.len() - 1).enumerate() {
                    view.push(&[byte], self.original(at + nth..at + nth + 2));
                }
            }
            view.push(&[0], 0..0);
        }
        view
    }

    fn read_as_hex(&self, bytes: &[u8], runs: &[Range<usize>], shift: usize) -> Self {
        let mut view = self.next(Spelled::Hex);
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok()).unwrap_or(0);
        for run in runs {
            for at in (run.start + shift..run.end - 1).step_by(2) {
                let byte = digit(bytes[at]) << 4 | digit(bytes[at + 1]);
                view.push(&[byte], self.original(at..at + 2));
            }
            view.push(&[0], 0..0);
        }
        view
    }

    /// Whether there is text in it that may be spelled in one more way.
    fn is_readable(&self) -> bool {
        let readable = |byte: u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace() || byte >= 0x80;
        self.spelled == Spelled::Plainly || runs(&self.bytes(), readable).next().is_some()
    }
}

/// Every view of the text, the plain one first. How deep they go, their number and their size are bounded: a text that
/// is wrapped more often than that was not wrapped by accident.
pub(super) fn all(text: &str) -> Vec<View> {
    let mut views = vec![View::of(text)];
    let mut room = text.len().saturating_mul(MOST_GROWTH);
    let mut next = 0;
    while next < views.len().min(MOST_VIEWS) {
        let view = &views[next];
        next += 1;
        if view.rounds >= DEEPEST || !view.is_readable() {
            continue;
        }
        let bytes = view.bytes();
        let escapes = escape::KINDS.iter().filter_map(|undo| view.unescaped(&bytes, *undo));
        let found: Vec<View> = escapes.chain(view.decoded()).collect();
        for view in found {
            if let Some(left) = room.checked_sub(view.places.len()) {
                room = left;
                views.push(view);
            }
        }
    }
    views
}

/// The stretches of bytes that fit, if they are long enough to matter.
fn runs(bytes: &[u8], fits: impl Fn(u8) -> bool) -> impl Iterator<Item = Range<usize>> {
    let mut found = Vec::new();
    let mut start = 0;
    for end in 0..=bytes.len() {
        if end < bytes.len() && fits(bytes[end]) {
            continue;
        }
        if end - start >= SHORTEST_RUN {
            found.push(start..end);
        }
        start = end + 1;
    }
    found.into_iter()
}

/// What a digit of base64 stands for, in either alphabet.
pub(super) fn sextet(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

/// Controls, zero-width characters, marks that turn the direction of writing, and invisible tags; not white space.
pub(super) fn is_invisible(c: char) -> bool {
    (c.is_control() && !c.is_whitespace())
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}
