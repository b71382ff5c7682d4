//! `kind = "onepassword"`: a field of an item behind a 1Password Connect server, `[onepassword.<name>]`.

use super::{Settings, Spec};
use crate::settings::address::authority;
use crate::settings::secret_ref;
use crate::settings::section::Section;
use crate::store::Named;
use crate::store::keys::{self, at};
use std::time::Duration;

/// The keys of a place.
pub(in crate::store) const KEYS: &[&str] = &["at", "vault", "item", "section", "field", "previous"];

/// The keys of a connection.
pub(in crate::store) const CONNECTION_KEYS: &[&str] = &["url", "token", "ca_file", "timeout", "sync"];

/// How long a change may take to show up in reads, unless told.
const SYNC: u64 = 10;

/// Longer than this a worker does not wait; the write is tried again.
const LONGEST_SYNC: u64 = 30;

pub(in crate::store) fn connection(section: &Section<'_>, name: &str, connections: &mut Named<Settings>) {
    let link = keys::read(section, "https://connect.example.com");
    let token = secret_ref::required(section, "token", "a Connect token that may read and write");
    let sync = section.duration("sync").unwrap_or(SYNC);
    if sync > LONGEST_SYNC {
        section.complain("sync", &format!("sync is longer than {LONGEST_SYNC} s; a write is tried again anyway"));
    }
    if let (Some(link), Some(token)) = (link, token) {
        let settings = Settings { link, token: token.value, sync: Duration::from_secs(sync) };
        connections.insert(name.to_owned(), settings);
    }
}

pub(in crate::store) fn read(section: &Section<'_>, connections: &Named<Settings>) -> Option<Spec> {
    let vault = part(section, "vault", "write the vault's name or id, \"Deploy\"");
    let item = part(section, "item", "write the item's title or id, \"GitLab\"");
    let field = part(section, "field", "write the field's name or id, \"credential\"");
    let inner = section.has("section").then(|| part(section, "section", ""));
    let (at, connection) = at(section, "onepassword", connections)?;
    let spec = Spec {
        at,
        host: authority(&connection.link.url),
        vault: vault?,
        item: item?,
        section: match inner {
            Some(section) => Some(section?),
            None => None,
        },
        field: field?,
        previous: section.text("previous"),
    };
    Some(spec)
}

/// A part of a reference; 1Password too asks for the id where a name has a slash.
fn part(section: &Section<'_>, key: &str, hint: &str) -> Option<String> {
    let text = section.required(key, hint)?;
    if text.contains('/') {
        section.complain(key, &format!("{key} has a slash in it; write its id instead of its name"));
        return None;
    }
    Some(text)
}
