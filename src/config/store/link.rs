//! What all connections that speak HTTP have in common: `url`, `ca_file`, `timeout`.

use crate::config::address;
use crate::config::gitlab::ca_file;
use crate::config::section::Section;
use crate::secret_store::Link;
use std::time::Duration;

/// Reads the common keys; `None` after noting what is wrong with them.
pub(super) fn read(section: &Section<'_>, example: &str) -> Option<Link> {
    if !section.has("url") {
        section.complain("url", &format!("url is missing; write the address, \"{example}\""));
    }
    let url = address::base(section, "url");
    let timeout = section.duration("timeout").map(Duration::from_secs);
    Some(Link { ca_file: ca_file(section), timeout, url: url?, client_certificate: None })
}
