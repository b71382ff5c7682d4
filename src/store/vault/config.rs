//! `[vault.<name>]` and `kind = "vault"`: HashiCorp Vault and OpenBao.

use super::{Auth, Engine, Proof, Settings, Spec};
use crate::settings::address;
use crate::settings::section::Section;
use crate::store::keys::{self, at};
use crate::store::{Named, Source};
use std::sync::Arc;

/// The keys of a place.
pub(in crate::store) const KEYS: &[&str] = &["at", "mount", "path", "field", "kv"];

/// The keys of a connection.
pub(in crate::store) const CONNECTION_KEYS: &[&str] =
    &["url", "ca_file", "timeout", "namespace", "auth", "auth_mount", "token", "role_id", "secret_id", "role", "jwt"];

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

pub(in crate::store) fn connection(section: &Section<'_>, name: &str, connections: &mut Named<Arc<Settings>>) {
    let link = keys::read(section, "https://vault.example.com:8200");
    let auth = auth(section);
    let namespace = section.text("namespace").map(|namespace| namespace.trim_matches('/').to_owned());
    if let (Some(link), Some(auth)) = (link, auth) {
        connections.insert(name.to_owned(), Arc::new(Settings { link, namespace, auth }));
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
        Method::Token => return Some(Auth::Token(keys::source(section, "token", "a token of Vault")?)),
        Method::AppRole => {
            let role_id = section.required("role_id", "write the role_id of the AppRole; it is no secret");
            let secret_id = keys::source(section, "secret_id", "the secret_id of the AppRole");
            Proof::AppRole { role_id: role_id?, secret_id: secret_id? }
        }
        Method::Kubernetes if !section.has("jwt") => Proof::Jwt { role: role()?, jwt: Source::File(POD.into()) },
        Method::Kubernetes | Method::Jwt => {
            let role = role();
            Proof::Jwt { jwt: keys::source(section, "jwt", "the token that Vault trusts")?, role: role? }
        }
    };
    Some(Auth::Login { mount, proof })
}

pub(in crate::store) fn read(section: &Section<'_>, connections: &Named<Arc<Settings>>) -> Option<Spec> {
    let connection = at(section, "vault", connections);
    let mount = section.text("mount").unwrap_or_else(|| "secret".into());
    let path = section.required("path", "write the path of the secret below the mount, \"deploy/gitlab\"");
    let field = section.required("field", "write the field of the secret that holds the value, \"token\"");
    let engine = section.number("kv", 1..=2).map_or(Engine::V2, |kv| if kv == 1 { Engine::V1 } else { Engine::V2 });
    let (at, settings) = connection?;
    let host = address::authority(&settings.link.url);
    let address = settings.namespace.iter().fold(host, |host, namespace| format!("{host} {namespace}"));
    let plain = |path: String| path.trim_matches('/').to_owned();
    Some(Spec { at, address, mount: plain(mount), path: plain(path?), field: field?, engine })
}
