//! How things are named that GitLab or a mail server knows: paths of projects and groups, logins, addresses of mail. A name
//! that cannot be one is told here, and not by a 404 in the middle of the work.

use super::section::Section;

/// The full path of a group, as in its address.
pub(crate) fn group_path(section: &Section<'_>, key: &str, hint: &str) -> Option<String> {
    let path = section.required(key, hint)?;
    let allowed = |symbol: char| symbol.is_alphanumeric() || matches!(symbol, '/' | '-' | '_' | '.' | '+');
    if path.starts_with('/') || path.ends_with('/') || path.contains("//") || !path.chars().all(allowed) {
        section.complain(key, &format!("{key} is \"{path}\"; write the full path as in its address, \"acme/deploy\""));
        return None;
    }
    Some(path)
}

/// The full path of a project: it always lies in a group or belongs to somebody.
pub(crate) fn project_path(section: &Section<'_>, key: &str, hint: &str) -> Option<String> {
    let path = group_path(section, key, hint)?;
    if !path.contains('/') {
        let way_out = format!("write the full path with its group, as in its address, \"acme/{path}\"");
        section.complain(key, &format!("{key} is \"{path}\", which is no project's path; {way_out}"));
        return None;
    }
    Some(path)
}

/// The login of an account, with or without the @ before it.
pub(crate) fn login(section: &Section<'_>, key: &str) -> Option<String> {
    let text = section.text(key)?;
    let login = text.trim_start_matches('@');
    let allowed = |symbol: char| symbol.is_ascii_alphanumeric() || matches!(symbol, '_' | '.' | '-');
    if login.is_empty() || !login.chars().all(allowed) {
        let message = format!(
            "{key} is \"{text}\", which is no login; write it as it stands behind the @ in GitLab: letters, digits, \"_\", \
             \".\" and \"-\""
        );
        section.complain(key, &message);
        return None;
    }
    Some(login.to_owned())
}

/// Addresses of mail, and domains where a whole domain may be meant.
pub(crate) fn senders(section: &Section<'_>, key: &str) -> Vec<String> {
    let texts = section.texts(key);
    for (index, text) in texts.iter().enumerate().filter(|(_, text)| !is_sender(text)) {
        let way_out = "write \"gitlab@example.com\" or \"example.com\"";
        section.complain_item(key, index, &format!("{key}: \"{text}\" is neither an address nor a domain; {way_out}"));
    }
    texts
}

fn is_sender(text: &str) -> bool {
    let (mailbox, domain) = text.rsplit_once('@').unwrap_or(("domain", text));
    let label = |label: &str| {
        let plain = |symbol: char| symbol.is_alphanumeric() || symbol == '-' || symbol == '_';
        !label.is_empty() && label.chars().all(plain)
    };
    let plain = |symbol: char| !symbol.is_whitespace() && !symbol.is_control() && !"<>()[],;:\\\"@".contains(symbol);
    !mailbox.is_empty() && mailbox.chars().all(plain) && domain.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_is_an_address_or_a_domain_and_nothing_that_only_begins_like_one() {
        for good in ["gitlab@example.com", "example.com", "git_lab+x@mg.gitlab.com", "root@localhost", "bücher.example"]
        {
            assert!(is_sender(good), "{good}");
        }
        for bad in [
            "gitlab@",
            "@example.com",
            "gitlab@example.",
            "a b@example.com",
            "GitLab <gitlab@example.com>",
            "a@b@c",
            "",
        ] {
            assert!(!is_sender(bad), "{bad}");
        }
    }
}
