//! Discord: the token, the application, the server, what the bot may do in its channels, the commands and the people.

mod channels;

use super::clock;
use super::finding::Finding;
use crate::app;
use crate::chat::ChatError;
use crate::chat::discord::client::Client;
use crate::config::{Config, Discord, DiscordMode};
use crate::server::discord::commands;

pub(super) async fn look(config: &Config) -> Vec<Finding> {
    let (discord, client) = match (&config.discord, app::discord_of(config)) {
        (Some(discord), Ok(Some(client))) => (discord, client),
        (_, Err(error)) => return vec![Finding::fail("discord", error.to_string(), "correct [discord]")],
        _ => return Vec::new(),
    };
    let me = match client.me().await {
        Ok(me) => me,
        Err(error) => return vec![trouble("token", &error, "correct [discord] token and api_url")],
    };
    let mut findings = vec![Finding::ok("token", format!("it is that of {}", me.username))];
    findings.extend(clock::off("Discord", client.clock_skew()));
    findings.extend(application(config, discord, &client).await);
    findings.extend(channels::look(config, discord, &client, &me).await);
    findings.push(registered(discord, &client).await);
    findings.extend(people(config, discord, &client).await);
    findings
}

/// Whose interactions we get, signed with what, and by which way.
async fn application(config: &Config, discord: &Discord, client: &Client) -> Vec<Finding> {
    let seen = match client.application().await {
        Ok(seen) => seen,
        Err(error) => return vec![trouble("application", &error, "try again")],
    };
    if seen.id != discord.application {
        let what = format!("the token belongs to {}, but application is {}", seen.id, discord.application);
        return vec![Finding::fail("application", what, "correct [discord] application")];
    }
    let endpoint = seen.interactions_endpoint_url.as_deref();
    match &discord.mode {
        DiscordMode::Gateway => vec![match endpoint {
            None => Finding::ok("gateway", "interactions come over it: no public address is needed"),
            Some(_) => {
                let what = "Discord sends interactions to an endpoint, and none over the Gateway";
                let mend = "empty Interactions Endpoint URL under General Information, or write mode = \"http\"";
                Finding::fail("gateway", what, mend)
            }
        }],
        DiscordMode::Http { public_keys } => vec![
            public_key(public_keys.iter().any(|key| key.eq_ignore_ascii_case(&seen.verify_key))),
            self::endpoint(config, endpoint),
        ],
    }
}

fn public_key(is_right: bool) -> Finding {
    match is_right {
        true => Finding::ok("public key", "it is the application's"),
        false => {
            let what = "it is not the application's, so no click would be believed";
            Finding::fail("public key", what, "copy Public Key from General Information into [discord] public_key")
        }
    }
}

fn endpoint(config: &Config, registered: Option<&str>) -> Finding {
    let own = config.server.public_url.as_deref().map(|url| format!("{url}/discord/interactions"));
    let wanted = own.clone().unwrap_or_else(|| "https://<public_url>/discord/interactions".into());
    match registered {
        Some(url) if own.as_deref().is_none_or(|own| own == url) => {
            Finding::ok("endpoint", format!("Discord calls {url}"))
        }
        Some(url) => {
            let mend = format!("write {wanted} as Interactions Endpoint URL under General Information");
            Finding::warn("endpoint", format!("Discord calls {url}, but public_url is another"), mend)
        }
        None => {
            let mend =
                format!("start the bot, then write {wanted} as Interactions Endpoint URL under General Information");
            Finding::fail("endpoint", "Discord knows no address for clicks and commands", mend)
        }
    }
}

async fn registered(discord: &Discord, client: &Client) -> Finding {
    let there = match client.commands(&discord.application, &discord.guild).await {
        Ok(there) => there,
        Err(error) => return trouble("commands", &error, "invite the bot with the scope applications.commands"),
    };
    match commands::difference(&commands::registered(), &there) {
        None => Finding::ok("commands", "/rekey is registered"),
        Some(difference) => Finding::fail("commands", difference, "run rekey discord register"),
    }
}

/// The approvers: recognised here, and in the server at all.
async fn people(config: &Config, discord: &Discord, client: &Client) -> Vec<Finding> {
    let mut findings = Vec::new();
    let approvers = config.tokens.iter().flat_map(|(token, _)| &token.approvers);
    for id in approvers.collect::<std::collections::BTreeSet<_>>() {
        let Some(person) = config.people.get(id) else { continue };
        let Some(account) = &person.discord else {
            let what = "has no discord id, so presses of buttons are not believed";
            findings.push(Finding::warn(id.as_str(), what, format!("add discord = \"…\" to [people.{id}]")));
            continue;
        };
        findings.push(match client.member(&discord.guild, account).await {
            Ok(Some(member)) => Finding::ok(id.as_str(), format!("Discord @{}", member.user.username)),
            Ok(None) => {
                let what = format!("Discord user {account} is no member of the server");
                Finding::fail(id.as_str(), what, "correct discord, or invite them")
            }
            Err(error) => trouble(id.as_str(), &error, "try again"),
        });
    }
    findings
}

/// Discord's own hint, if there is one, stands behind a semicolon.
fn trouble(subject: &str, error: &ChatError, otherwise: &str) -> Finding {
    let text = error.to_string();
    if matches!(error, ChatError::Unavailable { .. }) {
        return Finding::fail(subject, text, "Discord cannot be reached from here; check network and proxy");
    }
    match text.split_once("; ") {
        Some((what, mend)) => Finding::fail(subject, what, mend),
        None => Finding::fail(subject, text, otherwise),
    }
}
