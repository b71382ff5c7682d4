//! `[[token.store]]`: the places that hold a token's value, in the order in which they are written; and the named
//! connections to them, such as `[vault.main]`. One file a kind; a kind is one line in [`KINDS`], and one in
//! [`CONNECTIONS`] if stores of that kind share connections.

use super::template;
use super::{
    Connections, StoreSpec, aws_secrets_manager, azure_key_vault, command, file, fortanix, gitlab_secure_file,
    gitlab_variable, google_secret_manager, http, kubernetes, onepassword, vault,
};
use crate::settings::section::{Section, nearest};
use std::sync::LazyLock;

/// One kind of store.
struct Kind {
    /// As written after `kind =`.
    name: &'static str,
    /// Its keys besides the common ones.
    keys: &'static [&'static str],
    /// Reads one `[[token.store]]`; `None` after noting what is wrong with it.
    read: fn(&Section<'_>, &Connections) -> Option<StoreSpec>,
}

/// One kind of connection.
struct ConnectionKind {
    /// The section, `vault` for `[vault.<name>]`.
    name: &'static str,
    keys: &'static [&'static str],
    /// Reads one connection and adds it under its name, or notes what is wrong with it.
    read: fn(&Section<'_>, &str, &mut Connections),
}

/// Every kind of store, one a line.
const KINDS: &[Kind] = &[
    // GitLab itself and this machine need no connection.
    Kind {
        name: "gitlab_variable",
        keys: gitlab_variable::config::KEYS,
        read: |section, _| gitlab_variable::config::read(section).map(StoreSpec::GitlabVariable),
    },
    Kind {
        name: "gitlab_secure_file",
        keys: gitlab_secure_file::config::KEYS,
        read: |section, _| gitlab_secure_file::config::read(section).map(StoreSpec::GitlabSecureFile),
    },
    Kind {
        name: "file",
        keys: file::config::KEYS,
        read: |section, _| file::config::read(section).map(StoreSpec::File),
    },
    Kind {
        name: "aws_secrets_manager",
        keys: aws_secrets_manager::config::KEYS,
        read: |section, all| {
            aws_secrets_manager::config::read(section, &all.aws_secrets_manager).map(StoreSpec::AwsSecretsManager)
        },
    },
    Kind {
        name: "command",
        keys: command::config::KEYS,
        read: |section, all| command::config::read(section, &all.command).map(StoreSpec::Command),
    },
    Kind {
        name: "google_secret_manager",
        keys: google_secret_manager::config::KEYS,
        read: |section, all| {
            google_secret_manager::config::read(section, &all.google_secret_manager).map(StoreSpec::GoogleSecretManager)
        },
    },
    // Behind a connection.
    Kind {
        name: "azure_key_vault",
        keys: azure_key_vault::config::KEYS,
        read: |section, all| azure_key_vault::config::read(section, &all.azure_key_vault).map(StoreSpec::AzureKeyVault),
    },
    Kind {
        name: "fortanix",
        keys: fortanix::config::KEYS,
        read: |section, all| fortanix::config::read(section, &all.fortanix).map(StoreSpec::Fortanix),
    },
    Kind {
        name: "http",
        keys: http::config::KEYS,
        read: |section, all| http::config::read(section, &all.http).map(StoreSpec::Http),
    },
    Kind {
        name: "kubernetes",
        keys: kubernetes::config::KEYS,
        read: |section, all| kubernetes::config::read(section, &all.kubernetes).map(StoreSpec::Kubernetes),
    },
    Kind {
        name: "onepassword",
        keys: onepassword::config::KEYS,
        read: |section, all| onepassword::config::read(section, &all.onepassword).map(StoreSpec::Onepassword),
    },
    Kind {
        name: "vault",
        keys: vault::config::KEYS,
        read: |section, all| vault::config::read(section, &all.vault).map(StoreSpec::Vault),
    },
];

/// Every kind of connection, one a line.
const CONNECTIONS: &[ConnectionKind] = &[
    // Sorted by name.
    ConnectionKind {
        name: "aws_secrets_manager",
        keys: aws_secrets_manager::config::CONNECTION_KEYS,
        read: |section, name, all| aws_secrets_manager::config::connection(section, name, &mut all.aws_secrets_manager),
    },
    ConnectionKind {
        name: "command",
        keys: command::config::CONNECTION_KEYS,
        read: |section, name, all| command::config::connection(section, name, &mut all.command),
    },
    ConnectionKind {
        name: "google_secret_manager",
        keys: google_secret_manager::config::CONNECTION_KEYS,
        read: |section, name, all| {
            google_secret_manager::config::connection(section, name, &mut all.google_secret_manager)
        },
    },
    ConnectionKind {
        name: "azure_key_vault",
        keys: azure_key_vault::config::CONNECTION_KEYS,
        read: |section, name, all| azure_key_vault::config::connection(section, name, &mut all.azure_key_vault),
    },
    ConnectionKind {
        name: "fortanix",
        keys: fortanix::config::CONNECTION_KEYS,
        read: |section, name, all| fortanix::config::connection(section, name, &mut all.fortanix),
    },
    ConnectionKind {
        name: "http",
        keys: http::config::CONNECTION_KEYS,
        read: |section, name, all| http::config::connection(section, name, &mut all.http),
    },
    ConnectionKind {
        name: "kubernetes",
        keys: kubernetes::config::CONNECTION_KEYS,
        read: |section, name, all| kubernetes::config::connection(section, name, &mut all.kubernetes),
    },
    ConnectionKind {
        name: "onepassword",
        keys: onepassword::config::CONNECTION_KEYS,
        read: |section, name, all| onepassword::config::connection(section, name, &mut all.onepassword),
    },
    ConnectionKind {
        name: "vault",
        keys: vault::config::CONNECTION_KEYS,
        read: |section, name, all| vault::config::connection(section, name, &mut all.vault),
    },
];

/// What every kind understands.
const COMMON: &[&str] = &["kind", "template"];

/// All keys that some kind understands.
pub(crate) static KEYS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let mut keys = COMMON.to_vec();
    for key in KINDS.iter().flat_map(|kind| kind.keys) {
        if !keys.contains(key) {
            keys.push(key);
        }
    }
    keys
});

pub(crate) use template::config::KEYS as TEMPLATE_KEYS;

/// The names of all kinds of stores.
pub fn kinds() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|kind| kind.name)
}

/// The sections that hold connections, each with the keys of one connection.
pub(crate) fn connection_keys() -> impl Iterator<Item = (&'static str, &'static [&'static str])> {
    CONNECTIONS.iter().map(|kind| (kind.name, kind.keys))
}

/// All named connections of the main file.
pub(crate) fn connections(root: &Section<'_>) -> Connections {
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
pub(crate) fn read(token: &Section<'_>, connections: &Connections) -> Vec<StoreSpec> {
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
    let template = template::config::read(section);
    let spec = (kind.read)(section, connections)?;
    Some(match template? {
        Some(template) => StoreSpec::Templated(Box::new(spec), template),
        None => spec,
    })
}
