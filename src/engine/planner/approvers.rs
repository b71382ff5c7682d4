//! Whether enough people can approve at all.

use crate::engine::Engine;
use crate::engine::directory::Unproven;
use crate::rotation::token::ManagedToken;

impl Engine {
    /// Why nobody, or too few, can approve, if that is so. Groups are asked about only where the people who are named are
    /// too few; a service that does not answer at the moment proves nothing either way.
    pub async fn too_few_approvers(&self, managed: &ManagedToken) -> Option<String> {
        let (id, needed) = (&managed.id, managed.quorum.max(1) as usize);
        let mut people = self.catalog.named(id).len();
        let mut seen = Vec::new();
        if people < needed {
            for group in &managed.groups {
                match self.directories.survey(group).await {
                    Ok(survey) => match survey.people {
                        Some(0) => seen.push(format!("{group} has no members")),
                        Some(more) => people += more,
                        None => return None,
                    },
                    Err(Unproven::Refused(why)) => seen.push(format!("{group}: {why}")),
                    Err(Unproven::Passing(_)) => return None,
                }
            }
        }
        let because = if seen.is_empty() { String::new() } else { format!(" ({})", seen.join("; ")) };
        match people {
            0 if managed.groups.is_empty() => Some(format!("token {id} has no approvers, so nobody can approve")),
            0 => Some(format!("nobody can approve token {id}{because}")),
            few if few < needed => Some(format!("token {id} needs {needed} approvers but has {few} at most{because}")),
            _ => None,
        }
    }
}
