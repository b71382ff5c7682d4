//! The body of an upload, a form of two parts. Written by hand so that its bytes, which hold the value, are wiped.

use crate::secret::Secret;
use zeroize::Zeroizing;

/// The content type and the body. `name` has neither quotes nor line ends.
pub(super) fn form(name: &str, value: &Secret) -> (String, Zeroizing<Vec<u8>>) {
    let mut boundary = "rekey".to_owned();
    while value.expose().contains(&boundary) || name.contains(&boundary) {
        boundary.push('-');
    }
    let head = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\n{name}\r\n\
         --{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n"
    );
    let tail = format!("\r\n--{boundary}--\r\n");
    let mut body = Zeroizing::new(Vec::with_capacity(head.len() + value.expose().len() + tail.len()));
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(value.expose().as_bytes());
    body.extend_from_slice(tail.as_bytes());
    (format!("multipart/form-data; boundary={boundary}"), body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_looks_like_the_end_of_the_form_does_not_end_it() {
        let (kind, body) = form("rekey", &Secret::new("\r\n--rekey---\r\n".into()));
        let boundary = kind.strip_prefix("multipart/form-data; boundary=").unwrap();
        let text = String::from_utf8(body.to_vec()).unwrap();
        assert_eq!(text.matches(&format!("--{boundary}")).count(), 3, "{text}");
    }
}
