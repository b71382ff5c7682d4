//! One-time codes that rest after too many wrong ones: who is told, and who lets them be tried again.

use super::GUESSES;
use super::words;
use crate::engine::directory::Age;
use crate::engine::rights::Visitor;
use crate::engine::{Engine, EngineError};
use crate::ledger::{Line, Lock};
use crate::rotation::account::Apart;
use crate::rotation::ids::PersonId;
use std::collections::BTreeSet;

impl Engine {
    /// Lets a person try again; for whoever keeps the server, or who was asked whether they may.
    pub async fn unlock_code(&self, person: &PersonId, actor: &str) -> Result<bool, EngineError> {
        let line = Line {
            at: self.clock.now(),
            actor: self.actor(actor),
            event: "code_unlocked".into(),
            detail: serde_json::json!({ "person": person }),
        };
        let unlocked = self.ledger.enrollments().unlock(person, GUESSES, &line).await?;
        if unlocked {
            self.tell_person(person, &words::codes_unlocked(self.clock.now())).await;
        }
        Ok(unlocked)
    }

    /// Another person, certainly: an administrator, or who approves a token on which this one may decide.
    pub(super) async fn may_unlock(&self, person: &PersonId, by: &Visitor) -> Result<bool, EngineError> {
        let other = Visitor::named(person.clone());
        for managed in self.catalog.tokens.values() {
            let about = [other.clone(), by.clone()];
            if self.rights().on_paper(managed, &about).tell_apart(person, &by.person) != Apart::Different {
                return Ok(false);
            }
        }
        if self.catalog.people.get(&by.person).is_some_and(|known| known.administrator) {
            return Ok(true);
        }
        for token in self.catalog.tokens.keys() {
            let policy = self.rights().policy(token, &[other.clone(), by.clone()], Age::Recent).await?;
            if policy.allows(person) && policy.allows(&by.person) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Owner and administrators hear of it, and the journal has it; without administrators, who may unlock it.
    pub(super) async fn tell_of_lock(&self, person: &PersonId, via: &str, lock: Lock) {
        let (now, for_good) = (self.clock.now(), lock == Lock::ForGood);
        tracing::warn!(%person, via, for_good, "one-time codes are locked after too many wrong ones");
        metrics::counter!("rekey_code_locks_total").increment(1);
        let line = Line {
            at: now,
            actor: self.actor("rekey"),
            event: "code_locked".into(),
            detail: serde_json::json!({ "person": person, "via": via, "for_good": for_good }),
        };
        if let Err(error) = self.ledger.note(None, &line).await {
            tracing::warn!(%error, "a lock was not journalled");
        }
        self.tell_person(person, &words::codes_locked(None, via, lock, now)).await;
        for keeper in self.keepers(person) {
            self.tell_person(&keeper, &words::codes_locked(Some(person), via, lock, now)).await;
        }
    }

    fn keepers(&self, person: &PersonId) -> BTreeSet<PersonId> {
        let people = self.catalog.people.iter();
        let administrators = people.filter(|(_, known)| known.administrator).map(|(id, _)| id.clone());
        let mut keepers: BTreeSet<PersonId> = administrators.filter(|id| id != person).collect();
        if keepers.is_empty() {
            let tokens = self.catalog.tokens.values();
            let theirs = tokens.filter(|managed| managed.approvers.contains(person) || !managed.groups.is_empty());
            keepers = theirs.flat_map(|managed| self.catalog.named(&managed.id)).filter(|id| id != person).collect();
        }
        keepers
    }
}
