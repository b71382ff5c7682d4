//! Each store: it is there, no other could be meant, and the bot may write it. Nothing is written.

use super::Visit;
use super::finding::Finding;
use crate::engine::planner::{Inspection, Subject, place_of};
use crate::gitlab::VariableFlags;
use crate::http::CallError;
use crate::rotation::ids::StoreId;
use crate::secret::Secret;
use crate::store::CiVariable;
use crate::store::{Caution, StoreError, StoreSpec};

pub(super) async fn look(visit: &Visit<'_>, specs: &[StoreSpec], inspection: Option<&Inspection>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for spec in specs {
        let subject = Subject::Store(spec.id());
        let refused = inspection.into_iter().flat_map(|seen| seen.blockers_of(&subject));
        let refused: Vec<Finding> = refused.map(|(what, mend)| refusal(&spec.id(), what, mend)).collect();
        match refused.is_empty() {
            true => findings.push(one(visit, spec, inspection).await),
            false => findings.extend(refused),
        }
        let warned = inspection.into_iter().flat_map(|seen| seen.warnings_of(&subject));
        let usual =
            |mend: &str| if mend.is_empty() { "know it before you approve".to_owned() } else { mend.to_owned() };
        findings.extend(warned.map(|(what, mend)| Finding::warn(short(&spec.id()), what, usual(mend))));
    }
    findings
}

/// What the plan refuses, in the plan's words: `STORE refuses: WHY. To mend it: MEND`.
fn refusal(id: &StoreId, what: &str, mend: &str) -> Finding {
    let whole = if mend.is_empty() { what.to_owned() } else { format!("{what}; {mend}") };
    let why = whole.strip_prefix(&format!("{id} refuses: ")).unwrap_or(&whole).to_owned();
    match why.split_once(". To mend it: ") {
        Some((why, mend)) => Finding::fail(short(id), why, mend),
        None => Finding::fail(short(id), why, "mend it: until then nobody can approve its rotation"),
    }
}

/// What the plan says nothing about, and what is fine.
async fn one(visit: &Visit<'_>, spec: &StoreSpec, inspection: Option<&Inspection>) -> Finding {
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
    if let Some(caution) = store.cautions().into_iter().reduce(|one, other| Caution {
        what: format!("{}; {}", one.what, other.what),
        mend: format!("{}; {}", one.mend, other.mend),
    }) {
        return Finding::warn(subject, format!("can be written, but {}", caution.what), caution.mend);
    }
    let seen = store.look().await.ok();
    if let Some(finding) = match seen.as_ref().and_then(|seen| seen.value.as_ref()) {
        Some(held) => not_the_token(visit, subject, held, inspection).await,
        None => None,
    } {
        return finding;
    }
    if let Some(what) = seen.and_then(|seen| seen.note) {
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
        Some(Ok(Some(flags))) => advice(subject, &fine, flags),
        Some(Ok(None)) => Finding::warn(subject, format!("{fine}; its flags are not shown to the bot"), UNSEEN_FLAGS),
        Some(Err(error)) => {
            Finding::warn(subject, format!("{fine}; its flags could not be read: {error}"), UNSEEN_FLAGS)
        }
        None => Finding::ok(subject, fine),
    }
}

/// A token in it that is dead, or another's.
async fn not_the_token(
    visit: &Visit<'_>,
    subject: &str,
    held: &Secret,
    inspection: Option<&Inspection>,
) -> Option<Finding> {
    let gitlab = &visit.engine.gitlab;
    let meant = inspection?.plan.old.id;
    if held.expose().is_empty() || !gitlab.could_be_token(held) {
        return None;
    }
    let mend = "put the living value there; if nobody has it, rotate the token";
    match gitlab.whoami(held).await {
        Ok(Some(token)) if token.id == meant => None,
        Ok(Some(token)) => {
            let what = format!("holds token {} named {:?}, not {meant}", token.id, token.name);
            Some(Finding::warn(subject, what, "know it before you approve: a rotation overwrites it"))
        }
        Ok(None) => Some(Finding::warn(subject, "holds a token that GitLab does not accept (any more)", mend)),
        Err(_) => None,
    }
}

const UNSEEN_FLAGS: &str = "see yourself that it is masked, and protected if it is used on protected refs only";

/// The identity without what nearly all have in common.
fn short(id: &StoreId) -> &str {
    let text = id.as_str();
    let text = text.strip_prefix("gitlab-variable ").unwrap_or(text);
    text.strip_suffix(" (scope *)").unwrap_or(text)
}

/// The flags of a store that is a CI/CD variable.
async fn flags(visit: &Visit<'_>, spec: &StoreSpec) -> Option<Result<Option<VariableFlags>, CallError>> {
    let StoreSpec::GitlabVariable(CiVariable { scope, key, environment_scope, .. }) = spec.holder() else {
        return None;
    };
    Some(visit.engine.gitlab.variable_flags(place_of(scope), key, environment_scope).await)
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
