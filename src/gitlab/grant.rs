//! Fine-grained permissions: as GitLab tells them (an entry for each project or group), as atoms of text that can be
//! compared, and as GitLab takes them (an entry with lists).

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// One entry of an answer.
#[derive(Deserialize)]
pub(super) struct Grant {
    access: String,
    #[serde(default)]
    permissions: Vec<String>,
    #[serde(default)]
    project_id: Option<u64>,
    #[serde(default)]
    group_id: Option<u64>,
}

/// One entry of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GrantRequest {
    access: String,
    permissions: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    project_ids: Vec<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    group_ids: Vec<u64>,
}

impl Grant {
    /// `selected_memberships project 21: read_variable`, one for each permission.
    pub(super) fn atoms(&self) -> impl Iterator<Item = String> {
        let place = match (self.project_id, self.group_id) {
            (Some(id), _) => format!(" project {id}"),
            (None, Some(id)) => format!(" group {id}"),
            (None, None) => String::new(),
        };
        self.permissions.iter().map(move |permission| format!("{}{place}: {permission}", self.access))
    }
}

/// The entries that ask for exactly these permissions; an atom that is none asks for nothing.
pub(super) fn requested(atoms: &BTreeSet<String>) -> Vec<GrantRequest> {
    let mut by_place: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (place, permission) in atoms.iter().filter_map(|atom| atom.split_once(": ")) {
        by_place.entry(place).or_default().push(permission.to_owned());
    }
    by_place.into_iter().map(|(place, permissions)| request(place, permissions)).collect()
}

fn request(place: &str, permissions: Vec<String>) -> GrantRequest {
    let mut words = place.split(' ');
    let access = words.next().unwrap_or_default().to_owned();
    let (kind, id) = (words.next(), words.next().and_then(|id| id.parse().ok()));
    let only = |wanted: &str| id.filter(|_| kind == Some(wanted)).into_iter().collect();
    GrantRequest { access, permissions, project_ids: only("project"), group_ids: only("group") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_what_is_asked_for() {
        let told = r#"[{"access":"selected_memberships","permissions":["read_job","read_variable"],"project_id":21,"group_id":null},
            {"access":"selected_memberships","permissions":["read_job"],"project_id":null,"group_id":3},
            {"access":"user","permissions":["read_user"],"project_id":null,"group_id":null}]"#;
        let told: Vec<Grant> = serde_json::from_str(told).unwrap();
        let atoms: BTreeSet<String> = told.iter().flat_map(Grant::atoms).collect();
        assert!(atoms.contains("selected_memberships project 21: read_variable"), "{atoms:?}");
        insta::assert_snapshot!(serde_json::to_string(&requested(&atoms)).unwrap(), @r#"[{"access":"selected_memberships","permissions":["read_job"],"group_ids":[3]},{"access":"selected_memberships","permissions":["read_job","read_variable"],"project_ids":[21]},{"access":"user","permissions":["read_user"]}]"#);
    }
}
