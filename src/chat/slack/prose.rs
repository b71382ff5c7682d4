//! Private words in Slack's markup.

use super::mrkdwn::{block, code, entities_within, link, moment};
use crate::clock::start_of;
use crate::rotation::view::prose::{Line, Prose, Span};
use crate::rotation::view::text;

/// Longest section of a message, in characters.
const LONGEST: usize = 3_000;
/// Longest piece of foreign text, once escaped.
const PIECE: usize = 900;

/// The lines, as many as fit into one section.
pub fn prose(prose: &Prose) -> String {
    text::fitting(prose.0.iter().map(line), LONGEST, text::characters)
}

/// One line.
pub fn line(line: &Line) -> String {
    line.0.iter().map(|span| self::span(span, PIECE)).collect()
}

/// As much of one line as fits.
pub fn line_within(line: &Line, most: usize) -> String {
    let mut shown = String::new();
    for span in &line.0 {
        let left = most.saturating_sub(shown.chars().count() + 1);
        let next = self::span(span, left.min(PIECE));
        if next.chars().count() > left {
            shown.push('…');
            break;
        }
        shown.push_str(&next);
    }
    shown
}

/// A span whose foreign text takes at most `most` characters; what cannot be cut may take more.
fn span(span: &Span, most: usize) -> String {
    match span {
        Span::Text(words) => words_of(words, most),
        Span::Bold(words) => format!("*{}*", words_of(words, most.saturating_sub(2)).replace('*', "∗")),
        Span::Code(name) => code(name, most.saturating_sub(2)),
        Span::Moment(at) => moment(*at),
        Span::Date(date) => moment(start_of(*date)),
        Span::Link { words, url } => link(&words_of(words, most), url),
        Span::Block(lines) => block(lines, 2_400),
    }
}

fn words_of(words: &str, most: usize) -> String {
    entities_within(&text::piece(words), most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_between_spans_stay_and_foreign_text_mentions_nobody() {
        let words = Line::text("Token ").and_code("a`b<!here>").and(" of <!channel> & <@U1>").into();
        assert_eq!(prose(&words), "Token `a′b&lt;!here&gt;` of &lt;!channel&gt; &amp; &lt;@U1&gt;");
    }

    #[test]
    fn a_line_that_is_too_long_keeps_its_beginning() {
        let long = Line::text("&".repeat(900)).and_code("name").then(Span::Date("2026-11-28".parse().unwrap()));
        for most in [1, 2, 10, 700] {
            let shown = line_within(&long, most);
            assert!(shown.chars().count() <= most, "{most}: {shown}");
        }
        assert!(line_within(&long, 700).starts_with("&amp;&amp;"));
        assert_eq!(line_within(&Line::text("short"), 700), "short");
    }

    #[test]
    fn too_many_lines_are_cut_between_lines() {
        let many: Prose = (0..400).map(|number| Line::text(format!("line {number} of several"))).collect();
        let shown = prose(&many);
        assert!(shown.chars().count() <= LONGEST);
        assert!(shown.ends_with("more lines"));
    }
}
