//! Why the database is not believed, and what somebody may say about it.

use super::head::Head;

/// What there is to doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What is there is right, and old: an end is known that it does not reach.
    Behind,
    /// Lines are edited, missing or forged.
    Damaged,
    /// No line has a seal of ours: another key, or all of it is forged.
    Keyless,
    /// It is of a time without keys.
    Unsealed,
}

/// Why the database is not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// In words.
    pub why: String,
    /// By what has to be done.
    pub kind: Kind,
    /// The end that is known.
    pub known: Option<Head>,
}

impl Doubt {
    pub(super) fn behind(known: Head, have: u64) -> Self {
        let why = if known.size > have {
            format!("the database has lost its memory: its journal has {have} lines, and {} are known", known.size)
        } else {
            format!("the database is not the one that is known: line {} of its journal is another", known.size)
        };
        Self { why, kind: Kind::Behind, known: Some(known) }
    }

    pub(super) fn damaged(kind: Kind, what: &str, known: Option<Head>) -> Self {
        Self { why: format!("the database was changed by somebody else: {what}"), kind, known }
    }

    pub(super) fn robbed(known: Head) -> Self {
        let why = "the database was changed by somebody else: its seals were taken away".to_owned();
        Self { why, kind: Kind::Keyless, known: Some(known) }
    }

    pub(super) fn unsealed() -> Self {
        let why = "the database is of a version of rekey that sealed nothing".to_owned();
        Self { why, kind: Kind::Unsealed, known: None }
    }

    /// What somebody has to say before anything is done by it; `None`: it is settled without.
    pub fn needs(&self) -> Option<&'static str> {
        match (self.kind, &self.known) {
            (Kind::Behind | Kind::Damaged, _) => None,
            (Kind::Unsealed, _) => Some(UPGRADED),
            (Kind::Keyless, Some(_)) => Some(ROBBED),
            (Kind::Keyless, None) => Some(KEYLESS),
        }
    }

    /// The same, where this word does not say it.
    pub(super) fn lacks(&self, word: Word) -> Option<&'static str> {
        let is_said = match self.kind {
            Kind::Unsealed => word != Word::Nothing,
            _ => word == Word::New,
        };
        self.needs().filter(|_| !is_said)
    }
}

const UPGRADED: &str = "If rekey was upgraded from such a version just now, start once with `rekey serve --adopt`: approvals \
                        are asked anew, what was under way waits for its approvers, and held logins and one-time codes are \
                        sealed as they are. Else somebody took its seals away: restore it";
const ROBBED: &str = "Restore it. If that cannot be, start once with `rekey serve --new`: approvals are asked anew, and codes \
                      and logins are reset by hand";
const KEYLESS: &str = "None of the keys of [database] sealed it: give the key it was sealed with, behind a newer one if you \
                       have one. If it is lost, start once with `rekey serve --new`";

/// What somebody who starts the bot says of a database that is not what it should be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Word {
    /// Nothing.
    #[default]
    Nothing,
    /// It shall be gone on with, whatever it is: it is empty, its key is lost, or rows of it are not as they were left.
    New,
    /// It is of a version that sealed nothing.
    Adopt,
}
