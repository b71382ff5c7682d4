//! How the bot logs in to Vault: by a token that somebody else keeps fresh, or by proving who it is.

use super::Settings;
use super::wire::{IDLE, awake, on_namespace};
use crate::http::{Api, Call, CallError, segment};
use crate::secret::Secret;
use crate::store::session::{Granted, Login, NoLogin};
use crate::store::source::Source;
use serde::{Deserialize, Deserializer, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// A token file is read again after this long.
const REREAD: Duration = Duration::from_secs(60);

/// How the bot logs in.
#[derive(Debug)]
pub enum Auth {
    /// By a token, which Vault Agent or an operator keeps fresh.
    Token(Source),
    /// By proving who it is; the token that this gives is renewed.
    Login {
        /// Where the method is mounted, below `auth/`.
        mount: String,
        /// What proves it.
        proof: Proof,
    },
}

/// What proves who the bot is.
#[derive(Debug)]
pub enum Proof {
    /// AppRole.
    AppRole {
        /// No secret.
        role_id: String,
        /// The secret half.
        secret_id: Source,
    },
    /// A signed token of somebody whom Vault trusts: Kubernetes, GitLab, any OIDC provider.
    Jwt {
        /// The role in Vault.
        role: String,
        /// The token.
        jwt: Source,
    },
}

pub(super) struct VaultLogin {
    pub(super) api: Arc<Api>,
    pub(super) settings: Arc<Settings>,
}

#[derive(Serialize)]
struct AppRole<'a> {
    role_id: &'a str,
    secret_id: &'a str,
}

#[derive(Serialize)]
struct Jwt<'a> {
    role: &'a str,
    jwt: &'a str,
}

#[derive(Deserialize)]
struct Answer {
    auth: Option<Token>,
}

#[derive(Deserialize)]
struct Token {
    #[serde(deserialize_with = "secret")]
    client_token: Secret,
    /// Seconds; 0: it does not end.
    lease_duration: u64,
}

#[async_trait::async_trait]
impl Login for VaultLogin {
    async fn log_in(&self) -> Result<Granted, NoLogin> {
        let (mount, proof) = match &self.settings.auth {
            Auth::Token(source) => {
                return Ok(Granted { credential: source.read()?, good_for: Some(REREAD) });
            }
            Auth::Login { mount, proof } => (mount, proof),
        };
        let path: Vec<String> = mount.split('/').map(segment).collect();
        let call = Call::post(format!("/v1/auth/{}/login", path.join("/")));
        match proof {
            Proof::AppRole { role_id, secret_id } => {
                let secret_id = secret_id.read()?;
                self.ask(call.json(&AppRole { role_id, secret_id: secret_id.expose() })).await
            }
            Proof::Jwt { role, jwt } => {
                let jwt = jwt.read()?;
                self.ask(call.json(&Jwt { role, jwt: jwt.expose() })).await
            }
        }
    }

    async fn renew(&self, present: &Secret) -> Result<Granted, NoLogin> {
        match &self.settings.auth {
            Auth::Token(_) => self.log_in().await,
            Auth::Login { .. } => self.ask(Call::post("/v1/auth/token/renew-self").credential(present)).await,
        }
    }
}

impl VaultLogin {
    async fn ask(&self, call: Call<'_>) -> Result<Granted, NoLogin> {
        let call = on_namespace(call, self.settings.namespace.as_deref()).answers(IDLE);
        let outcome = self.api.call(&call).await.and_then(|reply| match awake(&reply) {
            Ok(()) => reply.json::<Answer>()?.auth.ok_or_else(|| reply.nonsense("a login without a token")),
            Err(why) => Err(CallError::NotSent { call: "the login".to_owned(), why }),
        });
        let token = outcome.map_err(|error| NoLogin::of_call(&error, |_| self.mend()))?;
        let good_for = (token.lease_duration > 0).then(|| Duration::from_secs(token.lease_duration));
        Ok(Granted { credential: token.client_token, good_for })
    }

    fn mend(&self) -> String {
        match &self.settings.auth {
            Auth::Token(_) => "give the bot a token that Vault accepts".to_owned(),
            Auth::Login { mount, proof: Proof::AppRole { .. } } => {
                format!("check role_id and secret_id, and that auth/{mount} is AppRole's")
            }
            Auth::Login { mount, proof: Proof::Jwt { role, .. } } => {
                format!("check the role {role} of auth/{mount}: its bound subject, audience and names")
            }
        }
    }
}

fn secret<'de, D: Deserializer<'de>>(from: D) -> Result<Secret, D::Error> {
    String::deserialize(from).map(Secret::new)
}
