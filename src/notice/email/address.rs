//! An http(s) address, cut into what is compared.

/// A URL cut into what we compare, nothing decoded.
pub struct Address<'u> {
    /// `https`, not `http`.
    pub secure: bool,
    /// Everything between `//` and the path.
    pub authority: &'u str,
    /// The path without query and fragment.
    pub path: &'u str,
}

impl<'u> Address<'u> {
    /// Cuts an http(s) URL.
    pub fn read(url: &'u str) -> Option<Self> {
        let (scheme, rest) = url.trim().split_once("://")?;
        let secure = match scheme {
            _ if scheme.eq_ignore_ascii_case("https") => true,
            _ if scheme.eq_ignore_ascii_case("http") => false,
            _ => return None,
        };
        let rest = &rest[..rest.find(['?', '#']).unwrap_or(rest.len())];
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        Some(Self { secure, authority, path })
    }

    /// The host in lower case with its port, unless that is the scheme's own. `None` for anything that is not purely
    /// a host and a port: user names, escapes, other scripts, a final dot.
    pub fn host(&self) -> Option<String> {
        let authority = self.authority.to_ascii_lowercase();
        let own_port = if self.secure { ":443" } else { ":80" };
        let host = authority.strip_suffix(own_port).unwrap_or(&authority);
        let (name, port) = host.split_once(':').unwrap_or((host, "1"));
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-';
        let good = !name.is_empty() && !name.ends_with('.') && name.bytes().all(plain);
        let good_port = !port.is_empty() && port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit());
        (good && good_port).then(|| host.to_owned())
    }
}
