//! Trouble on demand: which calls it hits, and what it is.

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fault {
    /// The call waits first, then all is well.
    Delay {
        /// How long.
        milliseconds: u64,
    },
    /// 429 with `Retry-After`.
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
    /// A proxy's page with status 200, nothing done.
    Html,
    /// `ok: false` with this code, nothing done.
    Refuse {
        /// Slack's word for it.
        error: String,
    },
    /// Waits for a release, nothing done yet.
    HoldBefore,
    /// Done, and waits for a release.
    HoldAfter,
}

/// Which calls a fault hits.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Rule {
    /// The method, such as `chat.postMessage`; `None` for all.
    #[serde(default)]
    pub method: Option<String>,
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
    /// Hits the next call of a method.
    pub fn new(method: &str, fault: Fault) -> Self {
        Self { method: Some(method.to_owned()), nth: 1, count: 1, fault, seen: 0 }
    }

    /// Hits the nth call of all, counted from now.
    pub fn nth_call(nth: u64, fault: Fault) -> Self {
        Self { method: None, nth, count: 1, fault, seen: 0 }
    }

    /// Hits so many matches; 0 for all.
    #[must_use]
    pub fn times(self, count: u64) -> Self {
        Self { count, ..self }
    }

    fn hit(&mut self, method: &str) -> bool {
        let matches = self.method.as_deref().is_none_or(|wanted| wanted == method);
        self.seen += u64::from(matches);
        matches && self.seen >= self.nth && (self.count == 0 || self.seen < self.nth + self.count)
    }
}

/// What this call suffers. Every rule counts the call, also those behind the one that hits.
pub(super) fn pick(rules: &mut [Rule], method: &str) -> Option<Fault> {
    let hits: Vec<bool> = rules.iter_mut().map(|rule| rule.hit(method)).collect();
    hits.iter().position(|&hit| hit).map(|at| rules[at].fault.clone())
}
