//! Webhooks on their way out: signed as Standard Webhooks says, sent once, and remembered with what came back.

use super::model::Delivery;
use super::world::World;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::time::Duration;

impl World {
    /// Puts an event into the outbox.
    pub(super) fn post(&mut self, hook: u64, event: &'static str, body: String) {
        let (id, event_id) = (self.uuid(), self.uuid());
        let Some(hook) = self.hooks.get(&hook) else { return };
        let at = self.now.as_second();
        let mut headers = vec![
            ("content-type", "application/json".to_owned()),
            ("user-agent", format!("GitLab/{}", self.settings.version)),
            ("x-gitlab-event", event.to_owned()),
            ("x-gitlab-event-uuid", event_id),
            ("x-gitlab-webhook-uuid", format!("00000000-0000-4000-8000-{:012x}", hook.id)),
            ("x-gitlab-instance", self.settings.url.clone()),
            ("idempotency-key", id.clone()),
            ("webhook-id", id.clone()),
            ("webhook-timestamp", at.to_string()),
        ];
        headers.extend(hook.token.clone().map(|token| ("x-gitlab-token", token)));
        let signature = hook.signing_token.as_deref().and_then(|token| sign(token, &id, at, &body));
        headers.extend(signature.map(|signature| ("webhook-signature", signature)));
        let (hook, url) = (hook.id, hook.url.clone());
        self.outbox.push(Delivery { id, hook, url, event, body, status: None, headers });
    }

    fn uuid(&mut self) -> String {
        let hex = self.hex(32);
        format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
    }
}

/// The `webhook-signature` header; `None` for a signing token that is not `whsec_` and base64.
pub(super) fn sign(token: &str, id: &str, at: i64, body: &str) -> Option<String> {
    let key = STANDARD.decode(token.strip_prefix("whsec_")?).ok()?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
    mac.update(format!("{id}.{at}.{body}").as_bytes());
    Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

/// The client that webhooks are sent with.
pub(super) fn client() -> reqwest::Client {
    // Another part of the process may have installed it already; either is the same provider.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let built = reqwest::Client::builder().timeout(Duration::from_secs(10)).no_proxy().build();
    built.expect("a client without options that can fail")
}

/// Sends one event and says what came back.
pub(super) async fn deliver(client: &reqwest::Client, delivery: &Delivery) -> Option<u16> {
    let mut request = client.post(&delivery.url).body(delivery.body.clone());
    for (name, value) in &delivery.headers {
        request = request.header(*name, value);
    }
    request.send().await.ok().map(|response| response.status().as_u16())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_over_id_time_and_body() {
        let token = "whsec_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";
        let signed = sign(token, "f5e5f430-f57b-4e6e-9fac-000000000000", 1_795_253_000, "{}").unwrap();
        assert!(signed.starts_with("v1,"));
        assert_ne!(Some(signed), sign(token, "f5e5f430-f57b-4e6e-9fac-000000000001", 1_795_253_000, "{}"));
        assert_eq!(None, sign("no prefix", "id", 0, "{}"));
    }
}
