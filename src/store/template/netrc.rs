//! The password of a machine in a `.netrc`: words between blanks, some of them in quotes, macros in between.

use super::spelling::Spelling;
use super::{Misfit, Part, alike};
use std::ops::Range;

/// What means something inside quotes.
const SPECIAL: &[char] = &['\\', '"'];

/// What an entry says of one machine.
#[derive(Default)]
struct Entry<'t> {
    machine: Option<&'t str>,
    login: Option<&'t str>,
    password: Option<Range<usize>>,
}

pub(super) fn find(text: &str, machine: &str, login: Option<&str>) -> Result<Vec<Part>, Misfit> {
    let entries = entries(text);
    let meant =
        |entry: &&Entry<'_>| entry.machine == Some(machine) && login.is_none_or(|login| entry.login == Some(login));
    let parts = entries.iter().filter(meant).map(|entry| password(text, machine, entry));
    alike(text, parts, &format!("machine {machine}"))
}

fn password(text: &str, machine: &str, entry: &Entry<'_>) -> Result<Part, Misfit> {
    let word = entry.password.clone().ok_or_else(|| Misfit::missing(&format!("password of machine {machine}")))?;
    let spelt = &text[word.clone()];
    if !spelt.starts_with('"') {
        return Ok(Part { range: word, spelling: Spelling::Bare });
    }
    if quoted_length(spelt).is_none() {
        return Err(Misfit::new(
            format!("the quote around the password of machine {machine} is never closed"),
            "close it by hand once",
        ));
    }
    Ok(Part { range: word.start + 1..word.end - 1, spelling: Spelling::Escaped(SPECIAL) })
}

fn entries(text: &str) -> Vec<Entry<'_>> {
    let mut entries = Vec::new();
    let mut words = Words { text, at: 0 };
    while let Some(word) = words.next() {
        let keyword = &text[word];
        match keyword {
            _ if keyword.starts_with('#') => words.skip_line(),
            "default" => entries.push(Entry::default()),
            "machine" => {
                let machine = words.next().map(|word| plain(&text[word]));
                entries.push(Entry { machine, ..Entry::default() });
            }
            "macdef" => words.skip_macro(),
            "login" | "password" | "account" => {
                let (Some(value), Some(entry)) = (words.next(), entries.last_mut()) else { continue };
                match keyword {
                    "login" => entry.login = Some(plain(&text[value])),
                    "password" => entry.password = Some(value),
                    _ => {}
                }
            }
            _ => {}
        }
    }
    entries
}

/// A word without its quotes; names have nothing to escape.
fn plain(word: &str) -> &str {
    word.strip_prefix('"').and_then(|word| word.strip_suffix('"')).unwrap_or(word)
}

struct Words<'t> {
    text: &'t str,
    at: usize,
}

impl Iterator for Words<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let rest = &self.text[self.at..];
        let start = self.at + rest.find(|c: char| !c.is_whitespace())?;
        let word = &self.text[start..];
        let length = if word.starts_with('"') { quoted_length(word) } else { word.find(char::is_whitespace) };
        self.at = start + length.unwrap_or(word.len());
        Some(start..self.at)
    }
}

impl Words<'_> {
    fn skip_line(&mut self) {
        self.skip_past("\n");
    }

    /// A macro ends at an empty line.
    fn skip_macro(&mut self) {
        let rest = &self.text[self.at..];
        let ends = ["\n\n", "\n\r\n"].into_iter().filter_map(|end| Some(rest.find(end)? + end.len()));
        self.at += ends.min().unwrap_or(rest.len());
    }

    fn skip_past(&mut self, end: &str) {
        let rest = &self.text[self.at..];
        self.at += rest.find(end).map_or(rest.len(), |found| found + end.len());
    }
}

/// Through the closing quote.
fn quoted_length(word: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in word.char_indices().skip(1) {
        if c == '"' && !escaped {
            return Some(at + 1);
        }
        escaped = c == '\\' && !escaped;
    }
    None
}
