//! Small words that several commands share: lengths of time, owners, lists.

use crate::rotation::group::Approver;
use crate::rotation::token::Owner;

/// A length of time as a person would say it, at most two units.
pub(super) fn span(seconds: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let mut rest = seconds;
    let mut parts = Vec::new();
    for (length, unit) in UNITS {
        if rest >= length && parts.len() < 2 {
            parts.push(format!("{} {unit}", rest / length));
            rest %= length;
        }
    }
    if parts.is_empty() { "0 s".into() } else { parts.join(" ") }
}

/// An owner in few words, for tables.
pub(super) fn owner(owner: &Owner) -> String {
    match owner {
        Owner::GroupServiceAccount { group, username } => format!("{username} ({group})"),
        Owner::ProjectServiceAccount { project, username } => format!("{username} ({project})"),
        Owner::InstanceServiceAccount { username } => format!("{username} (instance)"),
        Owner::User { username } => username.clone(),
        Owner::Project { .. } | Owner::Group { .. } => owner.to_string(),
    }
}

/// Somebody who may approve.
pub(super) fn approver(approver: &Approver) -> String {
    match approver {
        Approver::Person(person) => person.0.clone(),
        Approver::Group(group) => group.in_words(),
    }
}

/// `none`, `a`, `a, b`.
pub(super) fn list(items: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.as_ref().to_owned()).collect();
    if items.is_empty() { "none".into() } else { items.join(", ") }
}

/// `1 line`, `2 lines`.
pub(super) fn count(number: u64, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

/// GitLab's name for an access level.
pub(super) fn role(level: u8) -> &'static str {
    match level {
        50.. => "Owner",
        40.. => "Maintainer",
        30.. => "Developer",
        20.. => "Reporter",
        15.. => "Planner",
        10.. => "Guest",
        _ => "no member",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_has_at_most_two_units() {
        let said = [0, 59, 60, 900, 5_400, 86_400, 90_061].map(span);
        assert_eq!(said, ["0 s", "59 s", "1 min", "15 min", "1 h 30 min", "1 d", "1 d 1 h"]);
    }

    #[test]
    fn a_level_between_two_roles_counts_as_the_lower_one() {
        assert_eq!(
            [0, 10, 25, 30, 45, 60].map(role),
            ["no member", "Guest", "Reporter", "Developer", "Maintainer", "Owner"]
        );
    }
}
