//! Secrets by reference: the file says where a value is (`env:NAME`, `file:/path`), never what it is.

use super::section::Section;
use crate::secret::{SHORTEST, Secret, is_safe};
use std::fmt;
use std::path::PathBuf;

/// A secret and where it came from. Only the reference can be printed.
pub struct SecretRef {
    /// As written in the file; for messages.
    pub reference: String,
    /// The file that it refers to, if it is one.
    pub file: Option<PathBuf>,
    /// What it referred to when the configuration was read.
    pub value: Secret,
}

impl fmt::Debug for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretRef({})", self.reference)
    }
}

/// The secret that a key refers to, if the key is there.
pub(crate) fn optional(section: &Section<'_>, key: &str) -> Option<SecretRef> {
    let reference = section.text(key)?;
    resolve(section, key, reference)
}

/// The secret that a key must refer to; `what` says which value is meant.
pub(crate) fn required(section: &Section<'_>, key: &str, what: &str) -> Option<SecretRef> {
    let hint = format!("write env:NAME or file:/path for {what}");
    let reference = section.required(key, &hint)?;
    resolve(section, key, reference)
}

/// The secrets of a key that takes one reference, or several while a secret is itself being replaced.
pub(crate) fn several(section: &Section<'_>, key: &str) -> Vec<SecretRef> {
    section.one_or_many(key).into_iter().filter_map(|reference| resolve(section, key, reference)).collect()
}

/// The same, each at least so many bytes long: what lets somebody in must not be guessed.
pub(crate) fn several_long(section: &Section<'_>, key: &str, least: usize) -> Vec<SecretRef> {
    let found = several(section, key);
    for short in found.iter().filter(|found| found.value.expose().len() < least) {
        let reference = &short.reference;
        let make = "openssl rand -hex 32";
        section
            .complain(key, &format!("{key}: {reference} is shorter than {least} characters; make a new one: {make}"));
    }
    found
}

fn resolve(section: &Section<'_>, key: &str, reference: String) -> Option<SecretRef> {
    match look_up(section, key, &reference) {
        Ok(value) => {
            section.source.problems.keep_quiet_about(&value);
            if value.expose().chars().count() < SHORTEST {
                let what = "it would be found in ordinary words, so rekey cannot keep it out of logs and messages";
                section.warn(key, &format!("{key}: {reference} is shorter than {SHORTEST} characters: {what}"));
            }
            let file = reference.strip_prefix("file:").map(|path| section.source.folder.join(path));
            Some(SecretRef { reference, file, value })
        }
        Err(message) => {
            section.complain(key, &message);
            None
        }
    }
}

fn look_up(section: &Section<'_>, key: &str, reference: &str) -> Result<Secret, String> {
    let text = if let Some(name) = reference.strip_prefix("env:") {
        variable(section, key, name)?
    } else if let Some(path) = reference.strip_prefix("file:") {
        file(section, key, path)?
    } else {
        return Err(literal(key, reference));
    };
    if text.is_empty() {
        return Err(format!("{key}: {reference} is empty; put the value there"));
    }
    Ok(Secret::new(text))
}

fn variable(section: &Section<'_>, key: &str, name: &str) -> Result<String, String> {
    let fits = |symbol: char| symbol.is_ascii_alphanumeric() || symbol == '_';
    if name.is_empty() || !name.chars().all(fits) || !is_safe(name) {
        return Err(format!("{key}: what follows env: must be the name of an environment variable, not its value"));
    }
    let value = section.source.surroundings.variable(name);
    value.ok_or_else(|| format!("{key}: the environment variable {name} is not set; set it, or use file:/path"))
}

fn file(section: &Section<'_>, key: &str, path: &str) -> Result<String, String> {
    let full = section.source.folder.join(path);
    let surroundings = section.source.surroundings;
    let mut text = surroundings.secret_file(&full).map_err(|error| {
        let why = error.kind();
        format!("{key}: the file {path} cannot be read ({why}); create it, readable by the user that runs rekey")
    })?;
    // A group that may read is common and meant; anybody else, or a group that may write, is not, except where a container
    // is handed its secrets: there the mode says nothing.
    if surroundings.mode(&full).is_some_and(|mode| mode & 0o026 != 0) && !surroundings.is_sealed(&full) {
        let full = full.display();
        return Err(format!("{key}: other users of this machine can read or change {path}; run chmod 600 {full}"));
    }
    if let Some(exposure) = surroundings.exposure(&full).filter(|_| !surroundings.is_sealed(&full)) {
        section.warn(key, &format!("{key}: {exposure}"));
    }
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
}

fn literal(key: &str, text: &str) -> String {
    if is_safe(text) {
        return format!("{key} must say where the value is, env:NAME or file:/path");
    }
    format!(
        "{key} holds a secret itself; move it to a file and write file:/path, and replace the secret: it may be known"
    )
}
