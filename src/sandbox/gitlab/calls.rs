//! The list of calls: who asked for what, whether it took effect, and what the caller saw of it.

use jiff::Timestamp;

/// One call of the API.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Call {
    /// Its place in the order of arrival, from 1.
    pub seq: u64,
    /// When it came.
    pub at: Timestamp,
    /// GET, POST, ...
    pub method: String,
    /// As it was sent, still encoded.
    pub path: String,
    /// As it was sent.
    pub query: String,
    /// The token it came with, dead or alive.
    pub caller: Option<u64>,
    /// The status the endpoint gave; `None` while it has not been performed.
    pub effect: Option<u16>,
    /// The status the caller got; `None` if it got nothing (yet).
    pub answered: Option<u16>,
    /// Parameters that the endpoint does not know.
    pub ignored: Vec<String>,
}

/// All calls so far.
#[derive(Default)]
pub(super) struct Calls(Vec<Call>);

impl Calls {
    /// Notes a call's arrival and gives it its number.
    pub fn open(&mut self, at: Timestamp, method: &str, path: &str, query: &str, caller: Option<u64>) -> u64 {
        let seq = self.0.len() as u64 + 1;
        let (method, path, query) = (method.to_owned(), path.to_owned(), query.to_owned());
        self.0.push(Call { seq, at, method, path, query, caller, effect: None, answered: None, ignored: Vec::new() });
        seq
    }

    /// The call with this number.
    pub fn get_mut(&mut self, seq: u64) -> Option<&mut Call> {
        self.0.get_mut(usize::try_from(seq).ok()?.checked_sub(1)?)
    }

    /// In order of arrival.
    pub fn all(&self) -> &[Call] {
        &self.0
    }

    /// How many came within the last minute.
    pub fn recent(&self, now: Timestamp) -> usize {
        self.0.iter().rev().take_while(|call| now.as_second() - call.at.as_second() < 60).take(2000).count()
    }
}
