//! Discord: people press buttons, over the endpoint or over the Gateway, and are told things that only they see.

use super::bench::{Bench, Call, End, Forms, Place};
use super::scene::PEOPLE;
use crate::discord::house::{CHANNEL, api, hooks};
use crate::flow::setup::{Setup, discord_user};
use crate::flow::team::Team;
use crate::http::serve;
use crate::sandbox::stage::Stage;
use async_trait::async_trait;
use rekey::chat::discord::client::Client;
use rekey::chat::discord::gateway::Gateway;
use rekey::engine::desk::Desk;
use rekey::http::{Backoff, Sockets};
use rekey::rotation::view::Action;
use rekey::sandbox::discord::{self as sandbox, Channel, Handle, Message, Rule, Settings, Shown, World};
use rekey::sandbox::gitlab::Fault;
use rekey::secret::Secret;
use rekey::server::discord::{Door, Key, Listener, PATIENCE, commands, router};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Another channel.
const LOUD: &str = "1300000000000000501";

pub struct Guild {
    discord: sandbox::Discord,
    gateway: bool,
    /// Clicks as they were sent, by the click that was meant.
    pressed: Mutex<BTreeMap<String, Value>>,
    /// Ends what belongs to the process that was the bot before.
    life: Option<DropGuard>,
}

impl Guild {
    pub async fn new(stage: &Stage, setup: &mut Setup, place: Place) -> Self {
        let people: Vec<(String, &str)> =
            PEOPLE.into_iter().chain(["mallory"]).map(|person| (discord_user(person), person)).collect();
        let people: Vec<(&str, &str)> = people.iter().map(|(id, name)| (id.as_str(), *name)).collect();
        let mut world = World::new(Settings::default(), (CHANNEL, "ops"), &people);
        let http = rekey::http::client(None).unwrap();
        world.commands = commands::registered();
        let discord = sandbox::Discord::start(world, Arc::new(stage.clock.clone()), http).await.unwrap();
        setup.discord = Some(discord.base_url());
        Self { discord, gateway: place == Place::DiscordGateway, pressed: Mutex::default(), life: None }
    }

    fn state(&self) -> Handle {
        self.discord.state()
    }

    fn cards(&self) -> Vec<Message> {
        self.state().messages(CHANNEL).into_iter().filter(|message| message.answers.is_none()).collect()
    }

    /// What was said in the threads of the cards, and where people removed a thread, below the card itself.
    fn said(&self) -> Vec<Message> {
        let threads = self.state().with(|world| {
            let threads = world.channels.values().filter(|channel| channel.parent.is_some());
            threads.flat_map(|thread| thread.messages.clone()).collect::<Vec<_>>()
        });
        let answers = self.state().messages(CHANNEL).into_iter().filter(|message| message.answers.is_some());
        threads.into_iter().chain(answers).collect()
    }

    fn refuse(&self, path: &str, status: u16, body: Value) {
        let mut rule = Rule::new("*", path, Fault::Refuse { status, body }).times(0);
        rule.method = None;
        self.state().fault(rule);
    }

    async fn press(&self, click: &Value) {
        let shown = self.state().send(click).await.unwrap();
        let who = click["member"]["user"]["id"].as_str().unwrap();
        // A no says why.
        if self.state().with(|world| world.modals.get(who).is_some_and(|modal| modal.data["title"] == "Decline")) {
            self.state().submit(who, &[("because", "not now")]).await.unwrap();
        }
        let asks = click["data"]["custom_id"].as_str().is_some_and(|id| id.starts_with("ask:"));
        if let (true, Shown::Private(line)) = (asks, shown) {
            let yes = line.components[0]["components"][0]["custom_id"].as_str().unwrap();
            self.state().press(who, &line.id, yes).await.unwrap();
        }
    }
}

#[async_trait]
impl Bench for Guild {
    fn offer(&self, _: &Team, who: &str, action: Action) -> Option<Value> {
        let card = self.cards().pop()?;
        let buttons = card.components.iter().filter_map(|row| row["components"].as_array()).flatten();
        let button = buttons.into_iter().find(|button| button["label"] == action.label())?;
        self.state().click(&discord_user(who), &card.id, button["custom_id"].as_str()?).ok()
    }

    async fn send(&self, _: &Team, click: &Value) {
        let intent = click["id"].as_str().unwrap().to_owned();
        let known = self.pressed.lock().unwrap().get(&intent).cloned();
        match known {
            // Discord has its answer already and takes no other, but the bot hears it once more.
            Some(known) => drop(self.state().deliver(&known.to_string()).await),
            None => {
                let now = self.state().pressed_now(click);
                self.pressed.lock().unwrap().insert(intent, now.clone());
                self.press(&now).await;
            }
        }
    }

    fn cards(&self, _: &Team) -> Vec<String> {
        self.cards().iter().map(raw).collect()
    }

    fn replies(&self, _: &Team) -> Vec<String> {
        self.said().iter().map(raw).collect()
    }

    fn told(&self, _: &Team, who: &str) -> Vec<String> {
        self.state().private(&discord_user(who)).into_iter().map(|line| line.content).collect()
    }

    fn pings(&self, _: &Team) -> Vec<String> {
        let messages: Vec<Message> = self.cards().into_iter().chain(self.said()).collect();
        let notified = messages.iter().flat_map(|message| message.pings.clone()).map(|id| format!("<@{id}>"));
        let texts = messages.iter().flat_map(|message| {
            let mut texts = vec![message.content.clone()];
            message.embeds.iter().for_each(|embed| marked_up(embed, &mut texts));
            texts
        });
        let found = texts.flat_map(|text| found(&text)).filter(|found| !found.starts_with("<t:"));
        notified.chain(found).map(|found| named(&found)).collect()
    }

    fn trouble(&self, _: &Team, call: Call, fault: Fault, times: u64) {
        let thread = self.cards().pop().map(|card| card.id).unwrap_or_default();
        let (method, path) = match call {
            Call::Post => ("POST", format!("/channels/{CHANNEL}/messages")),
            Call::Edit => ("PATCH", format!("/channels/{CHANNEL}/messages/*")),
            Call::Reply => ("POST", format!("/channels/{thread}/messages")),
            Call::Any => ("*", "*".to_owned()),
        };
        let mut rule = Rule::new(method, &path, fault).times(times);
        rule.method = rule.method.filter(|method| method != "*");
        self.state().fault(rule);
    }

    fn calm(&self, _: &Team) {
        self.state().faults().clear();
    }

    async fn held(&self, _: &Team) {
        self.state().faults().held().await;
    }

    fn release(&self, _: &Team) {
        self.state().faults().release(true);
    }

    async fn land(&self, _: &Team) {
        self.state().faults().land_late().await;
    }

    fn end(&self, _: &Team, how: End) {
        let card = self.cards().pop();
        self.state().with(|world| match how {
            End::Removed => card.into_iter().for_each(|card| world.remove(CHANNEL, &card.id)),
            // Discord archives no channels; people close them to the bot.
            End::Archived => world.channels.get_mut(CHANNEL).unwrap().denied = sandbox::permissions::VIEW,
            End::Expelled => world.invited = false,
        });
    }

    fn undo(&self, _: &Team, how: End) {
        self.state().with(|world| match how {
            End::Removed => {}
            End::Archived => world.channels.get_mut(CHANNEL).unwrap().denied = 0,
            End::Expelled => world.invited = true,
        });
    }

    fn forbid(&self, _: &Team) {
        self.refuse("/channels/*", 403, json!({"message": "Missing Permissions", "code": 50_013}));
    }

    fn revoke(&self, _: &Team) {
        self.refuse("*", 401, json!({"message": "401: Unauthorized", "code": 0}));
    }

    fn calls(&self, _: &Team) -> usize {
        self.state().calls().len()
    }

    fn mention(&self, who: &str) -> String {
        format!("<@{}>", discord_user(who))
    }

    fn open_channel(&self) -> Option<String> {
        self.state().with(|world| world.channels.insert(LOUD.into(), Channel::default()));
        Some(LOUD.into())
    }

    fn said_there(&self) -> Vec<String> {
        self.state().messages(LOUD).iter().map(raw).collect()
    }

    fn trouble_there(&self, fault: Fault) {
        self.state().fault(Rule::new("POST", &format!("/channels/{LOUD}/messages"), fault));
    }

    fn close_channel(&self) {
        let closed = Channel { denied: sandbox::permissions::VIEW, ..Channel::default() };
        self.state().with(|world| world.channels.insert(LOUD.into(), closed));
    }

    fn forms(&self) -> Option<&dyn Forms> {
        Some(self)
    }

    async fn restarted(&mut self, team: &Team, desk: &Arc<Desk>) {
        let stop = CancellationToken::new();
        // The guard of the process before is dropped, which ends its connection.
        self.life = Some(stop.clone().drop_guard());
        let (state, base) = (self.state(), self.discord.base_url());
        let door = Arc::new(Door {
            keys: vec![Key::from_hex(&state.public_key()).unwrap()],
            guild: Settings::default().guild,
            application: Settings::default().application,
            channel: CHANNEL.into(),
            desk: desk.clone(),
            hooks: hooks(&base),
            clock: Arc::new(team.stage.clock.clone()),
            patience: PATIENCE,
        });
        let bot = serve(router(door.clone())).await;
        state.with(|world| world.settings.bot = bot);
        if self.gateway {
            state.until(|discord| discord.gateway_connected() == 0).await;
            state.gateway_forget();
            let token = Settings::default().token;
            let client = Client::new(api(&base, &token));
            let gateway = Gateway::new(Sockets::new(None).unwrap(), client, Secret::new(token), Backoff::none());
            tokio::spawn(gateway.listen(Arc::new(Listener(door)), stop));
            state.until(|discord| discord.gateway_connected() == 1).await;
        }
    }
}

#[async_trait]
impl Forms for Guild {
    async fn types(&self, who: &str, text: &str) {
        self.state().command(&discord_user(who), CHANNEL, &format!("/rekey {text}")).await.unwrap();
    }

    async fn presses_told(&self, who: &str) {
        let line = self.state().private(&discord_user(who)).pop().unwrap();
        let button = line.components[0]["components"][0]["custom_id"].as_str().unwrap();
        self.state().press(&discord_user(who), &line.id, button).await.unwrap();
    }

    async fn code(&self, who: &str, code: &str) -> String {
        match self.state().submit(&discord_user(who), &[("code", code)]).await.unwrap() {
            Shown::Private(line) => line.content,
            _ => String::new(),
        }
    }

    async fn again(&self, who: &str) {
        self.presses_told(who).await;
    }
}

/// Everything that Discord got of a message.
fn raw(message: &Message) -> String {
    let (embeds, buttons) = (&message.embeds, &message.components);
    format!("{}\n{}\n{}", message.content, Value::Array(embeds.clone()), Value::Array(buttons.clone()))
}

/// The texts of an embed that Discord reads as its markup.
fn marked_up(embed: &Value, texts: &mut Vec<String>) {
    let fields = embed["fields"].as_array().map_or(&[][..], Vec::as_slice);
    let all = [&embed["title"], &embed["description"]].into_iter().chain(fields.iter().map(|field| &field["value"]));
    texts.extend(all.filter_map(Value::as_str).map(str::to_owned));
}

/// Mentions, commands, emoji, times and links as Discord would find them: not in code, and not after an escape.
fn found(text: &str) -> Vec<String> {
    let tame = without_code(text);
    let mut found = Vec::new();
    for (at, c) in tame.char_indices() {
        let rest = &tame[at..];
        let tag = || rest.split_once('>').map(|(inside, _)| format!("{inside}>"));
        match c {
            '<' if ["<@", "<#", "</", "<:", "<a:", "<t:", "<id:"].iter().any(|start| rest.starts_with(start)) => {
                found.extend(tag());
            }
            ']' if rest.starts_with("](") => {
                let address = rest[2..].trim_start_matches('<');
                found.extend(address.split([')', '>']).next().map(str::to_owned));
            }
            '@' if rest.starts_with("@everyone") || rest.starts_with("@here") => found.push("@everyone".into()),
            ':' if rest.starts_with("://") && !tame[..at].ends_with("<http") && !tame[..at].ends_with("<https") => {
                found.push(rest.chars().take(40).collect());
            }
            _ => {}
        }
    }
    found
}

/// Each escaped character, and all code, is a letter that means nothing.
fn without_code(text: &str) -> String {
    let (mut tame, mut rest) = (String::new(), text);
    while let Some(c) = rest.chars().next() {
        let ticks = rest.len() - rest.trim_start_matches('`').len();
        let closing = (ticks > 0).then(|| rest[ticks..].find(&"`".repeat(ticks))).flatten();
        rest = match (c, closing) {
            ('\\', _) => {
                tame.push('x');
                rest[1..].chars().next().map_or("", |escaped| &rest[1 + escaped.len_utf8()..])
            }
            (_, Some(end)) => &rest[ticks + end + ticks..],
            _ => {
                tame.push(c);
                &rest[c.len_utf8()..]
            }
        };
    }
    tame
}

/// A mention of somebody by their name.
fn named(found: &str) -> String {
    let id = found.trim_start_matches("<@").trim_end_matches('>');
    let person = PEOPLE.into_iter().find(|person| discord_user(person) == id);
    person.map_or_else(|| found.to_owned(), |person| format!("@U{}", person.to_uppercase()))
}
