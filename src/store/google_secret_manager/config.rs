//! `[google_secret_manager.<name>]` and `kind = "google_secret_manager"`: a secret of a project of Google Cloud.

use super::{Credentials, OldVersions, Settings, Spec};
use crate::settings::address;
use crate::settings::authority::ca_file;
use crate::settings::section::Section;
use crate::store::keys::{self};
use crate::store::{Link, Named};
use std::path::PathBuf;

const NAME: &str = "google_secret_manager";

/// The keys of a place.
pub(in crate::store) const KEYS: &[&str] = &["at", "secret", "alias", "old_versions"];

/// The keys of a connection.
pub(in crate::store) const CONNECTION_KEYS: &[&str] =
    &["project", "location", "credentials_file", "url", "ca_file", "timeout"];

/// Google's metadata server, whose name is not needed.
const METADATA: &str = "169.254.169.254";

const OLD_VERSIONS: &[(&str, OldVersions)] =
    &[("keep", OldVersions::Keep), ("disable", OldVersions::Disable), ("destroy", OldVersions::Destroy)];

pub(in crate::store) fn read(section: &Section<'_>, connections: &Named<Settings>) -> Option<Spec> {
    let at = keys::at(section, NAME, connections);
    let secret = named(section, "secret", "write the secret's name, \"deploy-token\"");
    let alias = section.text("alias");
    if alias.as_deref().is_some_and(|alias| alias == "latest" || alias.parse::<u64>().is_ok()) {
        section.complain("alias", "alias must be an alias of versions; without it readers get the latest version");
    }
    let old_versions = match section.has("old_versions") {
        true => section.choice("old_versions", OLD_VERSIONS)?,
        false => OldVersions::Keep,
    };
    let (at, settings) = at?;
    let (project, location) = (settings.project.clone(), settings.location.clone());
    Some(Spec { at, project, location, secret: secret?, alias, old_versions })
}

pub(in crate::store) fn connection(section: &Section<'_>, name: &str, connections: &mut Named<Settings>) {
    let project = named(section, "project", "write the project's id, \"acme-prod\"");
    let Ok(location) = location(section) else { return };
    let url = match section.has("url") {
        true => address::base(section, "url"),
        false => Some(usual_url(location.as_deref())),
    };
    let timeout = keys::timeout(section);
    let (ca_file, credentials) = (ca_file(section), credentials(section));
    if let (Some(project), Some(url)) = (project, url) {
        let link = Link { url, ca_file, timeout, client_certificate: None };
        let settings = Settings { link, project, location, credentials };
        connections.insert(name.to_owned(), settings);
    }
}

/// A location that is wrong has been noted.
struct Wrong;

fn location(section: &Section<'_>) -> Result<Option<String>, Wrong> {
    match section.has("location") {
        true => named(section, "location", "").map(Some).ok_or(Wrong),
        false => Ok(None),
    }
}

/// Regional secrets are only known to their region.
fn usual_url(location: Option<&str>) -> String {
    match location {
        Some(location) => format!("https://secretmanager.{location}.rep.googleapis.com"),
        None => "https://secretmanager.googleapis.com".to_owned(),
    }
}

/// As Google's own programs find them: a file that is named here or in the environment, else the metadata server.
fn credentials(section: &Section<'_>) -> Credentials {
    let variable = |name| section.source.surroundings.variable(name).filter(|value| !value.is_empty());
    let named = section.text("credentials_file").map(|path| section.source.folder.join(path));
    match named.or_else(|| variable("GOOGLE_APPLICATION_CREDENTIALS").map(PathBuf::from)) {
        Some(path) => Credentials::File(path),
        None => {
            let host = variable("GCE_METADATA_HOST").filter(|host| host != "metadata.google.internal");
            Credentials::Metadata(format!("http://{}", host.as_deref().unwrap_or(METADATA)))
        }
    }
}

/// A name as Google allows them.
fn named(section: &Section<'_>, key: &str, hint: &str) -> Option<String> {
    let name = section.required(key, hint)?;
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || "-_:.".contains(c)) {
        section.complain(key, &format!("{key} is a name and not a path: letters, digits, - and _"));
        return None;
    }
    Some(name)
}
