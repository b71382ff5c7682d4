//! The mailbox: sample mails as GitLab, people and forgers write them, and how they come to speak of the sandbox.

use super::settings::MAIL_SERVER;
use jiff::Timestamp;
use mail_parser::MessageParser;
use regex::Regex;
use serde::Serialize;
use std::sync::LazyLock;

/// A mail to be sent by a click.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Its name in addresses.
    pub name: &'static str,
    /// What it shows.
    pub about: &'static str,
    /// RFC 5322.
    pub raw: &'static str,
}

/// What the bot answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// What the bot's log says about it, unless it is new and good.
    pub why: Option<String>,
}

/// A mail that was sent.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Sent {
    pub name: String,
    pub at: Timestamp,
    #[serde(flatten)]
    pub answer: Answer,
}

macro_rules! mail {
    ($file:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/samples/emails/", $file))
    };
}

/// What lies in the mailbox.
pub fn samples() -> [Sample; 4] {
    [
        Sample {
            name: "expiry",
            about: "GitLab warns. This is how it begins.",
            raw: mail!("01-pat-7d-one-token-gitlabcom.eml"),
        },
        Sample {
            name: "forwarded",
            about: "A colleague passes it on: the same case, never a second one.",
            raw: mail!("15-forwarded-inline-by-colleague.eml"),
        },
        Sample {
            name: "reply",
            about: "A person answers. Not a notice: ignored.",
            raw: mail!("17-quoted-reply-not-a-notification.eml"),
        },
        Sample {
            name: "phishing",
            about: "A look-alike with a foreign link: refused.",
            raw: mail!("19-phishing-lookalike-auth-fail.eml"),
        },
    ]
}

/// `https://gitlab.com/` however a quoted-printable line end may have cut it.
static GITLAB: LazyLock<Regex> = LazyLock::new(|| {
    let letters = "https://gitlab.com".chars().map(|letter| regex::escape(&letter.to_string()));
    let pattern = letters.collect::<Vec<_>>().join("(?:=\r?\n)?");
    Regex::new(&format!("{pattern}(=\r?\n)?/")).expect("a constant pattern")
});

/// The mail as our own server hands it over after it has checked the sender: what it found stands on top.
pub fn delivered(raw: &str) -> String {
    let raw = raw.trim_start();
    let mail = MessageParser::default().parse(raw).unwrap_or_default();
    let from = mail.from().and_then(|from| from.first()).and_then(|from| from.address()).unwrap_or_default();
    let domain = from.rsplit_once('@').map_or(from, |(_, domain)| domain);
    format!("Authentication-Results: {MAIL_SERVER};\n dmarc=pass header.from={domain}\n{raw}")
}

/// The mail as the sandbox would have sent it: its address instead of gitlab.com's, line ends as mail has them.
pub(super) fn rewritten(raw: &str, gitlab: &str) -> String {
    let lines = raw.replace("\r\n", "\n").replace('\n', "\r\n");
    GITLAB.replace_all(&lines, format!("{gitlab}/")).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_gitlab_com_are_rewritten_even_across_soft_line_ends_and_look_alikes_are_not() {
        let mail = "a https://gitlab.com/x\nb https://gitlab.co=\nm/y\nc https://gitlab.com.evil.example/z";
        let here = "http://127.0.0.1:9";
        let expected = format!("a {here}/x\r\nb {here}/y\r\nc https://gitlab.com.evil.example/z");
        assert_eq!(rewritten(mail, here), expected);
    }

    #[test]
    fn no_sample_keeps_a_link_that_the_sandbox_would_not_know() {
        for sample in samples().iter().filter(|sample| sample.name != "phishing") {
            let mail = rewritten(sample.raw, "http://127.0.0.1:9").replace("=\r\n", "");
            assert!(!mail.contains("https://gitlab.com"), "{}", sample.name);
        }
    }
}
