//! Foreign text inside GitLab's Markdown: it may not format, mention, refer, close, nor leave its cell.

use crate::rotation::view::text;

/// Breaks a reference without showing: between a sigil and the name.
const JOINER: char = '\u{2060}';

/// Sigils by which GitLab finds people, issues, merge requests, labels, milestones, snippets, epics and iterations.
const SIGILS: &str = "@#!~%$&^";

/// One line in which nothing has a meaning.
pub fn plain(foreign: &str) -> String {
    let line = text::line(foreign);
    let mut escaped = String::with_capacity(line.len() + 16);
    let mut before = None;
    let mut letters = line.chars().peekable();
    while let Some(c) = letters.next() {
        let after = letters.peek().copied().filter(|after| *after != ' ');
        if "\\`*_{}[]<>#!|~@$^&".contains(c) || begins_something(&escaped, before, c, after) {
            escaped.push('\\');
        }
        escaped.push(c);
        if after.is_some_and(|after| SIGILS.contains(c) || begins_address(&escaped, after)) {
            escaped.push(JOINER);
        }
        before = Some(c);
    }
    escaped
}

/// A title: it has no markup, but GitLab finds people, references, addresses and emoji in it.
pub fn title(foreign: &str) -> String {
    let line = text::line(foreign);
    let mut tame = String::with_capacity(line.len() + 8);
    let mut letters = line.chars().peekable();
    while let Some(c) = letters.next() {
        tame.push(c);
        let after = letters.peek().copied().filter(|after| *after != ' ');
        if after.is_some_and(|after| SIGILS.contains(c) || begins_address(&tame, after)) {
            tame.push(JOINER);
        }
    }
    tame
}

/// Whether an address goes on with `after`. GitLab finds them in what is shown, where no escape is left.
fn begins_address(written: &str, after: char) -> bool {
    let scheme = written.ends_with(':') && after == '/';
    scheme || written.get(written.len().saturating_sub(4)..).is_some_and(|end| end.eq_ignore_ascii_case("www."))
}

/// Lists, headings and quick actions at the beginning; emoji anywhere.
fn begins_something(written: &str, before: Option<char>, c: char, after: Option<char>) -> bool {
    match c {
        '-' | '+' | '=' | '/' => before.is_none(),
        '.' | ')' => before.is_some() && after.is_none() && written.chars().all(|digit| digit.is_ascii_digit()),
        ':' => after.is_some_and(char::is_alphabetic),
        _ => false,
    }
}

/// A name as code, where GitLab looks for nothing, in a cell of a table.
pub fn code(foreign: &str) -> String {
    ticked(&text::line(foreign).replace('|', "\\|"))
}

/// The same outside tables, where a backslash would be seen.
pub fn code_in_text(foreign: &str) -> String {
    ticked(&text::line(foreign))
}

fn ticked(line: &str) -> String {
    if line.is_empty() {
        return "–".into();
    }
    let ticks = "`".repeat(longest_run(line) + 1);
    if line.starts_with('`') || line.ends_with('`') {
        format!("{ticks} {line} {ticks}")
    } else {
        format!("{ticks}{line}{ticks}")
    }
}

/// Several lines as a block of code whose fence they cannot contain, and in which no line is a quick action.
pub fn block(foreign: &str) -> String {
    let lines = text::lines(foreign);
    let body: Vec<String> = lines.lines().map(tame).collect();
    let fence = "`".repeat(longest_run(&lines).max(2) + 1);
    format!("{fence}text\n{}\n{fence}", body.join("\n"))
}

/// GitLab looks for quick actions before it looks for fences of unusual length.
fn tame(line: &str) -> String {
    if line.trim_start().starts_with('/') { format!("{JOINER}{line}") } else { line.to_owned() }
}

/// A link with our own words, or the words alone if the address cannot be trusted to end where it should.
pub fn link(words: &str, address: &str) -> String {
    text::url(address).map_or_else(|| words.to_owned(), |url| format!("[{words}](<{url}>)"))
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As GitLab would read it: without escapes, to see what it could still find.
    fn found(markdown: &str) -> String {
        markdown.replace('\\', "")
    }

    #[test]
    fn a_hostile_name_mentions_nobody_and_refers_to_nothing() {
        let hostile = "@all @root #1 !2 ~\"bug\" %3 $4 &5 ^6 group/x#7 a@b.example";
        let read = found(&plain(hostile));
        for reference in ["@all", "@root", "#1", "!2", "~\"", "%3", "$4", "&5", "^6", "#7", "@b"] {
            assert!(!read.contains(reference), "{reference} in {read}");
        }
    }

    #[test]
    fn a_hostile_name_cannot_format_link_or_leave_its_line() {
        assert_eq!(plain("a\n/close"), "a /close");
        assert_eq!(plain("/close"), "\\/close");
        assert_eq!(plain("<img src=x>|[a](b)`*_"), "\\<img src=x\\>\\|\\[a\\](b)\\`\\*\\_");
        assert_eq!(
            plain("https://evil.example WWW.evil.example :boom:"),
            "https:\u{2060}//evil.example WWW.\u{2060}evil.example \\:boom:"
        );
        for (start, tame) in
            [("- x", "\\- x"), ("1. x", "1\\. x"), ("2) x", "2\\) x"), ("a 1. (x)", "a 1. (x)"), ("1.2", "1.2")]
        {
            assert_eq!(plain(start), tame);
        }
    }

    #[test]
    fn code_ends_where_it_should_whatever_it_holds() {
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("`a``"), "``` `a`` ```");
        assert_eq!(code("a|b\n/close"), "`a\\|b /close`");
        assert_eq!(code(" \u{200b}"), "–");
    }

    #[test]
    fn a_log_stays_in_its_block_and_commands_nothing() {
        assert_eq!(block("one\n```\n  /close\n"), "````text\none\n```\n\u{2060}  /close\n````");
        assert_eq!(block("plain"), "```text\nplain\n```");
    }
}
