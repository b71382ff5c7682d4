//! How the bot gets a token for a vault: as an application, proven by a federated token or a client secret, or as the
//! managed identity of the machine. The vault itself says for what the token must be.

use super::challenge::{Challenge, Odd};
use super::{API_VERSION, Settings};
use crate::http::{Api, Call, CallError, Credential, Reply, Throttle, Tls, client_with, segment};
use crate::secret::Secret;
use crate::store::connection::{BadConnection, Link};
use crate::store::session::{Granted, Login, NoLogin};
use jiff::fmt::rfc2822;
use reqwest::Url;
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What a federated token is for.
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A token whose end nobody told is not kept longer.
const UNTOLD: Duration = Duration::from_secs(300);

/// Who the bot is in Azure.
pub enum Identity {
    /// An application of a directory.
    Application(Application),
    /// The identity of the machine, or of the pod on an older cluster; by the metadata service at this address.
    Machine {
        /// The service, `http://169.254.169.254`.
        metadata: String,
        /// Which one, if there are several.
        client: Option<String>,
    },
    /// The identity of a container app, a function or an app service; by the service that Azure puts beside it.
    AppService {
        /// `IDENTITY_ENDPOINT`.
        endpoint: String,
        /// `IDENTITY_HEADER`.
        header: Secret,
        /// Which one, if there are several.
        client: Option<String>,
    },
}

/// An application of a directory.
pub struct Application {
    /// Where it logs in, `https://login.microsoftonline.com`.
    pub authority: String,
    /// The directory.
    pub tenant: String,
    /// The application.
    pub client: String,
    /// What proves it.
    pub proof: Proof,
}

/// What proves an application.
pub enum Proof {
    /// A token of the cluster in a file, read at each login.
    FederatedToken(PathBuf),
    /// A client secret.
    Secret(Secret),
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Application(application) => write!(f, "application {}", application.client),
            Self::Machine { client, .. } | Self::AppService { client, .. } => write!(f, "managed identity {client:?}"),
        }
    }
}

/// Gets tokens for one vault.
pub(super) struct Tokens {
    vault: Arc<Api>,
    section: String,
    source: Source,
}

enum Source {
    Application { api: Api, tenant: String, client: String, proof: Proof },
    Machine { api: Api, client: Option<String> },
    AppService { api: Api, path: String, header: Secret, client: Option<String> },
}

#[derive(Deserialize)]
struct Token {
    #[serde(deserialize_with = "secret")]
    access_token: Secret,
    /// Seconds.
    #[serde(default, deserialize_with = "number")]
    expires_in: Option<i64>,
    /// Seconds since 1970.
    #[serde(default, deserialize_with = "number")]
    expires_on: Option<i64>,
}

impl Tokens {
    pub(super) fn open(settings: &Settings, section: &str, vault: Arc<Api>) -> Result<Self, BadConnection> {
        let source = match &settings.identity {
            Identity::Application(application) => {
                let link = Link {
                    url: application.authority.clone(),
                    ca_file: settings.link.ca_file.clone(),
                    timeout: settings.link.timeout,
                    client_certificate: None,
                };
                let proof = match &application.proof {
                    Proof::FederatedToken(path) => Proof::FederatedToken(path.clone()),
                    Proof::Secret(secret) => Proof::Secret(secret.duplicate()),
                };
                let (tenant, client) = (application.tenant.clone(), application.client.clone());
                Source::Application { api: link.open(section, Credential::Nothing)?, tenant, client, proof }
            }
            Identity::Machine { metadata, client } => {
                Source::Machine { api: beside(metadata, section)?.0, client: client.clone() }
            }
            Identity::AppService { endpoint, header, client } => {
                let (api, path) = beside(endpoint, section)?;
                Source::AppService { api, path, header: header.duplicate(), client: client.clone() }
            }
        };
        Ok(Self { vault, section: section.to_owned(), source })
    }

    /// Any call without a token makes the vault say what it wants.
    async fn challenge(&self) -> Result<Challenge, NoLogin> {
        let call = Call::get("/secrets").query("api-version", API_VERSION).query("maxresults", 1);
        let reply = self.vault.read(&call.answers(&[401])).await;
        let reply = reply.map_err(|error| NoLogin::of_call(&error, |_| self.look_at("url")))?;
        let host = self.vault.host();
        let challenge = match reply.status() {
            401 => Challenge::of(&reply, &host),
            _ => Err(Odd::NoVault),
        };
        challenge.map_err(|odd| match odd {
            Odd::NoVault => self.refused(format!("{host} does not answer as a key vault does"), self.look_at("url")),
            Odd::AnotherHost(other) => {
                let why = format!("{host} asks for a token for {other}, where it does not belong");
                self.refused(why, self.look_at("url"))
            }
        })
    }

    async fn application(&self, api: &Api, of: (&str, &str, &Proof), resource: &str) -> Result<Reply, NoLogin> {
        let (tenant, client, proof) = of;
        let scope = format!("{resource}/.default");
        let secret = match proof {
            Proof::FederatedToken(path) => self.file(path).await?,
            Proof::Secret(secret) => secret.duplicate(),
        };
        let mut form = vec![("grant_type", "client_credentials"), ("client_id", client), ("scope", scope.as_str())];
        match proof {
            Proof::FederatedToken(_) => {
                form.extend([("client_assertion_type", ASSERTION), ("client_assertion", secret.expose())]);
            }
            Proof::Secret(_) => form.push(("client_secret", secret.expose())),
        }
        let call = Call::post(format!("/{}/oauth2/v2.0/token", segment(tenant))).form(&form);
        let mend = match proof {
            Proof::FederatedToken(_) => {
                "let the application trust the cluster's tokens: a federated credential with the issuer, the service \
                 account and the audience api://AzureADTokenExchange"
            }
            Proof::Secret(_) => "give a client secret that is the application's and has not expired",
        };
        let mend = |status| if status == 404 { self.look_at("tenant") } else { mend.to_owned() };
        api.call(&call).await.map_err(|error| NoLogin::of_call(&error, mend))
    }

    async fn managed(&self, api: &Api, call: Call<'_>, client: Option<&str>) -> Result<Reply, NoLogin> {
        let mend = match client {
            Some(_) => "give the machine that managed identity, or correct client_id",
            None => "give the machine a managed identity, or name one of several with client_id",
        };
        // The service is busy, or not up yet: it says so by a status that elsewhere is a refusal.
        let passing = |error: CallError| match error.status() {
            Some(404 | 410) => NoLogin::Passing { why: error.to_string(), retry_after: None },
            _ => NoLogin::of_call(&error, |_| mend.to_owned()),
        };
        api.read(&call.maybe("client_id", client)).await.map_err(passing)
    }

    async fn file(&self, path: &PathBuf) -> Result<Secret, NoLogin> {
        match tokio::fs::read_to_string(path).await {
            Ok(text) => Ok(Secret::new(text.trim().to_owned())),
            Err(error) => {
                let why = format!("the federated token {} cannot be read: {error}", path.display());
                let mend = "label the pod azure.workload.identity/use: \"true\", or correct token_file".to_owned();
                Err(NoLogin::Refused { why, mend })
            }
        }
    }

    fn refused(&self, why: String, mend: String) -> NoLogin {
        NoLogin::Refused { why, mend }
    }

    fn look_at(&self, key: &str) -> String {
        format!("correct {key} in {}", self.section)
    }
}

#[async_trait::async_trait]
impl Login for Tokens {
    async fn log_in(&self) -> Result<Granted, NoLogin> {
        let challenge = self.challenge().await?;
        let resource = challenge.resource.as_str();
        let reply = match &self.source {
            Source::Application { api, tenant, client, proof } => {
                if let Some(theirs) =
                    challenge.tenant.filter(|theirs| is_guid(tenant) && !theirs.eq_ignore_ascii_case(tenant))
                {
                    let why = format!("the vault belongs to tenant {theirs}, and the bot logs in at {tenant}");
                    return Err(self.refused(why, self.look_at("tenant")));
                }
                self.application(api, (tenant, client, proof), resource).await?
            }
            Source::Machine { api, client } => {
                let call = Call::get("/metadata/identity/oauth2/token").query("api-version", "2018-02-01");
                let call = call.query("resource", resource).header("metadata", "true");
                self.managed(api, call, client.as_deref()).await?
            }
            Source::AppService { api, path, header, client } => {
                let call = Call::get(path).query("api-version", "2019-08-01").query("resource", resource);
                self.managed(api, call.secret_header("x-identity-header", header), client.as_deref()).await?
            }
        };
        granted(&reply)
    }
}

fn granted(reply: &Reply) -> Result<Granted, NoLogin> {
    let token: Token = reply.json().map_err(|error| NoLogin::of_call(&error, |_| String::new()))?;
    // The one who says when it ends says, too, what time it is there.
    let now = reply.header("date").and_then(|date| rfc2822::parse(date).ok()).map(|date| date.timestamp().as_second());
    let left = token.expires_in.or_else(|| Some(token.expires_on? - now?));
    let good_for = left.and_then(|left| u64::try_from(left).ok()).map_or(UNTOLD, Duration::from_secs);
    Ok(Granted { credential: token.access_token, good_for: Some(good_for) })
}

/// A service on this machine or its own link, never reached through a proxy; and the path in its address, which is its
/// own to the last slash.
fn beside(address: &str, section: &str) -> Result<(Api, String), BadConnection> {
    let bad = |why: String| BadConnection(format!("{section} {why}"));
    let url = Url::parse(address).map_err(|_| bad("is told of an identity service without an address".to_owned()))?;
    let client = client_with(&Tls { direct: true, ..Tls::default() }).map_err(|error| bad(error.to_string()))?;
    let throttle = Arc::new(Throttle::new(1, None));
    let origin = url.origin().ascii_serialization();
    let api = Api::new(client, &origin, Credential::Nothing, throttle).map_err(|error| bad(error.to_string()))?;
    Ok((api, url.path().to_owned()))
}

fn is_guid(text: &str) -> bool {
    text.len() == 36 && text.chars().all(|c| c.is_ascii_hexdigit() || c == '-')
}

fn secret<'de, D: Deserializer<'de>>(from: D) -> Result<Secret, D::Error> {
    String::deserialize(from).map(Secret::new)
}

/// Some of Azure's services write numbers as text.
fn number<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(i64),
        Text(String),
    }
    Ok(match Option::<Either>::deserialize(from)? {
        Some(Either::Number(number)) => Some(number),
        Some(Either::Text(text)) => text.parse().ok(),
        None => None,
    })
}
