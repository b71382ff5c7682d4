//! How a request reaches the bot: signed over HTTP, or in an envelope over a socket. Slack waits three seconds.

use super::door::{DEADLINE, Door, NoAnswer};
use super::{Handle, socket};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

/// How often an event is tried.
const TRIES: u32 = 4;

impl Handle {
    /// Delivers a request once; the answer's body, which may be nothing.
    pub(super) async fn deliver(&self, door: Door, payload: &Value) -> Result<Value, NoAnswer> {
        self.deliver_try(door, payload, 0).await
    }

    /// Delivers an event until it is acknowledged, four times at most, at once instead of after minutes.
    pub(super) async fn deliver_event(&self, payload: &Value) -> Result<(), NoAnswer> {
        let mut outcome = Err(NoAnswer::Failed("it was not tried".into()));
        for retry in 0..TRIES {
            outcome = self.deliver_try(Door::Events, payload, retry).await;
            if outcome.is_ok() {
                break;
            }
        }
        outcome.map(|_| ())
    }

    /// An event as it is: for events that come twice or forged.
    pub async fn send_event(&self, payload: &Value) -> Result<(), NoAnswer> {
        self.deliver_event(payload).await
    }

    /// Asks whether the bot is there, as Slack does when somebody saves the address.
    pub async fn verify_address(&self) -> Result<bool, NoAnswer> {
        let challenge = "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYz8P";
        let payload = json!({"token": "legacy", "challenge": challenge, "type": "url_verification"});
        Ok(self.deliver(Door::Events, &payload).await?["challenge"] == challenge)
    }

    async fn deliver_try(&self, door: Door, payload: &Value, retry: u32) -> Result<Value, NoAnswer> {
        if self.with(|world| world.settings.socket_mode) {
            let accepts = door != Door::Events;
            return socket::deliver(self, socket::envelope(self, door, payload, accepts, retry)).await;
        }
        let (kind, body) = door.body(payload);
        let (url, time, signature) = self.with(|world| {
            let time = world.now.as_second().to_string();
            let signature = sign(&world.settings.signing_secret, &time, &body);
            (format!("{}{}", world.settings.bot, door.path()), time, signature)
        });
        let request = self.0.http.post(url).timeout(DEADLINE).body(body).header("content-type", kind);
        let mut request = request.header("x-slack-request-timestamp", time).header("x-slack-signature", signature);
        if retry > 0 {
            request = request.header("x-slack-retry-num", retry).header("x-slack-retry-reason", "http_error");
        }
        let failed = |error: reqwest::Error| NoAnswer::Failed(error.without_url().to_string());
        let response = request.send().await.map_err(failed)?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(NoAnswer::Failed(response.status().to_string()));
        }
        let body = response.bytes().await.map_err(failed)?;
        Ok(serde_json::from_slice(&body).unwrap_or(Value::Null))
    }
}

/// Slack's signature, made independently of how the bot checks it.
fn sign(secret: &str, time: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(format!("v0:{time}:{body}").as_bytes());
    format!("v0={}", hex::encode(mac.finalize().into_bytes()))
}
