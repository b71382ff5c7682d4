//! Trouble on demand: which calls it hits, and what it is.

use super::variables::wildcard;

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fault {
    /// The call waits first, then all is well; it takes effect even if the caller hangs up.
    Delay {
        /// How long.
        milliseconds: u64,
    },
    /// 429 with `Retry-After` and the plain text `Retry later`.
    TooManyRequests {
        /// Seconds to wait.
        retry_after: u64,
    },
    /// A server error, nothing done.
    ErrorBefore {
        /// 500, 502, 503.
        status: u16,
    },
    /// Done, and a server error.
    ErrorAfter {
        /// 500, 502, 503.
        status: u16,
    },
    /// The connection breaks, nothing done.
    CutBefore,
    /// Done, and the connection breaks.
    CutAfter,
    /// The connection breaks now; it is done when [`super::Handle::land_late`] says so.
    Late,
    /// A proxy's page with status 200, nothing done.
    Html,
    /// Done, and half of the answer.
    TruncatedJson,
    /// Waits for [`super::Handle::release`], nothing done yet.
    HoldBefore,
    /// Done, and waits for [`super::Handle::release`].
    HoldAfter,
}

/// Which calls a fault hits.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Rule {
    /// GET, POST, ...; `None` for all.
    #[serde(default)]
    pub method: Option<String>,
    /// The path as it is sent, `*` standing for anything.
    pub path: String,
    /// Only calls with this token.
    #[serde(default)]
    pub caller: Option<u64>,
    /// The first match that is hit, from 1.
    #[serde(default = "one")]
    pub nth: u64,
    /// How many are hit from there on; 0 for all.
    #[serde(default = "one")]
    pub count: u64,
    /// What goes wrong.
    pub fault: Fault,
    #[serde(skip)]
    seen: u64,
}

fn one() -> u64 {
    1
}

impl Rule {
    /// Hits the next call with this method and path.
    pub fn new(method: &str, path: &str, fault: Fault) -> Self {
        Self { method: Some(method.to_owned()), path: path.to_owned(), caller: None, nth: 1, count: 1, fault, seen: 0 }
    }

    /// Hits the nth call of all, counted from now.
    pub fn nth_call(nth: u64, fault: Fault) -> Self {
        Self { method: None, path: "*".to_owned(), caller: None, nth, count: 1, fault, seen: 0 }
    }

    /// Hits the nth match first.
    pub fn nth(self, nth: u64) -> Self {
        Self { nth, ..self }
    }

    /// Hits so many matches; 0 for all.
    pub fn times(self, count: u64) -> Self {
        Self { count, ..self }
    }

    /// Hits only calls with this token.
    pub fn caller(self, token: u64) -> Self {
        Self { caller: Some(token), ..self }
    }

    fn hit(&mut self, method: &str, path: &str, caller: Option<u64>) -> bool {
        let matches = self.method.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && wildcard(&self.path, path)
            && (self.caller.is_none() || self.caller == caller);
        self.seen += u64::from(matches);
        matches && self.seen >= self.nth && (self.count == 0 || self.seen < self.nth + self.count)
    }
}

/// The rules in force; the first that hits decides.
#[derive(Default)]
pub(super) struct Faults(pub Vec<Rule>);

impl Faults {
    /// What this call suffers.
    pub fn pick(&mut self, method: &str, path: &str, caller: Option<u64>) -> Option<Fault> {
        // Every rule counts the call, also those behind the one that hits.
        let hits: Vec<bool> = self.0.iter_mut().map(|rule| rule.hit(method, path, caller)).collect();
        hits.iter().position(|&hit| hit).map(|at| self.0[at].fault.clone())
    }
}
