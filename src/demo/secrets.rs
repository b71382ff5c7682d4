//! The demo's secrets.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What only the bot and its sandboxes know; new for every demo.
#[derive(Clone)]
pub(super) struct Secrets {
    pub gitlab_token: String,
    pub signing_token: String,
    pub slack_token: String,
    pub slack_secret: String,
    pub discord_token: String,
    pub discord_seed: [u8; 32],
    pub mail_password: String,
}

impl Secrets {
    pub(super) fn random() -> Self {
        let hex = || hex::encode(rand::random::<[u8; 16]>());
        Self {
            gitlab_token: format!("glpat-{}", &hex()[..20]),
            signing_token: format!("whsec_{}", STANDARD.encode(rand::random::<[u8; 32]>())),
            slack_token: format!("xoxb-sandbox-{}", hex()),
            slack_secret: hex(),
            discord_token: format!("sandbox.{}", hex()),
            discord_seed: rand::random(),
            mail_password: hex(),
        }
    }
}
