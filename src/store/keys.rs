//! Keys that several kinds of stores share: `at`, and of connections that speak HTTP `url`, `ca_file`, `timeout`, and
//! secrets by reference.

use super::{Link, Named, Source};
use crate::settings::address;
use crate::settings::authority::ca_file;
use crate::settings::secret_ref;
use crate::settings::section::Section;
use std::time::Duration;

/// In seconds.
const LONGEST_TIMEOUT: u64 = 15;

/// Reads the common keys; `None` after noting what is wrong with them.
pub(super) fn read(section: &Section<'_>, example: &str) -> Option<Link> {
    if !section.has("url") {
        section.complain("url", &format!("url is missing; write the address, \"{example}\""));
    }
    let url = address::base(section, "url");
    let timeout = timeout(section);
    Some(Link { ca_file: ca_file(section), timeout, url: url?, client_certificate: None })
}

/// How long one call may take. Several calls must be over before another worker may take the rotation for abandoned.
pub(super) fn timeout(section: &Section<'_>) -> Option<Duration> {
    let seconds = section.duration("timeout")?;
    if seconds > LONGEST_TIMEOUT {
        section.complain(
            "timeout",
            &format!("timeout must be at most {LONGEST_TIMEOUT}s; what takes longer is asked again"),
        );
    }
    Some(Duration::from_secs(seconds))
}

/// The secret that a key must refer to, as something that is read again when it is needed: files are replaced.
pub(super) fn source(section: &Section<'_>, key: &str, what: &str) -> Option<Source> {
    let secret = secret_ref::required(section, key, what)?;
    Some(match secret.reference.strip_prefix("file:") {
        Some(path) => Source::File(section.source.folder.join(path)),
        None => Source::Fixed(secret.value),
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
