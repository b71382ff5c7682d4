//! The parameters of a call, from the query, a form and a JSON body alike, as GitLab merges them.
//! Which ones an endpoint read is remembered: a parameter that nobody read is a mistake the real GitLab would swallow.

use super::multipart;
use super::reply::Refusal;
use jiff::{Timestamp, civil::Date};
use serde_json::Value;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// Named values; lists are kept as arrays, nested objects as `outer[inner]`.
#[derive(Default)]
pub(super) struct Params {
    values: BTreeMap<String, Value>,
    read: RefCell<BTreeSet<String>>,
}

impl Params {
    /// Reads the query and the body; a body that is not what it claims to be is refused.
    pub fn parse(query: &str, kind: &str, body: &[u8]) -> Result<Self, Refusal> {
        let mut params = Self::default();
        params.add_pairs(query.as_bytes());
        if body.is_empty() {
            return Ok(params);
        }
        if kind.starts_with("application/x-www-form-urlencoded") {
            params.add_pairs(body);
            return Ok(params);
        }
        if kind.starts_with("multipart/form-data") {
            let parts = multipart::parts(kind, body).ok_or_else(|| Refusal::bad_request("Invalid multipart body"))?;
            parts.into_iter().for_each(|(name, text)| params.add(name, text.into()));
            return Ok(params);
        }
        if !kind.starts_with("application/json") {
            return Err(Refusal::parameter("The provided content-type is not supported.".into()));
        }
        match serde_json::from_slice(body) {
            Ok(Value::Object(map)) => map.into_iter().for_each(|(key, value)| params.add(key, value)),
            _ => return Err(Refusal::bad_request("message body does not match declared format")),
        }
        Ok(params)
    }

    fn add_pairs(&mut self, encoded: &[u8]) {
        for (key, value) in form_urlencoded::parse(encoded) {
            match key.strip_suffix("[]") {
                Some(key) => match self.values.entry(key.to_owned()).or_insert_with(|| Value::Array(Vec::new())) {
                    Value::Array(items) => items.push(value.into()),
                    single => *single = value.into_owned().into(),
                },
                None => {
                    self.values.insert(key.into_owned(), value.into_owned().into());
                }
            }
        }
    }

    fn add(&mut self, key: String, value: Value) {
        match value {
            Value::Object(map) => map.into_iter().for_each(|(inner, value)| self.add(format!("{key}[{inner}]"), value)),
            value => {
                self.values.insert(key.trim_end_matches("[]").to_owned(), value);
            }
        }
    }

    fn get(&self, key: &str) -> Option<&Value> {
        self.read.borrow_mut().insert(key.to_owned());
        self.values.get(key)
    }

    /// Whether it was sent at all, even as null.
    pub fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Refuses, all at once, the ones that are missing.
    pub fn require(&self, keys: &[&str]) -> Result<(), Refusal> {
        let missing: Vec<_> = keys.iter().filter(|key| !self.has(key)).map(|key| format!("{key} is missing")).collect();
        if missing.is_empty() { Ok(()) } else { Err(Refusal::parameter(missing.join(", "))) }
    }

    /// As text; null and absent are the same.
    pub fn text(&self, key: &str) -> Option<String> {
        match self.get(key)? {
            Value::String(text) => Some(text.clone()),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
            other => Some(other.to_string()),
        }
    }

    /// One of a set of words.
    pub fn word(&self, key: &str, allowed: &[&str]) -> Result<Option<String>, Refusal> {
        match self.text(key) {
            Some(word) if !allowed.contains(&word.as_str()) => {
                Err(Refusal::parameter(format!("{key} does not have a valid value")))
            }
            word => Ok(word),
        }
    }

    /// True or false.
    pub fn flag(&self, key: &str) -> Result<Option<bool>, Refusal> {
        match self.text(key).as_deref() {
            None => Ok(None),
            Some("true" | "1") => Ok(Some(true)),
            Some("false" | "0") => Ok(Some(false)),
            Some(_) => Err(Refusal::parameter(format!("{key} is invalid"))),
        }
    }

    /// A list, sent as an array or with commas.
    pub fn list(&self, key: &str) -> Option<Vec<String>> {
        match self.get(key)? {
            Value::Array(items) => {
                Some(items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned)).collect())
            }
            Value::String(text) if text.is_empty() => Some(Vec::new()),
            Value::String(text) => Some(text.split(',').map(|part| part.trim().to_owned()).collect()),
            Value::Null => Some(Vec::new()),
            other => Some(vec![other.to_string()]),
        }
    }

    /// The value as it came, for structures.
    pub fn raw(&self, key: &str) -> Option<Value> {
        self.get(key).cloned()
    }

    /// A whole number, a date or a moment.
    pub fn parsed<T: FromText>(&self, key: &str) -> Result<Option<T>, Refusal> {
        match self.text(key) {
            None => Ok(None),
            Some(text) => match T::from_text(&text) {
                Some(value) => Ok(Some(value)),
                None => Err(Refusal::parameter(format!("{key} is invalid"))),
            },
        }
    }

    /// Parameters that were sent and that nobody read.
    pub fn ignored(&self) -> Vec<String> {
        let read = self.read.borrow();
        self.values.keys().filter(|key| !read.contains(*key)).cloned().collect()
    }
}

/// What a parameter can be read as.
pub(super) trait FromText: Sized {
    fn from_text(text: &str) -> Option<Self>;
}

impl FromText for u64 {
    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl FromText for Date {
    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl FromText for Timestamp {
    fn from_text(text: &str) -> Option<Self> {
        let date = || text.parse::<Date>().ok().map(crate::clock::start_of);
        text.parse().ok().or_else(date)
    }
}
