//! The stores of a plan: each can be written, and what is written over is known before anyone approves.

use super::subject::{Subject, Subjects};
use super::twins::Twins;
use crate::engine::{Engine, EngineError};
use crate::gitlab::LONGEST_TOKEN;
use crate::ledger::Filter;
use crate::rotation::ids::StoreId;
use crate::rotation::plan::{Plan, PlannedStore};
use crate::rotation::store::{Capabilities, Rollback};
use crate::rotation::token::{ManagedToken, Strategy};
use crate::secret::Digest;
use crate::store::{SecretStore, StoreError};
use std::collections::{BTreeMap, BTreeSet};

/// What comes of a value that is another token's.
const STOPS: &str = "rekey stops there before anything is made, and asks";

/// How many earlier rotations are asked whether they made the token.
const EARLIER: u32 = 5;

impl Engine {
    pub(super) async fn check_stores(
        &self,
        plan: &mut Plan,
        managed: &ManagedToken,
        before: Option<&Plan>,
        twins: &Twins,
        subjects: &mut Subjects,
    ) -> Result<(), EngineError> {
        if managed.stores.is_empty() {
            plan.blockers.push("no store is configured, so the new value would be lost".into());
        }
        subjects.mark(plan, &Subject::Token);
        let mut values = Values::new();
        for id in &managed.stores {
            match self.stores.get(id) {
                Some(store) => {
                    let before = before.and_then(|before| before.stores.iter().find(|planned| planned.id == *id));
                    // A place that was renamed since the plan before is still that place.
                    let held = before.and_then(|before| store.held_to(before.identity.as_ref()?));
                    self.check_store(plan, held.as_ref().unwrap_or(store).as_ref(), before, twins, &mut values).await?;
                }
                None => plan.blockers.push(format!("{id} is not configured")),
            }
            subjects.mark(plan, &Subject::Store(id.clone()));
        }
        self.compare_values(plan, &values).await?;
        if plan.strategy == Strategy::SelfRotate && plan.stores.iter().all(|store| !store.capabilities.readable) {
            plan.blockers.push("no store can be read, and the token needs its present value to rotate itself".into());
            subjects.mark(plan, &Subject::Token);
            return Ok(());
        }
        plan.warnings.extend(what_is_lacking(&plan.stores).map(str::to_owned));
        subjects.mark(plan, &Subject::Token);
        Ok(())
    }

    async fn check_store(
        &self,
        plan: &mut Plan,
        store: &dyn SecretStore,
        before: Option<&PlannedStore>,
        twins: &Twins,
        values: &mut Values,
    ) -> Result<(), EngineError> {
        let seen = match store.preflight().await {
            Ok(()) => store.look().await,
            Err(error) => Err(error),
        };
        let cautions = store.cautions().into_iter();
        plan.warnings.extend(cautions.map(|caution| format!("{} {}; {}", store.id(), caution.what, caution.mend)));
        let mut twin = None;
        // What a store can do is known for sure once it has been looked at.
        let mut planned = PlannedStore::unseen(store.id().clone(), store.capabilities());
        match seen {
            Ok(seen) => {
                let held = seen.value.as_ref().filter(|held| !held.expose().is_empty());
                if let Some(held) = held {
                    twin = self.twin_in(plan, twins, held).await?;
                }
                planned.holds_token = twin.is_some() || held.is_some_and(|held| self.gitlab.could_be_token(held));
                if let Some(held) = held.filter(|held| twin.is_none() && self.gitlab.could_be_token(held)) {
                    match self.number_in(plan, held).await?.filter(|number| *number != plan.old.id) {
                        Some(number) => {
                            let (id, old) = (store.id(), plan.old.id);
                            plan.warnings.push(format!("{id} holds token {number}, not {old}; {STOPS}"));
                        }
                        None => drop(values.insert(store.id().clone(), held.digest())),
                    }
                }
                planned.replaces_other = held.is_some() && !planned.holds_token;
                let unknown = (seen.identity.is_none() && seen.note.is_none()).then(|| nameless(store));
                planned.identity = seen.identity;
                plan.warnings.extend(seen.note.into_iter().chain(unknown));
            }
            Err(error @ StoreError::Refused { .. }) => {
                plan.blockers.push(error.to_string());
                // A place that cannot be looked at is not another one for that, and holds nothing else.
                planned = before.cloned().unwrap_or(planned);
            }
            Err(error) => return Err(EngineError::Unavailable(error.to_string())),
        }
        if let Some(twin) = twin {
            let (id, old) = (store.id(), plan.old.id);
            plan.warnings.push(format!("{id} holds token {twin}, not {old}; it will be overwritten"));
            planned.other_token = Some(twin).filter(|twin| !plan.leftovers.iter().any(|left| left.token == *twin));
        }
        if planned.replaces_other {
            let what = format!(
                "{} holds something that does not look like a token of this GitLab; it will be overwritten",
                store.id()
            );
            plan.warnings.push(what);
        }
        if let Some(most) = planned.capabilities.max_bytes.filter(|most| *most < LONGEST_TOKEN as u64) {
            let what = format!("{} takes at most {most} bytes, and a token may have {LONGEST_TOKEN}", store.id());
            plan.blockers.push(what);
        }
        if let Some(place) = plan.stores.iter_mut().find(|place| place.id == planned.id) {
            *place = planned;
        }
        Ok(())
    }
}

/// By what the tokens in the stores are told apart.
type Values = BTreeMap<StoreId, Digest>;

impl Engine {
    /// Warns of stores that hold another value than the token's, without presenting any of them to GitLab: that would
    /// count as a use of the token. What rekey made it recognises; of values that differ one at most is the token's.
    async fn compare_values(&self, plan: &mut Plan, values: &Values) -> Result<(), EngineError> {
        let old = plan.old.id;
        if let Some(known) = self.value_that_we_made(plan).await? {
            let others = values.iter().filter(|(_, digest)| **digest != known);
            let told = others.map(|(id, _)| format!("{id} holds another value than that of token {old}; {STOPS}"));
            plan.warnings.extend(told);
            return Ok(());
        }
        let different: BTreeSet<&Digest> = values.values().collect();
        if different.len() > 1 {
            let ids: Vec<&str> = values.keys().map(StoreId::as_str).collect();
            let ids = ids.join(" and ");
            plan.warnings.push(format!("{ids} hold different values, so not all of them hold token {old}; {STOPS}"));
        }
        Ok(())
    }

    /// By what the value of the old token is recognised, if an earlier rotation made it.
    async fn value_that_we_made(&self, plan: &Plan) -> Result<Option<Digest>, EngineError> {
        let filter = Filter { open_only: false, token: Some(plan.token.clone()), limit: EARLIER };
        let earlier = self.ledger.list(filter).await?;
        Ok(earlier.iter().find_map(|rotation| rotation.made.get(&plan.old.id).cloned()))
    }
}

/// Words for a place that is only known by its name.
fn nameless(store: &dyn SecretStore) -> String {
    format!(
        "{} does not tell which place it is: one that takes its name between this plan and the write is taken for it, if \
         it holds the same",
        store.id()
    )
}

fn what_is_lacking(stores: &[PlannedStore]) -> Option<&'static str> {
    let can = |what: fn(&Capabilities) -> bool| stores.iter().all(|store| what(&store.capabilities));
    match (can(|can| can.readable), can(|can| can.rollback != Rollback::None)) {
        (true, true) => None,
        (false, true) => Some("a store cannot be read back: only its consumer proves it"),
        (true, false) => Some("a store cannot be restored: its previous value would have to be put back by hand"),
        (false, false) => Some("a store cannot be read back: only its consumer proves it, and it cannot be restored"),
    }
}
