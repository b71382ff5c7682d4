//! Prose in GitLab's Markdown: one line stays one line.

use super::markdown::{block, code_in_text, link, plain};
use super::moment;
use crate::rotation::view::prose::{Line, Prose, Span};

/// The whole of it.
pub fn prose(prose: &Prose) -> String {
    let mut written = String::new();
    for (at, line) in prose.0.iter().enumerate() {
        let stands_alone = matches!(line.0.as_slice(), [Span::Block(_)]);
        if at > 0 {
            // Two spaces: the next line is a line of its own.
            written.push_str(if stands_alone { "\n\n" } else { "  \n" });
        }
        written.push_str(&one_line(line));
        if stands_alone {
            written.push('\n');
        }
    }
    written
}

fn one_line(line: &Line) -> String {
    line.0.iter().map(span).collect()
}

fn span(span: &Span) -> String {
    match span {
        Span::Text(words) => spaced(words, plain),
        Span::Bold(words) => spaced(words, |words| format!("**{}**", plain(words))),
        Span::Code(name) => code_in_text(name),
        Span::Moment(at) => moment(*at),
        Span::Date(date) => date.to_string(),
        Span::Link { words, url } => link(words, url),
        Span::Block(text) => block(text),
    }
}

/// Escapes words and keeps the spaces at their ends, which join them to their neighbours.
fn spaced(words: &str, escape: impl Fn(&str) -> String) -> String {
    let escaped = escape(words.trim());
    let before = if words.starts_with(char::is_whitespace) { " " } else { "" };
    let after = if words.ends_with(char::is_whitespace) && !words.trim().is_empty() { " " } else { "" };
    format!("{before}{escaped}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_names_and_lines_keep_their_places_and_mean_nothing_else() {
        let line = Line::text("Plan ").and_code("4f2a`9c").and(" of @all is ").then(Span::Bold("new".into())).and(".");
        let text = prose(&Prose::from(line).line(Line::text("/close")).line(Line::block("a\n```")));
        assert_eq!(text, "Plan ``4f2a`9c`` of \\@\u{2060}all is **new**.  \n\\/close\n\n````text\na\n```\n````\n");
    }
}
