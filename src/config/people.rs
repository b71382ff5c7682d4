//! `[people.<id>]`: who a click or a comment comes from. An identity belongs to one person only.

use super::{discord, slack};
use crate::engine::settings::Person;
use crate::rotation::ids::PersonId;
use crate::settings::naming;
use crate::settings::section::Section;
use std::collections::BTreeMap;

pub(super) const KEYS: &[&str] = &["name", "gitlab", "slack", "discord", "administrator"];

/// Everybody named in the configuration.
pub type People = BTreeMap<PersonId, Person>;

pub(super) fn read(section: Option<Section<'_>>) -> People {
    let mut people = People::new();
    let mut accounts = BTreeMap::new();
    let Some(section) = section else { return people };
    for id in section.names() {
        if id.contains(':') {
            section.complain_name(
                id,
                &format!("person \"{id}\": a colon makes it read like a group or an account; leave it out"),
            );
        }
        let Some(entry) = section.section(id, format!("person \"{id}\""), KEYS) else { continue };
        let person = read_person(&entry, id);
        note_shared_accounts(&entry, id, &person, &mut accounts);
        people.insert(PersonId(id.to_owned()), person);
    }
    people
}

fn read_person(section: &Section<'_>, id: &str) -> Person {
    let person = Person {
        name: section.text("name").unwrap_or_else(|| id.to_owned()),
        gitlab: naming::login(section, "gitlab"),
        slack: section.text("slack"),
        discord: section.text("discord"),
        administrator: section.flag("administrator").unwrap_or_default(),
    };
    if person.slack.as_deref().is_some_and(|id| !slack::is_id(id, &['U', 'W'])) {
        section.complain("slack", "slack must be the id of the user, such as \"U0123ABCD\" (profile, Copy member ID)");
    }
    if person.discord.as_deref().is_some_and(|id| !discord::is_id(id)) {
        section.complain("discord", "discord must be the id of the user, all digits, in quotes");
    }
    if ["gitlab", "slack", "discord"].iter().all(|key| !section.has(key)) {
        section.complain("", "has no account, so nobody could be recognised; add gitlab, slack or discord");
    }
    person
}

fn note_shared_accounts<'a>(
    section: &Section<'_>,
    id: &'a str,
    person: &Person,
    accounts: &mut BTreeMap<(&'static str, String), &'a str>,
) {
    let named = [("gitlab", &person.gitlab), ("slack", &person.slack), ("discord", &person.discord)];
    for (service, account) in named {
        let Some(account) = account else { continue };
        if let Some(other) = accounts.insert((service, account.to_lowercase()), id) {
            section
                .complain(service, &format!("{service} \"{account}\" is also \"{other}\"; an account is one person's"));
        }
    }
}
