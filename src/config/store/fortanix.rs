//! `kind = "fortanix"`: a secret in Fortanix DSM, `[fortanix.<name>]`.

use super::{ConnectionKind, Kind, at, link};
use crate::settings::address::authority;
use crate::settings::secret_ref;
use crate::settings::section::Section;
use crate::secret_store::fortanix::{Key, Replaced, Settings, Spec};
use crate::secret_store::{Connections, StoreSpec};
use std::sync::Arc;

pub(super) const KIND: Kind = Kind { name: "fortanix", keys: &["at", "name", "replaced"], read };

pub(super) const CONNECTION: ConnectionKind = ConnectionKind {
    name: "fortanix",
    keys: &["url", "ca_file", "timeout", "api_key", "certificate", "app"],
    read: connection,
};

const REPLACED: &[(&str, Replaced)] = &[("deactivate", Replaced::Deactivate), ("delete", Replaced::Delete)];

fn connection(section: &Section<'_>, name: &str, connections: &mut Connections) {
    let link = link::read(section, "https://amer.smartkey.io");
    let settings = match (section.has("api_key"), section.has("certificate")) {
        (true, false) => {
            if section.has("app") {
                section.complain("app", "app has no meaning with api_key, which names the app; remove it");
            }
            let key = link::source(section, "api_key", "the app's API key");
            link.zip(key).map(|(link, key)| Settings { link, key: Arc::new(Key::Api(key)) })
        }
        (false, true) => {
            let pem = secret_ref::required(section, "certificate", "the app's certificate and private key, PEM");
            link.zip(pem).map(|(mut link, pem)| {
                link.client_certificate = Some(pem.value);
                Settings { link, key: Arc::new(Key::Certificate(section.text("app"))) }
            })
        }
        _ => {
            section.complain("api_key", "needs exactly one of api_key = \"env:…\" and certificate = \"file:…\"");
            None
        }
    };
    if let Some(settings) = settings {
        connections.fortanix.insert(name.to_owned(), settings);
    }
}

fn read(section: &Section<'_>, connections: &Connections) -> Option<StoreSpec> {
    let name = section.required("name", "write the security object's name, \"deploy-token\"");
    let replaced =
        if section.has("replaced") { section.choice("replaced", REPLACED) } else { Some(Replaced::Deactivate) };
    let (at, settings) = at(section, "fortanix", &connections.fortanix)?;
    Some(StoreSpec::Fortanix(Spec { at, host: authority(&settings.link.url), name: name?, replaced: replaced? }))
}
