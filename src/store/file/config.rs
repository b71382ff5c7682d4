//! `kind = "file"`: a file on the machine that the bot runs on.

use super::Spec;
use crate::settings::section::Section;

use std::path::PathBuf;

/// The keys of a place.
pub(in crate::store) const KEYS: &[&str] = &["path"];

pub(in crate::store) fn read(section: &Section<'_>) -> Option<Spec> {
    let path = PathBuf::from(section.required("path", "write an absolute path, \"/etc/deploy/token\"")?);
    if !path.is_absolute() {
        section.complain("path", "path must be absolute, so that it means the same wherever rekey is started");
        return None;
    }
    Some(Spec { path })
}
