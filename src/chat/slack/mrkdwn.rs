//! Text in Slack's own markup. Whatever comes from outside goes through [`escape`] or [`code`].

use crate::rotation::view::{Value, text};
use jiff::{Timestamp, civil::Date, tz::TimeZone};

/// One line in which nothing mentions, links or is a date. It may still be bold.
pub fn escape(foreign: &str) -> String {
    entities(&text::line(foreign))
}

/// As [`escape`], at most `most` characters long once escaped, and never cut inside an entity.
pub fn escape_within(foreign: &str, most: usize) -> String {
    entities_within(&text::line(foreign), most)
}

/// Tame text, escaped, at most `most` characters long and never cut inside an entity.
pub(super) fn entities_within(tame: &str, most: usize) -> String {
    let mut length = tame.chars().count().min(most);
    loop {
        if length == 0 {
            return String::new();
        }
        let escaped = entities(&text::cut(tame, length));
        let surplus = escaped.chars().count().saturating_sub(most);
        if surplus == 0 {
            return escaped;
        }
        length = length.saturating_sub(surplus.div_ceil(5));
    }
}

/// A name as code. Slack has no escape for backticks, so they become primes.
pub fn code(foreign: &str, most: usize) -> String {
    let tame = escape_within(&foreign.replace('`', "′"), most);
    if tame.is_empty() { "–".into() } else { format!("`{tame}`") }
}

/// Several lines as a block of code.
pub fn block(foreign: &str, most: usize) -> String {
    let lines = text::lines(foreign).trim_end().replace('`', "′");
    let mut length = most;
    loop {
        let escaped = entities(&text::tail(&lines, length));
        if escaped.chars().count() <= most {
            return format!("```\n{escaped}\n```");
        }
        length = length.saturating_sub(length.div_ceil(8));
    }
}

/// A link with our own words, or the words alone.
pub fn link(words: &str, address: &str) -> String {
    text::url(address).map_or_else(|| words.to_owned(), |url| format!("<{}|{words}>", entities(&url)))
}

/// Somebody by the id that the configuration gives; anything that is no id mentions nobody.
pub fn mention(user: &str) -> Option<String> {
    let is_id = user.len() >= 2
        && user.starts_with(['U', 'W'])
        && user.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    is_id.then(|| format!("<@{user}>"))
}

/// Everybody in a user group, by its id.
pub fn mention_group(group: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
    (group.len() >= 2 && group.starts_with('S') && group.chars().all(plain)).then(|| format!("<!subteam^{group}>"))
}

/// A moment in the reader's zone; in UTC where that is not understood.
pub fn moment(at: Timestamp) -> String {
    let utc = at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M UTC");
    format!("<!date^{}^{{date_short_pretty}} at {{time}}|{utc}>", at.as_second())
}

/// A value of the card.
pub fn value(value: &Value, most: usize) -> String {
    match value {
        Value::Text(text) => escape_within(text, most),
        Value::Code(names) => names_within(names, most),
        Value::Date(date) => midnight(*date),
        Value::Moment(at) => moment(*at),
    }
}

/// GitLab counts expiry in UTC, so the moment is midnight there.
fn midnight(date: Date) -> String {
    moment(crate::clock::start_of(date))
}

fn names_within(names: &[String], most: usize) -> String {
    if names.is_empty() {
        return "none".into();
    }
    let lines: Vec<String> = names.iter().map(|name| code(name, 120)).collect();
    text::within(&lines, ", ", most, 0, text::characters)
}

pub(super) fn entities(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_mentions_nobody_and_links_nowhere() {
        assert_eq!(
            escape("<!channel> <@U1> <https://evil|bank> &amp;"),
            "&lt;!channel&gt; &lt;@U1&gt; &lt;https://evil|bank&gt; &amp;amp;"
        );
        assert_eq!(code("a`b<!here>", 50), "`a′b&lt;!here&gt;`");
        assert_eq!(mention("U1> <!channel"), None);
        assert_eq!(mention("U0APP00001").unwrap(), "<@U0APP00001>");
    }

    #[test]
    fn a_cut_never_falls_inside_an_entity() {
        for most in 0..40 {
            let cut = escape_within("<<<<<<<<<<&&&&&", most);
            assert!(cut.chars().count() <= most, "{most}: {cut}");
            assert!(!cut.replace("&lt;", "").replace("&amp;", "").contains('&'), "{cut}");
        }
    }

    #[test]
    fn a_log_keeps_its_end_and_its_fence() {
        let log = format!("{}\n```<!channel>\nlast line", "noise & noise\n".repeat(500));
        let shown = block(&log, 1000);
        assert!(shown.chars().count() <= 1010 && shown.ends_with("last line\n```"), "{shown}");
        assert_eq!(shown.matches("```").count(), 2);
    }

    #[test]
    fn a_long_list_says_what_is_missing_and_keeps_its_end() {
        let lines: Vec<String> = (1..=100).map(|n| format!("line {n}")).collect();
        let shown = text::within(&lines, "\n", 200, 2, text::characters);
        assert!(shown.chars().count() <= 200, "{shown}");
        assert!(shown.ends_with("more, see the issue\nline 99\nline 100"), "{shown}");
        assert_eq!(text::within(&lines[..3], "\n", 200, 2, text::characters), "line 1\nline 2\nline 3");
    }

    #[test]
    fn times_are_shown_in_the_readers_zone_with_utc_as_fallback() {
        assert_eq!(
            moment("2026-11-21T10:00:00Z".parse().unwrap()),
            "<!date^1795255200^{date_short_pretty} at {time}|2026-11-21 10:00 UTC>"
        );
    }
}
