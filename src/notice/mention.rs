//! What somebody says to the bot in a comment: a line that begins with its login, in the writer's own words. Not in
//! quotes, code, lists or tables, and not after raw HTML: those may show what others said.

use pulldown_cmark::{Event, Parser, Tag, TagEnd};

/// Everything said to `login`, in order: what follows the mention on its line.
pub fn said_to(login: &str, comment: &str) -> Vec<String> {
    let own = without_quotes(comment);
    own_lines(&own).iter().filter_map(|line| after_mention(login, line)).collect()
}

/// GitLab's quotes of several lines, between lines of `>>>`, which no other Markdown knows.
fn without_quotes(comment: &str) -> String {
    let mut quoted = false;
    let mut own = String::with_capacity(comment.len());
    for line in comment.lines() {
        if line.trim() == ">>>" {
            quoted = !quoted;
            own.push('\n');
        } else if !quoted {
            own.push_str(line);
            own.push('\n');
        }
    }
    own
}

/// The lines of paragraphs that stand in nothing else.
fn own_lines(markdown: &str) -> Vec<String> {
    let mut lines = vec![Line::default()];
    let mut depth = 0_usize;
    for (event, at) in Parser::new(markdown).into_offset_iter() {
        match event {
            Event::Html(html) | Event::InlineHtml(html) if !html.starts_with("<!--") => break,
            Event::Start(Tag::Paragraph) if depth == 0 => lines.push(Line::default()),
            Event::End(TagEnd::Paragraph) if depth == 0 => lines.push(Line::default()),
            Event::Start(tag) if holds_lines(&tag) => depth += 1,
            Event::End(tag) if ends_holding(tag) => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            Event::SoftBreak | Event::HardBreak => lines.push(Line::default()),
            Event::Text(text) => push(&mut lines, &text, markdown[..at.start].ends_with('\\')),
            Event::Code(text) => push(&mut lines, &text, true),
            _ => {}
        }
    }
    lines.into_iter().filter(|line| !line.mentions_nobody).map(|line| line.text).collect()
}

#[derive(Default)]
struct Line {
    text: String,
    /// It begins with code or an escape.
    mentions_nobody: bool,
}

fn push(lines: &mut [Line], text: &str, literal: bool) {
    if let Some(line) = lines.last_mut() {
        line.mentions_nobody |= literal && line.text.is_empty();
        line.text.push_str(text);
    }
}

fn holds_lines(tag: &Tag<'_>) -> bool {
    !matches!(tag, Tag::Paragraph | Tag::Emphasis | Tag::Strong | Tag::Link { .. })
}

fn ends_holding(tag: TagEnd) -> bool {
    !matches!(tag, TagEnd::Paragraph | TagEnd::Emphasis | TagEnd::Strong | TagEnd::Link)
}

/// Logins do not distinguish case; what follows must not be more of a login.
fn after_mention(login: &str, line: &str) -> Option<String> {
    let rest = line.trim_start().strip_prefix('@')?;
    let (name, rest) = rest.split_at_checked(login.len())?;
    let ends = !rest.starts_with(|c: char| c.is_alphanumeric() || "_-/".contains(c));
    let dotted = rest.strip_prefix('.').is_some_and(|rest| rest.starts_with(char::is_alphanumeric));
    let said = rest.trim_start_matches([':', ',', '.']).trim();
    (name.eq_ignore_ascii_case(login) && ends && !dotted).then(|| said.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(comment: &str) -> Vec<String> {
        said_to("rekey-bot", comment)
    }

    #[test]
    fn a_line_that_begins_with_the_bots_login_is_said_to_it() {
        assert_eq!(said("@rekey-bot approve 4f2a9c11d0e3"), ["approve 4f2a9c11d0e3"]);
        assert_eq!(said("Looks fine.\n@Rekey-Bot: approve 4f2a9c11\nThanks!"), ["approve 4f2a9c11"]);
        assert_eq!(said("  @rekey-bot approve `4f2a9c11`  "), ["approve 4f2a9c11"]);
        assert_eq!(said("@rekey-bot snooze 3d\n\n@rekey-bot decline"), ["snooze 3d", "decline"]);
        assert_eq!(said("**@rekey-bot** status"), ["status"]);
        assert_eq!(said("@rekey-bot"), [""]);
    }

    #[test]
    fn the_name_in_the_middle_of_a_line_or_in_a_longer_name_is_not() {
        for other in [
            "please @rekey-bot approve 4f2a9c11",
            "@rekey-bot2 approve",
            "@rekey-bot-two approve",
            "@rekey-bot.two approve",
            "@rekey-bot/group approve",
            "@rekey approve",
            "rekey-bot approve",
            "\\@rekey-bot approve",
        ] {
            assert_eq!(said(other), Vec::<String>::new(), "{other}");
        }
    }

    #[test]
    fn what_stands_in_quotes_code_lists_or_after_html_is_not_the_writers_own() {
        for other in [
            "> @rekey-bot approve 4f2a9c11",
            "> somebody said\n@rekey-bot approve 4f2a9c11",
            "> > @rekey-bot approve 4f2a9c11",
            ">>>\n@rekey-bot approve 4f2a9c11\n>>>",
            ">>>\n@rekey-bot approve 4f2a9c11",
            "```\n@rekey-bot approve 4f2a9c11\n```",
            "~~~~\n@rekey-bot approve 4f2a9c11",
            "    @rekey-bot approve 4f2a9c11",
            "`@rekey-bot approve 4f2a9c11`",
            "`x` @rekey-bot approve 4f2a9c11",
            "- @rekey-bot approve 4f2a9c11",
            "1. @rekey-bot approve 4f2a9c11",
            "# @rekey-bot approve 4f2a9c11",
            "<!-- @rekey-bot approve 4f2a9c11 -->",
            "<pre>\n@rekey-bot approve 4f2a9c11\n</pre>",
            "<blockquote>\n\n@rekey-bot approve 4f2a9c11",
            "<details><summary>x</summary>\n\n@rekey-bot approve 4f2a9c11",
            "![@rekey-bot approve 4f2a9c11](x.png)",
        ] {
            assert_eq!(said(other), Vec::<String>::new(), "{other}");
        }
    }

    #[test]
    fn an_answer_below_a_quote_counts() {
        let reply = "> @rekey-bot decline\n\n@rekey-bot approve 4f2a9c11\n\n>>>\n@rekey-bot abandon\n>>>\n";
        assert_eq!(said(reply), ["approve 4f2a9c11"]);
    }
}
