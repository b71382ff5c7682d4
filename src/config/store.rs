//! `[[token.store]]`: the places that hold a token's value, in the order in which they are written; and the named
//! connections to them, such as `[vault.main]`. One file a kind; a kind is one line in [`KINDS`], and one in
//! [`CONNECTIONS`] if stores of that kind share connections.

mod aws_secrets_manager;
mod azure_key_vault;
mod command;
mod file;
mod fortanix;
mod gitlab_secure_file;
mod gitlab_variable;
mod google_secret_manager;
mod http;
mod kubernetes;
mod link;
mod onepassword;
mod template;
mod vault;

use crate::settings::section::{Section, nearest};
use crate::secret_store::{Connections, Named, StoreSpec};
use std::sync::LazyLock;

/// One kind of store.
pub(super) struct Kind {
    /// As written after `kind =`.
    name: &'static str,
    /// Its keys besides the common ones.
    keys: &'static [&'static str],
    /// Reads one `[[token.store]]`; `None` after noting what is wrong with it.
    read: fn(&Section<'_>, &Connections) -> Option<StoreSpec>,
}

/// One kind of connection.
pub(super) struct ConnectionKind {
    /// The section, `vault` for `[vault.<name>]`.
    name: &'static str,
    keys: &'static [&'static str],
    /// Reads one connection and adds it under its name, or notes what is wrong with it.
    read: fn(&Section<'_>, &str, &mut Connections),
}

/// Every kind of store, one a line.
const KINDS: &[Kind] = &[
    // GitLab itself and this machine need no connection.
    gitlab_variable::KIND,
    gitlab_secure_file::KIND,
    file::KIND,
    aws_secrets_manager::KIND,
    command::KIND,
    google_secret_manager::KIND,
    // Behind a connection.
    azure_key_vault::KIND,
    fortanix::KIND,
    http::KIND,
    kubernetes::KIND,
    onepassword::KIND,
    vault::KIND,
];

/// Every kind of connection, one a line.
const CONNECTIONS: &[ConnectionKind] = &[
    // Sorted by name.
    aws_secrets_manager::CONNECTION,
    command::CONNECTION,
    google_secret_manager::CONNECTION,
    azure_key_vault::CONNECTION,
    fortanix::CONNECTION,
    http::CONNECTION,
    kubernetes::CONNECTION,
    onepassword::CONNECTION,
    vault::CONNECTION,
];

/// What every kind understands.
const COMMON: &[&str] = &["kind", "template"];

/// All keys that some kind understands.
pub(super) static KEYS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let mut keys = COMMON.to_vec();
    for key in KINDS.iter().flat_map(|kind| kind.keys) {
        if !keys.contains(key) {
            keys.push(key);
        }
    }
    keys
});

pub(super) use template::KEYS as TEMPLATE_KEYS;

/// The names of all kinds of stores.
pub fn kinds() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|kind| kind.name)
}

/// The sections that hold connections, each with the keys of one connection.
pub(super) fn connection_keys() -> impl Iterator<Item = (&'static str, &'static [&'static str])> {
    CONNECTIONS.iter().map(|kind| (kind.name, kind.keys))
}

/// All named connections of the main file.
pub(super) fn connections(root: &Section<'_>) -> Connections {
    let mut connections = Connections::default();
    for kind in CONNECTIONS {
        let Some(all) = root.section_of_names(kind.name) else { continue };
        for name in all.names() {
            if let Some(section) = all.section(name, format!("[{}.{name}]", kind.name), kind.keys) {
                (kind.read)(&section, name, &mut connections);
            }
        }
    }
    connections
}

/// The stores of one token.
pub(super) fn read(token: &Section<'_>, connections: &Connections) -> Vec<StoreSpec> {
    let sections = token.sections("store", &format!("{}: store", token.label()), &KEYS);
    if !token.has("store") {
        token.complain("store", "has no [[token.store]], so a new value would be lost; say where it lives");
    }
    sections.iter().filter_map(|section| read_one(section, connections)).collect()
}

fn read_one(section: &Section<'_>, connections: &Connections) -> Option<StoreSpec> {
    let known = || kinds().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
    let name = section.required("kind", &format!("write one of {}", known()))?;
    let Some(kind) = KINDS.iter().find(|kind| kind.name == name) else {
        let near = nearest(&name, kinds()).map(|near| format!("did you mean \"{near}\"?"));
        let way_out = near.unwrap_or_else(|| format!("known are {}", known()));
        section.complain("kind", &format!("there is no kind \"{name}\" of store; {way_out}"));
        return None;
    };
    section.refuse_others(COMMON, kind.keys, &format!("kind = \"{}\"", kind.name));
    let template = template::read(section);
    let spec = (kind.read)(section, connections)?;
    Some(match template? {
        Some(template) => StoreSpec::Templated(Box::new(spec), template),
        None => spec,
    })
}

/// The connection that `at` names, or a complaint with the names there are.
pub(super) fn at<'c, T>(section: &Section<'_>, kind: &str, known: &'c Named<T>) -> Option<(String, &'c T)> {
    let name = section.required("at", &format!("write the name of a connection, [{kind}.<name>]"))?;
    let found = known.get(&name);
    if found.is_none() {
        section.complain("at", &format!("there is no connection [{kind}.{name}]; add it, or correct the name"));
    }
    Some((name, found?))
}
