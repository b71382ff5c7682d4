//! `kind = "file"`: a file on the machine that the bot runs on.

use super::Kind;
use crate::settings::section::Section;
use crate::secret_store::file::Spec;
use crate::secret_store::{Connections, StoreSpec};
use std::path::PathBuf;

pub(super) const KIND: Kind = Kind { name: "file", keys: &["path"], read };

fn read(section: &Section<'_>, _: &Connections) -> Option<StoreSpec> {
    let path = PathBuf::from(section.required("path", "write an absolute path, \"/etc/deploy/token\"")?);
    if !path.is_absolute() {
        section.complain("path", "path must be absolute, so that it means the same wherever rekey is started");
        return None;
    }
    Some(StoreSpec::File(Spec { path }))
}
