//! Whether the sender in `From` is genuine, by the `Authentication-Results` of a server that we trust (RFC 8601).
//! Which headers that server wrote says [`border`].

use super::{MailPolicy, Proof, Refused, border};
use mail_parser::{HeaderValue, Message};

/// Accepts `dmarc=pass` for the domain in `From`, or `dkim=pass` by a domain aligned with it.
pub fn check(mail: &Message<'_>, from: &str, policy: &MailPolicy) -> Result<(), Refused> {
    let Proof::Results { servers } = &policy.proof else { return Ok(()) };
    let domain = from.rsplit_once('@').map_or(from, |(_, domain)| domain);
    let results = verdicts(mail, servers)?;
    if signs_partly(mail) {
        return Err(Refused::Unauthenticated("the signature covers only a part of the mail"));
    }
    let dmarc: Vec<&Verdict> = results.iter().filter(|verdict| verdict.method == "dmarc").collect();
    if dmarc.iter().any(|verdict| verdict.is_failed_dmarc()) {
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
    fn is_failed_dmarc(&self) -> bool {
        self.method == "dmarc" && self.result == "fail"
    }

    fn is(&self, property: &str, domain: &str) -> bool {
        let mut values = self.properties.iter().filter(|(name, _)| name == property);
        values.next().is_some_and(|(_, value)| domain_of(value) == domain) && values.next().is_none()
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

/// Some servers write the whole address: `header.from=<gitlab@example.com>`.
fn domain_of(value: &str) -> &str {
    let bare = value.trim_start_matches('<').trim_end_matches('>');
    bare.split_once('@').map_or(bare, |(_, domain)| domain)
}

/// What the trusted server found. Some write a header for each method (OpenDKIM and OpenDMARC), so its whole run of
/// headers counts, up to one that speaks of a method again: that came with the mail.
fn verdicts(mail: &Message<'_>, servers: &[String]) -> Result<Vec<Verdict>, Refused> {
    let mut all: Vec<Verdict> = Vec::new();
    for header in border::run(mail, servers)? {
        let here: Vec<Verdict> = header.iter().filter_map(|words| verdict(words)).collect();
        if here.iter().any(|verdict| all.iter().any(|above| above.method == verdict.method)) {
            break;
        }
        let unsigned = all.iter().any(|above| above.method == "dkim")
            && !all.iter().any(|above| above.method == "dkim" && above.result == "pass");
        // Whoever found no signature has not written below that DMARC passed.
        all.extend(
            here.into_iter().filter(|verdict| !(unsigned && verdict.method == "dmarc" && verdict.result == "pass")),
        );
    }
    Ok(all)
}

fn verdict(words: &[String]) -> Option<Verdict> {
    let mut pairs = words.iter().filter_map(|word| word.split_once('='));
    let (method, result) = pairs.next()?;
    // A method may carry its version: `dkim/1=pass`.
    let method = method.split('/').next()?.to_owned();
    let properties = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Some(Verdict { method, result: result.to_owned(), properties })
}

/// A DKIM signature with `l=` lets anybody append to the mail. GitLab's senders never use it.
fn signs_partly(mail: &Message<'_>) -> bool {
    let tags = |value: &str| value.split(';').any(|tag| tag.trim_start().starts_with("l="));
    mail.header_values("DKIM-Signature").filter_map(HeaderValue::as_text).any(tags)
}
