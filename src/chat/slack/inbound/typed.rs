//! What a person typed after a command, out of what Slack made of it: with `should_escape` it turns names, channels and
//! addresses into references and three signs into entities.

/// The text as it was typed, or as near as it can be told.
pub fn as_typed(text: &str) -> String {
    let mut typed = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        typed.push_str(before);
        match after.split_once('>').and_then(|(inner, behind)| Some((reference(inner)?, behind))) {
            Some((words, behind)) => {
                typed.push_str(&words);
                rest = behind;
            }
            None => {
                typed.push('<');
                rest = after;
            }
        }
    }
    typed.push_str(rest);
    // Last the sign with which the others are written: it must not make new ones.
    typed.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// A reference by the words that people see of it; `None` for what is none.
fn reference(inner: &str) -> Option<String> {
    let (target, words) = inner.split_once('|').unwrap_or((inner, ""));
    let sign = target.chars().next()?;
    let address = target.strip_prefix("mailto:").or(target.contains("://").then_some(target));
    let fallback = match sign {
        '@' | '#' => &target[1..],
        '!' => target.rsplit('^').next()?.trim_start_matches('!'),
        _ => address?,
    };
    let words = if words.is_empty() { fallback } else { words };
    Some(match sign {
        '@' | '#' => format!("{sign}{}", words.trim_start_matches(sign)),
        '!' => format!("@{}", words.trim_start_matches('@')),
        _ => words.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_become_the_words_that_people_saw() {
        for (sent, typed) in [
            ("incident deploy seen by <@U0123|ada> in <#C0123|general>", "incident deploy seen by @ada in #general"),
            ("<@U0123> <#C0123|> <!here> <!subteam^S0123|@ops> <!subteam^S0123>", "@U0123 #C0123 @here @ops @S0123"),
            ("plan <http://deploy.example.com|deploy.example.com>", "plan deploy.example.com"),
            (
                "see <https://paste.example/a?b=1&amp;c=2> or <mailto:a@b.example|a@b.example>",
                "see https://paste.example/a?b=1&c=2 or a@b.example",
            ),
        ] {
            assert_eq!(as_typed(sent), typed);
        }
    }

    #[test]
    fn entities_become_signs_once_and_what_is_no_reference_stays() {
        assert_eq!(as_typed("a &lt;b&gt; &amp; c &amp;lt;"), "a <b> & c &lt;");
        for text in ["", "plan deploy", "a < b", "<deploy> <|> <>", "<@U1"] {
            assert_eq!(as_typed(text), text);
        }
    }
}
