//! Who asks, as Slack proves it: the workspace that a person belongs to and their id, never a name.

use super::Door;
use crate::chat::slack::inbound::{Command, Event, Interaction};
use crate::engine::desk::Caller;

pub fn of_command(door: &Door, command: &Command) -> Caller {
    Caller {
        place: place(door, &command.team_id, &command.enterprise_id),
        channel: Some(command.channel_id.clone()).filter(|channel| !channel.is_empty()),
        ..caller(&command.user_id)
    }
}

pub fn of_interaction(door: &Door, interaction: &Interaction) -> Caller {
    Caller {
        place: place(door, interaction.team_of_user(), &interaction.enterprise.id),
        guest: interaction.user.is_guest(),
        channel: interaction.channel_id().map(str::to_owned),
        ..caller(&interaction.user.id)
    }
}

pub fn of_event(door: &Door, event: &Event) -> Caller {
    Caller { place: place(door, &event.team_id, ""), ..caller(&event.event.user) }
}

fn caller(account: &str) -> Caller {
    Caller {
        surface: "slack".into(),
        place: String::new(),
        account: account.to_owned(),
        guest: false,
        roles: [].into(),
        channel: None,
    }
}

/// Where a whole organisation installed the app, its id stands for all its workspaces.
fn place(door: &Door, team: &str, enterprise: &str) -> String {
    let of_organisation = door.team.starts_with('E') && enterprise == door.team;
    if of_organisation { door.team.clone() } else { team.to_owned() }
}
