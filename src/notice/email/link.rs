//! Links to token settings: the only thing in a mail that says which GitLab, and which project or group, it is about.
//! They are compared with the allow list, letter by letter, and never followed.

use super::address::Address;
use super::{Instance, MailPolicy, Refused, rewritten};

const PERSONAL: [&str; 3] =
    ["/-/user_settings/personal_access_tokens", "/-/profile/personal_access_tokens", "/profile/personal_access_tokens"];
const RESOURCE: &str = "/-/settings/access_tokens";

/// What a settings link points at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The receiving user's own tokens.
    Personal,
    /// Tokens of a project, by full path.
    Project(String),
    /// Tokens of a group, by full path.
    Group(String),
}

/// What every settings link ends with, before a query.
pub const SETTINGS: &str = "access_tokens";

/// Whether a text could be, or hold, a link that leads to settings: a cheap look before anything is kept.
pub fn may_be_settings(url: &str) -> bool {
    url.contains("http")
}

/// What a URL means under the policy: `None` if it is no settings link, an error if it is one of a foreign host.
pub fn resolve<'p>(url: &str, policy: &'p MailPolicy) -> Result<Option<(&'p Instance, Target)>, Refused> {
    judge(&rewritten::original(url, &policy.link_gateways), policy)
}

/// The host of a link that holds a settings link of ours although no gateway that we know wrote it.
pub fn wrapped_by(url: &str, policy: &MailPolicy) -> Option<String> {
    let inner = rewritten::inner(url)?;
    let ours = matches!(judge(&inner, policy), Ok(Some(_)));
    ours.then(|| Address::read(url)?.host()).flatten()
}

/// The instance to which a gateway's link leads that says no more than the host.
pub fn veiled<'p>(url: &str, policy: &'p MailPolicy) -> Option<&'p Instance> {
    let named = rewritten::names_host(url).filter(|_| rewritten::is_gateway(url, &policy.link_gateways))?;
    let ours = |instance: &&Instance| instance.host == named || instance.host.split(':').next() == Some(&named);
    policy.instances.iter().find(ours)
}

fn judge<'p>(url: &str, policy: &'p MailPolicy) -> Result<Option<(&'p Instance, Target)>, Refused> {
    let Some(address) = Address::read(url) else { return Ok(None) };
    let path = address.path.trim_end_matches(['/', '.', ',', ';', ':', ')', ']', '\'', '*', '_', '>']);
    if !(path.ends_with(RESOURCE) || PERSONAL.iter().any(|known| path.ends_with(known))) {
        return Ok(None);
    }
    let Some(instance) = address.host().and_then(|host| policy.instance(&host)) else {
        let host = super::super::name::plain(address.authority).chars().take(100).collect();
        return Err(Refused::LookAlike { host });
    };
    Ok(target(path, &instance.root).map(|target| (instance, target)))
}

fn target(path: &str, root: &str) -> Option<Target> {
    let Some(resource) = path.strip_suffix(RESOURCE) else { return Some(Target::Personal) };
    let below = resource.strip_prefix(root).filter(|rest| rest.starts_with('/')).unwrap_or(resource);
    let full = below.strip_prefix('/')?;
    match full.strip_prefix("groups/") {
        Some(group) => is_path(group).then(|| Target::Group(group.to_owned())),
        None => is_path(full).then(|| Target::Project(full.to_owned())),
    }
}

/// GitLab's own alphabet for paths; anything else in a link is not GitLab's work.
pub fn is_path(path: &str) -> bool {
    let good = |part: &str| {
        !part.is_empty()
            && part != "."
            && part != ".."
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
    };
    path.len() <= 1024 && path.split('/').all(good)
}
