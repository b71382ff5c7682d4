//! Choosing a strategy, with the reasons that the approver reads.

use crate::gitlab::Me;
use crate::rotation::token::{LiveToken, ManagedToken, Owner, Strategy};

/// Who would make the new token, and what this GitLab lets them do.
pub struct Maker<'a> {
    /// The bot.
    pub me: &'a Me,
    /// Administrators may make tokens with fine-grained permissions here.
    pub takes_permissions: bool,
}

/// From this version on an administrator may make a token with fine-grained permissions.
pub const TAKES_PERMISSIONS: (u32, u32) = (19, 6);

const NOT_ANEW: &str = "the token's fine-grained permissions cannot be made anew here, and GitLab's rotate copies them";

impl Maker<'_> {
    /// Whether another token with the same rights can be made beside this one, or after it.
    pub fn can_make(&self, owner: &Owner, live: &LiveToken) -> bool {
        if live.granular {
            let of_users = !matches!(owner, Owner::Project { .. } | Owner::Group { .. });
            return of_users && self.me.admin && self.takes_permissions && !live.permissions.is_empty();
        }
        match owner {
            Owner::GroupServiceAccount { .. } | Owner::ProjectServiceAccount { .. } => true,
            Owner::InstanceServiceAccount { .. } | Owner::User { .. } => self.me.admin,
            // GitLab gives Maintainer to a token that is made without naming a role.
            Owner::Project { .. } | Owner::Group { .. } => live.access_level.is_some(),
        }
    }
}

/// The strategy, and why. `wish` overrides the configuration (an incident).
pub fn choose(
    managed: &ManagedToken,
    live: &LiveToken,
    maker: &Maker<'_>,
    wish: Option<Strategy>,
) -> (Strategy, Vec<String>) {
    match wish {
        // Whether fine-grained permissions can be made anew shows only when it is tried (a flag of the user, a rule of
        // the instance), which would be too late.
        Some(Strategy::RevokeFirst) if !live.granular && maker.can_make(&managed.owner, live) => {
            return (Strategy::RevokeFirst, vec!["the value leaked, so it is revoked first".to_owned()]);
        }
        // What was revoked first and cannot be made anew would be gone for good.
        Some(Strategy::RevokeFirst) => {
            let (strategy, reason) = in_one_step(&managed.owner, live, maker.me);
            let why = "the value leaked, so it dies in the moment in which its successor is made".to_owned();
            return (strategy, vec![why, reason.to_owned()]);
        }
        Some(other) => return (other, vec![format!("{other} was asked for")]),
        None => {}
    }
    if let Some(strategy) = managed.strategy {
        return (strategy, vec![format!("the configuration says {strategy}")]);
    }
    let (strategy, reason) = automatic(&managed.owner, live, maker);
    (strategy, vec![reason.to_owned()])
}

fn automatic(owner: &Owner, live: &LiveToken, maker: &Maker<'_>) -> (Strategy, &'static str) {
    match owner {
        Owner::Project { .. } | Owner::Group { .. } => in_one_step(owner, live, maker.me),
        _ if !maker.can_make(owner, live) => in_one_step(owner, live, maker.me),
        _ if live.granular => (
            Strategy::Overlap,
            "the bot is an administrator and may make a token with the same fine-grained permissions",
        ),
        Owner::GroupServiceAccount { .. } | Owner::ProjectServiceAccount { .. } => {
            (Strategy::Overlap, "the bot may make tokens for this service account, so nothing has to stop working")
        }
        Owner::InstanceServiceAccount { .. } | Owner::User { .. } => (
            Strategy::Overlap,
            "the bot is an administrator and may make tokens for this user, so nothing has to stop working",
        ),
    }
}

/// By GitLab's rotate, with whose authority it is open to us.
fn in_one_step(owner: &Owner, live: &LiveToken, me: &Me) -> (Strategy, &'static str) {
    match owner {
        Owner::User { username } | Owner::InstanceServiceAccount { username }
            if !me.admin && !me.username.eq_ignore_ascii_case(username) =>
        {
            (Strategy::SelfRotate, "only the token itself may rotate a user's token here")
        }
        _ if live.granular => (Strategy::InPlace, NOT_ANEW),
        Owner::Project { .. } | Owner::Group { .. } => (
            Strategy::InPlace,
            "a second project or group token would be a new bot user without the old one's grants, so GitLab's rotate is used",
        ),
        Owner::User { username } if !me.admin && me.username.eq_ignore_ascii_case(username) => {
            (Strategy::InPlace, "the token is the bot's own; GitLab lets nobody make a second one")
        }
        _ => (Strategy::InPlace, "GitLab's rotate replaces it in one step"),
    }
}
