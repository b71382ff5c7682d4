//! Which `Authentication-Results` (RFC 8601) our own border wrote. A header counts by the name of its server, which that
//! server removes from what comes in; or, where it leaves its name out as Microsoft 365 does, by its place alone:
//! nothing above it may have come from outside. Strangers can write into values (addresses, reasons), so quotes and
//! comments are cut properly.

use super::Refused;
use mail_parser::{Header, HeaderName, Message};

/// Sections of one header, each as lower-case words.
pub type Sections = Vec<Vec<String>>;

const NONE: &str = "no results of a server that we trust";
const NAMELESS: &str =
    "its topmost results name no server; if Microsoft 365 receives all your mail, add \"\" to [mail] authserv_ids";
const FROM_OUTSIDE: &str = "its results name no server, and stand below a line by which the mail came from outside";
/// Where Microsoft 365 runs; servers elsewhere tell by the reverse name that it is theirs.
const MICROSOFT: [&str; 3] = [".outlook.com", ".outlook.cn", ".office365.us"];

/// The verdicts of the topmost header of a trusted server and of those that follow it.
pub fn run(mail: &Message<'_>, servers: &[String]) -> Result<Vec<Sections>, Refused> {
    let mut headers = mail.headers().iter();
    let (mut seen, mut outside, mut nameless) = (false, false, false);
    while let Some(header) = headers.next() {
        if header.name == HeaderName::Received {
            outside |= !is_inside(header.value.as_text().unwrap_or(""));
        }
        let Some((server, verdicts)) = results(header) else { continue };
        let trusted = match &server {
            Some(server) => is_known(server, servers),
            None => !seen && servers.iter().any(String::is_empty),
        };
        if trusted && server.is_none() && outside {
            return Err(Refused::Unauthenticated(FROM_OUTSIDE));
        }
        if trusted {
            let rest = headers.take_while(|header| is_of_the_border(header)).filter_map(results);
            let same = rest.filter(|(other, _)| match (&server, other) {
                (None, None) => true,
                (Some(_), Some(other)) => is_known(other, servers),
                _ => false,
            });
            return Ok(std::iter::once(verdicts).chain(same.map(|(_, verdicts)| verdicts)).collect());
        }
        nameless |= !seen && server.is_none();
        seen = true;
    }
    Err(Refused::Unauthenticated(if nameless { NAMELESS } else { NONE }))
}

fn is_known(server: &str, servers: &[String]) -> bool {
    servers.iter().any(|known| !known.is_empty() && known.eq_ignore_ascii_case(server))
}

/// Headers that a receiving server and its filters write one after the other.
fn is_of_the_border(header: &Header<'_>) -> bool {
    let name = header.name().to_ascii_lowercase();
    name.ends_with("authentication-results") || name.ends_with("-filter") || name == "received-spf"
}

/// The server's name, if the header gives one, and what it found.
fn results(header: &Header<'_>) -> Option<(Option<String>, Sections)> {
    let ours = header.name().eq_ignore_ascii_case("Authentication-Results");
    let mut sections = sections(header.value.as_text().filter(|_| ours)?)?;
    let first = sections.first()?.first();
    match first.is_some_and(|word| word.contains('=')) {
        true => Some((None, sections)),
        false => {
            let server = sections.remove(0).into_iter().next();
            Some((Some(server.unwrap_or_default()), sections))
        }
    }
}

/// Whether a `Received` tells of a hop within the provider or this host. A sender chooses the first name itself; the
/// second is what the server looked up.
fn is_inside(received: &str) -> bool {
    let text = received.to_ascii_lowercase();
    let mut words = text.split_whitespace();
    let from = match words.next() {
        Some("from") => words.next().unwrap_or(""),
        _ => return false,
    };
    let looked_up = words.next().filter(|word| word.starts_with('(')).unwrap_or("");
    let by = text.split_once(" by ").map_or("", |(_, rest)| rest.split_whitespace().next().unwrap_or(""));
    let microsoft = |name: &str| MICROSOFT.iter().any(|suffix| name.ends_with(suffix));
    let own = text.contains("[127.0.0.1]") || text.contains("[::1]") || text.contains("[ipv6:::1]");
    let reverse = looked_up.trim_start_matches('(');
    microsoft(from) && (microsoft(by) || microsoft(reverse)) || own && reverse.starts_with("localhost")
}

/// Sections between `;`, each as lower-case words, with comments gone and quotes resolved. `None` if quotes or
/// comments never end: then nothing in the header is where it seems to be.
fn sections(header: &str) -> Option<Sections> {
    let mut sections: Sections = vec![vec![]];
    let mut word = String::new();
    let mut chars = header.chars();
    while let Some(c) = chars.next() {
        match c {
            // Around `=` there may be space and comments.
            '=' => {
                let before = sections.last_mut().filter(|_| word.is_empty()).and_then(Vec::pop);
                word.insert_str(0, &before.unwrap_or_default());
                word.push('=');
                skip_space(&mut chars)?;
            }
            '"' => quoted(&mut chars, &mut word)?,
            '(' => comment(&mut chars)?,
            ';' => {
                close(&mut sections, &mut word);
                sections.push(vec![]);
            }
            _ if c.is_whitespace() => close(&mut sections, &mut word),
            _ => word.push(c.to_ascii_lowercase()),
        }
    }
    close(&mut sections, &mut word);
    Some(sections)
}

fn close(sections: &mut [Vec<String>], word: &mut String) {
    if let Some(section) = sections.last_mut().filter(|_| !word.is_empty()) {
        section.push(std::mem::take(word));
    }
}

/// What is quoted stays within its word, and can neither be a separator nor start a property.
fn quoted(chars: &mut std::str::Chars<'_>, word: &mut String) -> Option<()> {
    loop {
        match chars.next()? {
            '"' => return Some(()),
            '\\' => word.push(chars.next()?.to_ascii_lowercase()),
            c => word.push(c.to_ascii_lowercase()),
        }
    }
}

fn skip_space(chars: &mut std::str::Chars<'_>) -> Option<()> {
    loop {
        match chars.clone().next() {
            Some('(') => {
                chars.next();
                comment(chars)?;
            }
            Some(c) if c.is_whitespace() => drop(chars.next()),
            _ => return Some(()),
        }
    }
}

fn comment(chars: &mut std::str::Chars<'_>) -> Option<()> {
    let mut depth = 1;
    while depth > 0 {
        match chars.next()? {
            '(' => depth += 1,
            ')' => depth -= 1,
            '\\' => drop(chars.next()?),
            _ => (),
        }
    }
    Some(())
}
