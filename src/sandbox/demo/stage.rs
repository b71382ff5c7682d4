//! The world of the demo: a security group with a service account, the project that uses its token, and people.

use super::super::gitlab::{DEVELOPER, JobPlan, Mint, OWNER, Pace, Place, Variable, World};
use super::super::slack;
use super::settings::Secrets;
use crate::clock::utc_date;
use jiff::{Timestamp, ToSpan};
use std::time::Duration;

/// Slack's workspace.
pub(super) const TEAM: &str = "T0DEMO0001";
/// Slack's channel.
pub const CHANNEL: &str = "C0ROTATE01";
/// Who may approve.
pub const ALICE: &str = "U0ALICE001";
/// Who may ask.
pub const BOB: &str = "U0BOB00001";
/// Somebody in the channel whom the configuration does not name.
pub const OUTSIDER: &str = "U0MALLORY1";
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
    (world, Cast { group, project, account, alice_token: alice_token.value.expose().to_owned(), now })
}

/// The token that is about to expire, where it is used; its value for other places.
pub(super) fn add_token(world: &mut World, cast: &Cast) -> String {
    let expiry = utc_date(cast.now).saturating_add(6.days());
    let mint = Mint::new(cast.account, NAME, &["read_api", "read_repository"]).expires(expiry);
    let made = cast.now.saturating_sub(jiff::SignedDuration::from_hours(24 * 358)).unwrap_or(cast.now);
    let minted = world.mint(Mint { created_at: Some(made), ..mint });
    world.variable(Variable::new(Place::Project(cast.project), KEY, minted.value.expose()).masked().protected());
    minted.value.expose().to_owned()
}

/// Slack with its people.
pub(super) fn workspace(secrets: &Secrets) -> slack::World {
    let settings = slack::Settings {
        team: TEAM.into(),
        token: secrets.slack_token.clone(),
        signing_secret: secrets.slack_secret.clone(),
        ..slack::Settings::default()
    };
    let people = [(ALICE, "Alice"), (BOB, "Bob"), (OUTSIDER, "Mallory")];
    slack::World::new(settings, (CHANNEL, "token-rotation"), &people)
}

impl Cast {
    /// The token that the pipelines use now.
    pub(super) fn held(&self, gitlab: &super::super::gitlab::Handle) -> Option<u64> {
        gitlab.held_by(Place::Project(self.project), KEY, "*")
    }

    /// The live tokens of the managed name.
    pub(super) fn live(&self, gitlab: &super::super::gitlab::Handle) -> Vec<u64> {
        let tokens = gitlab.live_tokens(self.account);
        tokens.into_iter().filter(|token| token.name == NAME).map(|token| token.id).collect()
    }
}
