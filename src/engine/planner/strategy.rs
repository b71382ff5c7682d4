//! Choosing a strategy, with the reasons that the approver reads.

use crate::gitlab::Me;
use crate::rotation::token::{LiveToken, ManagedToken, Owner, Strategy};

/// The strategy, and why. `wish` overrides the configuration (an incident).
pub fn choose(managed: &ManagedToken, live: &LiveToken, me: &Me, wish: Option<Strategy>) -> (Strategy, Vec<String>) {
    if let Some(wish) = wish {
        let why = match wish {
            Strategy::RevokeFirst => "the value leaked, so it is revoked first".to_owned(),
            other => format!("{other} was asked for"),
        };
        return (wish, vec![why]);
    }
    if let Some(strategy) = managed.strategy {
        return (strategy, vec![format!("the configuration says {strategy}")]);
    }
    let (strategy, reason) = automatic(&managed.owner, live, me);
    (strategy, vec![reason.to_owned()])
}

fn automatic(owner: &Owner, live: &LiveToken, me: &Me) -> (Strategy, &'static str) {
    if live.granular {
        return (Strategy::InPlace, "the token has fine-grained permissions, which only GitLab's rotate copies");
    }
    match owner {
        Owner::GroupServiceAccount { .. } | Owner::ProjectServiceAccount { .. } => {
            (Strategy::Overlap, "the bot may make tokens for this service account, so nothing has to stop working")
        }
        Owner::InstanceServiceAccount { .. } | Owner::User { .. } if me.admin => (
            Strategy::Overlap,
            "the bot is an administrator and may make tokens for this user, so nothing has to stop working",
        ),
        Owner::Project { .. } | Owner::Group { .. } => (
            Strategy::InPlace,
            "a second project or group token would be a new bot user without the old one's grants, so GitLab's rotate is used",
        ),
        Owner::User { username } if *username == me.username => {
            (Strategy::InPlace, "the token is the bot's own; GitLab lets nobody make a second one")
        }
        Owner::User { .. } | Owner::InstanceServiceAccount { .. } => {
            (Strategy::SelfRotate, "only the token itself may rotate a user's token here")
        }
    }
}
