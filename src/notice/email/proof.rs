//! Whether the sender in `From` is genuine, by the `Authentication-Results` of a server that we trust (RFC 8601).
//! Strangers can write into its values (addresses, reasons), so quotes and comments are cut properly.

use super::{MailPolicy, Proof, Refused};
use mail_parser::{HeaderValue, Message};

/// Accepts `dmarc=pass` for the domain in `From`, or `dkim=pass` by a domain aligned with it.
pub fn check(mail: &Message<'_>, from: &str, policy: &MailPolicy) -> Result<(), Refused> {
    let Proof::Results { servers } = &policy.proof else { return Ok(()) };
    let domain = from.rsplit_once('@').map_or(from, |(_, domain)| domain);
    let results = topmost(mail, servers).ok_or(Refused::Unauthenticated("no results of a server that we trust"))?;
    if signs_partly(mail) {
        return Err(Refused::Unauthenticated("the signature covers only a part of the mail"));
    }
    let dmarc: Vec<&Verdict> = results.iter().filter(|verdict| verdict.method == "dmarc").collect();
    if dmarc.iter().any(|verdict| verdict.result == "fail") {
        return Err(Refused::Unauthenticated("dmarc failed"));
    }
    let by_dmarc = dmarc.iter().any(|verdict| verdict.result == "pass" && verdict.is("header.from", domain));
    let by_dkim = results.iter().any(|verdict| verdict.method == "dkim" && verdict.signs_for(domain));
    match by_dmarc || by_dkim {
        true => Ok(()),
        false => Err(Refused::Unauthenticated("neither dmarc nor an aligned dkim passed")),
    }
}

/// One `method=result` with its properties.
struct Verdict {
    method: String,
    result: String,
    properties: Vec<(String, String)>,
}

impl Verdict {
    fn is(&self, property: &str, domain: &str) -> bool {
        let mut values = self.properties.iter().filter(|(name, _)| name == property);
        values.next().is_some_and(|(_, value)| value == domain) && values.next().is_none()
    }

    /// Relaxed alignment: the signing domain is the sender's, above it or below it.
    fn signs_for(&self, domain: &str) -> bool {
        let signer = |name: &str| self.properties.iter().find(|(property, _)| property == name);
        let Some((_, signer)) = signer("header.d").or_else(|| signer("header.i")) else { return false };
        let signer = signer.rsplit_once('@').map_or(signer.as_str(), |(_, domain)| domain);
        let below = |one: &str, other: &str| one.strip_suffix(other).is_some_and(|rest| rest.ends_with('.'));
        let related = signer == domain || below(domain, signer) || below(signer, domain);
        self.result == "pass" && signer.contains('.') && related
    }
}

/// The first header of a trusted server from the top: what stands below may have come with the mail.
fn topmost(mail: &Message<'_>, servers: &[String]) -> Option<Vec<Verdict>> {
    let headers = mail.header_values("Authentication-Results").filter_map(HeaderValue::as_text);
    headers.filter_map(sections).find_map(|sections| {
        let (server, verdicts) = sections.split_first()?;
        let server = server.first()?;
        let trusted = servers.iter().any(|known| !known.is_empty() && known.eq_ignore_ascii_case(server));
        trusted.then(|| verdicts.iter().filter_map(|words| verdict(words)).collect())
    })
}

fn verdict(words: &[String]) -> Option<Verdict> {
    let mut pairs = words.iter().filter_map(|word| word.split_once('='));
    let (method, result) = pairs.next()?;
    // A method may carry its version: `dkim/1=pass`.
    let method = method.split('/').next()?.to_owned();
    let properties = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Some(Verdict { method, result: result.to_owned(), properties })
}

/// Sections between `;`, each as lower-case words, with comments gone and quotes resolved. `None` if quotes or
/// comments never end: then nothing in the header is where it seems to be.
fn sections(header: &str) -> Option<Vec<Vec<String>>> {
    let mut sections = vec![vec![]];
    let mut word = String::new();
    let mut chars = header.chars();
    while let Some(c) = chars.next() {
        match c {
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

/// A DKIM signature with `l=` lets anybody append to the mail. GitLab's senders never use it.
fn signs_partly(mail: &Message<'_>) -> bool {
    let tags = |value: &str| value.split(';').any(|tag| tag.trim_start().starts_with("l="));
    mail.header_values("DKIM-Signature").filter_map(HeaderValue::as_text).any(tags)
}
