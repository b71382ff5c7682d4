//! Any store that takes a value by one HTTP request: method, path, headers and body as the configuration writes them. The
//! value goes into the body or a header and never into an address. Without a request to read it back by, the place can
//! only be written, and is proven by the consumers alone.

pub mod blank;
pub(super) mod config;
mod method;

use self::blank::{Spelling, filled};
use super::adapter::Adapter;
use super::connection::{BadConnection, Link};
use super::place::Place;
use super::session::NoLogin;
use super::source::Source;
use super::{Base, Seen, StoreError, Written};
use crate::http::{Api, Call, CallError, Credential};
use crate::rotation::ids::StoreId;
use crate::rotation::store::{Capabilities, Tag};
use crate::secret::Secret;
use reqwest::header::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// How a value is written and read, as the configuration says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Spec {
    /// The connection.
    pub at: String,
    /// The address of that connection: what tells places on two servers apart.
    pub address: String,
    /// What people call the place, where several share one path.
    pub name: Option<String>,
    /// How it is sent.
    pub method: Method,
    /// Below the address.
    pub path: String,
    /// Headers with blanks, by their names.
    pub headers: BTreeMap<String, String>,
    /// The body, if there is one.
    pub body: Option<Body>,
    /// How it is read back; `None`: not at all.
    pub read: Option<Read>,
}

/// How a value is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Replaces what is there.
    Put,
    /// Adds or acts.
    Post,
    /// Changes a part of what is there.
    Patch,
}

/// The body of the request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Body {
    /// What it says it is.
    pub content_type: String,
    /// How that kind of body spells a value.
    pub spelling: Spelling,
    /// The text, with blanks.
    pub text: String,
}

/// How a value is read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Read {
    /// Below the address.
    pub path: String,
    /// The way to the value in the JSON that comes back; `None`: the whole answer is the value.
    pub pointer: Option<String>,
}

/// A host that may be called, and what every request to it carries.
pub struct Settings {
    /// Where it is.
    pub link: Link,
    /// Headers by their names, secrets as a rule; read again for each request.
    pub headers: Vec<(HeaderName, Source)>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("link", &self.link).field("headers", &self.headers).finish()
    }
}

/// An open connection.
pub struct Host {
    api: Api,
    settings: Arc<Settings>,
}

/// Headers with secrets in them.
type Headers = Vec<(HeaderName, Secret)>;

impl Host {
    pub(super) fn open(settings: &Arc<Settings>, section: &str) -> Result<Self, BadConnection> {
        Ok(Self { api: settings.link.open(section, Credential::Nothing)?, settings: settings.clone() })
    }

    fn headers(&self) -> Result<Headers, NoLogin> {
        self.settings.headers.iter().map(|(name, source)| Ok((name.clone(), source.read()?))).collect()
    }
}

impl Spec {
    pub(super) fn id(&self) -> String {
        let Self { method, path, address, .. } = self;
        let host = address.split_once("://").map_or(address.as_str(), |(_, host)| host);
        let name = self.name.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
        format!("http {method} {host}{path}{name}")
    }

    pub(super) fn place(&self) -> Place {
        let whole = Place::whole(format!("http {}{}", self.address, self.path));
        whole.part(self.name.clone().unwrap_or_default())
    }
}

/// One place behind a host.
pub(super) struct Http {
    id: StoreId,
    host: Arc<Host>,
    spec: Spec,
}

#[async_trait::async_trait]
impl Adapter for Http {
    fn id(&self) -> &StoreId {
        &self.id
    }

    fn capabilities(&self) -> Capabilities {
        let plain = Capabilities { proven: false, ..Capabilities::plain() };
        if self.spec.read.is_some() { plain } else { plain.blind() }
    }

    async fn preflight(&self) -> Result<(), StoreError> {
        // All that can be known without writing: we are let in, and the place is there.
        self.look().await.map(drop)
    }

    async fn look(&self) -> Result<Seen, StoreError> {
        let value = self.held().await?;
        let base = value.as_ref().map(Base::of).unwrap_or_default();
        Ok(Seen::new(value, base, None))
    }

    async fn write(&self, value: &Secret, base: &Base, tag: &Tag) -> Result<Written, StoreError> {
        if let Some(held) = self.held().await? {
            if held.digest() == value.digest() {
                return Ok(Written::Done);
            }
            if Base::of(&held) != *base {
                return Err(StoreError::conflict(&self.id, "it holds another value than before"));
            }
        }
        self.send(value, tag).await.map(|()| Written::Done)
    }
}

impl Http {
    pub(super) fn new(id: StoreId, host: Arc<Host>, spec: &Spec) -> Self {
        Self { id, host, spec: spec.clone() }
    }

    /// What the place holds; `None` if there is no request to read it by.
    async fn held(&self) -> Result<Option<Secret>, StoreError> {
        let headers = self.host.headers().map_err(|error| error.of(&self.id))?;
        let Some(read) = &self.spec.read else { return Ok(None) };
        let call = with(Call::get(read.path.as_str()), &headers);
        let answer = self.host.api.read(&call).await;
        let answer = answer.map_err(|error| StoreError::of_read(&self.id, &error, |status| self.mend(status)))?;
        let text = std::str::from_utf8(answer.body());
        let text = text.map_err(|_| self.unreadable("the answer is no text", "name what can be read as text"))?;
        let Some(pointer) = &read.pointer else {
            return Ok(Some(Secret::new(text.trim_end_matches(['\r', '\n']).to_owned())));
        };
        let json: serde_json::Value = serde_json::from_str(text)
            .map_err(|_| self.unreadable("the answer is no JSON", "correct read, or leave pointer out"))?;
        match json.pointer(pointer) {
            Some(serde_json::Value::String(value)) => Ok(Some(Secret::new(value.clone()))),
            _ => {
                let why = format!("there is no text at {pointer} in the answer");
                Err(self.unreadable(&why, "correct pointer, or put a value there once by hand"))
            }
        }
    }

    async fn send(&self, value: &Secret, tag: &Tag) -> Result<(), StoreError> {
        let credentials = self.host.headers().map_err(|error| error.of(&self.id))?;
        let headers = self.filled_headers(value, tag)?;
        let method = match self.spec.method {
            Method::Put => reqwest::Method::PUT,
            Method::Post => reqwest::Method::POST,
            Method::Patch => reqwest::Method::PATCH,
        };
        let mut call = with(with(Call::new(method, self.spec.path.as_str()), &credentials), &headers);
        if let Some(body) = &self.spec.body {
            let text = filled(&body.text, body.spelling, value, tag);
            call = call.bytes(&body.content_type, Zeroizing::new(text.expose().as_bytes().to_vec()));
        }
        match self.host.api.call(&call).await {
            Ok(_) => Ok(()),
            Err(error @ CallError::Status { status: 409 | 412, .. }) => {
                Err(StoreError::conflict(&self.id, error.to_string()))
            }
            Err(error) => Err(StoreError::of_write(&self.id, &error, |status| self.mend(status))),
        }
    }

    fn filled_headers(&self, value: &Secret, tag: &Tag) -> Result<Headers, StoreError> {
        let header = |(name, text): (&String, &String)| {
            let filled = filled(text, Spelling::Plain, value, tag);
            let name = HeaderName::from_bytes(name.as_bytes()).ok();
            match name.filter(|_| HeaderValue::from_str(filled.expose()).is_ok()) {
                Some(name) => Ok((name, filled)),
                None => Err(self.unreadable("the value cannot be written as a header", "send it in the body")),
            }
        };
        self.spec.headers.iter().map(header).collect()
    }

    fn unreadable(&self, why: &str, mend: &str) -> StoreError {
        StoreError::refused(&self.id, why, mend)
    }

    fn mend(&self, status: u16) -> String {
        let Spec { at, path, .. } = &self.spec;
        match status {
            401 | 403 => format!("give [http.{at}] headers by which {path} may be read and written"),
            404 | 410 => format!("correct {path}, or make the place once by hand"),
            _ => "send the request once by hand to see what the host objects to".to_owned(),
        }
    }
}

fn with<'a>(call: Call<'a>, headers: &'a Headers) -> Call<'a> {
    headers.iter().fold(call, |call, (name, secret)| call.named_secret_header(name.clone(), secret))
}
