//! A form or home tab as it comes back: which one it is, and what a person typed. What was typed may be a one-time code.

use crate::chat::lenient::{object, or_default};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use zeroize::Zeroizing;

/// What a person typed. Never shown by Debug, wiped on drop.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Typed(Zeroizing<String>);

impl Typed {
    /// The text.
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Typed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Typed(..)")
    }
}

impl<'de> Deserialize<'de> for Typed {
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        Ok(Self(Zeroizing::new(Option::<String>::deserialize(input)?.unwrap_or_default())))
    }
}

/// A form or a home tab.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct View {
    /// Its name.
    #[serde(deserialize_with = "or_default")]
    pub id: String,
    /// Its version.
    #[serde(deserialize_with = "or_default")]
    pub hash: String,
    /// Which kind of form, as we called it.
    #[serde(deserialize_with = "or_default")]
    pub callback_id: String,
    /// What we put into it.
    #[serde(deserialize_with = "or_default")]
    pub private_metadata: String,
    #[serde(deserialize_with = "object")]
    state: State,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct State {
    #[serde(deserialize_with = "or_default")]
    values: BTreeMap<String, BTreeMap<String, Field>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Field {
    #[serde(deserialize_with = "or_default")]
    value: Typed,
}

impl View {
    /// What was typed into the one field of a block; `None` if nothing was.
    pub fn typed(&self, block: &str) -> Option<&Typed> {
        let field = self.state.values.get(block)?.values().next()?;
        Some(&field.value).filter(|typed| !typed.text().trim().is_empty())
    }
}
