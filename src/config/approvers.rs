//! `approvers` of a token: people of `[people]` by name, and groups whose members a service can prove.

use super::people::People;
use super::section::{Section, nearest};
use crate::rotation::group::Group;
use crate::rotation::ids::PersonId;
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
    for (index, text) in approvers.into_iter().enumerate() {
        let mistake = match text.contains(':') {
            true => group(&text).map(|group| drop(groups.insert(group))),
            false => person(&text, people).map(|person| drop(named.insert(person))),
        };
        if let Err(mistake) = mistake {
            section.complain_item("approvers", index, &format!("approver \"{text}\" {mistake}"));
        }
    }
    (named, groups)
}

fn group(text: &str) -> Result<Group, String> {
    text.parse().map_err(|mistake: crate::rotation::group::NoGroup| mistake.to_string())
}

fn person(name: &str, people: &People) -> Result<PersonId, String> {
    let id = PersonId(name.to_owned());
    if people.contains_key(&id) {
        return Ok(id);
    }
    let way_out = match nearest(name, people.keys().map(PersonId::as_str)) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => format!("add [people.{name}]"),
    };
    Err(format!("is not in [people]; {way_out}"))
}

/// How many must approve. Of a group nobody knows here how many are in it.
pub(super) fn quorum(section: &Section<'_>, approvers: &BTreeSet<PersonId>, groups: &BTreeSet<Group>) -> u32 {
    let Some(quorum) = section.number("quorum", 1..=100) else { return 1 };
    if !approvers.is_empty() && groups.is_empty() && quorum > approvers.len() as u64 {
        let people = if approvers.len() == 1 { "1 person".into() } else { format!("{} people", approvers.len()) };
        let message = format!("quorum is {quorum}, but only {people} may approve; add approvers or lower it");
        section.complain("quorum", &message);
    }
    u32::try_from(quorum).unwrap_or(u32::MAX)
}
