//! `kind = "fortanix"`: a secret in Fortanix DSM, `[fortanix.<name>]`.

use super::{Key, Replaced, Settings, Spec};
use crate::settings::address::authority;
use crate::settings::secret_ref;
use crate::settings::section::Section;
use crate::store::Named;
use crate::store::keys::{self, at};
use std::sync::Arc;

/// The keys of a place.
pub(in crate::store) const KEYS: &[&str] = &["at", "name", "replaced"];

/// The keys of a connection.
pub(in crate::store) const CONNECTION_KEYS: &[&str] = &["url", "ca_file", "timeout", "api_key", "certificate", "app"];

const REPLACED: &[(&str, Replaced)] = &[("deactivate", Replaced::Deactivate), ("delete", Replaced::Delete)];

pub(in crate::store) fn connection(section: &Section<'_>, name: &str, connections: &mut Named<Settings>) {
    let link = keys::read(section, "https://amer.smartkey.io");
    let settings = match (section.has("api_key"), section.has("certificate")) {
        (true, false) => {
            if section.has("app") {
                section.complain("app", "app has no meaning with api_key, which names the app; remove it");
            }
            let key = keys::source(section, "api_key", "the app's API key");
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
        connections.insert(name.to_owned(), settings);
    }
}

pub(in crate::store) fn read(section: &Section<'_>, connections: &Named<Settings>) -> Option<Spec> {
    let name = section.required("name", "write the security object's name, \"deploy-token\"");
    let replaced =
        if section.has("replaced") { section.choice("replaced", REPLACED) } else { Some(Replaced::Deactivate) };
    let (at, settings) = at(section, "fortanix", connections)?;
    Some(Spec { at, host: authority(&settings.link.url), name: name?, replaced: replaced? })
}
