//! Who may come in: from the configuration's secrets to the doors of the endpoints.

use super::{Lines, StartError};
use crate::chat::slack::client::Hooks;
use crate::chat::slack::socket::SocketMode;
use crate::config::{Config, MailTrust, SecretRef};
use crate::engine::Engine;
use crate::engine::ISSUE;
use crate::engine::desk::Desk;
use crate::engine::desk::visitors::Visitors;
use crate::http::{Api, Backoff, Credential, Throttle};
use crate::notice::email::{Instance, MailPolicy, Proof};
use crate::notice::signature::{Key, Login};
use crate::notice::webhook::host_of;
use crate::server::slack::{Door, Envelopes, PATIENCE};
use crate::server::{Settings, TrustedProxies, gitlab, mail};
use std::sync::Arc;
use std::time::Duration;

/// Slack and the Slack of governments: each has a host of its own for answers.
const SLACKS: [&str; 2] = ["slack.com", "slack-gov.com"];

/// The endpoints for mail and GitLab.
pub fn settings(config: &Config) -> Result<Settings, StartError> {
    let proxies = TrustedProxies::new(config.server.trusted_proxies.clone());
    Ok(Settings { mail: mail_door(config)?, gitlab: gitlab_door(config)?, proxies, ..Settings::default() })
}

fn mail_door(config: &Config) -> Result<Option<mail::Door>, StartError> {
    let Some(mail) = &config.mail else { return Ok(None) };
    let hosts = if mail.hosts.is_empty() { vec![config.gitlab.url.clone()] } else { mail.hosts.clone() };
    let senders: Vec<&str> = mail.senders.iter().map(String::as_str).collect();
    let known_as = config.gitlab.host();
    let instances = hosts.iter().filter_map(|host| Instance::at(host, &senders));
    let instances = instances.map(|instance| Instance { known_as: known_as.clone(), ..instance }).collect();
    let proof = match &mail.trust {
        MailTrust::Ingress => Proof::Pickup,
        MailTrust::AuthenticationResults(servers) => Proof::Results { servers: servers.clone() },
    };
    let mut policy = MailPolicy::new(instances, proof);
    policy.forwarders = mail.forwarders.clone();
    policy.own = mail.own_addresses.clone();
    policy.link_gateways = mail.link_gateways.clone();
    let logins =
        mail.passwords.iter().map(|password| Login { user: mail.user.clone(), password: password.value.duplicate() });
    Ok(Some(mail::Door {
        logins: logins.collect(),
        keys: text_keys("[mail] hmac_secret", &mail.hmac_secrets)?,
        policy,
    }))
}

fn gitlab_door(config: &Config) -> Result<Option<gitlab::Door>, StartError> {
    let webhook = &config.gitlab.webhook;
    if webhook.signing_tokens.is_empty() && webhook.secret_tokens.is_empty() {
        return Ok(None);
    }
    let keys = webhook.signing_tokens.iter().map(|token| {
        Key::from_signing_token(&token.value)
            .map_err(|bad| StartError::Setup(format!("[gitlab.webhook] signing_token {}: {bad}", token.reference)))
    });
    Ok(Some(gitlab::Door {
        keys: keys.collect::<Result<_, _>>()?,
        tokens: webhook.secret_tokens.iter().map(|token| token.value.duplicate()).collect(),
        hosts: webhook_hosts(config),
        known_as: config.gitlab.host(),
    }))
}

/// The hosts by which the instance's webhooks may name it.
pub fn webhook_hosts(config: &Config) -> Vec<String> {
    let named = &config.gitlab.webhook.hosts;
    let hosts = if named.is_empty() { std::slice::from_ref(&config.gitlab.url) } else { named };
    hosts.iter().filter_map(|host| host_of(host)).collect()
}

fn text_keys(what: &str, secrets: &[SecretRef]) -> Result<Vec<Key>, StartError> {
    let keys = secrets.iter().map(|secret| {
        Key::from_text(&secret.value).map_err(|bad| StartError::Setup(format!("{what} {}: {bad}", secret.reference)))
    });
    keys.collect()
}

/// The desk, and whom it knows.
pub fn desk(config: &Config, engine: &Arc<Engine>) -> Arc<Desk> {
    let groups = engine.catalog.groups();
    let mut visitors = Visitors::default().asking(engine.directories.clone(), groups);
    if let Some(slack) = &config.slack {
        visitors = visitors.at("slack", &slack.team);
    }
    if let Some(discord) = &config.discord {
        visitors = visitors.at("discord", &discord.guild);
    }
    visitors = visitors.at(ISSUE, engine.gitlab.host());
    for (id, person) in &config.people {
        for (surface, account) in [("slack", &person.slack), ("discord", &person.discord)] {
            if let Some(account) = account {
                visitors = visitors.knowing(surface, account, id.clone());
            }
        }
        if let Some(login) = &person.gitlab {
            visitors = visitors.knowing(ISSUE, login.to_lowercase(), id.clone());
        }
    }
    let desk = Desk::new(engine.clone(), visitors);
    Arc::new(if config.step_up.is_some() { desk.with_codes(engine.clone()) } else { desk })
}

/// Slack's door, whichever way its requests come.
pub fn slack(
    config: &Config,
    lines: &Lines,
    engine: &Engine,
    desk: &Arc<Desk>,
) -> Result<Option<Arc<Door>>, StartError> {
    let (Some(slack), Some(client)) = (&config.slack, &lines.slack) else { return Ok(None) };
    let base = hooks(&slack.api_url);
    let throttle = Arc::new(Throttle::new(8, None));
    let api = Api::new(super::slack_authority(slack).client()?, &base, Credential::Nothing, throttle);
    let api = api.map_err(|error| StartError::Setup(error.to_string()))?;
    Ok(Some(Arc::new(Door {
        keys: slack_keys(config)?,
        team: slack.team.clone(),
        app: slack.app.clone(),
        channel: slack.channel.clone(),
        desk: desk.clone(),
        hooks: Hooks::new(api, &base),
        client: client.clone(),
        clock: engine.clock.clone(),
        patience: PATIENCE,
    })))
}

/// What proves that a request is Slack's.
pub fn slack_keys(config: &Config) -> Result<Vec<Key>, StartError> {
    let secrets = config.slack.as_ref().map(|slack| slack.signing_secrets.as_slice()).unwrap_or_default();
    text_keys("[slack] signing_secret", secrets)
}

/// The socket by which Slack's requests come, if they do.
pub fn slack_socket(config: &Config, door: Option<&Arc<Door>>) -> Result<Option<SocketMode>, StartError> {
    let (Some(door), Some(slack), Some(client)) = (door, &config.slack, super::slack_socket_of(config)?) else {
        return Ok(None);
    };
    let sockets = super::slack_authority(slack).sockets(&slack.api_url)?;
    let backoff = Backoff::jittered(Duration::from_secs(1), Duration::from_secs(60));
    Ok(Some(SocketMode::new(client, sockets, Arc::new(Envelopes(door.clone())), backoff)))
}

/// Where answers go. In a sandbox that is where the API is.
fn hooks(api_url: &str) -> String {
    let origin = origin(api_url);
    let own = SLACKS.iter().find(|host| origin == format!("https://{host}"));
    own.map_or(origin, |host| format!("https://hooks.{host}"))
}

/// Scheme, host and port of an address.
fn origin(url: &str) -> String {
    let end = url.find("://").and_then(|at| url[at + 3..].find('/').map(|slash| at + 3 + slash));
    end.map_or_else(|| url.to_owned(), |end| url[..end].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_go_to_the_host_that_belongs_to_the_api() {
        for (api, host) in [
            ("https://slack.com/api", "https://hooks.slack.com"),
            ("https://slack-gov.com/api", "https://hooks.slack-gov.com"),
            ("https://slack.com.example/api", "https://slack.com.example"),
            ("http://127.0.0.1:8080/api", "http://127.0.0.1:8080"),
        ] {
            assert_eq!(hooks(api), host);
        }
    }
}
