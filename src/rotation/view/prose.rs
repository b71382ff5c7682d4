//! Words for people before they are put into the markup of a surface. A span says what it is (our words, a foreign
//! name, a moment), so each surface escapes and localises in its own way, and nothing is escaped twice or not at all.

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

/// A piece of a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Span {
    /// Words, possibly with foreign text in them: escape.
    Text(String),
    /// Words that stand out: escape.
    Bold(String),
    /// A name, an id, something to type: escape, as code.
    Code(String),
    /// A moment, in the reader's zone.
    Moment(Timestamp),
    /// A UTC calendar date, such as an expiry; the moment is its 00:00 UTC.
    Date(Date),
    /// Our words as a link, if the address may be followed; else the words alone.
    Link {
        /// What is read.
        words: String,
        /// Where it leads.
        url: String,
    },
    /// Several lines as they are, such as a log or a picture made of characters. Stands alone in its line.
    Block(String),
}

/// One line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Line(pub Vec<Span>);

impl Line {
    /// A line that begins with these words.
    pub fn text(words: impl Into<String>) -> Self {
        Self(vec![Span::Text(words.into())])
    }

    /// A line that begins with this name.
    pub fn code(name: impl Into<String>) -> Self {
        Self(vec![Span::Code(name.into())])
    }

    /// A line that is one block.
    pub fn block(text: impl Into<String>) -> Self {
        Self(vec![Span::Block(text.into())])
    }

    /// A line that begins with these words, standing out.
    pub fn bold(words: impl Into<String>) -> Self {
        Self(vec![Span::Bold(words.into())])
    }

    /// Then this.
    pub fn then(mut self, span: Span) -> Self {
        self.0.push(span);
        self
    }

    /// Then these words.
    pub fn and(self, words: impl Into<String>) -> Self {
        self.then(Span::Text(words.into()))
    }

    /// Then this name.
    pub fn and_code(self, name: impl Into<String>) -> Self {
        self.then(Span::Code(name.into()))
    }

    /// Then this moment.
    pub fn and_moment(self, at: Timestamp) -> Self {
        self.then(Span::Moment(at))
    }

    /// Then the whole of another line.
    pub fn join(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }
}

/// Lines for a person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Prose(pub Vec<Line>);

impl Prose {
    /// One line of words.
    pub fn words(words: impl Into<String>) -> Self {
        Self(vec![Line::text(words)])
    }

    /// With one more line.
    pub fn line(mut self, line: Line) -> Self {
        self.0.push(line);
        self
    }

    /// Without markup: for logs of tests, terminals and notifications. Moments are in UTC.
    pub fn plain(&self) -> String {
        let lines = self.0.iter().map(|line| line.0.iter().map(plain).collect::<String>());
        lines.collect::<Vec<_>>().join("\n")
    }
}

impl From<Line> for Prose {
    fn from(line: Line) -> Self {
        Self(vec![line])
    }
}

impl FromIterator<Line> for Prose {
    fn from_iter<T: IntoIterator<Item = Line>>(lines: T) -> Self {
        Self(lines.into_iter().collect())
    }
}

fn plain(span: &Span) -> String {
    match span {
        Span::Text(text) | Span::Bold(text) | Span::Code(text) => super::text::piece(text),
        Span::Moment(at) => at.strftime("%Y-%m-%d %H:%M UTC").to_string(),
        Span::Date(date) => date.to_string(),
        Span::Link { words, url } => match super::text::url(url) {
            Some(url) => format!("{words} ({url})"),
            None => words.clone(),
        },
        Span::Block(text) => super::text::lines(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_without_markup_reads_as_one_would_say_it() {
        let date: Date = "2026-11-28".parse().expect("a date");
        let line = Line::text("Token ").and_code("deploy").and(" expires on ").then(Span::Date(date)).and(".");
        assert_eq!(Prose::from(line).plain(), "Token deploy expires on 2026-11-28.");
    }

    #[test]
    fn foreign_text_stays_on_its_line() {
        assert_eq!(Prose::words("a\nb\u{202e}c").plain(), "a bc");
    }
}
