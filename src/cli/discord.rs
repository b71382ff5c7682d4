//! `rekey discord register`: tells Discord which commands there are. May be repeated; says what changed.

use super::CliError;
use super::screen::Screen;
use crate::app;
use crate::chat::ChatError;
use crate::config::Config;
use crate::server::discord::commands;

pub(super) async fn register(config: &Config, screen: &mut Screen<'_>) -> Result<(), CliError> {
    let unusable = |error: &dyn ToString| CliError::failed(error.to_string(), "correct [discord]");
    let (Some(discord), Some(client)) = (&config.discord, app::discord_of(config).map_err(|error| unusable(&error))?)
    else {
        return Err(CliError::failed("there is no [discord] in the configuration", "add it, then try again"));
    };
    let wanted = commands::registered();
    let there = client.commands(&discord.application, &discord.guild).await.map_err(failed)?;
    let Some(difference) = commands::difference(&wanted, &there) else {
        return screen.print("Nothing to do: /rekey is registered as it should be.\n");
    };
    let kept = client.put_commands(&discord.application, &discord.guild, &wanted).await.map_err(failed)?;
    match commands::difference(&wanted, &kept) {
        None => screen.print(&format!("Registered /rekey ({difference}).\n")),
        Some(difference) => Err(CliError::failed(
            format!("Discord keeps something else than it was given: {difference}"),
            "this is a fault of rekey; please report it",
        )),
    }
}

/// A refusal holds its own way out; a server or an application that Discord does not show us has this one.
fn failed(error: ChatError) -> CliError {
    let text = error.to_string();
    let invite = "correct [discord] guild and application, and invite the bot with the scope applications.commands";
    match (error, text.split_once("; ")) {
        (ChatError::Unavailable { .. }, _) => {
            CliError::failed(text, "Discord cannot be reached from here; check network and proxy")
        }
        (ChatError::Gone { why, .. } | ChatError::Closed { why, .. }, _) => {
            CliError::failed(format!("discord refused: {why}"), invite)
        }
        (_, Some((what, way_out))) => CliError::failed(what, way_out),
        (_, None) => CliError::failed(text.clone(), "correct [discord]"),
    }
}
