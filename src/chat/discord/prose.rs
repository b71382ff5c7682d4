//! Private words in Discord's markup.

use super::markdown::{block, code, escape_piece, link, moment};
use crate::clock::start_of;
use crate::rotation::view::prose::{Line, Prose, Span};
use crate::rotation::view::text;

/// Longest content of a message.
const LONGEST: usize = 2_000;
/// Longest piece of foreign text.
const PIECE: usize = 700;
/// Longest block.
const BLOCK: usize = 1_400;

/// The lines, as many as fit into one message.
pub fn prose(prose: &Prose) -> String {
    text::fitting(prose.0.iter().map(line), LONGEST, text::length)
}

/// One line.
pub fn line(line: &Line) -> String {
    line.0.iter().map(span).collect()
}

fn span(span: &Span) -> String {
    match span {
        Span::Text(words) => escape_piece(words, PIECE),
        Span::Bold(words) => format!("**{}**", escape_piece(words, PIECE)),
        Span::Code(name) => code(name, PIECE),
        Span::Moment(at) => moment(*at),
        Span::Date(at) => moment(start_of(*at)),
        Span::Link { words, url } => link(&escape_piece(words, PIECE), url),
        Span::Block(lines) => block(lines, BLOCK),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_between_spans_stay_and_foreign_text_mentions_nobody() {
        let words = Line::text("Token ").and_code("a`b@here").and(" of @everyone & <@1> ").and("**x**").into();
        assert_eq!(prose(&words), "Token `a′b@here` of \\@everyone & \\<\\@1\\> \\*\\*x\\*\\*");
    }

    #[test]
    fn too_many_lines_are_cut_between_lines() {
        let many: Prose = (0..400).map(|number| Line::text(format!("line {number} of several"))).collect();
        let shown = prose(&many);
        assert!(shown.len() <= LONGEST);
        assert!(shown.ends_with("more lines"));
        let long: Prose = (0..3).map(|_| Line::text("🔄".repeat(5_000))).collect();
        assert!(text::length(&prose(&long)) <= LONGEST);
    }
}
