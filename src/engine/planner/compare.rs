//! Comparing a rotation's plan with the present truth. What keeps the token from being rotated is a blocker on the
//! card, so that it reaches people and heals by itself; only a live successor that the stores hold ends the case.

use crate::engine::{Engine, EngineError};
use crate::rotation::event::Event;
use crate::rotation::ids::{RotationId, TokenId};
use crate::rotation::plan::Plan;
use crate::rotation::record::{Origin, Rotation};
use crate::rotation::token::{LiveToken, ManagedToken, Strategy};
use crate::secret::Secret;
use crate::store::StoreError;

/// What helps where the managed token is dead.
pub(super) const REPLACE: &str = "what the stores hold is dead. Make a new token of that name by hand and put it into \
                                  the stores; rekey goes on from there by itself";

impl Engine {
    /// Compares a rotation's plan with the present truth.
    pub async fn compare_plan(&self, rotation: &Rotation) -> Result<Event, EngineError> {
        let Some(managed) = self.catalog.tokens.get(&rotation.plan.token) else {
            return Ok(Event::Withdrawn);
        };
        let compared = match rotation.key.unknown {
            Some(_) => self.compare_unknown(managed).await,
            None => self.compare_known(managed, rotation).await,
        };
        match compared {
            Err(error) if !error.is_passing() => Ok(blocked(rotation, error.to_string())),
            compared => compared,
        }
    }

    /// No token could be told to be the one that is meant. Once one can, this case is over: the next look at the token
    /// says whether it is due.
    async fn compare_unknown(&self, managed: &ManagedToken) -> Result<Event, EngineError> {
        let found = match self.live_token(managed).await {
            Err(EngineError::Amiss { token: Some(token), .. }) => *token,
            found => found?,
        };
        Ok(Event::Superseded { how: format!("token {} is there again, so rekey looks after it as before", found.id) })
    }

    async fn compare_known(&self, managed: &ManagedToken, rotation: &Rotation) -> Result<Event, EngineError> {
        let id = rotation.plan.old.id;
        let Some(live) = self.visible_token(managed, &rotation.plan).await? else {
            return self.after_death(managed, rotation, "is no longer there").await;
        };
        if live.revoked {
            return self.after_death(managed, rotation, "was revoked or rotated by somebody").await;
        }
        if live.expires_at != rotation.key.expires_at {
            let how = format!("token {id} got another expiry, so this case is over");
            return Ok(Event::Superseded { how });
        }
        if is_about_stores(rotation) && !self.is_near(managed, &live) {
            return self.compare_stores(managed, rotation, &live).await;
        }
        let leaked = rotation.plan.strategy == Strategy::RevokeFirst || rotation.is_incident();
        let wish = leaked.then_some(Strategy::RevokeFirst);
        let plan = self.plan(managed, &live, wish, Some(&rotation.plan)).await?;
        Ok(Event::Replanned { plan: Box::new(plan), old_last_used: live.last_used_at })
    }

    /// A token that is not due, and that its stores did not hold: over once they do.
    async fn compare_stores(
        &self,
        managed: &ManagedToken,
        rotation: &Rotation,
        live: &LiveToken,
    ) -> Result<Event, EngineError> {
        Ok(match self.inherited(managed, &rotation.id, &[live.id]).await? {
            Inherited::Lacking(stores) => blocked(rotation, strayed(live.id, &stores)),
            Inherited::By(_) | Inherited::Unseen => {
                Event::Superseded { how: format!("the stores hold token {}, and it has time", live.id) }
            }
        })
    }

    /// What is amiss with a live token that stores lack: somebody made or rotated it by hand, and its value went nowhere.
    pub(in crate::engine) async fn strayed(
        &self,
        managed: &ManagedToken,
        live: &LiveToken,
    ) -> Result<Option<String>, EngineError> {
        let journal = RotationId(format!("stores of {}", managed.id));
        Ok(match self.inherited(managed, &journal, &[live.id]).await? {
            Inherited::Lacking(stores) => Some(strayed(live.id, &stores)),
            Inherited::By(_) | Inherited::Unseen => None,
        })
    }

    /// Taken care of elsewhere, or an outage: that depends on what the stores hold.
    async fn after_death(&self, managed: &ManagedToken, rotation: &Rotation, how: &str) -> Result<Event, EngineError> {
        let old = rotation.plan.old.id;
        let mut heirs: Vec<LiveToken> = self.visible_tokens(managed).await?;
        heirs.retain(|token| token.name == managed.name && token.active && token.id != old);
        let Some(newest) = heirs.iter().map(|token| token.id).max() else {
            let held = self.held_instead(managed, rotation).await?;
            let what = match held.is_empty() {
                true => format!("token {old} {how}, and no live one replaces it: {REPLACE}"),
                false => format!(
                    "token {old} {how}, and no live one of that name replaces it, but {}. If that is meant to replace it, \
                     write its name into the configuration; else make a new token of the old name by hand and put it there",
                    held.join(" and ")
                ),
            };
            return Ok(blocked(rotation, what));
        };
        let heirs: Vec<TokenId> = heirs.into_iter().map(|token| token.id).collect();
        Ok(match self.inherited(managed, &rotation.id, &heirs).await? {
            Inherited::By(heir) => Event::Superseded {
                how: format!("token {old} {how}; token {heir} has taken its place, and the stores hold it"),
            },
            Inherited::Lacking(stores) => {
                let what = format!(
                    "token {old} {how}; token {newest} of that name lives, but {stores} {} not hold it. Put it there; \
                     rekey goes on from there by itself",
                    if stores.contains(" and ") { "do" } else { "does" }
                );
                blocked(rotation, what)
            }
            Inherited::Unseen => {
                let what = format!(
                    "token {old} {how}; token {newest} of that name lives, but no store can be read, so nobody can tell \
                     whether they hold it. Look, and decline this if they do"
                );
                blocked(rotation, what)
            }
        })
    }

    /// The stores that hold a live token of another name, each in words.
    async fn held_instead(&self, managed: &ManagedToken, rotation: &Rotation) -> Result<Vec<String>, EngineError> {
        let mut held = Vec::new();
        for id in &managed.stores {
            let Some(store) = self.stores.get(id).filter(|store| store.capabilities().readable) else { continue };
            // What cannot be read now is looked at again in a few minutes.
            let Ok(Some(value)) = store.read().await else { continue };
            if let Some(token) = self.whose_value(&rotation.id, &value).await? {
                held.push(format!("{id} holds token {token}, which lives"));
            }
        }
        Ok(held)
    }

    /// Whether every store that can be read holds one of these tokens.
    async fn inherited(
        &self,
        managed: &ManagedToken,
        journal: &RotationId,
        heirs: &[TokenId],
    ) -> Result<Inherited, EngineError> {
        let (mut held, mut lacking) = (None, Vec::new());
        for id in &managed.stores {
            let Some(store) = self.stores.get(id).filter(|store| store.capabilities().readable) else { continue };
            let value = store.read().await.map_err(|error| match error {
                StoreError::Refused { .. } => EngineError::Broken(error.to_string()),
                _ => EngineError::Unavailable(error.to_string()),
            })?;
            let whose = match value.filter(|value| !value.expose().is_empty()) {
                Some(value) => self.whose_value(journal, &value).await?,
                None => None,
            };
            match whose.filter(|token| heirs.contains(token)) {
                Some(heir) => held = Some(heir),
                None => lacking.push(id.as_str()),
            }
        }
        Ok(match (held, lacking.is_empty()) {
            (_, false) => Inherited::Lacking(lacking.join(" and ")),
            (Some(heir), true) => Inherited::By(heir),
            (None, true) => Inherited::Unseen,
        })
    }

    /// Whose value it is. GitLab is asked once for each: to present a dead one over and over would look like an attack.
    pub(in crate::engine) async fn whose_value(
        &self,
        journal: &RotationId,
        value: &Secret,
    ) -> Result<Option<TokenId>, EngineError> {
        let digest = value.digest();
        if let Some(known) = self.custody.whose(journal, &digest) {
            return Ok(known);
        }
        let token = self.gitlab.whoami(value).await?.map(|token| token.id);
        self.custody.keep_whose(journal, digest, token);
        Ok(token)
    }
}

/// What the stores hold after the managed token died.
enum Inherited {
    /// All that can be read hold a live one of its name.
    By(TokenId),
    /// These do not.
    Lacking(String),
    /// None of them can be read.
    Unseen,
}

/// Whether a case was opened because stores did not hold the token, and not because it is due: then it never had a plan.
fn is_about_stores(rotation: &Rotation) -> bool {
    let told = matches!(rotation.opened_by, Origin::Mail | Origin::Webhook | Origin::Scan);
    told && rotation.key.unknown.is_none() && rotation.plan.new.expires_at.is_none()
}

fn strayed(token: TokenId, stores: &str) -> String {
    let (verb, theirs) = if stores.contains(" and ") { ("do", "they hold") } else { ("does", "it holds") };
    format!(
        "token {token} of that name lives, but {stores} {verb} not hold it; what {theirs} instead is dead or another's. Put \
         it there and rekey closes this by itself; if nobody has its value, decline this and ask for a rotation"
    )
}

/// The same plan with a reason why it cannot be begun.
fn blocked(rotation: &Rotation, why: String) -> Event {
    let plan = Plan { blockers: vec![why], ..rotation.plan.clone() };
    Event::Replanned { plan: Box::new(plan), old_last_used: rotation.old_last_used }
}
