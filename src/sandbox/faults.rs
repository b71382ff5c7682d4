//! Trouble on demand, the same for every stand-in: which calls it hits, and what it is.

use super::holds::{Held, Holds};
use axum::http::Method;
use futures::future::BoxFuture;
use std::sync::{Mutex, MutexGuard};

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fault {
    /// The call waits first, then all is well; it takes effect even if the caller hangs up.
    Delay {
        /// How long.
        milliseconds: u64,
    },
    /// 429 with `Retry-After`, in the vendor's words.
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
    /// The connection breaks now; it is done when [`Faults::land_late`] says so.
    Late,
    /// A proxy's page with status 200, nothing done.
    Html,
    /// A page of a proxy, or of what bans addresses, nothing done.
    Page {
        /// 401, 403, 404.
        status: u16,
    },
    /// Done, and half of the answer.
    TruncatedJson,
    /// This answer, nothing done.
    Refuse {
        /// 200 where the vendor says no in the body.
        status: u16,
        /// What the vendor says.
        body: serde_json::Value,
    },
    /// Waits for [`Faults::release`], nothing done yet.
    HoldBefore,
    /// Done, and waits for [`Faults::release`].
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

    /// Whether it has hit all that it was to hit.
    pub fn is_used_up(&self) -> bool {
        self.count > 0 && self.seen >= self.nth + self.count - 1
    }

    fn hit(&mut self, method: &str, path: &str, caller: Option<u64>) -> bool {
        let matches = self.method.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && wildcard(&self.path, path)
            && (self.caller.is_none() || self.caller == caller);
        self.seen += u64::from(matches);
        matches && self.seen >= self.nth && (self.count == 0 || self.seen < self.nth + self.count)
    }
}

/// The rules in force (the first that hits decides), and the calls that they hold up or let land late.
#[derive(Default)]
pub struct Faults {
    rules: Mutex<Vec<Rule>>,
    late: Mutex<Vec<BoxFuture<'static, ()>>>,
    holds: Holds,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl Faults {
    /// Adds a rule behind the others.
    pub fn add(&self, rule: Rule) {
        lock(&self.rules).push(rule);
    }

    /// Ends all rules; what is held stays held.
    pub fn clear(&self) {
        lock(&self.rules).clear();
    }

    /// The rules in force.
    pub fn rules(&self) -> Vec<Rule> {
        lock(&self.rules).clone()
    }

    /// What this call suffers.
    pub fn pick(&self, method: &Method, path: &str, caller: Option<u64>) -> Option<Fault> {
        let mut rules = lock(&self.rules);
        // Every rule counts the call, also those behind the one that hits.
        let hits: Vec<bool> = rules.iter_mut().map(|rule| rule.hit(method.as_str(), path, caller)).collect();
        hits.iter().position(|&hit| hit).map(|at| rules[at].fault.clone())
    }

    /// Late calls take effect now, in the order in which they were sent. How many there were.
    pub async fn land_late(&self) -> usize {
        let late = std::mem::take(&mut *lock(&self.late));
        let count = late.len();
        for effect in late {
            effect.await;
        }
        count
    }

    /// Keeps an effect for [`Faults::land_late`].
    pub(super) fn postpone(&self, effect: BoxFuture<'static, ()>) {
        lock(&self.late).push(effect);
    }

    /// Holds a call until it is released: true to go on, false to break the connection.
    pub(super) async fn hold(&self, seq: u64, performed: bool) -> bool {
        self.holds.hold(seq, performed).await
    }

    /// The first held call, as soon as there is one.
    pub async fn held(&self) -> Held {
        self.holds.held().await
    }

    /// All held calls.
    pub fn waiting(&self) -> Vec<Held> {
        self.holds.waiting()
    }

    /// Lets the held calls go on (true), or breaks their connections (false; what was not performed never is).
    pub fn release(&self, go_on: bool) {
        self.holds.release(go_on);
    }
}

/// Whether text matches a pattern in which `*` stands for anything.
pub(super) fn wildcard(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(after) = text.strip_prefix(head) else { return false };
    let mut starts = (0..=after.len()).filter(|&at| after.is_char_boundary(at));
    starts.any(|at| wildcard(rest, &after[at..]))
}
