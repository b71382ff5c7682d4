//! Private words in Slack's markup.

use super::mrkdwn::{block, code, link, moment};
use crate::clock::start_of;
use crate::rotation::view::prose::{Line, Prose, Span};
use crate::rotation::view::text;

/// Longest section of a message, in characters.
const LONGEST: usize = 3_000;
/// Longest piece of foreign text.
const PIECE: usize = 900;

/// The lines, as many as fit into one section.
pub fn prose(prose: &Prose) -> String {
    let mut shown = String::new();
    for (index, line) in prose.0.iter().enumerate() {
        let next = self::line(line);
        if shown.chars().count() + next.chars().count() + 1 > LONGEST - 40 {
            shown.push_str(&format!("\n… and {} more lines", prose.0.len() - index));
            break;
        }
        if index > 0 {
            shown.push('\n');
        }
        shown.push_str(&next);
    }
    shown
}

/// One line.
pub fn line(line: &Line) -> String {
    line.0.iter().map(span).collect()
}

fn span(span: &Span) -> String {
    match span {
        Span::Text(words) => words_of(words),
        Span::Bold(words) => format!("*{}*", words_of(words).replace('*', "∗")),
        Span::Code(name) => code(name, PIECE),
        Span::Moment(at) => moment(*at),
        Span::Date(date) => moment(start_of(*date)),
        Span::Link { words, url } => link(&words_of(words), url),
        Span::Block(lines) => block(lines, 2_400),
    }
}

fn words_of(words: &str) -> String {
    super::mrkdwn::entities(&text::cut(&text::piece(words), PIECE))
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
    fn too_many_lines_are_cut_between_lines() {
        let many: Prose = (0..400).map(|number| Line::text(format!("line {number} of several"))).collect();
        let shown = prose(&many);
        assert!(shown.chars().count() <= LONGEST);
        assert!(shown.ends_with("more lines"));
    }
}
