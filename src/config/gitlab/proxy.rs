//! `[gitlab.proxy]`: what a proxy before GitLab wants to see of whoever calls. How this machine reaches other hosts is
//! another matter, for the environment.

use crate::settings::headers;
use crate::settings::secret_ref::{self, SecretRef};
use crate::settings::section::Section;
use reqwest::header::HeaderName;

pub(in crate::config) const KEYS: &[&str] = &["user", "password", "headers"];

/// Headers by which GitLab would take the call for somebody else's, or as made in somebody else's name.
const GITLABS: [&str; 4] = ["private-token", "job-token", "deploy-token", "sudo"];

/// What goes with every call to GitLab, for a proxy before it.
#[derive(Debug, Default)]
pub struct GitlabProxy {
    /// User and password of HTTP Basic.
    pub login: Option<(String, SecretRef)>,
    /// Further headers.
    pub headers: Vec<(HeaderName, SecretRef)>,
}

pub(super) fn read(section: &Section<'_>) -> GitlabProxy {
    let login = login(section);
    let all = headers::named(section, |all, key| secret_ref::required(all, key, "the header")).unwrap_or_default();
    for (name, _) in &all {
        let name = name.as_str();
        if GITLABS.contains(&name) {
            section.complain("headers", &format!("{name} tells GitLab itself who calls; that is [gitlab] token"));
        }
        if name == "authorization" && section.has("user") {
            section.complain("headers", "authorization carries user and password already; remove one of them");
        }
    }
    if login.is_none() && all.is_empty() && !KEYS.iter().any(|key| section.has(key)) {
        section.complain("", "nothing is sent to the proxy; add user and password, or headers, or remove the section");
    }
    GitlabProxy { login, headers: all }
}

fn login(section: &Section<'_>) -> Option<(String, SecretRef)> {
    if !section.has("user") && !section.has("password") {
        return None;
    }
    let user = section.required("user", "name the user that the proxy knows");
    let password = secret_ref::required(section, "password", "the password that the proxy knows");
    if user.as_ref().is_some_and(|user| user.contains(':')) {
        section.complain("user", "user has a colon, which HTTP Basic cannot carry");
    }
    Some((user?, password?))
}
