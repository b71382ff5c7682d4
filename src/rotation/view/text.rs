//! Foreign text made fit to be shown: one line, no secrets, nothing invisible. What is left is escaped by each surface
//! in its own markup.

use crate::secret::{hide, is_safe};

/// One line of foreign text without what could hide, reverse or break it, and without token values.
pub fn line(text: &str) -> String {
    let spaced: String = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).collect();
    hide(&visible(&spaced)).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// As [`line`], but a space at either end stays: for a piece of a line.
pub fn piece(text: &str) -> String {
    let spaced: String = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).collect();
    hide(&visible(&spaced))
}

/// Several lines, such as a log, otherwise as [`line`].
pub fn lines(text: &str) -> String {
    hide(&visible(&text.replace("\r\n", "\n").replace('\t', "    ")))
}

/// At most `most` characters, with a sign where something is missing.
pub fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{kept}…")
}

/// The last lines of a text, at most `most` characters.
pub fn tail(text: &str, most: usize) -> String {
    let surplus = text.chars().count().saturating_sub(most);
    if surplus == 0 {
        return text.to_owned();
    }
    let kept: String = text.chars().skip(surplus + 2).collect();
    let whole = kept.split_once('\n').map_or(kept.as_str(), |(_, rest)| rest);
    format!("…\n{whole}")
}

/// How long a text is by the strictest way of counting: a character beyond the first 65,536 counts twice.
pub fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

/// How a messenger counts: [`length`] or [`characters`].
pub type Measure = fn(&str) -> usize;

/// Characters, as Slack counts.
pub fn characters(text: &str) -> usize {
    text.chars().count()
}

/// As many of `lines` as fit, the last `kept` ones always among them, and how many are missing.
pub fn within(lines: &[String], between: &str, most: usize, kept: usize, measure: Measure) -> String {
    let length = |line: &String| measure(line) + between.len();
    if lines.iter().map(length).sum::<usize>() <= most {
        return lines.join(between);
    }
    let (head, tail) = lines.split_at(lines.len().saturating_sub(kept));
    let mut room = most.saturating_sub(tail.iter().map(length).sum::<usize>() + 60);
    let mut fits = |line: &&String| {
        let left = room.checked_sub(length(line));
        room = left.unwrap_or(0);
        left.is_some()
    };
    let fitting = head.iter().take_while(|line| fits(line)).count();
    let mut shown = head[..fitting].to_vec();
    shown.push(format!("… and {} more, see the issue", head.len() - fitting));
    shown.extend_from_slice(tail);
    shown.join(between)
}

/// Lines one below the other, as many as fit, and how many are missing.
pub fn fitting(lines: impl ExactSizeIterator<Item = String>, most: usize, measure: Measure) -> String {
    let (mut shown, count) = (String::new(), lines.len());
    for (index, line) in lines.enumerate() {
        if measure(&shown) + measure(&line) + 1 > most - 40 {
            shown.push_str(&format!("\n… and {} more lines", count - index));
            break;
        }
        if index > 0 {
            shown.push('\n');
        }
        shown.push_str(&line);
    }
    shown
}

/// Words as one sentence: a capital at the beginning, unless a name stands there, and a stop at the end.
pub fn sentence(words: &str) -> String {
    let words = words.trim();
    let stop = if words.is_empty() || words.ends_with(['.', '!', '?', '…']) { "" } else { "." };
    let (first, rest) = words.split_once(' ').map_or((words, ""), |(first, _)| words.split_at(first.len()));
    if let Some((_, name)) = KINDS.iter().find(|(kind, _)| *kind == first).filter(|_| !rest.is_empty()) {
        return format!("{name}{rest}{stop}");
    }
    let mut letters = words.chars();
    let capital = |c: char| if is_spelt_as_it_is(first) { c.to_string() } else { c.to_uppercase().collect() };
    let first: String = letters.next().map(capital).unwrap_or_default();
    format!("{first}{}{stop}", letters.as_str())
}

/// Kinds of stores before their place, and how their makers spell them. The others only get a capital.
const KINDS: [(&str, &str); 8] = [
    ("1password", "1Password"),
    ("aws-secret", "AWS secret"),
    ("azure-key-vault", "Azure Key Vault"),
    ("fortanix", "Fortanix DSM"),
    ("gitlab-secure-file", "GitLab secure file"),
    ("gitlab-variable", "GitLab variable"),
    ("google-secret", "Google secret"),
    ("http", "HTTP"),
];

/// Whether it is an account's name, or a path.
fn is_spelt_as_it_is(word: &str) -> bool {
    word.contains(['_', '/'])
}

/// A link that may be followed: http(s), without characters that could end it early in any markup.
pub fn url(text: &str) -> Option<String> {
    let plain = text.starts_with("https://") || text.starts_with("http://");
    let tame = text.chars().all(|c| c.is_ascii_graphic() && !"<>|()[]{}\"'`\\^*_".contains(c));
    (plain && tame && text.len() <= 500 && is_safe(text)).then(|| text.to_owned())
}

fn visible(text: &str) -> String {
    text.chars().filter(|c| *c == '\n' || !is_invisible(*c)).collect()
}

/// Controls, zero-width characters, marks that turn the direction of writing, and invisible tags.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hides_or_reverses_text_is_removed() {
        assert_eq!(line("deploy\u{202e}tob\u{2066}\u{200b}\u{7}-x\u{e0041}"), "deploytob-x");
        assert_eq!(line("  two\r\n\tlines\u{2028}or more "), "two lines or more");
    }

    #[test]
    fn a_value_hidden_by_invisible_characters_is_masked_all_the_same() {
        assert_eq!(line("see gl\u{200b}pat-AbCdEfGhIjKlMnOpQrSt"), "see [MASKED]");
    }

    #[test]
    fn a_long_text_is_cut_at_its_end_and_a_log_at_its_beginning() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdefg", 6), "abcde…");
        assert_eq!(tail("one\ntwo\nthree", 13), "one\ntwo\nthree");
        assert_eq!(tail("one\ntwo\nthree", 10), "…\nthree");
        assert!(tail(&"x".repeat(50), 10).chars().count() <= 10);
    }

    #[test]
    fn words_become_a_sentence() {
        assert_eq!(sentence(" token 7 stays alive"), "Token 7 stays alive.");
        assert_eq!(sentence("What now?"), "What now?");
        assert_eq!(sentence(""), "");
        let store = "gitlab-variable acme/deploy TOKEN cannot be written";
        assert_eq!(sentence(store), "GitLab variable acme/deploy TOKEN cannot be written.");
        assert_eq!(sentence("http PUT host.example/x says no"), "HTTP PUT host.example/x says no.");
        assert_eq!(sentence("vault answers 503"), "Vault answers 503.");
        assert_eq!(sentence("svc_deploy is blocked"), "svc_deploy is blocked.");
        assert_eq!(sentence("read-only mode is on"), "Read-only mode is on.");
    }

    #[test]
    fn only_plain_web_addresses_become_links() {
        assert!(url("https://gitlab.example/acme/deploy/-/jobs/7#L12").is_some());
        for hostile in ["javascript:alert(1)", "https://x|y", "https://x>", "https://x)[", "https://x y", "//x"] {
            assert_eq!(url(hostile), None, "{hostile}");
        }
    }
}
