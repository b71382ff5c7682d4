//! The world of the demo: a security group with a service account, the project that uses its token, and people.

use super::secrets::Secrets;
use crate::clock::utc_date;
use crate::sandbox::gitlab::{DEVELOPER, JobPlan, Mint, OWNER, Pace, Place, Variable, World};
use crate::sandbox::{discord, slack};
use jiff::{Timestamp, ToSpan};
use std::time::Duration;

/// Slack's workspace.
pub(super) const TEAM: &str = "T0DEMO0001";
/// Slack's channel.
pub const CHANNEL: &str = "C0ROTATE01";
/// Discord's channel.
pub const DISCORD_CHANNEL: &str = "1300000000000000500";

/// Somebody, by their accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Person {
    /// What others call them.
    pub name: &'static str,
    /// What they may do.
    pub role: &'static str,
    /// In Slack.
    pub slack: &'static str,
    /// In Discord.
    pub discord: &'static str,
}

/// Who may approve.
pub const ALICE: Person =
    Person { name: "Alice", role: "approves", slack: "U0ALICE001", discord: "1300000000000000011" };
/// Who may ask.
pub const BOB: Person = Person { name: "Bob", role: "may ask", slack: "U0BOB00001", discord: "1300000000000000010" };
/// Somebody in the channel whom the configuration does not name.
pub const OUTSIDER: Person =
    Person { name: "Mallory", role: "an outsider", slack: "U0MALLORY1", discord: "1300000000000000666" };
/// All of them.
pub(super) const PEOPLE: [Person; 3] = [ALICE, BOB, OUTSIDER];

/// The job that proves the token.
pub const JOB: &str = "inventory";
/// The call that makes a token.
pub(super) const CREATE: &str = "*/personal_access_tokens";

const ACCOUNT: &str = "svc-sec-arch-inventory";
const NAME: &str = "GitLab Security Service - Architecture - Inventory";
const KEY: &str = "INVENTORY_TOKEN";

/// Who and what is on stage, by number.
#[derive(Clone, Debug)]
pub(super) struct Cast {
    pub group: u64,
    pub project: u64,
    pub account: u64,
    pub alice_token: String,
    /// The managed token.
    token: u64,
    /// Its value.
    pub value: String,
    now: Timestamp,
}

/// GitLab before the curtain rises.
pub(super) fn world(secrets: &Secrets, step: Duration, now: Timestamp) -> (World, Cast) {
    let mut world = World::new(rand::random(), now);
    world.settings.pace = Pace::Every(step);
    world.settings.last_used_seconds = 1;
    let group = world.group("corp-sec");
    let project = world.project("corp-sec/inventory");
    let operations = world.project("corp-sec/operations");
    let account = world.service_account(Place::Group(group), ACCOUNT);
    let bot = world.user("rekey");
    world.member(Place::Group(group), bot, OWNER);
    world.mint(Mint::new(bot, "rekey", &["api"]).value(&secrets.gitlab_token));
    let (alice, alice_token) = world.maintainer(Place::Project(project), "alice");
    let bob = world.user("bob");
    world.member(Place::Project(project), bob, DEVELOPER);
    for person in [alice, bob] {
        world.member(Place::Project(operations), person, DEVELOPER);
    }
    world.mint(Mint::new(account, "Dashboard export", &["read_api"]).expires(utc_date(now).saturating_add(19.days())));
    let inventory = JobPlan::new("report", JOB).calls_with(KEY).needing(&["read_api", "api"]);
    world.pipeline(project, "main", vec![JobPlan::new("build", "build"), inventory]);
    let (token, value) = add_token(&mut world, account, project, now);
    let alice_token = alice_token.value.expose().to_owned();
    (world, Cast { group, project, account, alice_token, token, value, now })
}

/// The managed token where it is used, far from its expiry; its number, and its value for other places.
fn add_token(world: &mut World, account: u64, project: u64, now: Timestamp) -> (u64, String) {
    let mint = Mint::new(account, NAME, &["read_api", "read_repository"]);
    let mint = mint.expires(utc_date(now).saturating_add(200.days()));
    let made = now.saturating_sub(jiff::SignedDuration::from_hours(24 * 358)).unwrap_or(now);
    let minted = world.mint(Mint { created_at: Some(made), ..mint });
    world.variable(Variable::new(Place::Project(project), KEY, minted.value.expose()).masked().protected());
    (minted.id, minted.value.expose().to_owned())
}

/// The token is about to expire.
pub(super) fn come_close_to_expiry(world: &mut World, cast: &Cast) {
    if let Some(token) = world.tokens.get_mut(&cast.token) {
        token.expires_at = Some(utc_date(cast.now).saturating_add(6.days()));
    }
}

/// Slack with its people.
pub(super) fn workspace(secrets: &Secrets) -> slack::World {
    let settings = slack::Settings {
        team: TEAM.into(),
        token: secrets.slack_token.clone(),
        signing_secret: secrets.slack_secret.clone(),
        ..slack::Settings::default()
    };
    slack::World::new(settings, (CHANNEL, "token-rotation"), &PEOPLE.map(|person| (person.slack, person.name)))
}

/// Discord with its people.
pub(super) fn guild(secrets: &Secrets) -> discord::World {
    let settings = discord::Settings {
        token: secrets.discord_token.clone(),
        seed: secrets.discord_seed,
        ..discord::Settings::default()
    };
    let people = PEOPLE.map(|person| (person.discord, person.name));
    discord::World::new(settings, (DISCORD_CHANNEL, "token-rotation"), &people)
}

impl Cast {
    /// The token that the pipelines use now.
    pub(super) fn held(&self, gitlab: &crate::sandbox::gitlab::Handle) -> Option<u64> {
        gitlab.held_by(Place::Project(self.project), KEY, "*")
    }

    /// The live tokens of the managed name.
    pub(super) fn live(&self, gitlab: &crate::sandbox::gitlab::Handle) -> Vec<u64> {
        let tokens = gitlab.live_tokens(self.account);
        tokens.into_iter().filter(|token| token.name == NAME).map(|token| token.id).collect()
    }
}
