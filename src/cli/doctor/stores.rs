//! Each store: it is there, no other could be meant, and the bot may write it. Nothing is written.

use super::Visit;
use super::finding::Finding;
use crate::gitlab::{Place, VariableFlags};
use crate::rotation::ids::StoreId;
use crate::secret_store::gitlab_variable::Spec;
use crate::secret_store::{StoreError, StoreSpec, VariableScope};

pub(super) async fn look(visit: &Visit<'_>, specs: &[StoreSpec]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for spec in specs {
        findings.push(one(visit, spec).await);
    }
    findings
}

async fn one(visit: &Visit<'_>, spec: &StoreSpec) -> Finding {
    let id = spec.id();
    let Some(store) = visit.engine.stores.get(&id) else {
        return Finding::fail(id.0, "it is not wired up", "report this");
    };
    let subject = short(&id);
    match store.preflight().await {
        Err(StoreError::Refused { why, mend, .. }) => return Finding::fail(subject, why, mend),
        Err(error) => return Finding::fail(subject, error.to_string(), "try again"),
        Ok(()) => {}
    }
    if let Some(what) = store.look().await.ok().and_then(|seen| seen.note) {
        return Finding::warn(
            subject,
            what,
            "correct it in the configuration; what is done goes on under the new name",
        );
    }
    let can = store.capabilities();
    let fine = match (can.proven, can.caveat().as_str()) {
        (true, "") => "can be read and written".to_owned(),
        (true, caveat) => format!("can be written, {caveat}"),
        (false, caveat) => format!("is there, {caveat}"),
    };
    match flags(visit, spec).await {
        Some(flags) => advice(subject, &fine, flags),
        None => Finding::ok(subject, fine),
    }
}

/// The identity without what nearly all have in common.
fn short(id: &StoreId) -> &str {
    let text = id.as_str();
    let text = text.strip_prefix("gitlab-variable ").unwrap_or(text);
    text.strip_suffix(" (scope *)").unwrap_or(text)
}

/// The flags of a store that is a CI/CD variable.
pub(super) async fn flags(visit: &Visit<'_>, spec: &StoreSpec) -> Option<VariableFlags> {
    let StoreSpec::GitlabVariable(Spec { scope, key, environment_scope, .. }) = spec.holder() else { return None };
    let place = match scope {
        VariableScope::Project(path) => Place::Project(path),
        VariableScope::Group(path) => Place::Group(path),
        VariableScope::Instance => Place::Instance,
    };
    visit.engine.gitlab.variable_flags(place, key, environment_scope).await.ok().flatten()
}

fn advice(id: &str, fine: &str, flags: VariableFlags) -> Finding {
    match flags {
        VariableFlags { masked: true, protected: true } => Finding::ok(id, format!("{fine}; masked, protected")),
        VariableFlags { masked: false, .. } => {
            Finding::warn(id, format!("{fine}, but not masked: job logs may show it"), "mask the variable")
        }
        VariableFlags { protected: false, .. } => {
            let what = format!("{fine}; masked, but not protected: jobs of every branch can read it");
            Finding::warn(id, what, "protect it, if it is used on protected refs only")
        }
    }
}
