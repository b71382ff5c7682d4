//! Links that a mail gateway put in place of GitLab's, so that a click passes by it first. The address inside is read
//! out, never followed, and then judged like any other. Only gateways are taken apart: elsewhere an address within
//! another proves nothing.

use super::address::Address;
use base64::Engine as _;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::percent_decode_str;
use std::borrow::Cow;

/// Hosts whose links, or those of hosts below them, hold another. Others are named in the configuration.
const GATEWAYS: [&str; 31] = [
    "avanan.click",
    "cudasvc.com",
    "edgepilot.com",
    "emailprotection.link",
    "emails.azure.net",
    "esvalabs.com",
    "fireeye.com",
    "gravityzone.bitdefender.com",
    "hornetsecurity.com",
    "inky.com",
    "mailguard.com.au",
    "mimecast.com",
    "mimecastprotect.com",
    "menlosecurity.com",
    "protect.checkpoint.com",
    "protection.sophos.com",
    "safelinks.protection.office365.us",
    "safelinks.protection.outlook.com",
    "safelinks.protection.partner.outlook.cn",
    "scanmail.trustwave.com",
    "secure-web.cisco.com",
    "spamtitan.com",
    "symantec.com",
    "titanhq.com",
    "trellix.com",
    "trendmicro.com",
    "urldefense.com",
    "urldefense.proofpoint.com",
    "urldefense.proofpoint.us",
    "urldefense.us",
    "urlsand.com",
];

/// Gateways of two organisations that forward to each other wrap twice; nobody wraps often.
const DEEPEST: usize = 4;

/// The address itself, or the one inside, if a gateway wrapped it.
pub fn original<'u>(url: &'u str, own: &[String]) -> Cow<'u, str> {
    let mut url = Cow::Borrowed(url);
    for _ in 0..DEEPEST {
        match inner(&url).filter(|_| is_gateway(&url, own)) {
            Some(inner) => url = Cow::Owned(inner),
            None => break,
        }
    }
    url
}

/// Whether links to this address's host are a gateway's.
pub fn is_gateway(url: &str, own: &[String]) -> bool {
    let Some(address) = Address::read(url) else { return false };
    let Some(host) = address.host() else { return false };
    let host = host.split(':').next().unwrap_or_default();
    let under = |known: &str| {
        host.strip_suffix(&*known.to_ascii_lowercase()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    // Gmail wraps what it shows, and a person copies that into a forwarded mail.
    let google = address.path == "/url" && matches!(host, "www.google.com" | "google.com");
    google || GATEWAYS.iter().any(|known| under(known)) || own.iter().any(|known| !known.is_empty() && under(known))
}

/// The host of an address that only the gateway itself can tell, where the link names that much.
pub fn names_host(url: &str) -> Option<String> {
    let domain = query(url).find(|(name, value)| matches!(*name, "domain" | "d") && value.contains('.'))?;
    Some(decoded(domain.1).to_ascii_lowercase())
}

/// The address within another, in any of the ways in which gateways write it.
pub fn inner(url: &str) -> Option<String> {
    let found = between(url).or_else(|| in_query(url)).or_else(|| in_path(url))?;
    let (scheme, rest) = found.split_once(":/")?;
    Some(format!("{scheme}://{}", rest.trim_start_matches('/')))
}

/// `/v3/__URL__;REPLACED!!…$` of URL Defense and `/v2/___URL___.…` of Avanan.
fn between(url: &str) -> Option<String> {
    if let Some((_, rest)) = url.split_once("/___") {
        return web(rest.split("___").next()?).map(str::to_owned);
    }
    let (_, rest) = url.split_once("/v3/__")?;
    let (text, replaced) = rest.split_once("__;").unwrap_or((rest, ""));
    web(text)?;
    let replaced = replaced.split("!!").next().unwrap_or_default();
    let replaced = String::from_utf8(base64(replaced)?).ok()?;
    put_back(text, &replaced)
}

/// A `*` stands for the next character that was taken out, `**` and a letter for a run of them (`A` is 2).
fn put_back(text: &str, replaced: &str) -> Option<String> {
    const RUNS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (mut given, mut out, mut chars) = (replaced.chars(), String::new(), text.chars().peekable());
    while let Some(c) = chars.next() {
        if c != '*' {
            out.push(c);
        } else if chars.next_if_eq(&'*').is_some() {
            out.extend(given.by_ref().take(RUNS.find(chars.next()?)? + 2));
        } else {
            out.push(given.next()?);
        }
    }
    Some(out)
}

fn in_query(url: &str) -> Option<String> {
    let second = url.contains("/v2/url?");
    query(url).find_map(|(_, value)| match second {
        true => address(&value.replace('-', "%").replace('_', "/")),
        false => address(value),
    })
}

fn in_path(url: &str) -> Option<String> {
    let (_, path) = url.split_once("://")?.1.split_once('/')?;
    let path = path.split(['?', '#']).next()?;
    let plain = path.find("http://").or_else(|| path.find("https://")).and_then(|at| path.get(at..));
    plain.map(str::to_owned).or_else(|| path.split('/').find_map(address))
}

/// Parameters as they stand; a text part may show `&` as HTML does.
fn query(url: &str) -> impl Iterator<Item = (&str, &str)> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let query = query.split('#').next().unwrap_or_default();
    query.split(['&', ';']).filter_map(|pair| pair.split_once('='))
}

/// A web address, escaped once or twice, or in base64.
fn address(text: &str) -> Option<String> {
    let once = decoded(text);
    let found = web(&once).map(str::to_owned).or_else(|| web(&decoded(&once)).map(str::to_owned));
    found.or_else(|| web(&String::from_utf8(base64(&once)?).ok()?).map(str::to_owned))
}

fn web(text: &str) -> Option<&str> {
    (text.starts_with("https:/") || text.starts_with("http:/")).then_some(text)
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn base64(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=');
    let by = |alphabet: &GeneralPurpose| alphabet.decode(text).ok();
    by(&URL_SAFE_NO_PAD).or_else(|| by(&STANDARD_NO_PAD))
}
