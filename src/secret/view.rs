//! Text read as a machine would read it: escapes undone, base64, hex and lists of numbers decoded, whatever is invisible
//! left out, and for every byte the place in the original that it came from. A value is looked for in all of these views, so that nobody
//! has to list in how many ways it can be spelled.

use super::SHORTEST;
use super::digits::{BASE64, Code, HEX, SHORTEST_RUN, Spelled, is_base64, runs, stretches};
use super::escape::{self, Undo};
use super::list::{lists, wide};
use super::sieve::Sieve;
use std::borrow::Cow;
use std::ops::Range;

/// How often one spelling may be wrapped in another.
const DEEPEST: u8 = 4;
/// How many views of one text are unwrapped at most, and how many bytes all of them may have for each byte of it.
const MOST_VIEWS: usize = 48;
const MOST_GROWTH: usize = 48;
/// How much of a line around an escape is read with it, and how much of its neighbours.
const FAR: usize = 4 << 10;
const NEAR: usize = 40;

/// One reading of a text: bytes, and for each the part of the original that spells it.
#[derive(Clone)]
pub(super) struct View {
    pub(super) spelled: Spelled,
    bytes: Vec<u8>,
    places: Vec<(u32, u32)>,
    /// How often escapes were undone, or what was encoded was decoded.
    rounds: u8,
}

impl View {
    /// The text itself, without what is invisible.
    pub(super) fn of(text: &str) -> Self {
        let mut view = Self::empty(Spelled::Plainly, 0, text.len());
        let mut at = 0;
        while let Some(byte) = text.as_bytes().get(at) {
            let plain = matches!(byte, b' '..=b'~' | b'\n');
            if plain {
                view.push(*byte, &(at..at + 1));
                at += 1;
            } else {
                at += view.push_odd(text, at);
            }
        }
        view
    }

    /// A character that may be longer, or nothing; how long it is.
    fn push_odd(&mut self, text: &str, at: usize) -> usize {
        let rest = &text[at..];
        let Some(c) = rest.chars().next() else { return 1 };
        let from = at..at + c.len_utf8();
        match escape::colour(rest) {
            Some(length) => return length,
            None if c.is_whitespace() => self.push(b' ', &from),
            None if is_invisible(c) => {}
            None => text.as_bytes()[from.clone()].iter().for_each(|byte| self.push(*byte, &from)),
        }
        from.len()
    }

    /// The bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The same without white space: a value may be broken over lines.
    pub(super) fn tight(&self) -> Self {
        let mut tight = Self::empty(self.spelled, self.rounds, self.bytes.len());
        let mut at = 0;
        for word in self.bytes.split(u8::is_ascii_whitespace) {
            tight.copy(self, at..at + word.len());
            at += word.len() + 1;
        }
        tight
    }

    /// The same as text; what is none is some other character of one byte, so that places still fit.
    pub(super) fn text(&self) -> Cow<'_, str> {
        let mut chunks = self.bytes.utf8_chunks().peekable();
        match chunks.peek() {
            Some(first) if first.invalid().is_empty() => return Cow::Borrowed(first.valid()),
            _ => {}
        }
        let mut text = String::with_capacity(self.bytes.len());
        for chunk in chunks {
            text.push_str(chunk.valid());
            chunk.invalid().iter().for_each(|_| text.push('\0'));
        }
        Cow::Owned(text)
    }

    /// The part of the original that spells these bytes.
    pub(super) fn original(&self, range: Range<usize>) -> Range<usize> {
        match (self.places.get(range.start), self.places.get(range.end.saturating_sub(1))) {
            (Some((from, _)), Some((_, to))) => *from as usize..*to as usize,
            _ => 0..0,
        }
    }

    fn empty(spelled: Spelled, rounds: u8, room: usize) -> Self {
        Self { spelled, rounds, bytes: Vec::with_capacity(room), places: Vec::with_capacity(room) }
    }

    fn push(&mut self, byte: u8, from: &Range<usize>) {
        self.bytes.push(byte);
        // Texts that are hidden are far shorter than 4 GiB.
        let place = |at| u32::try_from(at).unwrap_or(u32::MAX);
        self.places.push((place(from.start), place(from.end)));
    }

    /// What is copied from another view does not touch what stood before it.
    fn part(&mut self) {
        self.push(0, &(0..0));
    }

    fn copy(&mut self, from: &Self, range: Range<usize>) {
        self.bytes.extend_from_slice(&from.bytes[range.clone()]);
        self.places.extend_from_slice(&from.places[range]);
    }

    fn next(&self, spelled: Spelled) -> Self {
        Self::empty(spelled.max(self.spelled), self.rounds + 1, 0)
    }

    /// What stands around escapes of one kind, with those undone; `None` if there are none.
    fn unescaped(&self, (lead, undo): (u8, Undo)) -> Option<Self> {
        let mut view = self.next(Spelled::Plainly);
        // What is copied up to here, and where what stands around the last escape ends.
        let (mut kept, mut end, mut at) = (0, 0, 0);
        while let Some(found) = self.bytes[at..].iter().position(|byte| *byte == lead) {
            at += found;
            let Some((length, means)) = undo(&self.bytes[at..]) else {
                at += 1;
                continue;
            };
            if at > end {
                view.copy(self, kept..end);
                view.part();
                kept = end.max(self.before(at));
            }
            view.copy(self, kept..at);
            let from = self.original(at..at + length);
            means.iter().for_each(|byte| view.push(*byte, &from));
            at += length;
            kept = at;
            if end < self.bytes.len().min(at + NEAR) {
                end = self.after(at);
            }
        }
        view.copy(self, kept..end.max(kept));
        (kept > 0).then(|| view.cleaned())
    }

    /// Where the line begins, or as much of it as matters, and the end of the one before if a value may be broken there.
    fn before(&self, at: usize) -> usize {
        let least = at.saturating_sub(FAR);
        let is_end = |byte: &u8| *byte == b'\n';
        let line = self.bytes[least..at].iter().rposition(is_end).map_or(least, |end| least + end);
        if at - line > NEAR { line } else { line.saturating_sub(NEAR).max(least) }
    }

    /// Where the line ends, or as much of it as matters, and the beginning of the next if a value may be broken there.
    fn after(&self, at: usize) -> usize {
        let most = self.bytes.len().min(at + FAR);
        let is_end = |byte: &u8| *byte == b'\n';
        let line = self.bytes[at..most].iter().position(is_end).map_or(most, |end| at + end + 1);
        if line - at > NEAR { line } else { most.min(line + NEAR) }
    }

    /// What the runs of letters and digits of a tight view say if they are base64 or hex, from wherever they begin. A wrong
    /// beginning gives nonsense, which is left out.
    fn decoded(&self, sieve: &Sieve) -> Vec<Self> {
        let in_base64 = runs(&self.bytes, is_base64);
        let in_hex = runs(&self.bytes, |byte| byte.is_ascii_hexdigit());
        let four = (0..4).filter_map(|shift| self.decoded_from(&in_base64, shift, &BASE64, sieve));
        let two = (0..2).filter_map(|shift| self.decoded_from(&in_hex, shift, &HEX, sieve));
        four.chain(two).collect()
    }

    fn decoded_from(&self, runs: &[Range<usize>], shift: usize, code: &Code, sieve: &Sieve) -> Option<Self> {
        let mut view = self.next(code.spelled);
        let mut bytes = Vec::new();
        for run in runs {
            let from = run.start + shift;
            bytes.clear();
            (code.decode)(&self.bytes[from.min(run.end)..run.end], &mut bytes);
            for stretch in stretches(&bytes, code.piece, sieve) {
                for nth in stretch {
                    let (first, last) = (code.digits)(nth);
                    view.push(bytes[nth], &self.original(from + first..from + last));
                }
                view.part();
            }
            for (start, count) in wide(&bytes, code.piece) {
                for nth in (start..).step_by(2).take(count) {
                    let (first, last) = (code.digits)(nth);
                    view.push(bytes[nth], &self.original(from + first..from + last));
                }
                view.part();
            }
        }
        (!view.bytes.is_empty()).then(|| view.cleaned())
    }

    /// What lists of numbers say if each is a byte.
    fn listed(&self, sieve: &Sieve) -> Option<Self> {
        let mut view = self.next(Spelled::Plainly);
        for list in lists(&self.bytes) {
            let bytes: Vec<u8> = list.iter().map(|(byte, _)| *byte).collect();
            if stretches(&bytes, SHORTEST, sieve).is_empty() && wide(&bytes, SHORTEST).is_empty() {
                continue;
            }
            for (byte, digits) in list {
                view.push(byte, &self.original(digits));
            }
            view.part();
        }
        (!view.bytes.is_empty()).then(|| view.cleaned())
    }

    /// The same without what is invisible, which an escape may have spelled. What parts two pieces stays.
    fn cleaned(self) -> Self {
        if self.bytes.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\n')) {
            return self;
        }
        let text = self.text();
        let mut cleaned = Self::empty(self.spelled, self.rounds, self.bytes.len());
        let mut at = 0;
        while let Some(c) = text[at..].chars().next() {
            let (from, to) = self.places[at];
            let parts = c == '\0' && from == to;
            match escape::colour(&text[at..]) {
                Some(length) => at += length,
                None if !parts && is_invisible(c) => at += c.len_utf8(),
                None => {
                    cleaned.copy(&self, at..at + c.len_utf8());
                    at += c.len_utf8();
                }
            }
        }
        cleaned
    }
}

/// A view and the same without white space.
pub(super) struct Reading {
    pub(super) loose: View,
    pub(super) tight: View,
}

impl From<View> for Reading {
    fn from(loose: View) -> Self {
        Self { tight: loose.tight(), loose }
    }
}

/// Every view of the text, the plain one first. How deep they go, their number and their size are bounded: a text that
/// is wrapped more often than that was not wrapped by accident.
pub(super) fn all(text: &str, sieve: &Sieve) -> Vec<Reading> {
    let mut views = vec![Reading::from(View::of(text))];
    let mut room = text.len().saturating_mul(MOST_GROWTH);
    let mut next = 0;
    while next < views.len().min(MOST_VIEWS) {
        let Reading { loose, tight } = &views[next];
        next += 1;
        if loose.rounds >= DEEPEST || tight.bytes.len() < SHORTEST_RUN {
            continue;
        }
        let escapes = escape::KINDS.iter().filter_map(|kind| loose.unescaped(*kind));
        let found: Vec<View> = escapes.chain(loose.listed(sieve)).chain(tight.decoded(sieve)).collect();
        for view in found {
            if let Some(left) = room.checked_sub(view.bytes.len()) {
                room = left;
                views.push(view.into());
            }
        }
    }
    views
}

/// Controls, zero-width characters, marks that turn the direction of writing, and invisible tags; not white space.
pub(super) fn is_invisible(c: char) -> bool {
    (c.is_control() && !c.is_whitespace())
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}
