//! `[kubernetes.<name>]` and `kind = "kubernetes"`: one key of a Secret.

use super::{Settings, Spec, Token, Workload};
use crate::settings::secret_ref;
use crate::settings::section::Section;
use crate::store::keys::{self, at};
use crate::store::{Link, Named};
use std::path::PathBuf;

/// The keys of a place.
pub(in crate::store) const KEYS: &[&str] = &["at", "namespace", "name", "key", "previous_key", "restart"];

/// The keys of a connection.
pub(in crate::store) const CONNECTION_KEYS: &[&str] = &["url", "ca_file", "timeout", "token", "token_file"];

/// What a pod finds in itself.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

pub(in crate::store) fn connection(section: &Section<'_>, name: &str, connections: &mut Named<Settings>) {
    let Some(link) = in_cluster(section).or_else(|| keys::read(section, "https://10.0.0.1:6443")) else { return };
    let token = match (section.has("token"), section.text("token_file")) {
        (true, Some(_)) => {
            section.complain("token", "has both token and token_file; keep one");
            return;
        }
        (true, None) => match secret_ref::required(section, "token", "the service account's token") {
            Some(token) => Token::Value(token.value),
            None => return,
        },
        (false, path) => Token::File(path.map_or_else(|| PathBuf::from(ACCOUNT).join("token"), PathBuf::from)),
    };
    connections.insert(name.to_owned(), Settings { link, token });
}

/// Without an address it is the cluster that the bot itself runs in.
fn in_cluster(section: &Section<'_>) -> Option<Link> {
    if section.has("url") || section.has("ca_file") {
        return None;
    }
    Some(Link {
        url: "https://kubernetes.default.svc".to_owned(),
        ca_file: Some(PathBuf::from(ACCOUNT).join("ca.crt")),
        timeout: keys::timeout(section),
        client_certificate: None,
    })
}

pub(in crate::store) fn read(section: &Section<'_>, connections: &Named<Settings>) -> Option<Spec> {
    let cluster = at(section, "kubernetes", connections);
    let namespace = name(section, "namespace", "deploy");
    let secret = name(section, "name", "gitlab-token");
    let key = key(section, "key");
    let previous_key = section.has("previous_key").then(|| self::key(section, "previous_key"));
    if previous_key.is_some() && section.text("previous_key") == section.text("key") {
        section.complain("previous_key", "previous_key is the key itself; give it another name");
    }
    let restart = restart(section);
    let (at, settings) = cluster?;
    Some(Spec {
        at,
        server: host(&settings.link.url),
        namespace: namespace?,
        name: secret?,
        key: key?,
        previous_key: match previous_key {
            Some(key) => Some(key?),
            None => None,
        },
        restart: restart?,
    })
}

fn host(url: &str) -> String {
    url.split_once("://").map_or(url, |parts| parts.1).trim_end_matches('/').to_owned()
}

/// A name as Kubernetes allows it.
fn name(section: &Section<'_>, key: &str, example: &str) -> Option<String> {
    let name = section.required(key, &format!("write its name, \"{example}\""))?;
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    if name.len() <= 253 && name.chars().all(fits) && !name.starts_with(['-', '.']) {
        return Some(name);
    }
    section.complain(key, &format!("{key} may have small letters, digits, dots and dashes, as Kubernetes demands"));
    None
}

fn key(section: &Section<'_>, at: &str) -> Option<String> {
    let key = section.required(at, "write the key in the Secret, \"token\"")?;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    if key.len() <= 253 && key.chars().all(fits) {
        return Some(key);
    }
    section.complain(at, &format!("{at} may have letters, digits, dots, dashes and underscores"));
    None
}

fn restart(section: &Section<'_>) -> Option<Vec<Workload>> {
    let mut workloads = Vec::new();
    for (index, text) in section.texts("restart").iter().enumerate() {
        match Workload::parse(text) {
            Some(workload) => workloads.push(workload),
            None => {
                let example = "\"deployment/web\", \"statefulset/db\" or \"daemonset/agent\"";
                section.complain_item("restart", index, &format!("\"{text}\" is no workload; write {example}"));
                return None;
            }
        }
    }
    Some(workloads)
}
