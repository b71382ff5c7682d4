//! What was under way when the database lost its memory is approved again only if it still means what the configuration
//! and GitLab say: somebody else may have written the plan.

use crate::engine::{Engine, EngineError};
use crate::rotation::record::Rotation;
use crate::rotation::refusal::Refusal;
use crate::rotation::token::{LiveToken, ManagedToken};

impl Engine {
    /// Refuses a yes to a plan that goes beyond the configuration, or beyond what the old token may do.
    pub(super) async fn still_means(&self, rotation: &Rotation) -> Result<(), EngineError> {
        let plan = &rotation.plan;
        let beyond = match self.catalog.tokens.get(&plan.token) {
            None => Some(format!("token {} is no longer in the configuration", plan.token)),
            Some(managed) => match beyond_configuration(rotation, managed) {
                None => {
                    let old = self.gitlab.find(&plan.addressed_owner(), plan.old.id).await?;
                    beyond_old(rotation, old.as_ref())
                }
                beyond => beyond,
            },
        };
        beyond.map_or(Ok(()), |what| {
            let why =
                format!("this plan is not what rekey would do now: {what}; abandon it, and ask for another rotation");
            Err(Refusal::Impossible { why }.into())
        })
    }
}

fn beyond_configuration(rotation: &Rotation, managed: &ManagedToken) -> Option<String> {
    let plan = &rotation.plan;
    if plan.owner != managed.owner {
        return Some("the token belongs to another owner".into());
    }
    if plan.old.name != managed.name || plan.new.name != managed.name {
        return Some(format!("the token is called {:?}", managed.name));
    }
    let other = plan.stores.iter().find(|store| !managed.stores.contains(&store.id));
    if let Some(other) = other {
        return Some(format!("{} is no store of it", other.id));
    }
    let allowed = managed.scopes.as_ref();
    let more = allowed.and_then(|allowed| plan.new.scopes.iter().find(|scope| !allowed.contains(*scope)));
    more.map(|scope| format!("the configuration does not allow the scope {scope:?}"))
}

/// GitLab tells of a token for a while after it died.
fn beyond_old(rotation: &Rotation, old: Option<&LiveToken>) -> Option<String> {
    let plan = &rotation.plan;
    let Some(old) = old.filter(|old| old.name == plan.old.name) else {
        return Some(format!(
            "GitLab knows no token {} of that name, so nobody can tell what it was allowed",
            plan.old.id
        ));
    };
    if let Some(scope) = plan.new.scopes.difference(&old.scopes).next() {
        return Some(format!("token {} does not have the scope {scope:?}", old.id));
    }
    if let Some(permission) = plan.new.permissions.difference(&old.permissions).next() {
        return Some(format!("token {} does not have the permission {permission:?}", old.id));
    }
    let raised = plan.new.access_level > old.access_level && old.access_level.is_some();
    raised.then(|| format!("token {} has a lower role", old.id))
}
