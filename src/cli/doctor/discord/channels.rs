//! What the bot may do in Discord's channels: in that of the cards, in those that get reminders, and whether the roles that
//! it asks hear of it.

use super::trouble;
use crate::chat::ChatError;
use crate::chat::discord::client::{Channel, Client, Member, Role, User};
use crate::chat::discord::permissions;
use crate::cli::doctor::finding::Finding;
use crate::cli::words::list;
use crate::clock::{Clock as _, SystemClock};
use crate::config::{Config, Discord};
use crate::rotation::group::Group;
use crate::rotation::record::Audience;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// Channels in which a card has its place: text and announcements.
const TEXT: [u32; 2] = [0, 5];

/// The server as far as permissions follow from it.
struct Server<'a> {
    guild: &'a str,
    roles: Vec<Role>,
    me: Member,
}

pub(super) async fn look(config: &Config, discord: &Discord, client: &Client, me: &User) -> Vec<Finding> {
    let guild = discord.guild.as_str();
    let (roles, me) = match (client.roles(guild).await, client.member(guild, &me.id).await) {
        (Ok(roles), Ok(Some(member))) => (roles, member),
        (Err(error), _) | (_, Err(error)) => return vec![trouble("server", &error, "try again")],
        (_, Ok(None)) => return vec![Finding::fail("server", "the bot is no member of it", "invite it")],
    };
    if let Some(until) = silenced(&me, &roles, guild) {
        let what = format!("the bot is in a time-out until {until}, and says nothing there");
        return vec![Finding::fail("server", what, "let a moderator end the time-out")];
    }
    let server = Server { guild, roles, me };
    let mut findings = Vec::new();
    match seen(&discord.channel, "[discord] channel", &server, client).await {
        Ok(channel) => {
            findings.push(of_cards(&discord.channel, &server, &channel));
            findings.extend(silent_roles(config, &server, &channel));
        }
        Err(finding) => findings.push(finding),
    }
    for id in reminded(config) {
        findings.push(match seen(id, "to = \"discord:…\" under [reminders]", &server, client).await {
            Ok(channel) => of_reminders(id, &server, &channel),
            Err(finding) => finding,
        });
    }
    findings
}

/// Until when a moderator silenced the bot; administrators cannot be.
fn silenced(me: &Member, roles: &[Role], guild: &str) -> Option<Timestamp> {
    let until: Timestamp = me.communication_disabled_until.as_deref()?.parse().ok()?;
    (until > SystemClock.now() && !permissions::is_administrator(guild, roles, me)).then_some(until)
}

/// Other channels that get reminders.
fn reminded(config: &Config) -> BTreeSet<&str> {
    let steps = config.reminders.steps.iter();
    let channels = steps.filter_map(|step| match &step.to {
        Audience::Channel { surface, channel } if surface.as_str() == "discord" => Some(channel.as_str()),
        _ => None,
    });
    channels.collect()
}

/// The channel, if the bot sees it and it is one; `named` says where in the configuration.
async fn seen(id: &str, named: &str, server: &Server<'_>, client: &Client) -> Result<Channel, Finding> {
    let subject = format!("channel {id}");
    let channel = match client.channel(id).await {
        Ok(channel) => channel,
        Err(ChatError::Closed { .. }) => {
            let mend = format!("invite the bot to the server and give it View Channel there, or correct {named}");
            return Err(Finding::fail(subject, "the bot does not see it", mend));
        }
        Err(error) => return Err(trouble(&subject, &error, "try again")),
    };
    if channel.guild_id.as_deref() != Some(server.guild) {
        return Err(Finding::fail(subject, "it is not in that server", format!("correct [discord] guild or {named}")));
    }
    if !TEXT.contains(&channel.kind) {
        return Err(Finding::fail(subject, "it is no text channel", format!("choose a text channel as {named}")));
    }
    Ok(channel)
}

fn of_cards(id: &str, server: &Server<'_>, channel: &Channel) -> Finding {
    let missing = permissions::missing(server.guild, &server.roles, &server.me, channel);
    judged(id, &missing, "the bot can post, begin threads and read back there")
}

fn of_reminders(id: &str, server: &Server<'_>, channel: &Channel) -> Finding {
    let missing = permissions::missing_for_words(server.guild, &server.roles, &server.me, channel);
    judged(id, &missing, "the bot can remind people there")
}

fn judged(id: &str, missing: &[&str], can: &str) -> Finding {
    let subject = format!("channel {id}");
    if missing.is_empty() {
        return Finding::ok(subject, can);
    }
    let mend = "give them to the bot's role, or to the bot in the channel's permissions";
    Finding::fail(subject, format!("the bot lacks {}", list(missing)), mend)
}

/// Roles that may approve and hear nothing: a mention of them is only shown.
fn silent_roles(config: &Config, server: &Server<'_>, channel: &Channel) -> Vec<Finding> {
    let groups: BTreeSet<&Group> = config.tokens.iter().flat_map(|(token, _)| &token.groups).collect();
    let asked =
        |role: &&Role| groups.iter().any(|group| matches!(group, Group::Discord { role: id } if *id == role.id));
    let Server { guild, roles, me } = server;
    let silent = roles.iter().filter(asked).filter(|role| !permissions::may_mention(role, guild, roles, me, channel));
    let warned = silent.map(|role| {
        let what = "a mention of it notifies nobody, so its people do not hear that they are asked";
        let mend =
            "let anyone mention the role, or give the bot Mention @everyone, @here, and All Roles in the channel";
        Finding::warn(format!("role {}", role.name), what, mend)
    });
    warned.collect()
}
