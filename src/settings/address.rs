//! Addresses of servers: encrypted unless they stay on this machine, and never with credentials in them.

use super::section::Section;
use reqwest::Url;

/// The address under a key, without a trailing slash.
pub(crate) fn base(section: &Section<'_>, key: &str) -> Option<String> {
    let text = section.text(key)?;
    match checked(&text) {
        Ok(base) => Some(base),
        Err(why) => {
            section.complain(key, &format!("{key} {why}"));
            None
        }
    }
}

/// The addresses in a list under a key.
pub(crate) fn several(section: &Section<'_>, key: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (index, text) in section.texts(key).iter().enumerate() {
        match checked(text) {
            Ok(address) => found.push(address),
            Err(why) => section.complain_item(key, index, &format!("{key}: number {} {why}", index + 1)),
        }
    }
    found
}

/// An address in its usual form, or what is wrong with it; the text itself is not repeated, it may hold a password.
pub(crate) fn checked(text: &str) -> Result<String, String> {
    let unreadable = || "is not an address; write https:// and a host".to_owned();
    let url = Url::parse(text).map_err(|_| unreadable())?;
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(unreadable)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not carry a user or a password; credentials go by reference, in a key of their own".into());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must end before ? and #".into());
    }
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(host) => {}
        "http" => return Err(format!("would send secrets in clear to {host}; use https:// (http:// is for loopback)")),
        _ => return Err(unreadable()),
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// Host and, if it is not the scheme's own, port of an address that [`checked`] let pass.
pub(crate) fn authority(base: &str) -> String {
    let rest = base.split_once("://").map_or(base, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest).to_owned()
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_encrypted_or_stays_on_this_machine() {
        assert_eq!(checked("https://GitLab.example:443/").as_deref(), Ok("https://gitlab.example"));
        assert_eq!(checked("http://127.0.0.1:8080/gitlab/").as_deref(), Ok("http://127.0.0.1:8080/gitlab"));
        assert!(checked("http://[::1]:80").is_ok());
        for refused in ["http://gitlab.example", "gitlab.example", "ftp://gitlab.example", "https://", ""] {
            assert!(checked(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn a_password_in_an_address_is_refused_and_not_repeated() {
        let why = checked("https://bot:hunter2@gitlab.example").unwrap_err();
        assert!(!why.contains("hunter2"), "{why}");
    }

    #[test]
    fn the_authority_keeps_an_unusual_port() {
        assert_eq!(authority("https://gitlab.example:8443/root"), "gitlab.example:8443");
        assert_eq!(authority("https://gitlab.example"), "gitlab.example");
    }
}
