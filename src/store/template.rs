//! The value inside a bigger document: where it lies, and how it is written there. Pure; every byte outside the value
//! stays as it is. Each shape is a file that finds the value; reading and replacing are the same for all.

pub(super) mod config;
mod docker_config;
mod dotenv;
mod elsewhere;
mod json;
mod netrc;
mod npmrc;
mod reference;
mod spelling;
mod text;
mod url;

use super::caution::Caution;
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
        let value = first(text, &self.find(text)?)?;
        match reference::refused(value.expose()) {
            Some(misfit) => Err(misfit),
            None => Ok(value),
        }
    }

    /// What people should know who write into this document: that nobody reads the value there, or that it stands in
    /// other places too.
    pub fn unread(&self, document: &Secret) -> Vec<Caution> {
        let text = document.expose();
        let mut found = match self {
            Self::DockerConfig { registry, .. } => docker_config::unread(without_mark(text).1, registry),
            _ => Vec::new(),
        };
        found.extend(elsewhere::kept(text));
        if let Ok(parts) = self.find(text)
            && let Ok(value) = first(text, &parts)
        {
            found.extend(elsewhere::found(text, &parts, &value));
        }
        found
    }

    /// The document with another value, and otherwise the same to the byte.
    pub fn replace(&self, document: &Secret, value: &Secret) -> Result<Secret, Misfit> {
        let text = document.expose();
        let parts = self.find(text)?;
        self.extract(document)?;
        // Room for all of it, so that no copy stays behind where the text would grow.
        let room = text.len() + parts.len() * (8 * value.expose().len() + 512);
        let (mut replaced, mut at, mut starts) = (Zeroizing::new(String::with_capacity(room)), 0, Vec::new());
        for part in &parts {
            replaced.push_str(&text[at..part.range.start]);
            starts.push(replaced.len());
            replaced.push_str(&part.spelling.write(value)?);
            at = part.range.end;
        }
        replaced.push_str(&text[at..]);
        let replaced = Secret::new(std::mem::take(&mut replaced));
        // What is read back differently would be lost, and what is found elsewhere would be somebody else's.
        if self.holds(&replaced, value, &starts) {
            return Ok(replaced);
        }
        Err(Misfit::new("the value could not be told from the text around it", "store the value elsewhere"))
    }

    /// Whether the value is read in exactly these places, and in no other form.
    fn holds(&self, document: &Secret, value: &Secret, starts: &[usize]) -> bool {
        let text = document.expose();
        let Ok(found) = self.find(text) else { return false };
        let is_there = |(part, start): (&Part, &usize)| {
            let read = part.spelling.read(&text[part.range.clone()]);
            part.range.start == *start && read.is_ok_and(|read| read.digest() == value.digest())
        };
        found.len() == starts.len() && found.iter().zip(starts).all(is_there) && self.extract(document).is_ok()
    }

    /// The bytes of the object at `key` of a JSON document.
    pub(super) fn json_object(text: &str, key: &[&str]) -> Option<Range<usize>> {
        json::object(text, key)
    }

    /// Every place where the value lies, from the top; at least one.
    fn find(&self, text: &str) -> Result<Vec<Part>, Misfit> {
        let (mark, text) = without_mark(text);
        let mut parts = self.find_in(text)?;
        parts.sort_by_key(|part| part.range.start);
        for part in &mut parts {
            part.range = part.range.start + mark..part.range.end + mark;
        }
        Ok(parts)
    }

    fn find_in(&self, text: &str) -> Result<Vec<Part>, Misfit> {
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

/// A document without the mark of its byte order, by which some editors begin one, and the mark's length.
fn without_mark(text: &str) -> (usize, &str) {
    text.strip_prefix('\u{feff}').map_or((0, text), |rest| (text.len() - rest.len(), rest))
}

/// The value by the part that is read first; the others follow it.
fn first(text: &str, parts: &[Part]) -> Result<Secret, Misfit> {
    let leading = parts.iter().find(|part| part.spelling.leads()).or_else(|| parts.first());
    let part = leading.ok_or_else(|| Misfit::missing("value"))?;
    part.spelling.read(&text[part.range.clone()])
}

/// Those that were found, if they hold the same: which of several different ones is meant nobody can know.
fn alike(text: &str, found: impl Iterator<Item = Result<Part, Misfit>>, what: &str) -> Result<Vec<Part>, Misfit> {
    let parts = found.collect::<Result<Vec<Part>, Misfit>>()?;
    let mut held = parts.iter().map(|part| part.spelling.read(&text[part.range.clone()]));
    let first = held.next().ok_or_else(|| Misfit::missing(what))?;
    let differs = |other: Result<Secret, Misfit>| match (&first, other) {
        (Ok(first), Ok(other)) => first.digest() != other.digest(),
        _ => true,
    };
    if held.any(differs) { Err(Misfit::several(what)) } else { Ok(parts) }
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
