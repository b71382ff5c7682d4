//! `rekey discord register`, and what `rekey doctor` sees of a Discord in order and of one with many faults.

use super::office::{Office, Wish};
use rekey::clock::{Clock, SystemClock};
use rekey::sandbox::discord::{self as sandbox, Discord, Handle, permissions};
use std::sync::Arc;

const CHANNEL: &str = "1300000000000000500";
const LOUD: &str = "1300000000000000501";
const ADA: &str = "1300000000000000011";
const GRACE: &str = "1300000000000000012";

/// An office that talks in Discord.
struct Place {
    office: Office,
    _discord: Discord,
    discord: Handle,
}

async fn place(change: impl FnOnce(String) -> String) -> Place {
    let office = Office::open(Wish::default()).await;
    let world = sandbox::World::new(sandbox::Settings::default(), (CHANNEL, "ops"), &[(ADA, "ada"), (GRACE, "grace")]);
    let http = rekey::http::client(None).unwrap();
    let discord = Discord::start(world, Arc::new(SystemClock), http).await.unwrap();
    let state = discord.state();
    state.with(|world| world.settings.bot = "https://rekey.example".into());
    office.configure(|text| {
        let text = text
            .replace("[server]\n", "[server]\npublic_url = \"https://rekey.example\"\n")
            .replace("gitlab = \"ada\"\n", &format!("gitlab = \"ada\"\ndiscord = \"{ADA}\"\n"))
            .replace("gitlab = \"grace\"\n", &format!("gitlab = \"grace\"\ndiscord = \"{GRACE}\"\n"));
        change(format!("{text}{}", include_str!("discord.toml")))
            .replace("{discord}", &discord.base_url())
            .replace("{public_key}", &state.public_key())
    });
    Place { office, _discord: discord, discord: state }
}

impl Place {
    async fn runs(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let token = self.discord.with(|world| world.settings.token.clone());
        let output = self.office.command(arguments).env("DISCORD_TOKEN", token).output().await.unwrap();
        (output.status.code(), self.office.tame(&output.stdout), self.office.tame(&output.stderr))
    }

    /// What the doctor says of Discord.
    async fn examined(&self) -> String {
        let (_, said, complained) = self.runs(&["doctor"]).await;
        assert_eq!(complained, "");
        let start = said.find("\nDiscord\n").unwrap();
        said[start..].trim_start().to_owned()
    }
}

#[tokio::test]
async fn commands_are_registered_once_and_what_changed_is_told() {
    let place = place(|text| text).await;
    let register = ["discord", "register"];
    let (code, said, _) = place.runs(&register).await;
    assert_eq!((code, said.as_str()), (Some(0), "Registered /rekey (it is not there).\n"));
    let (code, said, _) = place.runs(&register).await;
    assert_eq!((code, said.as_str()), (Some(0), "Nothing to do: /rekey is registered as it should be.\n"));
    let puts = |discord: &Handle| discord.calls().iter().filter(|call| call.starts_with("PUT")).count();
    assert_eq!(puts(&place.discord), 1);
    place.discord.with(|world| world.commands[0]["options"][1]["name"] = "scheme".into());
    let (_, said, _) = place.runs(&register).await;
    assert_eq!(said, "Registered /rekey (new plan, gone scheme).\n");
}

#[tokio::test]
async fn without_discord_or_with_a_wrong_token_nothing_is_registered() {
    let place = place(|text| text).await;
    place.discord.with(|world| world.settings.token = "another".into());
    let output = place.office.command(&["discord", "register"]).env("DISCORD_TOKEN", "wrong-wrong-wrong").output();
    let complained = place.office.tame(&output.await.unwrap().stderr);
    assert!(complained.contains("reset the bot's token"), "{complained}");
    place.office.configure(|text| text);
    let (code, _, complained) = place.runs(&["discord", "register"]).await;
    assert_eq!(
        (code, complained.as_str()),
        (Some(1), "error: there is no [discord] in the configuration; add it, then try again\n")
    );
}

#[tokio::test]
async fn a_discord_in_order_is_ok_in_every_line() {
    let place = place(|text| text).await;
    place.runs(&["discord", "register"]).await;
    insta::assert_snapshot!("doctor_discord_ok", place.examined().await);
    place.discord.with(|world| world.settings.bot = String::new());
    place.office.configure(|text| text);
}

#[tokio::test]
async fn every_fault_of_discord_has_a_line_with_the_way_out() {
    let place =
        place(|text| text.replace("{public_key}", &"7a".repeat(32)).replace(&format!("discord = \"{GRACE}\"\n"), ""))
            .await;
    place.discord.with(|world| {
        world.settings.bot = String::new();
        world.channels.get_mut(CHANNEL).unwrap().denied = permissions::SEND_IN_THREADS | permissions::HISTORY;
        world.users.get_mut(ADA).unwrap().member = false;
    });
    insta::assert_snapshot!("doctor_discord_faults", place.examined().await);
}

#[tokio::test]
async fn a_gateway_needs_no_public_key_but_an_application_without_an_endpoint() {
    let place = place(|text| {
        text.replace("mode = \"http\"", "mode = \"gateway\"").replace("public_key = \"{public_key}\"\n", "")
    })
    .await;
    place.runs(&["discord", "register"]).await;
    assert!(place.examined().await.contains("FAIL  gateway"), "{}", place.examined().await);
    place.discord.with(|world| world.settings.bot = String::new());
    assert!(place.examined().await.contains("ok    gateway"), "{}", place.examined().await);
}

#[tokio::test]
async fn channels_for_reminders_and_roles_that_nobody_hears_of_are_looked_at() {
    let place = place(|text| {
        let text = text.replace("approvers = [\"ada\", \"grace\"]", "approvers = [\"ada\", \"discord-role:777\"]");
        format!(
            "{text}\n[reminders]\nsteps = [\n  {{ days_left = 7, to = \"discord:{LOUD}\" }},\n  \
             {{ days_left = 3, to = \"discord:1300000000000000666\" }},\n]\n"
        )
    })
    .await;
    place.discord.with(|world| {
        world.grant("777", "token-approver", &[GRACE]);
        let denied = permissions::SEND_IN_THREADS;
        world.channels.insert(LOUD.into(), sandbox::Channel { denied, ..sandbox::Channel::default() });
    });
    let examined = place.examined().await;
    let line = |of: &str| examined.lines().find(|line| line.contains(of)).unwrap_or_default().to_owned();
    assert!(line("role token-approver").contains("warn"), "{examined}");
    assert!(examined.contains("a mention of it notifies nobody"), "{examined}");
    assert!(line(LOUD).contains("the bot can remind people there"), "{examined}");
    assert!(line("1300000000000000666").contains("FAIL"), "{examined}");
    let everyone = place.discord.with(|world| world.settings.guild.clone());
    place.discord.with(|world| world.roles.get_mut(&everyone).unwrap().permissions |= 1 << 17);
    assert!(!place.examined().await.contains("a mention of it notifies nobody"));
}

#[tokio::test]
async fn a_discord_that_cannot_be_reached_is_no_matter_of_invitations() {
    let place = place(|text| {
        let line =
            text.lines().find(|line| line.starts_with("api_url = ") && line.contains("/api/v10")).unwrap().to_owned();
        text.replace(&line, "api_url = \"http://127.0.0.1:9\"")
    })
    .await;
    let (code, _, complained) = place.runs(&["discord", "register"]).await;
    assert_eq!(code, Some(1));
    let way_out = "Connection refused; Discord cannot be reached from here; check network and proxy\n";
    assert!(
        complained.starts_with("error: discord is not available: ") && complained.ends_with(way_out),
        "{complained}"
    );
}

#[tokio::test]
async fn a_bot_in_a_time_out_is_not_said_to_post() {
    let place = place(|text| text).await;
    let in_an_hour = |hours| SystemClock.now().saturating_add(jiff::SignedDuration::from_hours(hours)).unwrap();
    place.discord.with(|world| world.silenced = Some(in_an_hour(1)));
    let examined = place.examined().await;
    assert!(
        examined.contains("the bot is in a time-out until") && examined.contains("let a moderator end"),
        "{examined}"
    );
    assert!(!examined.contains("the bot can post"), "{examined}");
    place.discord.with(|world| world.silenced = Some(in_an_hour(-1)));
    assert!(place.examined().await.contains("the bot can post"), "one that is over");
}

#[tokio::test]
async fn of_a_bot_that_was_removed_it_is_said_that_it_is_not_in_the_server() {
    let place = place(|text| text).await;
    place.discord.with(|world| world.invited = false);
    let examined = place.examined().await;
    assert!(examined.contains("the bot is not in it") && examined.contains("invite the bot"), "{examined}");
    assert!(!examined.contains("channel 13"), "nothing is said of its channels: {examined}");
}
