//! Without a public address: people press and type, and the bot hears it over a websocket that it opened itself and
//! that breaks in every way.

use super::door::visitors;
use super::house::{ALICE, BOB, CHANNEL, api, guild, hooks, messenger};
use crate::http::serve;
use crate::slack::door::OneRotation;
use crate::slack::rotations::{opened, plan};
use crate::until::until;
use rekey::chat::Messenger;
use rekey::chat::discord::client::Client;
use rekey::chat::discord::gateway::Gateway;
use rekey::clock::ManualClock;
use rekey::engine::desk::Desk;
use rekey::http::{Backoff, Sockets};
use rekey::rotation::phase::Phase;
use rekey::rotation::view::card;
use rekey::rotation::wish::Wish;
use rekey::sandbox::discord::{self as sandbox, Fault, Handle, NoAnswer, Rule, Settings, Shown};
use rekey::secret::Secret;
use rekey::server::discord::{Door, Listener, PATIENCE, commands};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Discord, and replicas of the bot that listen to it.
struct Story {
    _discord: sandbox::Discord,
    discord: Handle,
    desk: Arc<OneRotation>,
    approve: String,
    card: String,
    clock: ManualClock,
    listening: Vec<JoinHandle<()>>,
    stop: CancellationToken,
}

fn replica(discord: &sandbox::Discord, door: Arc<Door>, token: &str, stop: &CancellationToken) -> JoinHandle<()> {
    let client = Client::new(api(&discord.base_url(), token));
    let secret = Secret::new(token.to_owned());
    let gateway = Gateway::new(Sockets::new(None).unwrap(), client, secret, Backoff::none());
    tokio::spawn(gateway.listen(Arc::new(Listener(door)), stop.clone()))
}

async fn story_of(replicas: usize, heartbeat: u64) -> Story {
    let (discord, clock) = guild().await;
    let state = discord.state();
    state.with(|world| {
        world.settings.heartbeat = heartbeat;
        world.commands = commands::registered();
    });
    let desk = Arc::new(OneRotation::new(opened(plan()), false, clock.clone()));
    let counter = Arc::new(Desk::new(desk.clone(), visitors()));
    let stop = CancellationToken::new();
    tokio::spawn(counter.clone().serve(stop.clone()));
    let door = Arc::new(Door {
        keys: Vec::new(),
        guild: Settings::default().guild,
        application: Settings::default().application,
        channel: CHANNEL.into(),
        desk: counter,
        hooks: hooks(&discord.base_url()),
        clock: Arc::new(clock.clone()),
        patience: PATIENCE,
    });
    let token = Settings::default().token;
    let listening = (0..replicas).map(|_| replica(&discord, door.clone(), &token, &stop)).collect();
    let posted = messenger(&discord.base_url(), &token).show(&card(&desk.row()), None).await.unwrap();
    state.until(|discord| discord.gateway_connected() == replicas).await;
    let card = posted.reference.split_once(':').unwrap().1.to_owned();
    let row = &state.messages(CHANNEL)[0].components[0]["components"];
    let approve = row[0]["custom_id"].as_str().unwrap().to_owned();
    Story { _discord: discord, discord: state, desk, approve, card, clock, listening, stop }
}

async fn story() -> Story {
    story_of(1, 41_250).await
}

impl Story {
    async fn approves(&self, user: &str) -> Result<Shown, NoAnswer> {
        let shown = self.discord.press(user, &self.card, &self.approve).await?;
        until("all clicks are dealt with", || self.desk.open_items.load(Ordering::SeqCst) == 0).await;
        Ok(shown)
    }

    fn is_approved(&self) -> bool {
        matches!(self.desk.row().phase, Phase::Minting { .. })
    }

    /// Discord takes no answer to it any more.
    fn sends_late(&self, payload: &Value) {
        let (discord, payload) = (self.discord.clone(), payload.clone());
        tokio::spawn(async move { discord.send(&payload).await });
    }

    fn callbacks(&self) -> usize {
        self.discord.calls().iter().filter(|call| call.ends_with("/callback")).count()
    }

    fn heard(&self, what: &str) -> usize {
        self.discord.gateway_heard().iter().filter(|heard| *heard == what).count()
    }
}

#[tokio::test]
async fn a_click_comes_over_the_gateway_and_is_answered_by_a_call() {
    let story = story().await;
    assert_eq!(story.approves(ALICE).await, Ok(Shown::Nothing));
    assert!(story.is_approved());
    let shown = story.discord.command(BOB, CHANNEL, "/rekey status").await.unwrap();
    assert!(matches!(shown, Shown::Private(line) if line.content.contains("Rotating.")));
    assert_eq!(story.discord.complete(BOB, CHANNEL, "/rekey plan dep").await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_pressed_while_the_connection_is_broken_is_heard_when_it_is_resumed() {
    let story = story().await;
    story.discord.gateway_cut();
    assert_eq!(story.approves(ALICE).await, Ok(Shown::Nothing));
    assert!(story.is_approved());
    assert_eq!((story.heard("identify"), story.heard("resume")), (1, 1));
}

#[tokio::test]
async fn a_bot_that_is_asked_to_come_again_resumes() {
    let story = story().await;
    story.discord.gateway_send_away();
    story.discord.until(|discord| discord.gateway_heard().iter().any(|heard| heard == "resume")).await;
    assert_eq!(story.approves(ALICE).await, Ok(Shown::Nothing));
    assert_eq!(story.heard("identify"), 1);
}

#[tokio::test]
async fn a_session_that_is_over_or_forgotten_is_begun_anew() {
    let story = story().await;
    story.discord.gateway_invalidate(false);
    story.discord.until(|discord| discord.gateway_connected() == 1).await;
    assert_eq!((story.heard("identify"), story.heard("resume")), (2, 0));
    story.discord.gateway_cut();
    story.discord.gateway_forget();
    story.discord.until(|discord| discord.gateway_connected() == 1).await;
    assert_eq!((story.heard("identify"), story.heard("resume")), (3, 1));
    story.discord.gateway_close(4_009);
    story
        .discord
        .until(|discord| discord.gateway_heard().iter().filter(|heard| *heard == "identify").count() == 4)
        .await;
    story.discord.until(|discord| discord.gateway_connected() == 1).await;
    assert_eq!(story.approves(ALICE).await, Ok(Shown::Nothing));
}

#[tokio::test]
async fn a_connection_that_looks_alive_and_answers_no_heartbeat_is_replaced() {
    let story = story_of(1, 40).await;
    story.discord.gateway_silent(true);
    story.discord.until(|discord| discord.gateway_heard().iter().any(|heard| heard == "resume")).await;
    story.discord.gateway_silent(false);
    assert_eq!(story.approves(ALICE).await, Ok(Shown::Nothing));
    assert!(story.is_approved());
}

#[tokio::test]
async fn heartbeats_keep_the_connection_and_come_at_once_when_asked_for() {
    let story = story().await;
    let before = story.heard("heartbeat");
    story.discord.gateway_ask_for_heartbeat();
    story
        .discord
        .until(|discord| discord.gateway_heard().iter().filter(|heard| *heard == "heartbeat").count() > before)
        .await;
    assert_eq!(story.discord.gateway_connected(), 1);
}

#[tokio::test]
async fn a_token_that_is_refused_is_not_tried_again() {
    let mut story = story().await;
    story.discord.gateway_close(4_004);
    story.listening.pop().unwrap().await.unwrap();
    assert_eq!((story.heard("identify"), story.heard("resume")), (1, 0));
}

#[tokio::test]
async fn replicas_hear_everything_and_each_click_counts_once() {
    let story = story_of(3, 41_250).await;
    assert_eq!(story.approves(ALICE).await, Ok(Shown::Nothing));
    assert!(story.is_approved());
    assert_eq!(story.desk.row().approvals.len(), 1);
    until("each has answered", || story.callbacks() == 3).await;
    assert_eq!(story.discord.private(ALICE), []);
}

#[tokio::test]
async fn of_replicas_one_answers_a_command() {
    let story = story_of(3, 41_250).await;
    story.discord.command(ALICE, CHANNEL, "/rekey whoami").await.unwrap();
    assert_eq!(story.approves(ALICE).await, Ok(Shown::Nothing));
    until("each has answered the click", || story.callbacks() == 1 + 3).await;
}

#[tokio::test]
async fn a_bot_that_stops_says_goodbye() {
    let mut story = story().await;
    story.stop.cancel();
    story.listening.pop().unwrap().await.unwrap();
    assert_eq!(story.heard("resume"), 0);
}

#[tokio::test]
async fn of_replicas_one_answers_a_button_that_asks_for_something() {
    let story = story_of(3, 41_250).await;
    let mut click = story.discord.click(ALICE, &story.card, &story.approve).unwrap();
    click["data"]["custom_id"] = Wish::Enroll.to_id().unwrap().into();
    let shown = story.discord.send(&click).await.unwrap();
    assert!(
        matches!(shown, Shown::Private(line) if line.content == "One-time codes are not set up here; an administrator adds `[step_up]`.")
    );
    assert_eq!(story.approves(ALICE).await, Ok(Shown::Nothing));
    until("each has answered the click", || story.callbacks() == 1 + 3).await;
}

#[tokio::test]
async fn what_is_heard_again_long_after_it_was_done_is_not_done_but_its_person_is_told_once() {
    let story = story_of(3, 41_250).await;
    let press = story.discord.click(ALICE, &story.card, &story.approve).unwrap();
    story.clock.advance(50);
    let typed = story.discord.typed(BOB, CHANNEL, "/rekey incident deploy-bot pasted", false).unwrap();
    story.clock.advance(16);
    let before = story.desk.row();
    for (late, seconds) in [(&press, 66), (&typed, 16)] {
        story.sends_late(late);
        let told = || story.desk.whispers().iter().any(|words| words.contains(&format!(" {seconds} seconds late")));
        until("they are told", told).await;
    }
    assert_eq!((story.desk.lapsed().len(), story.desk.whispers().len(), story.callbacks()), (2, 2, 0));
    assert_eq!(story.desk.row(), before);
    // A decision that is only a little late counts, since the card shows it.
    let press = story.discord.click(ALICE, &story.card, &story.approve).unwrap();
    story.clock.advance(50);
    story.sends_late(&press);
    until("it is approved", || story.is_approved()).await;
}

#[tokio::test]
async fn a_first_answer_that_breaks_on_its_way_is_given_once_more() {
    for fault in [Fault::CutBefore, Fault::CutAfter, Fault::ErrorBefore { status: 502 }] {
        let story = story().await;
        story.discord.fault(Rule::new("POST", "/interactions/*", fault));
        let shown = story.discord.command(BOB, CHANNEL, "/rekey status").await.unwrap();
        assert!(matches!(shown, Shown::Private(line) if line.content.contains("Waiting")));
    }
}

#[tokio::test]
async fn a_gateway_that_an_answer_names_elsewhere_is_never_told_our_token() {
    let elsewhere = tokio::net::TcpListener::bind("127.0.0.2:0").await.unwrap();
    let there = elsewhere.local_addr().unwrap();
    let (asked, connected) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let count = connected.clone();
    tokio::spawn(async move {
        while elsewhere.accept().await.is_ok() {
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    let times = asked.clone();
    let answer = move || {
        times.fetch_add(1, Ordering::SeqCst);
        async move { axum::Json(json!({"url": format!("ws://{there}"), "shards": 1})) }
    };
    let api_of_a_liar = serve(axum::Router::new().route("/api/v10/gateway/bot", axum::routing::get(answer))).await;
    let stop = CancellationToken::new();
    let desk = Arc::new(OneRotation::new(opened(plan()), false, guild().await.1));
    let door = Arc::new(Door {
        keys: Vec::new(),
        guild: Settings::default().guild,
        application: Settings::default().application,
        channel: CHANNEL.into(),
        desk: Arc::new(Desk::new(desk, visitors())),
        hooks: hooks(&api_of_a_liar),
        clock: Arc::new(rekey::clock::SystemClock),
        patience: PATIENCE,
    });
    let gateway = Gateway::new(
        Sockets::new(None).unwrap(),
        Client::new(api(&api_of_a_liar, "token")),
        Secret::new("token".into()),
        Backoff::none(),
    );
    let listening = tokio::spawn(gateway.listen(Arc::new(Listener(door)), stop.clone()));
    until("it was asked several times", || asked.load(Ordering::SeqCst) >= 3).await;
    stop.cancel();
    listening.await.unwrap();
    assert_eq!(connected.load(Ordering::SeqCst), 0);
}
