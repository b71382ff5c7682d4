//! The subject line decides what a mail says: GitLab writes it in English whatever the language of the body, and no
//! name of a token or project ever stands in it. Around it stands what mail clients and gateways add.

use super::super::Change;

/// What mail clients write when somebody passes a mail on, in small letters.
const FORWARD: [&str; 60] = [
    "bls fwd",
    "chuyển tiếp",
    "doorst",
    "doorgestuurd",
    "edasi",
    "enc",
    "encaminhado",
    "enc fwd",
    "forward",
    "forwarded",
    "fs",
    "fw",
    "fwd",
    "fyi",
    "i",
    "i̇lt",
    "ilt",
    "inoltra",
    "inoltro",
    "pārs",
    "pd",
    "pers",
    "persiųsti",
    "pos",
    "posl",
    "posredovano",
    "proslijeđeno",
    "prosleđeno",
    "prw",
    "przek",
    "předat",
    "přeposláno",
    "preposlané",
    "rdr",
    "redirecționat",
    "reen",
    "reenv",
    "reenviado",
    "rv",
    "tov",
    "továbbítás",
    "továbbítva",
    "továbbít",
    "tr",
    "transf",
    "trs",
    "vb",
    "videresend",
    "videresendt",
    "vl",
    "vidarebefordrat",
    "weitergeleitet",
    "wg",
    "yml",
    "πρθ",
    "пересл",
    "переслано",
    "препр",
    "הועבר",
    "إعادة توجيه",
];
/// The same in scripts without small letters.
const FORWARD_EAST: [&str; 9] = ["転送", "转发", "轉寄", "轉發", "转寄", "전달", "ส่งต่อ", "fw転送", "تحويل"];
/// What they write when somebody answers.
const REPLY: [&str; 38] = [
    "re",
    "ré",
    "ref",
    "réf",
    "aw",
    "antw",
    "antwort",
    "sv",
    "svar",
    "odp",
    "odpověď",
    "rif",
    "r",
    "res",
    "resp",
    "ynt",
    "yan",
    "vá",
    "va",
    "válasz",
    "bls",
    "atb",
    "ats",
    "ats.",
    "tl",
    "yanıt",
    "απ",
    "σχετ",
    "отв",
    "ответ",
    "на",
    "відп",
    "השב",
    "رد",
    "回复",
    "回覆",
    "返信",
    "答复",
];
const REPLY_EAST: [&str; 3] = ["답장", "회신", "ตอบกลับ"];
/// In Danish and Norwegian `VS:` passes on, in Finnish and Estonian it answers.
const EITHER: [&str; 1] = ["vs"];
/// By which gateways warn, without brackets around: `EXTERNAL:`, `Extern -`.
const WARNINGS: [&str; 36] = [
    "ext",
    "extern",
    "external",
    "externe",
    "externa",
    "externo",
    "esterno",
    "esterna",
    "externer",
    "externí",
    "externý",
    "ekstern",
    "eksterni",
    "ulkoinen",
    "külső",
    "zewn",
    "zewnętrzny",
    "zewnętrzna",
    "dış",
    "harici",
    "εξωτερικό",
    "внешнее",
    "внешний",
    "зовнішній",
    "外部",
    "외부",
    "חיצוני",
    "خارجي",
    "caution",
    "warning",
    "vorsicht",
    "achtung",
    "spam",
    "suspicious",
    "suspected spam",
    "unverified",
];
/// What may stand behind such a word.
const NOUNS: [&str; 10] =
    ["email", "e-mail", "mail", "sender", "message", "source", "absender", "nachricht", "expéditeur", "afzender"];
/// Around a label, whatever it says.
const BRACKETS: [(&str, &str); 14] = [
    ("[", "]"),
    ("(", ")"),
    ("{", "}"),
    ("<", ">"),
    ("【", "】"),
    ("［", "］"),
    ("（", "）"),
    ("「", "」"),
    ("«", "»"),
    ("***", "***"),
    ("**", "**"),
    ("##", "##"),
    ("--", "--"),
    ("==", "=="),
];
const OPENING: [char; 9] = ['[', '(', '{', '<', '«', '"', '【', '［', '（'];
const CLOSING: [char; 9] = [']', ')', '}', '>', '»', '"', '】', '］', '）'];
const LONGEST_LABEL: usize = 40;
/// Within brackets stand whole sentences of warning.
const LONGEST_IN_BRACKETS: usize = 120;

/// A subject without what mail clients put before it.
pub struct Line<'s> {
    /// Somebody passed it on (`Fwd:`, `FW:`, `WG:` ...).
    pub forwarded: bool,
    /// Somebody answered it (`Re:`, `AW:` ...).
    pub reply: bool,
    /// One or the other, by a prefix that means this in one language and that in another.
    pub either: bool,
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
    /// Takes off prefixes and warning labels such as `[EXTERNAL]`, as many as there are, in front and behind.
    pub fn read(subject: &'s str) -> Self {
        let mut line = Self { forwarded: false, reply: false, either: false, rest: subject.trim() };
        while let Some(rest) = line.peel() {
            line.rest = rest.trim_start();
        }
        while let Some(rest) = without_label_behind(line.rest) {
            line.rest = rest.trim_end();
        }
        if Headline::read(line.rest).is_none() {
            line.skip();
        }
        line
    }

    /// Gateways mark in more ways than anybody can list: whatever short text stands before a headline of GitLab's is put
    /// there by one, unless it says that the mail was answered or passed on.
    fn skip(&mut self) {
        let subject = self.rest;
        let starts = subject.char_indices().take(LONGEST_LABEL + 1).map(|(at, _)| at);
        let word = |at: &usize| !subject[..*at].ends_with(char::is_alphanumeric);
        let headline = starts.filter(word).find_map(|at| {
            let (before, rest) = subject.split_at(at);
            // Some clients put the whole subject into brackets: `[Fwd: …]`.
            let bare = rest.trim_end_matches(CLOSING);
            let whole = if before.contains(OPENING) { bare } else { rest };
            Headline::read(whole).map(|_| (before, whole))
        });
        let Some((before, rest)) = headline else { return };
        for word in before.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
            self.knows(word);
        }
        self.rest = rest;
    }

    fn peel(&mut self) -> Option<&'s str> {
        if let Some(rest) = without_label(self.rest) {
            let label = self.rest[..self.rest.len() - rest.len()].trim_matches(|c: char| !c.is_alphanumeric());
            self.forwarded |= ["fwd", "fw"].iter().any(|word| label.eq_ignore_ascii_case(word));
            self.reply |= label.eq_ignore_ascii_case("re");
            return Some(rest);
        }
        let subject = self.rest;
        let dash = |mark| subject.split_once(mark).filter(|(label, _)| is_warning(&label.trim().to_lowercase()));
        let plain = subject.split_once([':', '：']).filter(|(prefix, _)| self.knows(prefix)).map(|(_, rest)| rest);
        plain.or_else(|| [" - ", " – ", " — ", " | "].into_iter().find_map(dash).map(|(_, rest)| rest))
    }

    /// Whether a prefix is one of those that are put before subjects, and what it says.
    fn knows(&mut self, prefix: &str) -> bool {
        if prefix.chars().count() > LONGEST_LABEL {
            return false;
        }
        // Some clients count: `Re[2]:`, `AW(3):`, `Fwd^2:`.
        let word = prefix.split(['[', '(', '^']).next().unwrap_or(prefix).trim().to_lowercase();
        let word = word.as_str();
        let forward = FORWARD.contains(&word) || FORWARD_EAST.contains(&word);
        let reply = REPLY.contains(&word) || REPLY_EAST.contains(&word);
        let either = EITHER.contains(&word);
        self.forwarded |= forward;
        self.reply |= reply;
        self.either |= either;
        forward || reply || either || is_warning(word)
    }
}

/// A label in brackets, or a sign of warning, at the start.
fn without_label(subject: &str) -> Option<&str> {
    let bracketed = BRACKETS.iter().find_map(|(open, close)| {
        let (label, rest) = subject.strip_prefix(open)?.split_once(close)?;
        is_label(label).then(|| rest.trim_start_matches([':', '-', '–', ' ']))
    });
    let sign = |c: char| !c.is_alphanumeric() && !c.is_ascii() || matches!(c, '!' | '~' | '*' | '#');
    bracketed.or_else(|| subject.strip_prefix(sign))
}

fn without_label_behind(subject: &str) -> Option<&str> {
    BRACKETS.iter().find_map(|(open, close)| {
        let (rest, label) = subject.strip_suffix(close)?.rsplit_once(open)?;
        is_label(label).then_some(rest)
    })
}

fn is_label(label: &str) -> bool {
    let length = label.chars().count();
    // Some clients put the whole subject into brackets: that is the mail's own.
    let is_whole = || label.char_indices().any(|(at, _)| Headline::read(&label[at..]).is_some());
    (1..=LONGEST_IN_BRACKETS).contains(&length) && label.contains(char::is_alphanumeric) && !is_whole()
}

/// `EXTERNAL`, `External email`, `Mail from external sender`: some word warns, the others say of what.
fn is_warning(label: &str) -> bool {
    let word = |word: &str| WARNINGS.contains(&word);
    let mut words = label.split(|c: char| c.is_whitespace() || c == '_').filter(|word| !word.is_empty()).peekable();
    let said = words.peek().is_some() && words.clone().any(word);
    WARNINGS.contains(&label)
        || said && words.all(|part| word(part) || NOUNS.contains(&part) || matches!(part, "from" | "an" | "of"))
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

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "Your personal access tokens will expire in 7 days or less";

    #[test]
    fn whatever_a_gateway_puts_before_a_headline_is_no_part_of_it() {
        for label in [
            "EXTERNAL: ",
            "[EXT] ",
            "*EXTERNAL* ",
            "EXTERNAL ",
            "_EXT_ ",
            "|EXT| ",
            "-EXTERNAL- ",
            "~EXTERNAL~ ",
            "EXTERNAL> ",
            "EXT. ",
            "/!\\ External: ",
            "⚠️ EXTERNAL ⚠️ ",
            "«EXTERNAL» ",
            "PROBABLE SPAM: ",
            "Untrusted: ",
            "Outside: ",
            "OUTSIDE SENDER: ",
            "Correo externo: ",
            "NON-ACME: ",
            "NON-ACME | ",
            "[EXTERNAL EMAIL] - ",
            "CAUTION: EXTERNAL SENDER - ",
            "[CAUTION: this message came from outside of the Nordwind organisation] ",
            "(Attention: this email originated from an external sender, think before you click) ",
            "«Achtung: diese Nachricht kommt von einem externen Absender, bitte prüfen» ",
            "*** WARNING: THIS MESSAGE WAS SENT FROM OUTSIDE OF THE COMPANY *** ",
        ] {
            for end in ["", " | Acme"] {
                let subject = format!("{label}{SAID}{end}");
                let line = Line::read(&subject);
                assert!(Headline::read(line.rest).is_some(), "{subject}");
                assert!(!line.forwarded && !line.reply, "{subject}");
            }
        }
    }

    #[test]
    fn what_was_passed_on_or_answered_stays_so_behind_any_label() {
        for label in ["[Fwd: ", "Fwd - ", "(Fwd) ", "NON-ACME Fwd: ", "FW: NON-ACME: "] {
            let subject = format!("{label}{SAID}{}", if label == "[Fwd: " { "]" } else { "" });
            let line = Line::read(&subject);
            assert!(Headline::read(line.rest).is_some() && !line.reply, "{subject}");
            assert!(line.forwarded, "{subject}");
        }
        for label in ["[Re: ", "(Re) ", "NON-ACME Re: ", "Aw - ", "OUTSIDE RE: "] {
            assert!(Line::read(&format!("{label}{SAID}")).reply, "{label}");
        }
    }

    #[test]
    fn a_headline_in_the_middle_of_a_long_sentence_is_none() {
        let subject = format!("We had a long talk on Monday about what to do when {SAID}");
        assert!(Headline::read(Line::read(&subject).rest).is_none());
        let subject = format!("[{}] {SAID}", "a whole story in brackets ".repeat(5));
        assert!(Headline::read(Line::read(&subject).rest).is_none());
    }
}
