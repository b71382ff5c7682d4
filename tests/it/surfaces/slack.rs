//! Slack: people press buttons, and are told things that only they see.

use super::bench::{Bench, Call, End, Forms, Place};
use super::scene::PEOPLE;
use crate::flow::chat::{BOT, CHANNEL};
use crate::flow::setup::Setup;
use crate::flow::team::Team;
use crate::http::serve;
use crate::sandbox::stage::Stage;
use async_trait::async_trait;
use rekey::chat::slack::client::{Client, Hooks};
use rekey::chat::slack::socket::SocketMode;
use rekey::engine::desk::Desk;
use rekey::http::{Api, Backoff, Credential, Sockets, Throttle};
use rekey::notice::signature::Key;
use rekey::rotation::view::Action;
use rekey::sandbox::gitlab::Fault;
use rekey::sandbox::slack::{self as sandbox, Channel, Handle, Message, Rule, Settings, Submitted, World};
use rekey::secret::Secret;
use rekey::server::slack::{Door, Envelopes, PATIENCE, router};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tokio_util::sync::{CancellationToken, DropGuard};

pub const TEAM: &str = "T0TEAM0001";

/// The Slack user of a person.
pub fn user(person: &str) -> String {
    format!("U{}", person.to_uppercase())
}

/// Another channel.
const LOUD: &str = "C0LOUD0001";

pub struct Workspace {
    slack: sandbox::Slack,
    socket: bool,
    /// Ends what belongs to the process that was the bot before.
    life: Option<DropGuard>,
    /// What people were told in the form that they sent.
    said: Mutex<Vec<(String, String)>>,
}

impl Workspace {
    pub async fn new(stage: &Stage, setup: &mut Setup, place: Place) -> Self {
        let settings = Settings { token: BOT.into(), team: TEAM.into(), ..Settings::default() };
        let people: Vec<(String, &str)> =
            PEOPLE.into_iter().chain(["mallory"]).map(|person| (user(person), person)).collect();
        let people: Vec<(&str, &str)> = people.iter().map(|(id, name)| (id.as_str(), *name)).collect();
        let world = World::new(settings, (CHANNEL, "ops"), &people);
        let http = rekey::http::client(None).unwrap();
        let slack = sandbox::Slack::start(world, Arc::new(stage.clock.clone()), http).await.unwrap();
        slack.state().with(|world| world.settings.socket_mode = place == Place::SlackSocket);
        setup.slack = Some(slack.base_url());
        Self { slack, socket: place == Place::SlackSocket, life: None, said: Mutex::default() }
    }

    pub fn state(&self) -> Handle {
        self.slack.state()
    }

    fn messages(&self, in_threads: bool) -> Vec<Message> {
        let all = self.state().messages(CHANNEL);
        all.into_iter().filter(|message| message.thread_ts.is_some() == in_threads).collect()
    }

    fn refuse(&self, path: &str, error: &str) {
        let fault = Fault::Refuse { status: 200, body: json!({"ok": false, "error": error}) };
        let mut rule = Rule::new("*", path, fault).times(0);
        rule.method = None;
        self.state().fault(rule);
    }

    fn api(&self, path: &str, credential: Credential) -> Api {
        let http = rekey::http::client(None).unwrap();
        let base = format!("{}{path}", self.slack.base_url());
        Api::new(http, &base, credential, Arc::new(Throttle::new(4, None))).unwrap().with_backoff(Backoff::none())
    }

    fn bearer(&self, token: &str) -> Client {
        Client::new(self.api("/api", Credential::Bearer(Secret::new(token.to_owned()))))
    }
}

#[async_trait]
impl Bench for Workspace {
    fn offer(&self, _: &Team, who: &str, action: Action) -> Option<Value> {
        let card = self.messages(false).pop()?;
        self.state().click(&user(who), &card.ts, &format!("rekey.{}", action.word())).ok()
    }

    async fn send(&self, _: &Team, click: &Value) {
        self.state().send_click(click).await.unwrap();
        // A no says why.
        let who = click["user"]["id"].as_str().unwrap_or_default();
        if self.state().form(who).is_some_and(|form| form.content.to_string().contains("Why not?"))
            && let Submitted::Replaced = self.state().submit(who, &[("because", "not now")]).await.unwrap()
        {
            let words = self.state().form(who).unwrap().content["blocks"][0]["text"]["text"].to_string();
            self.said.lock().unwrap().push((who.to_owned(), words.trim_matches('"').to_owned()));
            self.state().close_form(who);
        }
    }

    fn cards(&self, _: &Team) -> Vec<String> {
        self.messages(false).iter().map(raw).collect()
    }

    fn replies(&self, _: &Team) -> Vec<String> {
        self.messages(true).iter().map(raw).collect()
    }

    fn told(&self, _: &Team, who: &str) -> Vec<String> {
        let in_forms = self.said.lock().unwrap().clone().into_iter().filter(|(person, _)| *person == user(who));
        self.state().private(&user(who)).into_iter().chain(in_forms.map(|(_, words)| words)).collect()
    }

    fn pings(&self, _: &Team) -> Vec<String> {
        let messages = self.messages(false).into_iter().chain(self.messages(true));
        let texts = messages.flat_map(|message| {
            let mut texts = vec![message.text];
            marked_up(&Value::Array(message.blocks), &mut texts);
            texts
        });
        texts.flat_map(|text| found(&text)).collect()
    }

    fn trouble(&self, _: &Team, call: Call, fault: Fault, times: u64) {
        let path = match call {
            Call::Post | Call::Reply => "*/chat.postMessage",
            Call::Edit => "*/chat.update",
            Call::Any => "*",
        };
        let mut rule = Rule::new("POST", path, fault).times(times);
        rule.method = rule.method.filter(|_| call != Call::Any);
        self.state().fault(rule);
    }

    fn calm(&self, _: &Team) {
        self.state().clear_faults();
    }

    async fn held(&self, _: &Team) {
        self.state().held().await;
    }

    fn release(&self, _: &Team) {
        self.state().release(true);
    }

    async fn land(&self, _: &Team) {
        self.state().land_late().await;
    }

    fn end(&self, _: &Team, how: End) {
        let card = self.messages(false).pop();
        self.state().with(|world| match how {
            End::Removed => card.into_iter().for_each(|card| world.remove(CHANNEL, &card.ts)),
            End::Archived => world.channels.get_mut(CHANNEL).unwrap().archived = true,
            End::Expelled => {
                let bot = world.settings.bot_user.clone();
                world.channels.get_mut(CHANNEL).unwrap().members.retain(|member| *member != bot);
            }
        });
    }

    fn undo(&self, _: &Team, how: End) {
        self.state().with(|world| {
            let bot = world.settings.bot_user.clone();
            let channel = world.channels.get_mut(CHANNEL).unwrap();
            match how {
                End::Removed => {}
                End::Archived => channel.archived = false,
                End::Expelled => channel.members.push(bot),
            }
        });
    }

    fn forbid(&self, _: &Team) {
        self.refuse("*/chat.*", "restricted_action");
    }

    fn revoke(&self, _: &Team) {
        self.refuse("*", "token_revoked");
    }

    fn calls(&self, _: &Team) -> usize {
        self.state().calls().len()
    }

    fn mention(&self, who: &str) -> String {
        format!("<@{}>", user(who))
    }

    fn open_channel(&self) -> Option<String> {
        self.state().with(|world| {
            let like = world.channels[CHANNEL].clone();
            world.channels.insert(LOUD.into(), Channel { name: "loud".into(), messages: Vec::new(), ..like });
        });
        Some(LOUD.into())
    }

    fn said_there(&self) -> Vec<String> {
        self.state().messages(LOUD).iter().map(raw).collect()
    }

    fn trouble_there(&self, fault: Fault) {
        self.state().fault(Rule::new("POST", "*/chat.postMessage", fault));
    }

    fn close_channel(&self) {
        self.state().with(|world| world.channels.get_mut(LOUD).unwrap().archived = true);
    }

    fn forms(&self) -> Option<&dyn Forms> {
        Some(self)
    }

    async fn restarted(&mut self, team: &Team, desk: &Arc<Desk>) {
        let stop = CancellationToken::new();
        // The guard of the process before is dropped, which ends its sockets.
        self.life = Some(stop.clone().drop_guard());
        let settings = Settings::default();
        let hooks = format!("{}/hooks", self.slack.base_url());
        let door = Arc::new(Door {
            keys: vec![Key::from_text(&Secret::new(settings.signing_secret)).unwrap()],
            team: TEAM.into(),
            app: Some("A0APP00001".into()),
            channel: CHANNEL.into(),
            desk: desk.clone(),
            hooks: Hooks::new(self.api("/hooks", Credential::Nothing), &hooks),
            client: Arc::new(self.bearer(BOT)),
            clock: Arc::new(team.stage.clock.clone()),
            patience: PATIENCE,
        });
        let bot = serve(router(door.clone())).await;
        self.state().with(|world| world.settings.bot = bot);
        if self.socket {
            let (client, sockets) = (self.bearer(&settings.app_token), Sockets::new(None).unwrap());
            let mode = SocketMode::new(client, sockets, Arc::new(Envelopes(door)), Backoff::none());
            tokio::spawn(mode.run(stop));
            self.state().connected(2).await;
        }
    }
}

#[async_trait]
impl Forms for Workspace {
    async fn types(&self, who: &str, text: &str) {
        self.state().command(&user(who), CHANNEL, text).await.unwrap();
    }

    async fn presses_told(&self, who: &str) {
        let told = |line: &&sandbox::Ephemeral| line.user == user(who);
        let last = self.state().with(|world| world.ephemerals.iter().rev().find(told).map(|line| line.ts.clone()));
        self.state().press(&user(who), &last.unwrap(), "rekey.offer").await.unwrap();
    }

    async fn code(&self, who: &str, code: &str) -> String {
        match self.state().submit(&user(who), &[("code", code)]).await.unwrap() {
            Submitted::Closed => String::new(),
            Submitted::Errors(errors) => errors["code"].clone(),
            Submitted::Replaced => self.state().form(&user(who)).unwrap().content.to_string(),
        }
    }

    /// The form stays open.
    async fn again(&self, _: &str) {}
}

/// Everything that Slack got of a message.
fn raw(message: &Message) -> String {
    format!("{}\n{}", message.text, serde_json::to_string(&message.blocks).unwrap())
}

/// The texts that Slack reads as its markup.
fn marked_up(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::Array(parts) => parts.iter().for_each(|part| marked_up(part, texts)),
        Value::Object(_) if value["type"] == "mrkdwn" => texts.extend(value["text"].as_str().map(str::to_owned)),
        Value::Object(fields) => fields.values().for_each(|field| marked_up(field, texts)),
        _ => {}
    }
}

/// What stands in angle brackets: mentions of people, groups and channels, and links.
fn found(text: &str) -> Vec<String> {
    let open = text.match_indices('<').map(|(at, _)| &text[at + 1..]);
    open.filter_map(|rest| rest.split_once('>').map(|(inside, _)| inside.to_owned())).collect()
}
