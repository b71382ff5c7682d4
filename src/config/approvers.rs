//! `approvers` of a token: people of `[people]` by name, and groups whose members a service can prove.

use super::entry::Entry;
use super::people::People;
use crate::rotation::account::Service;
use crate::rotation::group::{Group, NoGroup};
use crate::rotation::ids::PersonId;
use crate::settings::section::{Section, nearest};
use std::collections::BTreeSet;

/// The people and the groups; what names neither is noted.
pub(super) fn read(section: &Section<'_>, people: &People) -> (BTreeSet<PersonId>, BTreeSet<Group>) {
    let (mut named, mut groups) = (BTreeSet::new(), BTreeSet::new());
    let approvers = section.texts("approvers");
    if approvers.is_empty() {
        let what = if section.has("approvers") { "empty" } else { "missing" };
        let message = format!("approvers is {what}, so nobody can approve; name people from [people], or a group");
        section.complain("approvers", &message);
    }
    for (index, text) in approvers.iter().enumerate() {
        let mistake = |mistake: String| {
            section.complain_item("approvers", index, &format!("approver \"{text}\" {mistake}"));
        };
        if text.contains(':') {
            groups.extend(group(text).map_err(mistake));
        } else {
            named.insert(PersonId(text.clone()));
            person(text, people).unwrap_or_else(mistake);
        }
    }
    (named, groups)
}

fn group(text: &str) -> Result<Group, String> {
    text.parse().map_err(|mistake: NoGroup| mistake.to_string())
}

fn person(name: &str, people: &People) -> Result<(), String> {
    if people.contains_key(&PersonId::from(name)) {
        return Ok(());
    }
    let way_out = match nearest(name, people.keys().map(PersonId::as_str)) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => format!("add [people.{name}]"),
    };
    Err(format!("is not in [people]; {way_out}"))
}

/// How many must approve. Of a group nobody knows here how many are in it.
pub(super) fn quorum(section: &Section<'_>, approvers: &BTreeSet<PersonId>) -> u32 {
    let Some(quorum) = section.number("quorum", 1..=100) else { return 1 };
    let any_group = section.texts("approvers").iter().any(|text| text.contains(':'));
    if !approvers.is_empty() && !any_group && quorum > approvers.len() as u64 {
        let people = if approvers.len() == 1 { "1 person".into() } else { format!("{} people", approvers.len()) };
        let message = format!("quorum is {quorum}, but only {people} may approve; add approvers or lower it");
        section.complain("quorum", &message);
    }
    u32::try_from(quorum).unwrap_or(u32::MAX)
}

/// Groups of services that the configuration does not connect to have nobody in them.
pub(super) fn check_services(entries: &[Entry], root: &Section<'_>) {
    for entry in entries {
        for group in &entry.token.groups {
            let service = group.service();
            if service != Service::Gitlab && !root.has(service.word()) {
                let (id, section) = (&entry.token.id, service.word());
                let message =
                    format!("token \"{id}\": there is no [{section}], so nobody can be proven to be in {group}");
                root.source.problems.error(entry.place.clone(), message);
            }
        }
    }
}

/// An organisation has many workspaces, each with user groups of its own; Slack wants to know which one is meant.
pub(super) fn check_organisation(entries: &[Entry], root: &Section<'_>, team: Option<&str>) {
    if !team.is_some_and(|team| team.starts_with('E')) {
        return;
    }
    for entry in entries {
        for group in entry.token.groups.iter().filter(|group| group.service() == Service::Slack) {
            let message = format!(
                "token \"{}\": {group} cannot be asked for, because [slack] team is a whole organisation; name people, a \
                 GitLab group, or give the id of one workspace (T…) as team",
                entry.token.id
            );
            root.source.problems.error(entry.place.clone(), message);
        }
    }
}
