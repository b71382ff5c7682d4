//! Escapes of texts inside other texts: JSON and its relatives, addresses, HTML and XML. Only undone, to look behind
//! them; nobody is shown the result.

/// Undoes one escape at the beginning of the bytes: how long it is, and what it means.
pub(super) type Undo = fn(&[u8]) -> Option<(usize, Vec<u8>)>;

/// Every kind with the byte that it begins with, each undone on its own: what one of them spells may be plain text to
/// another.
pub(super) const KINDS: [(u8, Undo); 4] = [(b'\\', backslash), (b'\\', backslashes), (b'%', percent), (b'&', entity)];

/// The length of an escape sequence of terminals, such as a colour.
pub(super) fn colour(text: &str) -> Option<usize> {
    let rest = text.strip_prefix("\u{1b}[")?;
    let end = rest.find(|c: char| ('@'..='~').contains(&c))?;
    rest[..end].bytes().all(|byte| (b' '..=b'?').contains(&byte)).then_some(2 + end + 1)
}

/// JSON, C, Python, Go, Rust, shells.
fn backslash(bytes: &[u8]) -> Option<(usize, Vec<u8>)> {
    let (b'\\', Some(next)) = (bytes.first()?, bytes.get(1)) else { return None };
    Some(match next {
        b'n' | b'r' | b't' => (2, vec![b'\n']),
        b'u' => unicode(&bytes[2..]).map_or((1, Vec::new()), |(length, c)| (2 + length, c.to_string().into_bytes())),
        b'x' => number(&bytes[2..], 2, 16).map_or((1, Vec::new()), |byte| (4, vec![byte])),
        b'0'..=b'7' => number(&bytes[1..], 3, 8).map_or((2, Vec::new()), |byte| (4, vec![byte])),
        b'e' => (2, vec![0x1b]),
        b'b' | b'f' | b'v' | b'a' => (2, Vec::new()),
        b'\\' => (2, vec![b'\\']),
        _ => (1, Vec::new()),
    })
}

/// Escapes that were escaped again, however often: all backslashes but the last.
fn backslashes(bytes: &[u8]) -> Option<(usize, Vec<u8>)> {
    let count = bytes.iter().take_while(|byte| **byte == b'\\').count();
    (count >= 2).then(|| (count - 1, Vec::new()))
}

fn percent(bytes: &[u8]) -> Option<(usize, Vec<u8>)> {
    let rest = bytes.strip_prefix(b"%")?;
    number(rest, 2, 16).map(|byte| (3, vec![byte]))
}

fn entity(bytes: &[u8]) -> Option<(usize, Vec<u8>)> {
    let rest = bytes.strip_prefix(b"&")?;
    let end = rest.iter().take(12).position(|byte| *byte == b';')?;
    let name = std::str::from_utf8(&rest[..end]).ok()?;
    let means = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let digits = name.strip_prefix('#')?;
            let code = match digits.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => digits.parse(),
            };
            char::from_u32(code.ok()?)?
        }
    };
    Some((end + 2, means.to_string().into_bytes()))
}

/// What follows `\u`: four digits, twice where it takes a pair, or any number of them in braces.
fn unicode(rest: &[u8]) -> Option<(usize, char)> {
    if let Some(braced) = rest.strip_prefix(b"{") {
        let end = braced.iter().take(7).position(|byte| *byte == b'}')?;
        let code = u32::from_str_radix(std::str::from_utf8(&braced[..end]).ok()?, 16).ok()?;
        return Some((end + 2, char::from_u32(code)?));
    }
    let unit = |at: usize| {
        let digits = std::str::from_utf8(rest.get(at..at + 4)?).ok()?;
        u16::from_str_radix(digits, 16).ok()
    };
    let first = unit(0)?;
    if let Some(c) = char::from_u32(u32::from(first)) {
        return Some((4, c));
    }
    let second = (rest.get(4..6)? == b"\\u").then(|| unit(6))??;
    let c = char::decode_utf16([first, second]).next()?.ok()?;
    Some((10, c))
}

fn number(bytes: &[u8], digits: usize, base: u32) -> Option<u8> {
    let text = bytes.get(..digits)?;
    let plain = text.iter().all(|byte| char::from(*byte).is_digit(base));
    u8::from_str_radix(std::str::from_utf8(text).ok().filter(|_| plain)?, base).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn undone(kind: Undo, text: &str) -> String {
        let (bytes, mut out, mut at) = (text.as_bytes(), Vec::new(), 0);
        while at < bytes.len() {
            let (length, means) = kind(&bytes[at..]).unwrap_or_else(|| (1, vec![bytes[at]]));
            out.extend(means);
            at += length;
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_others_escape_is_read() {
        for (kind, text, means) in [
            (backslash as Undo, r#"a\"b\\c\/d\n\u0065\u{66}\x67\150\ud83d\ude00"#, "a\"b\\c/d\nefgh😀"),
            (backslash, r"\u12", "u12"),
            (backslashes, r#"a\\\\\"b"#, r#"a\"b"#),
            (percent, "a%2Db%zz%4", "a-b%zz%4"),
            (entity, "a&amp;b&#45;c&#x2D;d&nothing;e", "a&b-c-d&nothing;e"),
        ] {
            assert_eq!(undone(kind, text), means, "{text}");
        }
        assert_eq!(colour("\u{1b}[0;31mred"), Some(7));
        assert_eq!(colour("\u{1b}[\nred"), None);
    }
}
