//! `[http.<name>]` and `kind = "http"`: a host that may be called, and a request that puts a value there.

use super::{Body, Method, Read, Settings, Spec};
use crate::rotation::ids::{RotationId, TokenId};
use crate::rotation::store::Tag;
use crate::secret::Secret;
use crate::settings::headers::named;
use crate::settings::section::Section;
use crate::store::Named;
use crate::store::http::blank::{Spelling, TOKEN, filled, unknown};
use crate::store::keys::{self, at};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The keys of a place.
pub(in crate::store) const KEYS: &[&str] =
    &["at", "name", "method", "path", "headers", "content_type", "body", "read", "pointer"];

/// The keys of a connection.
pub(in crate::store) const CONNECTION_KEYS: &[&str] = &["url", "headers", "ca_file", "timeout"];

pub(in crate::store) fn connection(section: &Section<'_>, name: &str, connections: &mut Named<Arc<Settings>>) {
    let link = keys::read(section, "https://safe.example.com/api");
    let headers = named(section, |all, key| keys::source(all, key, "the header")).unwrap_or_default();
    if let Some(link) = link {
        connections.insert(name.to_owned(), Arc::new(Settings { link, headers }));
    }
}

pub(in crate::store) fn read(section: &Section<'_>, connections: &Named<Arc<Settings>>) -> Option<Spec> {
    let methods = [("PUT", Method::Put), ("POST", Method::Post), ("PATCH", Method::Patch)];
    let method = section.choice("method", &methods).unwrap_or(Method::Put);
    let path = path(section, "path", true);
    let headers = named(section, |all: &Section<'_>, key| all.text(key)).unwrap_or_default();
    let headers: BTreeMap<String, String> =
        headers.into_iter().map(|(name, text)| (name.as_str().to_owned(), text)).collect();
    let body = body(section);
    let read = if section.has("read") { path_read(section).map(Some) } else { Some(None) };
    if read == Some(None) && section.has("pointer") {
        section.complain("pointer", "pointer is the way to the value in what `read` brings; add read = \"/…\"");
    }
    has_the_value(section, &headers, body.as_ref());
    let (at, connection) = at(section, "http", connections)?;
    let address = connection.link.url.clone();
    let clash = headers.keys().find(|name| connection.headers.iter().any(|(other, _)| other.as_str() == name.as_str()));
    if let Some(name) = clash {
        section.complain("headers", &format!("[http.{at}] sends the header {name} already; remove one"));
    }
    let (path, read, name) = (path?, read?, section.text("name"));
    Some(Spec { at, address, name, method, path, headers, body, read })
}

/// A path below the connection's address; the value never goes there.
fn path(section: &Section<'_>, key: &str, needed: bool) -> Option<String> {
    let text = if needed { section.required(key, "write it as \"/secrets/deploy-token\"") } else { section.text(key) }?;
    if text.contains("{{") {
        section
            .complain(key, &format!("{key} must have no {{{{…}}}}: addresses end up in logs, so no value goes there"));
        return None;
    }
    if !text.starts_with('/') || text.contains('#') || text.contains(char::is_whitespace) {
        section.complain(key, &format!("{key} must begin with / and have neither # nor spaces"));
        return None;
    }
    Some(text)
}

fn path_read(section: &Section<'_>) -> Option<Read> {
    let path = path(section, "read", false);
    let pointer = section.text("pointer");
    if pointer.as_ref().is_some_and(|pointer| !pointer.starts_with('/')) {
        section.complain("pointer", "pointer must begin with /, as \"/data/value\"");
        return None;
    }
    Some(Read { path: path?, pointer })
}

fn body(section: &Section<'_>) -> Option<Body> {
    let Some(text) = section.text("body") else {
        if section.has("content_type") && !section.has("body") {
            section.complain("content_type", "content_type is for a body; add body, or remove it");
        }
        return None;
    };
    let content_type = section.text("content_type").unwrap_or_else(|| "application/json".to_owned());
    let Some(spelling) = Spelling::of(&content_type) else {
        let known = "application/json, application/…+json, application/x-www-form-urlencoded, text/plain";
        section.complain("content_type", &format!("content_type must be one of {known}"));
        return None;
    };
    if spelling == Spelling::Json && !stays_json(&text) {
        section.complain("body", "body is no JSON once {{token}} is filled in; write \"{{token}}\" in quotes");
    }
    Some(Body { content_type, spelling, text })
}

fn stays_json(text: &str) -> bool {
    let tag = Tag { rotation: RotationId(String::new()), attempt: 1, token: TokenId(1), expires_at: None };
    let sample = filled(text, Spelling::Json, &Secret::new("a \"quoted\" token".into()), &tag);
    serde_json::from_str::<serde::de::IgnoredAny>(sample.expose()).is_ok()
}

fn has_the_value(section: &Section<'_>, headers: &BTreeMap<String, String>, body: Option<&Body>) {
    let texts = || headers.values().map(|text| ("headers", text)).chain(body.map(|body| ("body", &body.text)));
    for (key, text) in texts() {
        for blank in unknown(text) {
            let known = "{{token}}, {{rotation}}, {{token_id}} and {{expires_at}}";
            section.complain(key, &format!("{key}: nothing is known to fill {{{{{blank}}}}}; there are {known}"));
        }
    }
    let said = !section.has("body") || body.is_some();
    if said && !texts().any(|(_, text)| text.contains(TOKEN)) {
        section.complain("body", "the value is sent nowhere; write {{token}} into body or one of headers");
    }
}
