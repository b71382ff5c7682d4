//! Whether the strategy is open to the bot, and to the token: what would be refused, or would harm, only once it is done.

use crate::engine::{Engine, EngineError};
use crate::gitlab::Me;
use crate::rotation::plan::Plan;
use crate::rotation::token::{LiveToken, Owner, Strategy};

/// The fine-grained permission by which a token may be rotated.
const ROTATES: &str = ": rotate_personal_access_token";

impl Engine {
    /// Whether a token that rotates itself may.
    pub(super) async fn check_self(&self, plan: &mut Plan, live: &LiveToken) -> Result<(), EngineError> {
        if plan.strategy != Strategy::SelfRotate {
            return Ok(());
        }
        if !live.granular {
            if !plan.old.scopes.iter().any(|scope| scope == "api" || scope == "self_rotate") {
                plan.blockers.push("the token can rotate itself only with the scope api or self_rotate".into());
            }
            return Ok(());
        }
        let permissions = self.with_permissions(live).await?.permissions;
        if permissions.is_empty() {
            let why = "whether its fine-grained permissions let the token rotate itself is not told; if they do not, \
                       nothing is lost, and a person has to rotate it";
            plan.warnings.push(why.into());
        } else if !permissions.iter().any(|atom| atom.ends_with(ROTATES)) {
            plan.blockers.push(
                "the token can rotate itself only with the fine-grained permission Personal Access Token: Rotate"
                    .into(),
            );
        }
        Ok(())
    }
}

/// What would be refused, or would harm, only once it is done.
pub(super) fn check_authority(plan: &mut Plan, me: &Me) {
    let mints = matches!(plan.strategy, Strategy::Overlap | Strategy::RevokeFirst);
    match &plan.owner {
        Owner::User { username } | Owner::InstanceServiceAccount { username }
            if plan.strategy == Strategy::InPlace && !me.admin && !me.username.eq_ignore_ascii_case(username) =>
        {
            plan.blockers.push(format!("only an administrator or {username} may rotate this token; use self"));
        }
        // GitLab gives Maintainer to a token that is made without naming a role.
        _ if mints && plan.new.scopes.contains("granular") && plan.new.permissions.is_empty() => {
            plan.blockers
                .push("the token's fine-grained permissions cannot be made anew here; use in_place or self".into());
        }
        Owner::Project { .. } | Owner::Group { .. } if mints && plan.new.access_level.is_none() => {
            plan.blockers
                .push("GitLab does not say which role the token has, so a new one could get more; use in_place".into());
        }
        _ => {}
    }
}

/// The bot's own token is the one that it needs to finish: it must learn of the new one while the old one lives.
pub(super) fn check_own(plan: &mut Plan, me: &Me, renews: bool) {
    if plan.old.id != me.token.id {
        return;
    }
    if plan.strategy != Strategy::Overlap {
        plan.blockers.push(
            "rekey itself calls GitLab with this token and would lock itself out; make it a service account's and use \
             overlap, or replace it by hand"
                .into(),
        );
    } else if !renews {
        plan.blockers.push(
            "rekey itself calls GitLab with this token and would not learn of the new one; let [gitlab] token be \
             file:/path, and make that file a store of this token"
                .into(),
        );
    }
}

pub(super) fn check_strategy(plan: &mut Plan, me: &Me) {
    let mints = matches!(plan.strategy, Strategy::Overlap | Strategy::RevokeFirst);
    match &plan.owner {
        Owner::User { username } if mints && !me.admin => {
            plan.blockers.push(format!("only an administrator may make a token for {username}; use in_place or self"))
        }
        Owner::InstanceServiceAccount { username } if mints && !me.admin => {
            plan.blockers.push(format!("only an administrator may make a token for {username}"));
        }
        Owner::Project { .. } | Owner::Group { .. } if mints => plan.warnings.push(
            "the new token gets a new bot user: grants of the old one (protected branches, approvals) are not copied"
                .into(),
        ),
        _ => {}
    }
    if plan.strategy == Strategy::SelfRotate {
        plan.warnings.push("an interrupted rotate cannot be repaired by the bot; it would ask a person".into());
    }
}
