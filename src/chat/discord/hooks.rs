//! The way back that Discord gives with each interaction: a token that works without ours, for a quarter of an hour, and
//! that must be shown to nobody.

use super::message::Message;
use super::trouble::way_back_failed;
use crate::chat::ChatError;
use crate::http::{Api, Call, CallError, segment};
use crate::secret::Secret;
use serde_json::Value;
use std::sync::Arc;

/// Only the person sees it.
pub const EPHEMERAL: u64 = 64;

/// Answers by an interaction's own token.
#[derive(Clone)]
pub struct Hooks {
    api: Arc<Api>,
    application: String,
}

impl Hooks {
    /// `api` has the REST API's base and no credential.
    pub fn new(api: Api, application: String) -> Self {
        Self { api: Arc::new(api), application }
    }

    /// Gives the first answer, for interactions that came over the Gateway. That another replica gave it already is no
    /// error: all of them hear everything. Discord waits three seconds for it, so a call that broke is made once more at
    /// once; it cannot count twice.
    pub async fn callback(&self, interaction: &str, token: &Secret, body: &Value) -> Result<(), ChatError> {
        let path = format!("/interactions/{}/{}/callback", segment(interaction), segment(token.expose()));
        let call = Call::post(path).json(body);
        let sent = match self.sent(call.clone(), token).await {
            Err(CallError::Unknown { .. } | CallError::NotSent { .. }) => self.sent(call, token).await,
            sent => sent,
        };
        match sent {
            // 40060: it has its answer.
            Err(error) if error.code() == Some(40_060) => Ok(()),
            sent => sent.map_err(|error| way_back_failed(&error)),
        }
    }

    /// Gives the answer that was promised before.
    pub async fn keep_promise(&self, token: &Secret, message: &Message) -> Result<(), ChatError> {
        let path = format!("/webhooks/{}/{}/messages/@original", segment(&self.application), segment(token.expose()));
        self.send(Call::patch(path).json(&message.body()), token).await
    }

    /// Says something more, to the person alone.
    pub async fn follow_up(&self, token: &Secret, message: &Message) -> Result<(), ChatError> {
        let path = format!("/webhooks/{}/{}", segment(&self.application), segment(token.expose()));
        let mut body = message.body();
        body["flags"] = EPHEMERAL.into();
        self.send(Call::post(path).json(&body), token).await
    }

    async fn send(&self, call: Call<'_>, token: &Secret) -> Result<(), ChatError> {
        self.sent(call, token).await.map_err(|error| way_back_failed(&error))
    }

    async fn sent(&self, call: Call<'_>, token: &Secret) -> Result<(), CallError> {
        let call = call.bucket(token.digest().0);
        self.api.call(&call).await.map(drop)
    }
}
