//! One request, as its caller describes it. Only method and path are ever shown; query and body may hold secrets.

use super::body::{self, Keep};
use super::error::Failure;
use crate::secret::Secret;
use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Method, Url};
use serde::Serialize;
use std::time::Duration;

const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Text as one segment of a path: `acme/deploy` becomes `acme%2Fdeploy`.
pub fn segment(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}

/// One request: method, path below the base, and what goes with them.
pub struct Call<'a> {
    pub(super) method: Method,
    path: String,
    query: Vec<(&'static str, String)>,
    pub(super) body: Option<Result<Bytes, String>>,
    pub(super) credential: Option<&'a Secret>,
    pub(super) hidden: Vec<&'a Secret>,
    pub(super) unauthorized_is_an_answer: bool,
    pub(super) patience: Option<Duration>,
    pub(super) keep: Option<Keep>,
    pub(super) bucket: Option<String>,
}

impl<'a> Call<'a> {
    /// Any method on `path`, which begins with a slash and whose variable parts went through [`segment`].
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            query: Vec::new(),
            body: None,
            credential: None,
            hidden: Vec::new(),
            unauthorized_is_an_answer: false,
            patience: None,
            keep: None,
            bucket: None,
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

    /// Changes a part.
    pub fn patch(path: impl Into<String>) -> Self {
        Self::new(Method::PATCH, path)
    }

    /// Replaces.
    pub fn put(path: impl Into<String>) -> Self {
        Self::new(Method::PUT, path)
    }

    /// Removes.
    pub fn delete(path: impl Into<String>) -> Self {
        Self::new(Method::DELETE, path)
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

    /// Sends `body` as JSON; the bytes are wiped afterwards.
    #[must_use]
    pub fn json(mut self, body: &impl Serialize) -> Self {
        self.body = Some(body::json(body));
        self
    }

    /// Calls as somebody else, in the same header as the host's own credential.
    #[must_use]
    pub fn credential(mut self, credential: &'a Secret) -> Self {
        self.credential = Some(credential);
        self
    }

    /// A value that the host may repeat in an error and that must not be shown, whatever it looks like.
    #[must_use]
    pub fn hiding(mut self, secret: &'a Secret) -> Self {
        self.hidden.push(secret);
        self
    }

    /// Here 401 says something about the object and not about the credential, so it is no failed login.
    #[must_use]
    pub fn unauthorized_is_an_answer(mut self) -> Self {
        self.unauthorized_is_an_answer = true;
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
