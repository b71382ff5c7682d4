//! Text in Discord's own markup. Whatever comes from outside goes through [`escape`] or [`code`]; that nobody is pinged
//! is decided beside the text, by `allowed_mentions`.

use crate::rotation::view::{Value, text};
use jiff::{Timestamp, civil::Date};

/// What can begin or end a style, a link, a mention or a spoiler anywhere in a line.
const MARKS: &str = "\\`*_~|[]<>@#";

/// One line in which nothing mentions, links, or has a style, at most that [`text::length`] with its escapes.
pub fn escape(foreign: &str, most: usize) -> String {
    escaped(&text::line(foreign), most)
}

/// As [`escape`], for a piece of a line: a space at either end stays.
pub fn escape_piece(foreign: &str, most: usize) -> String {
    let line = text::line(foreign);
    let (before, after) = (foreign.starts_with(char::is_whitespace), foreign.ends_with(char::is_whitespace));
    match line.as_str() {
        "" if before => " ".into(),
        line => format!("{}{}{}", if before { " " } else { "" }, escaped(line, most), if after { " " } else { "" }),
    }
}

/// A name as code. Nothing can be escaped within, so backticks become primes.
pub fn code(foreign: &str, most: usize) -> String {
    let tame = cut(&text::line(foreign).replace('`', "′"), most);
    if tame.is_empty() { "–".into() } else { format!("`{tame}`") }
}

/// The end of several lines as a block of code.
pub fn block(foreign: &str, most: usize) -> String {
    let lines = text::lines(foreign).trim_end().replace('`', "′");
    let mut room = most;
    loop {
        let end = text::tail(&lines, room);
        if text::length(&end) <= most {
            return format!("```\n{end}\n```");
        }
        room /= 2;
    }
}

/// A link with our own words that shows no preview, or the words alone.
pub fn link(words: &str, address: &str) -> String {
    text::url(address).map_or_else(|| words.to_owned(), |url| format!("[{words}](<{url}>)"))
}

/// Somebody by the id that the configuration gives; anything that is no id mentions nobody.
pub fn mention(user: &str) -> Option<String> {
    is_id(user).then(|| format!("<@{user}>"))
}

/// Everybody with a role, by its id.
pub fn mention_role(role: &str) -> Option<String> {
    is_id(role).then(|| format!("<@&{role}>"))
}

/// Whether a text has the form of Discord's ids.
pub fn is_id(text: &str) -> bool {
    (15..=20).contains(&text.len()) && text.bytes().all(|digit| digit.is_ascii_digit())
}

/// A moment in the reader's zone and language.
pub fn moment(at: Timestamp) -> String {
    format!("<t:{}:f>", at.as_second())
}

/// A date, and how far away it is, which the reader's client keeps true. GitLab counts expiry in UTC, so the moment is
/// midnight there.
pub fn date(date: Date) -> String {
    let second = crate::clock::start_of(date).as_second();
    format!("<t:{second}:f> (<t:{second}:R>)")
}

/// A value of the card.
pub fn value(value: &Value, most: usize) -> String {
    match value {
        Value::Text(text) => escape(text, most),
        Value::Code(names) if names.is_empty() => "none".into(),
        Value::Code(names) => {
            let names: Vec<String> = names.iter().map(|name| code(name, 120)).collect();
            text::within(&names, ", ", most, 0, text::length)
        }
        Value::Date(date) => self::date(*date),
        Value::Moment(at) => moment(*at),
    }
}

/// As [`text::cut`], by [`text::length`].
pub fn cut(text: &str, most: usize) -> String {
    if text::length(text) <= most {
        return text.to_owned();
    }
    let mut room = most.saturating_sub(1);
    let fits = |c: &char| {
        let left = room.checked_sub(c.len_utf16());
        room = left.unwrap_or(0);
        left.is_some()
    };
    text.chars().take_while(fits).chain(['…']).collect()
}

fn escaped(line: &str, most: usize) -> String {
    let mut shown = String::with_capacity(line.len() + 16);
    let mut room = most;
    let mut letters = line.chars().peekable();
    while let Some(c) = letters.next() {
        let marked = MARKS.contains(c) || begins_something(&shown, c, letters.peek().copied());
        let length = c.len_utf16() + usize::from(marked);
        // The last character of a text that is cut is the sign for it.
        if length + usize::from(letters.peek().is_some()) > room {
            shown.push('…');
            break;
        }
        room -= length;
        shown.extend(marked.then_some('\\'));
        shown.push(c);
    }
    shown
}

/// Lists, quotes and small print at the beginning; addresses and emoji anywhere.
fn begins_something(written: &str, c: char, after: Option<char>) -> bool {
    match c {
        '-' | '+' => written.is_empty(),
        '.' | ')' => !written.is_empty() && written.chars().all(|digit| digit.is_ascii_digit()),
        ':' if written.ends_with(|before: char| before.is_ascii_digit()) => after.is_some_and(char::is_alphabetic),
        ':' => after.is_some_and(|after| after.is_alphanumeric() || "/+-_".contains(after)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_mentions_nobody_has_no_style_and_links_nowhere() {
        assert_eq!(
            escape("@everyone <@&1> [x](https://evil) *_~|` # :smile: 1:2 a: b", 200),
            "\\@everyone \\<\\@&1\\> \\[x\\](https\\://evil) \\*\\_\\~\\|\\` \\# \\:smile: 1:2 a: b"
        );
        assert_eq!(escape("- item", 20), "\\- item");
        assert_eq!(escape("12. item v1.2", 20), "12\\. item v1.2");
        assert_eq!(code("a`b@here\u{202e}", 50), "`a′b@here`");
        assert_eq!(escape_piece(" of *x* ", 20), " of \\*x\\* ");
        assert_eq!((mention("1> @everyone"), mention("")), (None, None));
        assert_eq!(mention("1300000000000000010").as_deref(), Some("<@1300000000000000010>"));
    }

    #[test]
    fn a_cut_never_falls_between_an_escape_and_its_mark() {
        let hostile = "a*b_`@everyone`[x](y)";
        for most in 1..50 {
            let cut = escape(hostile, most);
            assert!(cut.chars().count() <= most, "{most}: {cut}");
            assert!(!cut.trim_end_matches('…').ends_with('\\'), "{cut}");
        }
        assert_eq!(escape(hostile, 50).replace('\\', ""), hostile);
    }

    #[test]
    fn a_log_keeps_its_end_and_its_fence() {
        let log = format!("{}\n```@everyone\nlast line", "noise\n".repeat(500));
        let shown = block(&log, 900);
        assert!(shown.chars().count() <= 910 && shown.ends_with("last line\n```"), "{shown}");
        assert_eq!(shown.matches("```").count(), 2);
    }

    #[test]
    fn times_are_shown_in_the_readers_zone() {
        assert_eq!(moment("2026-11-21T10:00:00Z".parse().unwrap()), "<t:1795255200:f>");
        assert_eq!(date("2026-11-28".parse().unwrap()), "<t:1795824000:f> (<t:1795824000:R>)");
    }
}
