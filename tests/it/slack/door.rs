//! What people press and type, through a strict Slack that signs, to a desk that decides by the real rules.

use super::messenger::{CHANNEL, api as web_api, messenger, workspace};
use super::rotations::{self, at, opened, plan, policy};
use crate::http::serve;
use crate::until::until;
use async_trait::async_trait;
use jiff::Timestamp;
use rekey::chat::Messenger;
use rekey::chat::slack::client::{Client, Hooks};
use rekey::chat::slack::socket::SocketMode;
use rekey::clock::{Clock, ManualClock};
use rekey::engine::decide::Click;
use rekey::engine::desk::visitors::Visitors;
use rekey::engine::desk::{Ask, Caller, Desk, Office, Reception};
use rekey::engine::overview::TokenLine;
use rekey::engine::rights::Visitor;
use rekey::engine::{EngineError, OpenedRotation};
use rekey::http::{Api, Backoff, Credential, Sockets, Throttle};
use rekey::ledger::{Accepted, Item};
use rekey::notice::signature::Key;
use rekey::rotation::event::Event;
use rekey::rotation::ids::{PersonId, TokenName};
use rekey::rotation::next::next;
use rekey::rotation::phase::Phase;
use rekey::rotation::plan::Plan;
use rekey::rotation::policy::Policy;
use rekey::rotation::record::Rotation;
use rekey::rotation::token::Strategy;
use rekey::rotation::view::card;
use rekey::rotation::view::prose::Prose;
use rekey::sandbox::slack::{self as sandbox, Handle, NoAnswer, Settings};
use rekey::secret::Secret;
use rekey::server::slack::{Door, Envelopes, PATIENCE, router};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;
use tokio_util::sync::{CancellationToken, DropGuard};

/// One rotation, decided by the real rules.
pub struct OneRotation {
    pub row: Mutex<Rotation>,
    seen: Mutex<BTreeSet<String>>,
    inbox: Mutex<Vec<Item>>,
    pub open_items: AtomicUsize,
    outsiders: Mutex<Vec<String>>,
    lapsed: Mutex<Vec<String>>,
    whispers: Mutex<Vec<String>>,
    pub slow: Option<Notify>,
    pub broken: AtomicBool,
    clock: ManualClock,
}

impl OneRotation {
    pub fn new(rotation: Rotation, slow: bool, clock: ManualClock) -> Self {
        Self {
            row: Mutex::new(rotation),
            seen: Mutex::default(),
            inbox: Mutex::default(),
            open_items: AtomicUsize::new(0),
            outsiders: Mutex::default(),
            lapsed: Mutex::default(),
            whispers: Mutex::default(),
            slow: slow.then(Notify::new),
            broken: AtomicBool::new(false),
            clock,
        }
    }

    /// Lets whoever waits for a plan go on.
    pub fn go_on(&self) {
        self.slow.as_ref().unwrap().notify_one();
    }

    pub fn row(&self) -> Rotation {
        self.row.lock().unwrap().clone()
    }

    /// What was heard too late.
    pub fn lapsed(&self) -> Vec<String> {
        self.lapsed.lock().unwrap().clone()
    }

    /// What was said by the surface's own means.
    pub fn whispers(&self) -> Vec<String> {
        self.whispers.lock().unwrap().clone()
    }

    pub fn outsiders(&self) -> Vec<String> {
        self.outsiders.lock().unwrap().clone()
    }
}

#[async_trait]
impl Office for OneRotation {
    async fn click(&self, click: Click) -> Result<Rotation, EngineError> {
        let (mut row, now) = (self.row.lock().unwrap(), self.clock.now());
        let event = click.event(&row, policy(1), now, now)?;
        *row = next(&row, &event, now)?;
        Ok(row.clone())
    }

    async fn rotate(&self, token: &str, _by: PersonId) -> Result<OpenedRotation, EngineError> {
        Office::plan(self, token).await?;
        Ok(OpenedRotation::Existing(Box::new(self.row())))
    }

    async fn incident(
        &self,
        token: &str,
        by: &Visitor,
        via: &str,
        reason: &str,
    ) -> Result<OpenedRotation, EngineError> {
        let plan = Plan { strategy: Strategy::RevokeFirst, ..Office::plan(self, token).await? };
        let mut row = self.row.lock().unwrap();
        let event = Event::Incident {
            person: by.person.clone(),
            via: via.into(),
            reason: reason.into(),
            own: false,
            plan: Box::new(plan),
        };
        *row = next(&row, &event, self.clock.now())?;
        Ok(OpenedRotation::Existing(Box::new(row.clone())))
    }

    async fn plan(&self, token: &str) -> Result<Plan, EngineError> {
        if let Some(slow) = &self.slow {
            slow.notified().await;
        }
        match token {
            "deploy-bot" => Ok(self.row().plan),
            other => Err(EngineError::NoToken { given: other.into(), hint: "; did you mean deploy-bot?".into() }),
        }
    }

    fn tokens(&self) -> Vec<TokenName> {
        ["deploy-bot", "mirror-bot"].map(TokenName::from).into()
    }

    async fn list(&self) -> Result<Vec<TokenLine>, EngineError> {
        let one = TokenLine {
            token: "deploy-bot".into(),
            owner: "service account deploy-bot of group acme".into(),
            name: "deploy-bot".into(),
            id: Some(42),
            scopes: vec!["api".into()],
            expires_at: Some("2026-11-28".parse().unwrap()),
            days_left: Some(7),
            last_used_at: Some(at(-90)),
            rotation: Some(self.row().id.0),
            state: "awaiting_approval".into(),
            problem: None,
        };
        Ok(vec![one])
    }

    async fn show(&self, _rotation: &str) -> Result<Rotation, EngineError> {
        Ok(self.row())
    }

    async fn rotations(&self, _of: Option<&str>) -> Result<Vec<Rotation>, EngineError> {
        Ok(vec![self.row()])
    }

    async fn recent(&self) -> Result<Vec<Rotation>, EngineError> {
        Ok(Vec::new())
    }

    async fn policy(&self, _token: &TokenName, _visitor: &Visitor) -> Result<Policy, EngineError> {
        Ok(policy(1))
    }

    async fn policy_for(&self, _rotation: &Rotation, _visitor: &Visitor) -> Result<Policy, EngineError> {
        Ok(policy(1))
    }
}

#[async_trait]
impl Reception for OneRotation {
    async fn whisper(&self, _caller: &Caller, prose: &Prose) {
        self.whispers.lock().unwrap().push(prose.plain());
    }

    async fn outsider(&self, who: &str, what: &str) {
        self.outsiders.lock().unwrap().push(format!("{who} {what}"));
    }

    async fn lapsed(&self, who: &str, what: &str) {
        self.lapsed.lock().unwrap().push(format!("{who} {what}"));
    }

    async fn remember(&self, ask: &Ask) -> Result<Accepted, EngineError> {
        if let Some(slow) = &self.slow {
            slow.notified().await;
        }
        if self.broken.load(Ordering::SeqCst) {
            return Err(EngineError::Unavailable("the database is not reachable".into()));
        }
        if !self.seen.lock().unwrap().insert(ask.key.clone()) {
            return Ok(Accepted::Duplicate);
        }
        let body = serde_json::to_string(ask).unwrap();
        let item =
            Item { key: ask.key.clone(), kind: "ask".into(), body, received_at: self.clock.now(), tries: 0, epoch: 1 };
        self.open_items.fetch_add(1, Ordering::SeqCst);
        self.inbox.lock().unwrap().push(item);
        Ok(Accepted::New)
    }

    async fn take(&self) -> Result<Vec<Item>, EngineError> {
        Ok(std::mem::take(&mut *self.inbox.lock().unwrap()))
    }

    async fn is_first(&self, key: &str) -> Result<bool, EngineError> {
        Ok(self.seen.lock().unwrap().insert(key.to_owned()))
    }

    async fn later(&self, _item: &Item, _why: &str) -> Result<bool, EngineError> {
        Ok(false)
    }

    async fn settle(&self, _item: &Item) -> Result<(), EngineError> {
        self.open_items.fetch_sub(1, Ordering::SeqCst);
        Ok(())
    }

    async fn wait(&self) {
        std::future::pending().await
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// By which way Slack's requests come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Http,
    Socket,
}

/// Every story is told twice: by either way the same is done and said.
macro_rules! by_both_ways {
    ($($story:ident),* $(,)?) => {
        mod over_http {
            $(#[tokio::test] async fn $story() { super::$story($crate::slack::door::By::Http).await })*
        }
        mod over_a_socket {
            $(#[tokio::test] async fn $story() { super::$story($crate::slack::door::By::Socket).await })*
        }
    };
}
pub(crate) use by_both_ways;

/// Slack, the bot behind its door, and one card in the channel.
pub struct Story {
    _slack: sandbox::Slack,
    pub slack: Handle,
    pub desk: Arc<OneRotation>,
    bot: String,
    pub card: String,
    pub clock: ManualClock,
    _stop: DropGuard,
}

fn key(text: &str) -> Key {
    Key::from_text(&Secret::new(text.to_owned())).unwrap()
}

pub async fn story_of(by: By, rotation: Rotation, slow: bool) -> Story {
    let (slack, clock) = workspace().await;
    let desk = Arc::new(OneRotation::new(rotation, slow, clock.clone()));
    let hooks = format!("{}/hooks", slack.base_url());
    let http = rekey::http::client(None).unwrap();
    let api = Api::new(http, &hooks, Credential::Nothing, Arc::new(Throttle::new(4, None))).unwrap();
    let people = [("U0ALICE001", "alice"), ("U0BOB00001", "bob"), ("U0CAROL001", "carol")];
    let visitors = people.into_iter().fold(Visitors::default().at("slack", Settings::default().team), |all, one| {
        all.knowing("slack", one.0, PersonId::from(one.1))
    });
    let counter = Arc::new(Desk::new(desk.clone(), visitors));
    let stop = CancellationToken::new();
    tokio::spawn(counter.clone().serve(stop.clone()));
    let door = Door {
        keys: vec![key("an-older-secret-of-ours"), key(&Settings::default().signing_secret)],
        team: Settings::default().team,
        app: Some("A0APP00001".into()),
        channel: CHANNEL.into(),
        desk: counter,
        client: Arc::new(Client::new(web_api(&slack.base_url(), &Settings::default().token))),
        hooks: Hooks::new(api.with_backoff(Backoff::none()), &hooks),
        clock: Arc::new(clock.clone()),
        patience: if desk.slow.is_some() { Duration::ZERO } else { PATIENCE },
    };
    let (door, state) = (Arc::new(door), slack.state());
    let bot = serve(router(door.clone())).await;
    state.with(|world| {
        world.settings.bot = bot.clone();
        world.settings.socket_mode = by == By::Socket;
    });
    if by == By::Socket {
        let client = Client::new(web_api(&slack.base_url(), &Settings::default().app_token));
        let sockets = Sockets::new(None).unwrap();
        let mode = SocketMode::new(client, sockets, Arc::new(Envelopes(door)), Backoff::none());
        tokio::spawn(mode.run(stop.clone()));
        state.connected(2).await;
    }
    let messenger = messenger(&slack.base_url(), &Settings::default().token);
    let posted = messenger.show(&card(&desk.row()), None).await.unwrap();
    let card = posted.reference.split_once(':').unwrap().1.to_owned();
    Story { _slack: slack, slack: state, desk, bot, card, clock, _stop: stop.drop_guard() }
}

pub async fn story(by: By) -> Story {
    story_of(by, opened(plan()), false).await
}

impl Story {
    pub fn bot(&self) -> &str {
        &self.bot
    }

    pub async fn press(&self, user: &str, action: &str) {
        self.slack.press(user, &self.card, action).await.unwrap();
        self.settled().await;
    }

    /// Until everything that was acknowledged is dealt with.
    pub async fn settled(&self) {
        until("all clicks are dealt with", || self.desk.open_items.load(Ordering::SeqCst) == 0).await;
    }

    pub async fn sends(&self, click: &serde_json::Value) {
        self.slack.send_click(click).await.unwrap();
        self.settled().await;
    }

    pub async fn types(&self, user: &str, text: &str) -> String {
        let answer = self.slack.command(user, CHANNEL, text).await.unwrap();
        assert_eq!(answer["response_type"], "ephemeral");
        answer["text"].as_str().unwrap().to_owned()
    }

    pub fn told(&self, user: &str) -> String {
        self.slack.private(user).last().cloned().unwrap_or_default()
    }
}

async fn an_approver_presses_approve_and_it_starts_without_another_word(by: By) {
    let story = story(by).await;
    story.press("U0ALICE001", "rekey.approve").await;
    assert!(matches!(story.desk.row().phase, Phase::Minting { .. }));
    assert_eq!(story.told("U0ALICE001"), "");
}

async fn a_second_click_is_told_who_was_faster(by: By) {
    let story = story(by).await;
    story.press("U0ALICE001", "rekey.approve").await;
    story.press("U0BOB00001", "rekey.approve").await;
    assert_eq!(story.told("U0BOB00001"), "Already decided: alice approved (1 of 1), 2026-11-21 10:00 UTC.");
}

async fn a_person_who_is_no_approver_is_told_privately_whom_to_ask(by: By) {
    let story = story(by).await;
    story.slack.with(|world| {
        let carol = sandbox::User {
            id: "U0CAROL001".into(),
            name: "carol".into(),
            team: "T0TEAM0001".into(),
            ..sandbox::User::default()
        };
        world.users.insert(carol.id.clone(), carol);
    });
    story.press("U0CAROL001", "rekey.approve").await;
    assert_eq!(story.desk.row().phase, Phase::AwaitingApproval);
    assert_eq!(story.told("U0CAROL001"), "Only its approvers may decide on this token; ask alice, bob.");
}

async fn strangers_guests_and_people_of_other_workspaces_change_nothing(by: By) {
    let story = story(by).await;
    story.press("U0EVE00001", "rekey.approve").await;
    assert!(story.told("U0EVE00001").starts_with("rekey does not know you."), "{}", story.told("U0EVE00001"));
    story.slack.with(|world| world.users.get_mut("U0ALICE001").unwrap().is_stranger = true);
    story.press("U0ALICE001", "rekey.approve").await;
    assert_eq!(story.told("U0ALICE001"), "rekey does not answer to guests.");
    story.slack.with(|world| world.users.get_mut("U0BOB00001").unwrap().team = "T0OTHER001".into());
    story.press("U0BOB00001", "rekey.approve").await;
    assert_eq!(story.told("U0BOB00001"), "rekey answers only to people of its own workspace.");
    assert!(story.types("U0EVE00001", "list").await.starts_with("rekey does not know you."));
    assert_eq!(story.desk.row().phase, Phase::AwaitingApproval);
    assert_eq!(story.desk.outsiders().len(), 4);
}

async fn a_click_about_another_app_or_from_another_channel_decides_nothing(by: By) {
    let story = story(by).await;
    let click = story.slack.click("U0ALICE001", &story.card, "rekey.approve").unwrap();
    let forged = |place: &str, value: serde_json::Value| {
        let mut forged = click.clone();
        *forged.pointer_mut(place).unwrap() = value;
        forged
    };
    for app in [serde_json::json!("A0OTHER0001"), serde_json::json!(""), serde_json::Value::Null] {
        story.sends(&forged("/api_app_id", app)).await;
    }
    story.sends(&forged("/channel/id", "C0OTHER0001".into())).await;
    until("it is told that cards are elsewhere", || {
        story.told("U0ALICE001").starts_with("rekey's cards are not in this channel")
    })
    .await;
    assert_eq!(story.desk.row().phase, Phase::AwaitingApproval);
    story.sends(&click).await;
    assert!(matches!(story.desk.row().phase, Phase::Minting { .. }), "the genuine one decides");
}

async fn a_click_for_an_older_plan_is_refused(by: By) {
    let story = story(by).await;
    let old = story.slack.click("U0ALICE001", &story.card, "rekey.approve").unwrap();
    story.desk.row.lock().unwrap().plan.timing.grace_seconds += 1;
    story.sends(&old).await;
    assert_eq!(story.desk.row().phase, Phase::AwaitingApproval);
    let told = story.told("U0ALICE001");
    assert!(told.starts_with("The plan has changed"), "{told}");
}

async fn the_same_click_twice_decides_once_and_says_nothing(by: By) {
    let story = story(by).await;
    let click = story.slack.click("U0ALICE001", &story.card, "rekey.approve").unwrap();
    story.sends(&click).await;
    let version = story.desk.row().version;
    story.sends(&click).await;
    assert_eq!(story.desk.row().version, version);
    assert_eq!(story.told("U0ALICE001"), "");
}

async fn buttons_and_types_that_are_not_ours_are_acknowledged_and_change_nothing(by: By) {
    let story = story(by).await;
    let click = story.slack.click("U0ALICE001", &story.card, "rekey.approve").unwrap();
    for (pointer, value) in
        [("/type", "view_submission"), ("/actions/0/action_id", "rotation.approve"), ("/actions/0/value", "no colon")]
    {
        let mut other = click.clone();
        *other.pointer_mut(pointer).unwrap() = value.into();
        story.sends(&other).await;
    }
    assert_eq!(story.desk.row().phase, Phase::AwaitingApproval);
}

#[tokio::test]
async fn a_wrong_signature_gets_401_and_nothing_else() {
    let story = story(By::Http).await;
    story.slack.with(|world| world.settings.signing_secret = "somebody-elses-secret".into());
    let refused = story.slack.press("U0ALICE001", &story.card, "rekey.approve").await;
    assert_eq!(refused, Err(NoAnswer::Failed("401 Unauthorized".into())));
    let refused = story.slack.command("U0ALICE001", CHANNEL, "list").await;
    assert_eq!(refused, Err(NoAnswer::Failed("401 Unauthorized".into())));
    assert_eq!(story.desk.row().phase, Phase::AwaitingApproval);
    for path in ["commands", "interactions", "events"] {
        let response =
            reqwest::Client::new().post(format!("{}/slack/{path}", story.bot)).body("{}").send().await.unwrap();
        assert_eq!((response.status().as_u16(), response.text().await.unwrap()), (401, String::new()));
    }
}

#[tokio::test]
async fn an_older_signing_secret_holds_during_a_change() {
    let story = story(By::Http).await;
    story.slack.with(|world| world.settings.signing_secret = "an-older-secret-of-ours".into());
    story.press("U0ALICE001", "rekey.approve").await;
    assert!(matches!(story.desk.row().phase, Phase::Minting { .. }));
}

#[tokio::test]
async fn no_body_is_read_that_is_too_big_or_whose_head_cannot_be_slacks() {
    let story = story(By::Http).await;
    let now = story.clock.now().as_second();
    let signed = format!("x-slack-request-timestamp: {now}\r\nx-slack-signature: v0={}\r\n", "0".repeat(64));
    let stale = signed.replace(&now.to_string(), &(now - 301).to_string());
    for path in ["commands", "interactions", "events"] {
        for (head, length, status) in [
            (signed.as_str(), (256 << 10) + 1, 413),
            (&stale, 9, 401),
            (&signed.replace("0000", "xyz"), 9, 401),
            ("", 257, 401),
        ] {
            let said = unread(&story.bot, &format!("/slack/{path}"), head, length).await;
            assert!(said.starts_with(&format!("HTTP/1.1 {status} ")), "{path} {head}: {said}");
        }
    }
}

/// What a server says to a head whose body never comes.
pub async fn unread(bot: &str, path: &str, head: &str, length: usize) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut line = tokio::net::TcpStream::connect(bot.trim_start_matches("http://")).await.unwrap();
    let head = format!("POST {path} HTTP/1.1\r\nhost: rekey\r\n{head}content-length: {length}\r\n\r\n");
    line.write_all(head.as_bytes()).await.unwrap();
    let mut said = vec![0; 1024];
    let heard = tokio::time::timeout(Duration::from_secs(20), line.read(&mut said)).await;
    let count = heard.expect("the server waits for the body").unwrap();
    String::from_utf8(said[..count].to_vec()).unwrap()
}

#[tokio::test]
async fn slack_may_check_our_certificate_and_whether_we_are_there() {
    let story = story(By::Http).await;
    for path in ["commands", "interactions"] {
        let url = format!("{}/slack/{path}", story.bot);
        let response = reqwest::Client::new().post(url).body("ssl_check=1&token=x").send().await.unwrap();
        assert_eq!((response.status().as_u16(), response.text().await.unwrap()), (200, String::new()));
    }
}

async fn commands_show_tokens_plans_and_rotations(by: By) {
    let story = story(by).await;
    let alice = "U0ALICE001";
    let mut answers = Vec::new();
    for text in [
        "",
        "whoami",
        "list",
        "plan deploy-bot",
        "plan deploi-bot",
        "rotate deploy-bot",
        "status",
        "frobnicate",
        "aprove x",
    ] {
        answers.push(format!("/rekey {text}\n{}\n", story.types(alice, text).await));
    }
    let hash = opened(plan()).plan.hash();
    insta::assert_snapshot!("commands", answers.join("\n").replace(hash.short(), "<hash>"));
    let answer = story.slack.command(alice, CHANNEL, "status x").await.unwrap();
    let blocks = answer["blocks"].as_array().unwrap();
    let buttons =
        blocks.iter().filter(|block| block["type"] == "actions").flat_map(|b| b["elements"].as_array().unwrap());
    let buttons: Vec<&str> = buttons.map(|button| button["action_id"].as_str().unwrap()).collect();
    assert_eq!((blocks.len() > 3, buttons), (true, vec!["rekey.details"]));
}

async fn commands_decide_as_buttons_do(by: By) {
    let story = story(by).await;
    let hash = story.desk.row().plan.hash();
    let told = story.types("U0BOB00001", "approve 01kakf 00000000").await;
    assert!(told.starts_with("The plan has changed"), "{told}");
    let told = story.types("U0BOB00001", &format!("APPROVE 01kakf {}", hash.short())).await;
    assert!(told.starts_with("🔄 Rotate token: deploy-bot. Rotating."), "{told}");
    assert!(matches!(story.desk.row().phase, Phase::Minting { .. }));
}

async fn an_answer_that_takes_too_long_follows_later(by: By) {
    let story = story_of(by, opened(plan()), true).await;
    assert_eq!(story.types("U0ALICE001", "plan deploy-bot").await, "Still working on `/rekey`; the answer follows.");
    story.desk.slow.as_ref().unwrap().notify_one();
    until("the plan is told", || story.slack.private("U0ALICE001").len() == 2).await;
    assert!(story.told("U0ALICE001").starts_with("Plan `"), "{}", story.told("U0ALICE001"));
    assert_eq!(story.clock.now(), at(0));
}

/// Slack has shown a failure by then.
async fn a_click_that_is_committed_late_is_said_to_count(by: By) {
    let story = story_of(by, opened(plan()), true).await;
    // Over HTTP the sandbox passes the failure on, over a socket there is none.
    let _ = story.slack.press("U0ALICE001", &story.card, "rekey.approve").await;
    assert_eq!(story.told("U0ALICE001"), "");
    story.desk.slow.as_ref().unwrap().notify_one();
    until("it is said to count", || !story.slack.private("U0ALICE001").is_empty()).await;
    let told = story.told("U0ALICE001");
    assert_eq!(told, "It took a while, but your click counts. There is no need to press again.");
}

async fn an_answer_whose_way_back_is_closed_comes_by_the_bots_own_means(by: By) {
    let story = story_of(by, opened(plan()), true).await;
    story.types("U0ALICE001", "plan deploy-bot").await;
    story.clock.advance(31 * 60);
    story.desk.go_on();
    until("the plan is told", || story.slack.private("U0ALICE001").len() == 2).await;
    assert!(story.told("U0ALICE001").starts_with("Plan `"), "{}", story.told("U0ALICE001"));
    assert!(story.slack.calls().contains(&"chat.postEphemeral".to_owned()));
    // Who is not in the channel gets it in the conversation with the app.
    story.types("U0ALICE001", "plan deploy-bot").await;
    story.slack.with(|world| world.channels.get_mut(CHANNEL).unwrap().members.retain(|id| id != "U0ALICE001"));
    story.clock.advance(31 * 60);
    story.desk.go_on();
    until("the plan is told", || !story.slack.messages("D0ALICE001").is_empty()).await;
    assert!(story.slack.messages("D0ALICE001")[0].text.starts_with("Plan `"));
}

/// The form body and the headers with which Slack would send this command now.
fn signed_command(story: &Story, trigger: &str, text: &str) -> (String, String, String) {
    let team = Settings::default().team;
    let fields = [
        ("team_id", team.as_str()),
        ("api_app_id", "A0APP00001"),
        ("user_id", "U0ALICE001"),
        ("channel_id", CHANNEL),
        ("command", "/rekey"),
        ("text", text),
        ("trigger_id", trigger),
    ];
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let time = story.clock.now().as_second().to_string();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, Settings::default().signing_secret.as_bytes());
    let signature = ring::hmac::sign(&key, format!("v0:{time}:{body}").as_bytes());
    (body, time, format!("v0={}", hex::encode(signature.as_ref())))
}

#[tokio::test]
async fn a_command_that_somebody_recorded_and_sends_again_is_done_once_and_answered_with_nothing() {
    let story = story(By::Http).await;
    let (body, time, signature) = signed_command(&story, "13.37.abc", "incident deploy-bot pasted into a ticket");
    let url = format!("{}/slack/commands", story.bot);
    let mut answers = Vec::new();
    for _ in 0..3 {
        let request = reqwest::Client::new().post(&url).body(body.clone());
        let request = request.header("x-slack-request-timestamp", &time).header("x-slack-signature", &signature);
        let response = request.send().await.unwrap();
        assert_eq!(response.status().as_u16(), 200);
        answers.push(response.text().await.unwrap());
        story.clock.advance(60);
    }
    assert!(answers[0].contains("Nothing was done yet."), "{}", answers[0]);
    assert_eq!(answers[1..], ["", ""]);
    let reported = story.desk.row().evidence.iter().filter(|seen| seen.what.contains("pasted into a ticket")).count();
    assert_eq!(reported, 1, "{:?}", story.desk.row().evidence);
}

async fn a_stuck_rotation_is_retried_restored_or_abandoned_from_its_card(by: By) {
    for (action, phase) in [("retry", "verifying"), ("restore", "restoring"), ("abandon", "closing")] {
        let story = story_of(by, rotations::stuck(), false).await;
        story.press("U0BOB00001", &format!("rekey.{action}")).await;
        assert_eq!(story.desk.row().phase.name(), phase);
    }
}

by_both_ways! {
    an_approver_presses_approve_and_it_starts_without_another_word,
    a_second_click_is_told_who_was_faster,
    a_person_who_is_no_approver_is_told_privately_whom_to_ask,
    strangers_guests_and_people_of_other_workspaces_change_nothing,
    a_click_about_another_app_or_from_another_channel_decides_nothing,
    a_click_for_an_older_plan_is_refused,
    the_same_click_twice_decides_once_and_says_nothing,
    buttons_and_types_that_are_not_ours_are_acknowledged_and_change_nothing,
    commands_show_tokens_plans_and_rotations,
    commands_decide_as_buttons_do,
    an_answer_that_takes_too_long_follows_later,
    an_answer_whose_way_back_is_closed_comes_by_the_bots_own_means,
    a_click_that_is_committed_late_is_said_to_count,
    a_stuck_rotation_is_retried_restored_or_abandoned_from_its_card,
}
