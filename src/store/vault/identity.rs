//! Which secret it is, wherever its path leads later: the engine's own number, and when the secret was made in it. Both
//! are gone with it, and no other gets them.

use super::{Engine, Vault};
use crate::http::{Call, Reply, segment};
use crate::rotation::identity::Identity;
use crate::store::StoreError;
use serde_json::Value;

/// What Vault tells of it.
pub(super) struct Told {
    pub(super) identity: Option<Identity>,
    /// What it does not tell, in words, with what mends that.
    pub(super) lacks: Option<String>,
}

impl Vault {
    /// Version 1 says nothing of a secret but its fields.
    pub(super) async fn identity(&self) -> Result<Told, StoreError> {
        let spec = &self.spec;
        let mount = spec.mount.split('/').map(segment).collect::<Vec<_>>().join("/");
        let engine = self.told(&format!("/v1/sys/internal/ui/mounts/{mount}")).await?;
        let engine = engine.and_then(|reply| text(&reply, "uuid").or_else(|| text(&reply, "accessor")));
        let made = match spec.engine {
            Engine::V1 => None,
            Engine::V2 => self.told(&self.path("metadata")).await?.and_then(|reply| text(&reply, "created_time")),
        };
        let lacks = made.is_none().then(|| match spec.engine {
            Engine::V1 => format!(
                "{} could be deleted and made again between this plan and the write, and nothing would tell; version 2 of \
                 the engine tells",
                self.id
            ),
            Engine::V2 => format!(
                "{} could be deleted and made again between this plan and the write, and nothing would tell; let the bot's \
                 policy read {}",
                self.id,
                self.named("metadata")
            ),
        });
        let parts = [engine.map(|number| format!("engine {number}")), made.map(|at| format!("made {at}"))];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        let identity = (!parts.is_empty()).then(|| Identity(format!("{}, {}", spec.address, parts.join(", "))));
        Ok(Told { identity, lacks })
    }

    /// An answer, if the policy lets us have it.
    async fn told(&self, path: &str) -> Result<Option<Reply>, StoreError> {
        let call = Call::get(path.to_owned()).answers(&[400, 403, 404]);
        let mut reply = self.read(&call).await?;
        if reply.status() == 403 {
            // Vault says the same of a login that has ended, and the secret's own path tells which it is.
            self.fetch(None).await?;
            reply = self.read(&call).await?;
        }
        Ok((reply.status() == 200).then_some(reply))
    }
}

fn text(reply: &Reply, key: &str) -> Option<String> {
    let answer: Value = reply.json().ok()?;
    answer["data"][key].as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}
