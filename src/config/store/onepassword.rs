//! `kind = "onepassword"`: a field of an item behind a 1Password Connect server, `[onepassword.<name>]`.

use super::{ConnectionKind, Kind, at, link};
use crate::settings::address::authority;
use crate::settings::secret_ref;
use crate::settings::section::Section;
use crate::secret_store::onepassword::{Settings, Spec};
use crate::secret_store::{Connections, StoreSpec};
use std::time::Duration;

pub(super) const KIND: Kind =
    Kind { name: "onepassword", keys: &["at", "vault", "item", "section", "field", "previous"], read };

pub(super) const CONNECTION: ConnectionKind =
    ConnectionKind { name: "onepassword", keys: &["url", "token", "ca_file", "timeout", "sync"], read: connection };

/// How long a change may take to show up in reads, unless told.
const SYNC: u64 = 10;

/// Longer than this a worker does not wait; the write is tried again.
const LONGEST_SYNC: u64 = 30;

fn connection(section: &Section<'_>, name: &str, connections: &mut Connections) {
    let link = link::read(section, "https://connect.example.com");
    let token = secret_ref::required(section, "token", "a Connect token that may read and write");
    let sync = section.duration("sync").unwrap_or(SYNC);
    if sync > LONGEST_SYNC {
        section.complain("sync", &format!("sync is longer than {LONGEST_SYNC} s; a write is tried again anyway"));
    }
    if let (Some(link), Some(token)) = (link, token) {
        let settings = Settings { link, token: token.value, sync: Duration::from_secs(sync) };
        connections.onepassword.insert(name.to_owned(), settings);
    }
}

fn read(section: &Section<'_>, connections: &Connections) -> Option<StoreSpec> {
    let vault = part(section, "vault", "write the vault's name or id, \"Deploy\"");
    let item = part(section, "item", "write the item's title or id, \"GitLab\"");
    let field = part(section, "field", "write the field's name or id, \"credential\"");
    let inner = section.has("section").then(|| part(section, "section", ""));
    let (at, connection) = at(section, "onepassword", &connections.onepassword)?;
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
    Some(StoreSpec::Onepassword(spec))
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
