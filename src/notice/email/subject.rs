//! The subject line decides what a mail says: GitLab writes it in English whatever the language of the body, and no
//! name of a token or project ever stands in it.

use super::super::Change;

const FORWARD: [&str; 12] = ["fwd", "fw", "wg", "tr", "rv", "enc", "vl", "pd", "doorst", "i", "vb", "転送"];
const REPLY: [&str; 10] = ["re", "aw", "sv", "antw", "odp", "rif", "res", "ynt", "vs", "回复"];

/// A subject without what mail clients put before it.
pub struct Line<'s> {
    /// Somebody passed it on (`Fwd:`, `FW:`, `WG:` ...).
    pub forwarded: bool,
    /// Somebody answered it (`Re:`, `AW:` ...).
    pub reply: bool,
    /// The rest.
    pub rest: &'s str,
}

/// What a subject of GitLab announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Headline {
    /// Something about access tokens.
    Tokens {
        /// What.
        change: Change,
        /// The number in "7 days or less".
        days: Option<u32>,
    },
    /// A deploy token: valid, not ours.
    DeployToken,
}

impl<'s> Line<'s> {
    /// Takes off prefixes and warning labels such as `[EXTERNAL]`, as many as there are.
    pub fn read(subject: &'s str) -> Self {
        let mut line = Self { forwarded: false, reply: false, rest: subject.trim() };
        while let Some(rest) = line.peel() {
            line.rest = rest.trim_start();
        }
        line
    }

    fn peel(&mut self) -> Option<&'s str> {
        if let Some(label) = self.rest.strip_prefix('[') {
            return label.split_once(']').filter(|(label, _)| label.len() <= 30).map(|(_, rest)| rest);
        }
        let (prefix, rest) = self.rest.split_once([':', '：']).filter(|(prefix, _)| prefix.len() <= 12)?;
        // Some clients count: `Re[2]:`, `AW(3):`.
        let word = prefix.split(['[', '(']).next().unwrap_or(prefix).trim().to_lowercase();
        let (forward, reply) = (FORWARD.contains(&word.as_str()), REPLY.contains(&word.as_str()));
        self.forwarded |= forward;
        self.reply |= reply;
        (forward || reply).then_some(rest)
    }
}

impl Headline {
    /// Reads a bare subject, with or without the suffix (` | Acme`) that an instance may add.
    pub fn read(subject: &str) -> Option<Self> {
        let sentence = subject.split(" | ").next().filter(|sentence| sentence.len() <= 100)?.to_ascii_lowercase();
        let words: Vec<&str> = sentence.split_whitespace().collect();
        match words.as_slice() {
            ["your", "deploy", "token" | "tokens", ..] => Some(Self::DeployToken),
            ["one", "or", "more", "of", "you" | "your", rest @ ..] | ["your" | "a", "new", rest @ ..] => about(rest),
            ["your" | "a", rest @ ..] => about(rest),
            _ => None,
        }
    }
}

fn about(words: &[&str]) -> Option<Headline> {
    let ["personal" | "resource" | "project" | "group", "access", "token" | "tokens", rest @ ..] = words else {
        return None;
    };
    let (change, days) = match rest {
        ["will", "expire", "in", days, "day" | "days", "or", "less"] => (Change::AboutToExpire, Some(number(days)?)),
        ["have" | "has", "expired"] => (Change::Expired, None),
        ["have" | "has", "been", verb] | ["were" | "was", verb] => (done(verb)?, None),
        _ => return None,
    };
    Some(Headline::Tokens { change, days })
}

fn number(word: &str) -> Option<u32> {
    word.parse().ok().filter(|days| *days <= 400)
}

fn done(verb: &str) -> Option<Change> {
    match verb {
        "created" => Some(Change::Created),
        "rotated" => Some(Change::Rotated),
        "revoked" => Some(Change::Revoked),
        _ => None,
    }
}
