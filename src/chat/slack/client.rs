//! Slack's Web API with one bot token: each method that we use, its limit, and refusals sorted by what the caller can
//! do. The methods stand by what they are about in the files beside.

pub mod hooks;
mod mark;
mod messages;
mod method;
mod pace;
mod people;
mod refusal;
mod views;

pub use hooks::Hooks;
pub use mark::{Identity, Mark, Seen};
pub use people::{EnterpriseUser, Member};
pub(super) use refusal::with_way_out;
pub use views::{Opened, Published};

use crate::chat::ChatError;
use crate::http::{Api, Call, Reply};
use pace::Pace;
use refusal::{failed, is_about_the_token, refused, unavailable};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long Slack is left alone after it refused the token itself.
const REST: Duration = Duration::from_secs(60);

/// How long a message may wait for its turn in a channel.
const PATIENCE: Duration = Duration::from_secs(10);

/// Slack's Web API with one token.
pub struct Client {
    api: Api,
    pace: Pace,
    refused: Mutex<Option<(Instant, String)>>,
}

#[derive(Deserialize)]
struct Socket {
    url: String,
}

impl Client {
    /// A client over an [`Api`] whose base ends in `/api` and whose credential is the token.
    pub fn new(api: Api) -> Self {
        Self { api, pace: Pace::default(), refused: Mutex::default() }
    }

    /// How far this machine's clock is ahead of Slack's, as far as its last answer tells.
    pub fn clock_skew(&self) -> Option<jiff::SignedDuration> {
        self.api.clock_skew()
    }

    /// Who we are: proves the token.
    pub async fn auth_test(&self) -> Result<Identity, ChatError> {
        self.ask(method::AUTH_TEST.post().json(&json!({}))).await
    }

    /// The scopes that the app was granted; `None` if Slack does not say.
    pub async fn scopes(&self) -> Result<Option<Vec<String>>, ChatError> {
        let call = method::AUTH_TEST.post().json(&json!({}));
        let reply = self.reply(call).await?;
        let granted = reply.header("x-oauth-scopes");
        Ok(granted.map(|scopes| scopes.split(',').map(|scope| scope.trim().to_owned()).collect()))
    }

    /// Where a socket may be opened, once and soon. The address carries a ticket: a secret. Needs the app-level token.
    pub async fn open_socket(&self) -> Result<String, ChatError> {
        let socket: Socket = self.ask(method::OPEN_SOCKET.post().json(&json!({}))).await?;
        Ok(socket.url)
    }

    async fn ask<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T, ChatError> {
        let answer = self.answer(call).await?;
        if answer["ok"] != true {
            return Err(self.heed(&answer));
        }
        serde_json::from_value(answer).map_err(|_| unavailable("Slack left something out of its answer", None))
    }

    /// What Slack said, be it yes or no.
    async fn answer(&self, call: Call<'_>) -> Result<Value, ChatError> {
        self.reply(call).await?.json().map_err(|error| failed(&error))
    }

    async fn reply(&self, call: Call<'_>) -> Result<Reply, ChatError> {
        self.rested()?;
        self.api.call(&call).await.map_err(|error| failed(&error))
    }

    /// Waits for the channel's turn.
    async fn turn(&self, channel: &str) -> Result<(), ChatError> {
        let told = |wait| unavailable("our own limit on messages to this channel is used up", Some(wait));
        self.pace.turn(channel, PATIENCE).await.map_err(told)
    }

    /// A token that Slack refuses is not tried again at once, by whatever method.
    fn heed(&self, answer: &Value) -> ChatError {
        let error = refused(answer);
        if let (true, ChatError::Refused { why, .. }) = (is_about_the_token(answer), &error) {
            *self.lock() = Some((Instant::now() + REST, why.clone()));
        }
        error
    }

    fn rested(&self) -> Result<(), ChatError> {
        match &*self.lock() {
            Some((until, why)) if *until > Instant::now() => Err(refusal::refusal(why.clone())),
            _ => Ok(()),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<(Instant, String)>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
