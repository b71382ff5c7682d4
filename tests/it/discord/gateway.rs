//! Without a public address: people press and type, and the bot hears it over a websocket that it opened itself and
//! that breaks in every way.

use super::door::visitors;
use super::house::{ALICE, BOB, CHANNEL, api, guild, hooks, messenger};
use crate::slack::door::OneRotation;
use crate::slack::rotations::{opened, plan};
use rekey::chat::Messenger;
use rekey::chat::discord::client::Client;
use rekey::chat::discord::gateway::Gateway;
use rekey::engine::desk::Desk;
use rekey::http::{Backoff, Sockets};
use rekey::rotation::phase::Phase;
use rekey::rotation::view::card;
use rekey::sandbox::discord::{self as sandbox, Handle, NoAnswer, Settings, Shown};
use rekey::secret::Secret;
use rekey::server::discord::{Door, Listener, PATIENCE, commands};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Discord, and replicas of the bot that listen to it.
struct Story {
    _discord: sandbox::Discord,
    discord: Handle,
    desk: Arc<OneRotation>,
    approve: String,
    card: String,
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
        desk: counter,
        hooks: hooks(&discord.base_url()),
        clock: Arc::new(clock),
        patience: PATIENCE,
    });
    let token = Settings::default().token;
    let listening = (0..replicas).map(|_| replica(&discord, door.clone(), &token, &stop)).collect();
    let posted = messenger(&discord.base_url(), &token).show(&card(&desk.row()), None).await.unwrap();
    state.until(|discord| discord.gateway_connected() == replicas).await;
    let card = posted.reference.split_once(':').unwrap().1.to_owned();
    let row = &state.messages(CHANNEL)[0].components[0]["components"];
    let approve = row[0]["custom_id"].as_str().unwrap().to_owned();
    Story { _discord: discord, discord: state, desk, approve, card, listening, stop }
}

async fn story() -> Story {
    story_of(1, 41_250).await
}

impl Story {
    async fn approves(&self, user: &str) -> Result<Shown, NoAnswer> {
        let shown = self.discord.press(user, &self.card, &self.approve).await?;
        while self.desk.open_items.load(Ordering::SeqCst) > 0 {
            tokio::task::yield_now().await;
        }
        Ok(shown)
    }

    fn is_approved(&self) -> bool {
        matches!(self.desk.row().phase, Phase::Minting { .. })
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
    let callbacks = |discord: &Handle| discord.calls().iter().filter(|call| call.ends_with("/callback")).count();
    story.discord.until(|discord| callbacks(discord) == 3).await;
    assert_eq!(story.discord.private(ALICE), []);
}

#[tokio::test]
async fn of_replicas_one_answers_a_command() {
    let story = story_of(3, 41_250).await;
    story.discord.command(ALICE, CHANNEL, "/rekey whoami").await.unwrap();
    let callbacks = |discord: &Handle| discord.calls().iter().filter(|call| call.ends_with("/callback")).count();
    assert_eq!(story.approves(ALICE).await, Ok(Shown::Nothing));
    story.discord.until(|discord| callbacks(discord) == 1 + 3).await;
}

#[tokio::test]
async fn a_bot_that_stops_says_goodbye() {
    let mut story = story().await;
    story.stop.cancel();
    story.listening.pop().unwrap().await.unwrap();
    assert_eq!(story.heard("resume"), 0);
}
