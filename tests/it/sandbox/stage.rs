//! The stage of every story: a group with a service account, a project that deploys with its token, a bot.

use rekey::clock::ManualClock;
use rekey::sandbox::gitlab::{Gitlab, Handle, JobPlan, MAINTAINER, Mint, OWNER, Place, Variable, World};
use reqwest::{Client, Method, Response};
use serde_json::Value;
use std::sync::Arc;

/// The expiry of the old token on stage.
pub const EXPIRY: &str = "2026-11-28";
/// The value of the old token on stage.
pub const OLD: &str = "glpat-OldOldOldOldOldOldOl";
/// The value of the bot's token.
pub const BOT: &str = "glpat-BotBotBotBotBotBotBo";

pub struct Stage {
    pub gitlab: Gitlab,
    pub clock: ManualClock,
    pub state: Handle,
    pub client: Client,
    pub group: u64,
    pub project: u64,
    pub account: u64,
    pub bot: u64,
    pub old: u64,
    pub schedule: u64,
}

/// Sets the stage; `more` changes the world before it opens.
pub async fn stage(more: impl FnOnce(&mut World, u64)) -> Stage {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let clock = ManualClock::at("2026-11-21T14:00:00Z".parse().unwrap());
    let mut world = World::new(7, "2026-11-21T14:00:00Z".parse().unwrap());
    let group = world.group("acme");
    let project = world.project("acme/deploy");
    let account = world.service_account(Place::Group(group), "deploy-bot");
    let bot = world.user("rekey-bot");
    world.member(Place::Group(group), bot, OWNER);
    world.member(Place::Project(project), bot, MAINTAINER);
    world.mint(Mint::new(bot, "rekey", &["api"]).value(BOT));
    let old = world.mint(Mint::new(account, "deploy", &["read_api"]).expires(EXPIRY.parse().unwrap()).value(OLD)).id;
    world.variable(Variable::new(Place::Project(project), "DEPLOY_TOKEN", OLD).masked().protected());
    world.pipeline(
        project,
        "main",
        vec![JobPlan::new("build", "compile"), JobPlan::new("deploy", "deploy").calls_with("DEPLOY_TOKEN")],
    );
    let schedule = world.schedule(project, bot, "main", "nightly");
    more(&mut world, project);
    let gitlab = Gitlab::start(world, Arc::new(clock.clone())).await.unwrap();
    let state = gitlab.state();
    Stage { gitlab, clock, state, client: Client::new(), group, project, account, bot, old, schedule }
}

impl Stage {
    /// One call with the bot's token: status and body.
    pub async fn call(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        self.call_as(BOT, method, path, body).await
    }

    /// One call with any token.
    pub async fn call_as(&self, token: &str, method: &str, path: &str, body: Value) -> (u16, Value) {
        let response = self.send_as(token, method, path, body).await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// One call, its answer untouched, or what broke.
    pub async fn send_as(&self, token: &str, method: &str, path: &str, body: Value) -> reqwest::Result<Response> {
        let url = format!("{}/api/v4{path}", self.gitlab.base_url());
        let request = self.client.request(Method::from_bytes(method.as_bytes()).unwrap(), url);
        let request = request.header("PRIVATE-TOKEN", token);
        if body.is_null() { request.send().await } else { request.json(&body).send().await }
    }

    /// A new token for the service account, stored nowhere: its number and value.
    pub async fn mint(&self) -> (u64, String) {
        let path = format!("/groups/acme/service_accounts/{}/personal_access_tokens", self.account);
        let wanted = serde_json::json!({"name": "deploy", "scopes": ["read_api"], "expires_at": "2027-11-20"});
        let (status, made) = self.call("POST", &path, wanted).await;
        assert_eq!(status, 201, "{made}");
        (made["id"].as_u64().unwrap(), made["token"].as_str().unwrap().to_owned())
    }

    /// Writes a value into the deploy variable.
    pub async fn store(&self, value: &str) -> (u16, Value) {
        let path = "/projects/acme%2Fdeploy/variables/DEPLOY_TOKEN?filter%5Benvironment_scope%5D=*";
        self.call("PUT", path, serde_json::json!({"value": value})).await
    }

    /// A person puts a value into a variable of the project.
    pub async fn put(&self, key: &str, value: &str) {
        let path = format!("/projects/acme%2Fdeploy/variables/{key}?filter%5Benvironment_scope%5D=*");
        let (status, answer) = self.call("PUT", &path, serde_json::json!({ "value": value })).await;
        assert_eq!(status, 200, "{answer}");
    }

    /// Starts a pipeline on main and answers with its number.
    pub async fn pipeline(&self) -> u64 {
        let (status, made) =
            self.call("POST", "/projects/acme%2Fdeploy/pipeline", serde_json::json!({"ref": "main"})).await;
        assert_eq!(status, 201, "{made}");
        made["id"].as_u64().unwrap()
    }
}
