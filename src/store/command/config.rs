//! `[command.<name>]` and `kind = "command"`: a program of the user's that keeps the value somewhere.

use super::{Settings, Spec};
use crate::secret::Secret;
use crate::settings::secret_ref;
use crate::settings::section::Section;
use crate::store::Named;
use crate::store::keys::at;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// The keys of a place.
pub(in crate::store) const KEYS: &[&str] = &["at", "place"];

/// The keys of a connection.
pub(in crate::store) const CONNECTION_KEYS: &[&str] = &["program", "args", "env", "timeout"];

/// A store is looked at and written while one lease lasts, which is three runs of the program.
const LONGEST_SECONDS: u64 = 30;

pub(in crate::store) fn read(section: &Section<'_>, connections: &Named<Settings>) -> Option<Spec> {
    let at = at(section, "command", connections);
    let place = section.required("place", "write what the program calls it, \"prod/deploy-token\"");
    let (at, settings) = at?;
    Some(Spec { at, program: settings.identity(), place: place? })
}

pub(in crate::store) fn connection(section: &Section<'_>, name: &str, connections: &mut Named<Settings>) {
    let (program, environment, timeout) = (program(section), environment(section), timeout(section));
    let arguments = section.texts("args");
    if let (Some(program), Some(timeout)) = (program, timeout) {
        connections.insert(name.to_owned(), Settings { program, arguments, environment, timeout });
    }
}

fn program(section: &Section<'_>) -> Option<PathBuf> {
    let path = PathBuf::from(section.required("program", "write an absolute path, \"/usr/local/libexec/rekey-safe\"")?);
    if !path.is_absolute() {
        section.complain("program", "program must be an absolute path, so that no other can be started in its place");
        return None;
    }
    Some(path)
}

/// `PATH`, because nearly every script needs it, and what the configuration names.
fn environment(section: &Section<'_>) -> BTreeMap<String, Secret> {
    let path = section.source.surroundings.variable("PATH").map(|path| ("PATH".to_owned(), Secret::new(path)));
    let mut environment: BTreeMap<String, Secret> = path.into_iter().collect();
    let Some(named) = section.section_of_names("env") else { return environment };
    let named = named.called(format!("{}: env", section.label()));
    for name in named.names() {
        if let Some(found) = secret_ref::optional(&named, name) {
            environment.insert(name.to_owned(), found.value);
        }
    }
    environment
}

/// `Some(None)` if it is not given; `None` after noting what is wrong with it.
fn timeout(section: &Section<'_>) -> Option<Option<Duration>> {
    if !section.has("timeout") {
        return Some(None);
    }
    let seconds = section.duration("timeout")?;
    if seconds > LONGEST_SECONDS {
        section.complain("timeout", "timeout must be at most 30s; let the program exit with 10 and be asked again");
        return None;
    }
    Some(Some(Duration::from_secs(seconds)))
}
