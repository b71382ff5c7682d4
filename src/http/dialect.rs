//! How one kind of host words its refusals. HTTP's number alone says too little (GitLab's 401 may be about one project,
//! its 403 about an hour of maintenance), so a host that has a dialect gets every refusal read by it, once, before
//! anybody acts on the number.

use reqwest::header::HeaderMap;

/// What a refusal is about, which decides who else it concerns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum About {
    /// This call alone: its object, or our right to it.
    #[default]
    Call,
    /// The credential: no call with it will go well until another one is given.
    Credential,
    /// Whoever calls, with whatever credential: a blocked account, terms that nobody accepted.
    Caller,
}

/// What the dialect makes of a refusal besides its words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Whom it concerns.
    pub about: About,
    /// What a person can do about it, where that is known.
    pub mend: Option<&'static str>,
}

/// A refusal as it came.
pub struct Refused<'a> {
    /// Whether the call was meant to change something.
    pub is_write: bool,
    /// The whole path that was called.
    pub path: &'a str,
    /// The path of the base, to tell the host's start page.
    pub base: &'a str,
    /// `https://host` that was called, to tell it from others.
    pub origin: &'a str,
    /// The status.
    pub status: u16,
    /// The headers, by which one who answers in the host's stead may show.
    pub headers: &'a HeaderMap,
    /// Where a redirect points.
    pub location: Option<&'a str>,
    /// The body, as far as it was read.
    pub body: &'a [u8],
    /// The host's words, if there are any.
    pub words: Option<&'a str>,
}

/// What a refusal means.
pub enum Reading {
    /// A refusal, in these words if not in the host's own.
    No {
        /// Better words.
        words: Option<String>,
        /// Whom it concerns, and the way out.
        told: Told,
    },
    /// A refusal of the credential, unless the host accepts it elsewhere: then only this call is refused.
    NoOrNobody,
    /// It had no effect, and nothing is wrong with the call: the same will go well once the host is open again.
    NotNow {
        /// What holds it up.
        why: String,
        /// What a person can do if it does not pass by itself.
        mend: &'static str,
    },
}

/// How one kind of host is read.
#[derive(Clone, Copy)]
pub struct Dialect {
    /// Reads one refusal.
    pub read: fn(&Refused<'_>) -> Reading,
    /// A path below the base that is answered to whoever has a credential, and 401 to nobody else.
    pub whoami: &'static str,
}

impl Reading {
    /// As the host says it.
    pub fn plain() -> Self {
        Self::No { words: None, told: Told::default() }
    }

    /// As the host says it, with a way out.
    pub fn mended(about: About, mend: &'static str) -> Self {
        Self::No { words: None, told: Told { about, mend: Some(mend) } }
    }

    /// In better words, with a way out.
    pub fn reworded(words: impl Into<String>, mend: &'static str) -> Self {
        Self::No { words: Some(words.into()), told: Told { about: About::Call, mend: Some(mend) } }
    }
}
