//! The authority that signs for the server of a section.

use super::section::Section;
use std::io::ErrorKind;
use std::path::PathBuf;

/// The file under `ca_file`, if it is there and holds certificates.
pub(crate) fn ca_file(section: &Section<'_>) -> Option<PathBuf> {
    let path = section.source.folder.join(section.text("ca_file")?);
    let why = match section.source.surroundings.text(&path) {
        Ok(pem) if pem.contains("-----BEGIN CERTIFICATE-----") => return Some(path),
        Ok(_) => "holds no certificate; give a PEM file".to_owned(),
        Err(error) if error.kind() == ErrorKind::NotFound => "does not exist".to_owned(),
        Err(error) => format!("cannot be read ({})", error.kind()),
    };
    section.complain("ca_file", &format!("ca_file: {} {why}", path.display()));
    None
}
