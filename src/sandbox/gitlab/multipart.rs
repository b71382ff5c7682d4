//! Forms of several parts, as files are uploaded. Only text is taken: the sandbox keeps nothing else.

/// The parts of a body, by name; `None` if it is no such form.
pub(super) fn parts(kind: &str, body: &[u8]) -> Option<Vec<(String, String)>> {
    let boundary = kind.split(';').find_map(|word| word.trim().strip_prefix("boundary="))?.trim_matches('"');
    let delimiter = format!("\r\n--{boundary}");
    // The first delimiter stands at the very beginning.
    let text = format!("\r\n{}", std::str::from_utf8(body).ok()?);
    let mut pieces = text.split(delimiter.as_str());
    pieces.next().filter(|before| before.is_empty())?;
    let mut parts = Vec::new();
    for piece in pieces {
        if piece.starts_with("--") {
            return Some(parts);
        }
        let (head, content) = piece.strip_prefix("\r\n")?.split_once("\r\n\r\n")?;
        parts.push((name(head)?, content.to_owned()));
    }
    None
}

fn name(head: &str) -> Option<String> {
    let disposition =
        head.lines().find(|line| line.to_ascii_lowercase().starts_with("content-disposition: form-data"))?;
    let name = disposition.split(';').find_map(|word| word.trim().strip_prefix("name="))?;
    Some(name.trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_to_the_byte_and_a_form_without_an_end_is_none() {
        let body = "--b\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nx\r\n--b\r\n\
                    Content-Disposition: form-data; name=\"file\"; filename=\"x\"\r\nContent-Type: a/b\r\n\r\n1\r\n2\n\r\n--b--\r\n";
        let read = parts("multipart/form-data; boundary=b", body.as_bytes()).unwrap();
        assert_eq!(read, [("name".to_owned(), "x".to_owned()), ("file".to_owned(), "1\r\n2\n".to_owned())]);
        assert_eq!(parts("multipart/form-data; boundary=b", &body.as_bytes()[..body.len() - 8]), None);
        assert_eq!(parts("multipart/form-data", body.as_bytes()), None);
    }
}
