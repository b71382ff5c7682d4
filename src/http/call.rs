//! One request, as its caller describes it. Only method and path are ever shown; query, headers and body may hold
//! secrets.

use super::body::{self, Keep};
use super::error::Failure;
use super::header::secret_header;
use crate::secret::Secret;
use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Method, Request, Url};
use serde::Serialize;
use std::time::Duration;
use zeroize::Zeroizing;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Text as one segment of a path: `acme/deploy` becomes `acme%2Fdeploy`.
pub fn segment(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}

/// One request: method, path below the base, and what goes with them.
#[derive(Clone)]
pub struct Call<'a> {
    pub(super) method: Method,
    path: String,
    query: Vec<(&'static str, String)>,
    headers: Vec<(HeaderName, Result<HeaderValue, Failure>)>,
    body: Option<(String, Result<Bytes, String>)>,
    pub(super) credential: Option<&'a Secret>,
    pub(super) answers: Vec<u16>,
    unauthorized_is_an_answer: bool,
    pub(super) patience: Option<Duration>,
    pub(super) keep: Option<Keep>,
    pub(super) bucket: Option<String>,
    pub(super) in_background: bool,
    pub(super) once: bool,
}

impl<'a> Call<'a> {
    /// Any method on `path`, which begins with a slash and whose variable parts went through [`segment`].
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            query: Vec::new(),
            headers: Vec::new(),
            body: None,
            credential: None,
            answers: Vec::new(),
            unauthorized_is_an_answer: false,
            patience: None,
            keep: None,
            bucket: None,
            in_background: false,
            once: false,
        }
    }

    /// Reads.
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    /// Creates or acts.
    pub fn post(path: impl Into<String>) -> Self {
        Self::new(Method::POST, path)
    }

    /// Replaces.
    pub fn put(path: impl Into<String>) -> Self {
        Self::new(Method::PUT, path)
    }

    /// Removes.
    pub fn delete(path: impl Into<String>) -> Self {
        Self::new(Method::DELETE, path)
    }

    /// Whether it may change something at the other end.
    pub fn is_write(&self) -> bool {
        !self.method.is_safe()
    }

    /// Adds a query parameter; repeated names are sent repeatedly.
    #[must_use]
    pub fn query(mut self, name: &'static str, value: impl ToString) -> Self {
        self.query.push((name, value.to_string()));
        self
    }

    /// Adds a query parameter if there is a value.
    #[must_use]
    pub fn maybe(self, name: &'static str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.query(name, value),
            None => self,
        }
    }

    /// Changes a part.
    pub fn patch(path: impl Into<String>) -> Self {
        Self::new(Method::PATCH, path)
    }

    /// Adds a header that is no secret; `name` is in lower case.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        let unfit = |_| Failure::not_sent("a header has characters that no header may carry");
        self.headers.push((HeaderName::from_static(name), HeaderValue::from_str(value).map_err(unfit)));
        self
    }

    /// Adds a header that carries a secret beside the credential.
    #[must_use]
    pub fn secret_header(self, name: &'static str, secret: &'a Secret) -> Self {
        self.named_secret_header(HeaderName::from_static(name), secret)
    }

    /// The same under a name that the configuration chooses.
    #[must_use]
    pub fn named_secret_header(mut self, name: HeaderName, secret: &'a Secret) -> Self {
        self.headers.push((name, secret_header("", secret)));
        self
    }

    /// Sends `body` as JSON; the bytes are wiped afterwards.
    #[must_use]
    pub fn json(self, body: &impl Serialize) -> Self {
        self.json_as(JSON, body)
    }

    /// Sends `body` as a kind of JSON with a name of its own, such as `application/merge-patch+json`.
    #[must_use]
    pub fn json_as(mut self, content_type: &str, body: &impl Serialize) -> Self {
        self.body = Some((content_type.to_owned(), body::json(body)));
        self
    }

    /// Sends the pairs as a form; the bytes are wiped afterwards.
    #[must_use]
    pub fn form(self, pairs: &[(&str, &str)]) -> Self {
        let room = pairs.iter().map(|(name, value)| 3 * (name.len() + value.len()) + 2).sum();
        let mut form = form_urlencoded::Serializer::new(String::with_capacity(room));
        form.extend_pairs(pairs);
        let text = form.finish();
        self.bytes(FORM, Zeroizing::new(text.into_bytes()))
    }

    /// Sends exactly these bytes; they are wiped afterwards.
    #[must_use]
    pub fn bytes(mut self, content_type: &str, body: Zeroizing<Vec<u8>>) -> Self {
        self.body = Some((content_type.to_owned(), Ok(Bytes::from_owner(body))));
        self
    }

    /// Calls as somebody else, in the same header as the host's own credential.
    #[must_use]
    pub fn credential(mut self, credential: &'a Secret) -> Self {
        self.credential = Some(credential);
        self
    }

    /// Here 401 says something about the object and not about the credential, so it is no failed login.
    #[must_use]
    pub fn unauthorized_is_an_answer(mut self) -> Self {
        self.unauthorized_is_an_answer = true;
        self
    }

    /// These statuses (300 and above, 429 excepted) come back as a [`Reply`](super::Reply), with headers and body, and
    /// are for the caller to understand. A 401 among them is no failed login.
    #[must_use]
    pub fn answers(mut self, statuses: &[u16]) -> Self {
        self.answers.extend_from_slice(statuses);
        self
    }

    /// How long this call may wait for its turn.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = Some(patience);
        self
    }

    /// Keeps only the last `bytes` of an answer of any length.
    #[must_use]
    pub fn keep_tail(mut self, bytes: usize) -> Self {
        self.keep = Some(Keep::Tail(bytes));
        self
    }

    /// The host counts this call apart from others, together with those of the same bucket.
    #[must_use]
    pub fn bucket(mut self, bucket: impl Into<String>) -> Self {
        self.bucket = Some(bucket.into());
        self
    }

    /// In no hurry: leaves a share of the budget to calls that are.
    #[must_use]
    pub fn in_background(mut self) -> Self {
        self.in_background = true;
        self
    }

    /// Not repeated where nothing answers, though reading it again would be safe.
    #[must_use]
    pub fn once(mut self) -> Self {
        self.once = true;
        self
    }

    pub(super) fn takes_unauthorized(&self) -> bool {
        self.unauthorized_is_an_answer || self.answers.contains(&401)
    }

    /// Puts headers and body on the request.
    pub(super) fn furnish(&self, request: &mut Request) -> Result<(), Failure> {
        for (name, value) in &self.headers {
            let value = value.as_ref().map_err(Failure::clone)?;
            request.headers_mut().append(name, value.clone());
        }
        if let Some((content_type, body)) = &self.body {
            let body = body.as_ref().map_err(|why| Failure::not_sent(why))?;
            let unfit = |_| Failure::not_sent("the content type cannot be written as a header");
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_str(content_type).map_err(unfit)?);
            *request.body_mut() = Some(body.clone().into());
        }
        Ok(())
    }

    /// How the call is named in errors.
    pub(super) fn label(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// The full address, or a refusal if the path would leave the base.
    pub(super) fn url(&self, base: &Url) -> Result<Url, Failure> {
        let text = format!("{}{}", base.as_str().trim_end_matches('/'), self.path);
        let mut url = Url::parse(&text).map_err(|_| Failure::not_sent("the path makes no address"))?;
        if !self.path.starts_with('/') || url.as_str() != text {
            return Err(Failure::not_sent("the path has parts that an address must not have"));
        }
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        Ok(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(base: &str, call: &Call<'_>) -> Option<String> {
        call.url(&Url::parse(base).unwrap()).ok().map(|url| url.to_string())
    }

    #[test]
    fn a_path_of_several_names_stays_one_segment() {
        let call = Call::get(format!("/projects/{}/variables", segment("acme/deploy bot"))).query("filter[scope]", "*");
        assert_eq!(
            url("https://gitlab.example/root/api/v4/", &call).unwrap(),
            "https://gitlab.example/root/api/v4/projects/acme%2Fdeploy%20bot/variables?filter%5Bscope%5D=*"
        );
    }

    #[test]
    fn a_name_cannot_climb_out_of_the_base() {
        for name in ["..", ".", "../../admin", "a/../b", "x?y=z", "x#y"] {
            for path in [format!("/projects/{name}"), format!("/projects/{name}/x"), name.to_owned()] {
                assert_eq!(
                    url("https://gitlab.example/api/v4", &Call::get(path.clone()))
                        .filter(|url| !url.contains('?') && !url.contains('#')),
                    None,
                    "{path}"
                );
            }
        }
        assert_eq!(url("https://gitlab.example/api/v4", &Call::get(format!("/projects/{}", segment("..")))), None);
    }
}
