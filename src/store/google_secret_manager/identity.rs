//! Who the bot is to Google: the service account of the machine it runs on, a key file, or an identity of another cloud or
//! cluster that Google trusts. Each comes down to a token that is good for about an hour.

mod federation;
mod key_file;
mod metadata;

use super::secret;
use crate::clock::{Clock, SystemClock};
use crate::http::{Api, BadClient, Call, CallError, Credential, Throttle, Tls, client_with};
use crate::secret::Secret;
use crate::store::connection::{BadConnection, Link};
use crate::store::session::{Granted, Login, NoLogin};
use reqwest::Url;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What the tokens are for.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// Calls to one host of Google's at once.
const IN_FLIGHT: usize = 2;

/// Where the identity comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// The metadata server of the machine or the cluster, at this address.
    Metadata(String),
    /// A file that Google made: a key of a service account, or a configuration for workload identity federation. Read
    /// for each login.
    File(PathBuf),
}

/// One identity.
pub(super) struct Identity {
    source: Credentials,
    /// To Google, through whatever proxy there is.
    outside: reqwest::Client,
    /// To this machine or its own link.
    near: reqwest::Client,
    timeout: Option<Duration>,
    section: String,
    clock: Arc<dyn Clock>,
}

/// A token as all of Google's endpoints but one give it.
#[derive(Deserialize)]
struct Token {
    #[serde(deserialize_with = "secret")]
    access_token: Secret,
    expires_in: Option<u64>,
}

/// What kind of file it is.
#[derive(Deserialize)]
struct Kind {
    r#type: String,
}

impl Identity {
    pub(super) fn new(source: &Credentials, link: &Link, section: &str) -> Result<Self, BadConnection> {
        let bad = |error: &dyn ToString| BadConnection(format!("{section} {}", error.to_string()));
        let pem = link.ca_file.as_ref().map(std::fs::read).transpose().map_err(|error| bad(&error))?;
        let client = |direct| client_with(&Tls { extra_ca: pem.as_deref(), direct, ..Tls::default() });
        let bad_client = |error: BadClient| bad(&error);
        Ok(Self {
            source: source.clone(),
            outside: client(false).map_err(bad_client)?,
            near: client(true).map_err(bad_client)?,
            timeout: link.timeout,
            section: section.to_owned(),
            clock: Arc::new(SystemClock),
        })
    }

    /// The host of a whole address, and what is asked of it.
    fn endpoint(&self, address: &str, credential: Credential) -> Result<(Api, String), NoLogin> {
        let url = Url::parse(address).map_err(|_| self.refused("its credentials name an address that is none"))?;
        let client = if url.scheme() == "http" { &self.near } else { &self.outside };
        let throttle = Arc::new(Throttle::new(IN_FLIGHT, None));
        let api = Api::new(client.clone(), &url.origin().ascii_serialization(), credential, throttle)
            .map_err(|error| self.refused(&format!("an address in its credentials cannot be used: {error}")))?;
        let api = match self.timeout {
            Some(timeout) => api.with_timeout(timeout).with_patience(timeout),
            None => api,
        };
        let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
        Ok((api, format!("{}{query}", url.path())))
    }

    /// Asks for a token at a whole address. Asking twice does no harm.
    async fn token<'a>(&self, address: &str, furnish: impl FnOnce(Call<'a>) -> Call<'a>) -> Result<Granted, NoLogin> {
        let (api, path) = self.endpoint(address, Credential::Nothing)?;
        let answer = api.read(&furnish(Call::post(path))).await.and_then(|reply| reply.json());
        answer.map(Token::granted).map_err(|error| self.of_call(&error))
    }

    fn of_call(&self, error: &CallError) -> NoLogin {
        NoLogin::of_call(error, |_| self.mend())
    }

    fn refused(&self, why: &str) -> NoLogin {
        NoLogin::Refused { why: why.to_owned(), mend: self.mend() }
    }

    fn mend(&self) -> String {
        let what = match &self.source {
            Credentials::Metadata(_) => {
                "attach a service account to the machine or the pod, or name credentials_file".into()
            }
            Credentials::File(path) => format!("have a new {} made by Google", path.display()),
        };
        format!("{what}, in {}", self.section)
    }
}

impl Token {
    fn granted(self) -> Granted {
        Granted { credential: self.access_token, good_for: self.expires_in.map(Duration::from_secs) }
    }
}

#[async_trait::async_trait]
impl Login for Identity {
    async fn log_in(&self) -> Result<Granted, NoLogin> {
        let path = match &self.source {
            Credentials::Metadata(address) => return metadata::token(self, address).await,
            Credentials::File(path) => path,
        };
        let text = tokio::fs::read_to_string(path).await.map(Secret::new);
        let text = text.map_err(|error| self.refused(&format!("its credentials cannot be read ({})", error.kind())))?;
        match parsed::<Kind>(self, &text)?.r#type.as_str() {
            "service_account" => key_file::token(self, &parsed(self, &text)?).await,
            "external_account" => federation::token(self, &parsed(self, &text)?).await,
            _ => Err(self.refused("its credentials are neither a service account's key nor an external account's")),
        }
    }
}

fn parsed<T: DeserializeOwned>(identity: &Identity, text: &Secret) -> Result<T, NoLogin> {
    // The parser's own words may quote the file.
    serde_json::from_str(text.expose()).map_err(|_| identity.refused("its credentials lack something, or are no JSON"))
}
