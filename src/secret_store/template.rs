//! The value inside a bigger document: where it lies, and how it is written there. Pure; every byte outside the value
//! stays as it is. Each shape is a file that finds the value; reading and replacing are the same for all.

mod docker_config;
mod dotenv;
mod json;
mod netrc;
mod npmrc;
mod spelling;
mod text;
mod url;

use crate::secret::Secret;
use serde::{Deserialize, Serialize};
use spelling::Spelling;
use std::fmt;
use std::ops::Range;
use zeroize::Zeroizing;

/// Where in a document the value lies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Template {
    /// The password of a machine in a `.netrc`.
    Netrc {
        /// The machine.
        machine: String,
        /// Whose password, if the machine is there several times.
        login: Option<String>,
    },
    /// The token of a registry in an `.npmrc`.
    Npmrc {
        /// Its address, with or without `https:`.
        registry: String,
    },
    /// The password of a registry in Docker's `config.json`, inside its encoded `auth`.
    DockerConfig {
        /// The key under `auths`.
        registry: String,
        /// Whose password; needed where `auth` is still empty.
        user: Option<String>,
    },
    /// The password in an address, one address a line.
    Url {
        /// The address's host, with its port if it has one, where there are several addresses.
        host: Option<String>,
        /// Its user, where there are several.
        user: Option<String>,
    },
    /// One text in a JSON document.
    Json {
        /// The keys on the way to it; a number is a place in a list.
        key: Vec<String>,
    },
    /// One key of a dotenv file.
    Dotenv {
        /// The key.
        key: String,
    },
    /// What stands between two texts.
    Text {
        /// What stands before it, in the same line.
        before: String,
        /// What stands after it.
        after: String,
    },
}

/// A document that the template does not fit, in words without any of its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// What is wrong.
    pub why: String,
    /// What a person can do.
    pub mend: String,
}

/// The value's bytes in the document, and how they are to be read.
struct Part {
    range: Range<usize>,
    spelling: Spelling,
}

impl Template {
    /// The value in the document.
    pub fn extract(&self, document: &Secret) -> Result<Secret, Misfit> {
        let text = document.expose();
        let part = self.find(text)?;
        part.spelling.read(&text[part.range])
    }

    /// The document with another value, and otherwise the same to the byte.
    pub fn replace(&self, document: &Secret, value: &Secret) -> Result<Secret, Misfit> {
        let text = document.expose();
        let part = self.find(text)?;
        let spelt = part.spelling.write(value)?;
        let mut replaced = Zeroizing::new(String::with_capacity(text.len() + spelt.len()));
        replaced.push_str(&text[..part.range.start]);
        replaced.push_str(&spelt);
        replaced.push_str(&text[part.range.end..]);
        let replaced = Secret::new(std::mem::take(&mut replaced));
        // What is read back differently would be lost, and what is found elsewhere would be somebody else's.
        match (self.find(replaced.expose()), self.extract(&replaced)) {
            (Ok(found), Ok(back)) if found.range.start == part.range.start && back.digest() == value.digest() => {
                Ok(replaced)
            }
            _ => Err(Misfit::new("the value could not be told from the text around it", "store the value elsewhere")),
        }
    }

    /// The bytes of the object at `key` of a JSON document.
    pub(super) fn json_object(text: &str, key: &[&str]) -> Option<Range<usize>> {
        json::object(text, key)
    }

    fn find(&self, text: &str) -> Result<Part, Misfit> {
        match self {
            Self::Netrc { machine, login } => netrc::find(text, machine, login.as_deref()),
            Self::Npmrc { registry } => npmrc::find(text, registry),
            Self::DockerConfig { registry, user } => docker_config::find(text, registry, user.as_deref()),
            Self::Url { host, user } => url::find(text, host.as_deref(), user.as_deref()),
            Self::Json { key } => json::find(text, key),
            Self::Dotenv { key } => dotenv::find(text, key),
            Self::Text { before, after } => text::find(text, before, after),
        }
    }
}

impl Misfit {
    fn new(why: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { why: why.into(), mend: mend.into() }
    }

    fn missing(what: &str) -> Self {
        Self::new(format!("there is no {what} in it"), "put one there by hand once, or correct the template")
    }

    fn several(what: &str) -> Self {
        Self::new(format!("there is more than one {what} in it"), "leave one, or say more in the template")
    }
}

/// The one that was found, if it was exactly one.
fn only<T>(mut found: impl Iterator<Item = T>, what: &str) -> Result<T, Misfit> {
    let first = found.next().ok_or_else(|| Misfit::missing(what))?;
    if found.next().is_some() { Err(Misfit::several(what)) } else { Ok(first) }
}

/// The lines of a text with their positions, without their ends.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut start = 0;
    text.split_inclusive('\n').map(move |line| {
        let at = start;
        start += line.len();
        (at, line.trim_end_matches(['\n', '\r']))
    })
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Netrc { machine, login: None } => write!(f, "netrc {machine}"),
            Self::Netrc { machine, login: Some(login) } => write!(f, "netrc {machine} {login}"),
            Self::Npmrc { registry } => write!(f, "npmrc {}", npmrc::key(registry)),
            Self::DockerConfig { registry, .. } => write!(f, "docker_config {registry}"),
            Self::Url { host, user } => {
                f.write_str("url")?;
                [host, user].into_iter().flatten().try_for_each(|part| write!(f, " {part}"))
            }
            Self::Json { key } => write!(f, "json {}", key.join(".")),
            Self::Dotenv { key } => write!(f, "dotenv {key}"),
            Self::Text { before, after } => write!(f, "text {}…{}", before.trim(), after.trim()),
        }
    }
}
