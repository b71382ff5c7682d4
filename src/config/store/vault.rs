//! `[vault.<name>]` and `kind = "vault"`: HashiCorp Vault and OpenBao.

use super::{ConnectionKind, Kind, at, link};
use crate::settings::address;
use crate::settings::section::Section;
use crate::secret_store::vault::{Auth, Engine, Proof, Settings, Spec};
use crate::secret_store::{Connections, Source, StoreSpec};
use std::sync::Arc;

pub(super) const KIND: Kind = Kind { name: "vault", keys: &["at", "mount", "path", "field", "kv"], read };

pub(super) const CONNECTION: ConnectionKind = ConnectionKind {
    name: "vault",
    keys: &[
        "url",
        "ca_file",
        "timeout",
        "namespace",
        "auth",
        "auth_mount",
        "token",
        "role_id",
        "secret_id",
        "role",
        "jwt",
    ],
    read: connection,
};

/// Where a pod finds who it is.
const POD: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

#[derive(Clone, Copy)]
enum Method {
    Token,
    AppRole,
    Kubernetes,
    Jwt,
}

const METHODS: &[(&str, Method)] =
    &[("token", Method::Token), ("approle", Method::AppRole), ("kubernetes", Method::Kubernetes), ("jwt", Method::Jwt)];

const COMMON: &[&str] = &["url", "ca_file", "timeout", "namespace", "auth"];

fn connection(section: &Section<'_>, name: &str, connections: &mut Connections) {
    let link = link::read(section, "https://vault.example.com:8200");
    let auth = auth(section);
    let namespace = section.text("namespace").map(|namespace| namespace.trim_matches('/').to_owned());
    if let (Some(link), Some(auth)) = (link, auth) {
        connections.vault.insert(name.to_owned(), Arc::new(Settings { link, namespace, auth }));
    }
}

fn auth(section: &Section<'_>) -> Option<Auth> {
    section.required("auth", "write \"token\", \"approle\", \"kubernetes\" or \"jwt\"")?;
    let method = section.choice("auth", METHODS)?;
    let name = section.text("auth")?;
    let keys: &[&str] = match method {
        Method::Token => &["token"],
        Method::AppRole => &["auth_mount", "role_id", "secret_id"],
        Method::Kubernetes | Method::Jwt => &["auth_mount", "role", "jwt"],
    };
    section.refuse_others(COMMON, keys, &format!("auth = \"{name}\""));
    let mount = section.text("auth_mount").map_or(name, |mount| mount.trim_matches('/').to_owned());
    let role = || section.required("role", "write the name of the role in Vault");
    let proof = match method {
        Method::Token => return Some(Auth::Token(link::source(section, "token", "a token of Vault")?)),
        Method::AppRole => {
            let role_id = section.required("role_id", "write the role_id of the AppRole; it is no secret");
            let secret_id = link::source(section, "secret_id", "the secret_id of the AppRole");
            Proof::AppRole { role_id: role_id?, secret_id: secret_id? }
        }
        Method::Kubernetes if !section.has("jwt") => Proof::Jwt { role: role()?, jwt: Source::File(POD.into()) },
        Method::Kubernetes | Method::Jwt => {
            let role = role();
            Proof::Jwt { jwt: link::source(section, "jwt", "the token that Vault trusts")?, role: role? }
        }
    };
    Some(Auth::Login { mount, proof })
}

fn read(section: &Section<'_>, connections: &Connections) -> Option<StoreSpec> {
    let connection = at(section, "vault", &connections.vault);
    let mount = section.text("mount").unwrap_or_else(|| "secret".into());
    let path = section.required("path", "write the path of the secret below the mount, \"deploy/gitlab\"");
    let field = section.required("field", "write the field of the secret that holds the value, \"token\"");
    let engine = section.number("kv", 1..=2).map_or(Engine::V2, |kv| if kv == 1 { Engine::V1 } else { Engine::V2 });
    let (at, settings) = connection?;
    let host = address::authority(&settings.link.url);
    let address = settings.namespace.iter().fold(host, |host, namespace| format!("{host} {namespace}"));
    let plain = |path: String| path.trim_matches('/').to_owned();
    Some(StoreSpec::Vault(Spec { at, address, mount: plain(mount), path: plain(path?), field: field?, engine }))
}
