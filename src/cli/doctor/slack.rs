//! Slack: the token, what it may do, the workspace and the channel.

use super::clock;
use super::finding::Finding;
use crate::app;
use crate::chat::ChatError;
use crate::chat::slack::client::Client;
use crate::config::{self, Config};
use crate::rotation::account::Service;
use crate::rotation::record::Audience;

/// Without the first nothing can be shown, without the second `/rekey` is unknown, without the third nobody is let in,
/// without the fourth who is not in the channel hears nothing.
const NEEDED: [(&str, &str); 4] = [
    ("chat:write", "post cards"),
    ("commands", "take /rekey"),
    ("users:read", "tell members from guests and deactivated accounts"),
    ("im:write", "answer people who are not in the channel"),
];
/// Needed only where a token names a user group.
const OF_GROUPS: (&str, &str) = ("usergroups:read", "know who is in a user group");
/// One of them, by the kind of channel.
const HISTORY: [&str; 2] = ["channels:history", "groups:history"];

pub(super) async fn look(config: &Config) -> Vec<Finding> {
    let Some(slack) = &config.slack else {
        let alone = "no [slack] and no [discord]: people decide in comments on the issue or on the command line";
        return if config.discord.is_some() { Vec::new() } else { vec![Finding::ok("slack", alone)] };
    };
    let client = match app::slack_of(config) {
        Ok(Some(client)) => client,
        Ok(None) => return Vec::new(),
        Err(error) => return vec![Finding::fail("slack", error.to_string(), "correct [slack]")],
    };
    let mut findings = vec![];
    match workspace(slack, &client).await {
        Ok(finding) => findings.push(finding),
        Err(finding) => return vec![finding],
    }
    findings.extend(clock::off("Slack", client.clock_skew()));
    findings.push(scopes(config, &client).await);
    findings.push(channel(&slack.channel, "[slack] channel", &client).await);
    for reminded in reminded(config) {
        findings.push(channel(reminded, "[reminders] steps", &client).await);
    }
    findings.extend(socket(config).await);
    findings
}

/// Asks for a socket and opens none: the ticket runs out by itself.
async fn socket(config: &Config) -> Option<Finding> {
    let client = match app::slack_socket_of(config) {
        Ok(client) => client?,
        Err(error) => return Some(Finding::fail("socket", error.to_string(), "correct [slack]")),
    };
    Some(match client.open_socket().await {
        Ok(_ticket) => Finding::ok("socket", "Slack gives one: no public address is needed"),
        Err(error) => {
            let mend = "switch on Socket Mode and give an app-level token with connections:write as app_token";
            trouble("socket", &error, mend)
        }
    })
}

async fn workspace(slack: &config::Slack, client: &Client) -> Result<Finding, Finding> {
    let who =
        client.auth_test().await.map_err(|error| trouble("token", &error, "correct [slack] token and api_url"))?;
    if who.team_id != slack.team {
        let what = format!("the token belongs to {}, but team is {}", who.team_id, slack.team);
        return Ok(Finding::fail("workspace", what, "correct [slack] team, or use the token of that workspace"));
    }
    Ok(Finding::ok("workspace", format!("the token belongs to {}", slack.team)))
}

async fn scopes(config: &Config, client: &Client) -> Finding {
    let granted = match client.scopes().await {
        Ok(Some(granted)) => granted,
        Ok(None) => return Finding::warn("scopes", "Slack does not tell them", "compare them with the manifest"),
        Err(error) => return trouble("scopes", &error, "try again"),
    };
    let has = |scope: &str| granted.iter().any(|given| given == scope);
    let groups = config.tokens.iter().flat_map(|(token, _)| &token.groups);
    let of_slack = groups.filter(|group| group.service() == Service::Slack).count() > 0;
    let needed = NEEDED.into_iter().chain(of_slack.then_some(OF_GROUPS));
    let mut missing: Vec<String> =
        needed.filter(|(scope, _)| !has(scope)).map(|(scope, why)| format!("{scope} (to {why})")).collect();
    if !HISTORY.iter().any(|scope| has(scope)) {
        missing.push(format!("{} (to find a card whose answer was lost)", HISTORY.join(" or ")));
    }
    if missing.is_empty() {
        return Finding::ok("scopes", granted.join(", "));
    }
    let mend = "add them under OAuth & Permissions and install the app again";
    Finding::fail("scopes", format!("missing: {}", missing.join(", ")), mend)
}

/// Other channels that get reminders.
fn reminded(config: &Config) -> impl Iterator<Item = &str> {
    config.reminders.steps.iter().filter_map(|step| match &step.to {
        Audience::Channel { surface, channel } if surface.as_str() == "slack" => Some(channel.as_str()),
        _ => None,
    })
}

/// `named` says where in the configuration.
async fn channel(channel: &str, named: &str, client: &Client) -> Finding {
    let subject = format!("channel {channel}");
    match client.can_read(channel).await {
        Ok(()) => Finding::ok(subject, "the bot is in it and can read it back"),
        Err(ChatError::Closed { why, .. }) => {
            let mend = format!("correct {named}, or type /invite @rekey in it");
            Finding::fail(subject, format!("Slack says {why}"), mend)
        }
        Err(error) => trouble(&subject, &error, "type /invite @rekey in it"),
    }
}

/// Slack's own hint, if there is one, stands behind a semicolon.
fn trouble(subject: &str, error: &ChatError, otherwise: &str) -> Finding {
    let text = error.to_string();
    if matches!(error, ChatError::Unavailable { .. }) {
        return Finding::fail(subject, text, "Slack cannot be reached from here; check network and proxy");
    }
    match text.split_once("; ") {
        Some((what, mend)) => Finding::fail(subject, what, mend),
        None => Finding::fail(subject, text, otherwise),
    }
}
