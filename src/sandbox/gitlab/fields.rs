//! Which fields the answers of real GitLab instances have, by version and by who asks. What the sandbox knows stands in
//! them; the rest is what an instance in its first hour says.

use super::world::World;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::LazyLock;

static FIELDS: LazyLock<BTreeMap<String, Kind>> =
    LazyLock::new(|| serde_json::from_str(include_str!("fields.json")).expect("a file of our own"));

/// The fields of one kind of answer.
#[derive(Deserialize)]
struct Kind {
    /// With what stands in them unless the sandbox knows better.
    fields: Map<String, Value>,
    /// From which version on they are there.
    since: BTreeMap<String, String>,
    /// From which version on they are not.
    until: BTreeMap<String, String>,
    /// Those that not everybody sees, or not everywhere, by the reason.
    only: BTreeMap<String, Vec<String>>,
}

impl World {
    /// The fields that this version shows for a kind of answer, `own` among them. What is there only for a reason is
    /// there if the reason is given.
    pub(super) fn shown(&self, kind: &str, reasons: &[&str], own: &Value) -> Value {
        let kind = &FIELDS[kind];
        let hidden = |name: &String| {
            kind.only.iter().any(|(reason, names)| names.contains(name) && !reasons.contains(&reason.as_str()))
        };
        let here = |name: &String| {
            kind.since.get(name).is_none_or(|version| self.is_at_least(version))
                && !kind.until.get(name).is_some_and(|version| self.is_at_least(version))
        };
        let fields = kind.fields.iter().filter(|(name, _)| here(name) && !hidden(name));
        let known = |name: &String, usual: &Value| own.get(name).unwrap_or(usual).clone();
        Value::Object(fields.map(|(name, usual)| (name.clone(), known(name, usual))).collect())
    }

    /// Whether the instance's version is at least this one, such as `18.11`.
    pub(super) fn is_at_least(&self, version: &str) -> bool {
        numbers(&self.settings.version) >= numbers(version)
    }
}

fn numbers(version: &str) -> (u32, u32) {
    let mut parts = version.split(['.', '-']).map(|part| part.parse().unwrap_or_default());
    (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
}
