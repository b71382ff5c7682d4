//! How the bot's app logs in: with its API key, or with the certificate that the connection shows.

use super::Settings;
use crate::http::{Api, Call};
use crate::secret::Secret;
use crate::store::session::{Granted, Login, NoLogin};
use crate::store::source::Source;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What proves the bot's app.
pub enum Key {
    /// Its API key, read for each login.
    Api(Source),
    /// The client certificate of the connection; the app's id, if the certificate does not say it.
    Certificate(Option<String>),
}

/// Logs in and remembers who it is.
pub(super) struct Apps {
    api: Arc<Api>,
    section: String,
    key: Arc<Key>,
    me: Mutex<Option<String>>,
}

#[derive(Deserialize)]
struct Session {
    #[serde(deserialize_with = "secret")]
    access_token: Secret,
    /// Seconds.
    #[serde(default)]
    expires_in: Option<u64>,
    #[serde(default)]
    entity_id: Option<String>,
}

impl Apps {
    pub(super) fn new(settings: &Settings, section: &str, api: Arc<Api>) -> Self {
        Self { api, section: section.to_owned(), key: settings.key.clone(), me: Mutex::new(None) }
    }

    /// The id of the app that logged in last.
    pub(super) fn me(&self) -> Option<String> {
        self.me.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }
}

#[async_trait::async_trait]
impl Login for Apps {
    async fn log_in(&self) -> Result<Granted, NoLogin> {
        let shown = match &*self.key {
            Key::Api(source) => Some(source.read()?),
            Key::Certificate(Some(app)) => Some(Secret::new(STANDARD.encode(format!("{app}:")))),
            Key::Certificate(None) => None,
        };
        let basic = shown.as_ref().map(|shown| Secret::new(format!("Basic {}", shown.expose())));
        let call = Call::post("/sys/v1/session/auth");
        let call = basic.iter().fold(call, |call, basic| call.secret_header("authorization", basic));
        let mend = |status| match (status, &*self.key) {
            (401 | 403, Key::Api(_)) => format!("give {} the API key of an app that is enabled", self.section),
            (401 | 403, Key::Certificate(_)) => {
                format!("give {} the certificate of an app that is enabled, or its app", self.section)
            }
            _ => format!("see whether the url of {} is a DSM's", self.section),
        };
        let reply = self.api.call(&call).await.and_then(|reply| reply.json::<Session>());
        let session = reply.map_err(|error| NoLogin::of_call(&error, mend))?;
        *self.me.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = session.entity_id;
        Ok(Granted { credential: session.access_token, good_for: session.expires_in.map(Duration::from_secs) })
    }
}

fn secret<'de, D: Deserializer<'de>>(from: D) -> Result<Secret, D::Error> {
    String::deserialize(from).map(Secret::new)
}
