//! Socket Mode against the sandbox: acknowledgements, repeats, goodbyes, and a Slack that gives no socket.

use super::messenger::{CHANNEL, api, workspace};
use crate::until::until;
use async_trait::async_trait;
use rekey::chat::slack::client::Client;
use rekey::chat::slack::socket::{Envelope, Kind, NotAccepted, Receiver, SocketMode};
use rekey::http::{Backoff, Sockets};
use rekey::sandbox::slack::{self as sandbox, Handle, NoAnswer, Rule, Settings};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Takes everything in, when it may.
struct Desk {
    seen: Mutex<Vec<Envelope>>,
    room: Semaphore,
    committing: AtomicBool,
}

#[async_trait]
impl Receiver for Desk {
    async fn receive(&self, envelope: Envelope) -> Result<Option<Value>, NotAccepted> {
        self.seen.lock().unwrap().push(envelope);
        self.room.acquire().await.unwrap().forget();
        self.room.add_permits(1);
        let committed = self.committing.load(Ordering::SeqCst);
        committed.then(|| Some(json!({"text": "taken"}))).ok_or(NotAccepted)
    }
}

struct Story {
    _slack: sandbox::Slack,
    slack: Handle,
    desk: Arc<Desk>,
    stop: CancellationToken,
    mode: JoinHandle<()>,
}

async fn story_with(token: &str, pause: Duration, prepare: impl FnOnce(&Handle)) -> Story {
    let (slack, _) = workspace().await;
    let state = slack.state();
    state.with(|world| world.settings.socket_mode = true);
    prepare(&state);
    let committing = AtomicBool::new(true);
    let desk = Arc::new(Desk { seen: Mutex::default(), room: Semaphore::new(1), committing });
    let client = Client::new(api(&slack.base_url(), token));
    let mode = SocketMode::new(client, Sockets::new(None).unwrap(), desk.clone(), Backoff::none());
    let mode = mode.with_long_pause(pause);
    let stop = CancellationToken::new();
    let mode = tokio::spawn(mode.run(stop.clone()));
    Story { _slack: slack, slack: state, desk, stop, mode }
}

async fn story() -> Story {
    let story = story_with(&Settings::default().app_token, Duration::from_millis(20), |_| ()).await;
    story.slack.connected(2).await;
    story
}

impl Story {
    fn seen(&self) -> Vec<Envelope> {
        self.desk.seen.lock().unwrap().clone()
    }

    async fn types(&self, text: &str) -> Result<Value, NoAnswer> {
        self.slack.command("U0ALICE001", CHANNEL, text).await
    }
}

#[tokio::test]
async fn a_command_comes_over_one_of_two_sockets_and_its_answer_goes_with_the_acknowledgement() {
    let story = story().await;
    for n in 0..4 {
        assert_eq!(story.types(&format!("plan {n}")).await.unwrap(), json!({"text": "taken"}));
    }
    let seen = story.seen();
    assert!(seen.iter().all(|envelope| envelope.kind == Kind::Command && envelope.takes_answer));
    assert_eq!(seen[3].payload["text"], "plan 3");
    story.stop.cancel();
    story.mode.await.unwrap();
    story.slack.connected(0).await;
}

#[tokio::test]
async fn an_event_is_acknowledged_without_an_answer() {
    let story = story().await;
    story.slack.open_home("U0ALICE001").await.unwrap();
    let seen = story.seen();
    assert_eq!((seen[0].kind, seen[0].takes_answer), (Kind::Event, false));
    assert_eq!(seen[0].payload["event"]["type"], "app_home_opened");
}

#[tokio::test]
async fn an_envelope_that_comes_again_is_acknowledged_again_and_done_once() {
    let story = story().await;
    story.slack.lose_acknowledgements(1);
    assert!(matches!(story.types("rotate deploy-bot").await, Err(NoAnswer::Failed(_))));
    assert_eq!(story.slack.repeat_envelope().await, Ok(Value::Null));
    assert_eq!(story.seen().len(), 1);
}

#[tokio::test]
async fn what_is_not_on_disk_is_not_acknowledged_and_may_come_again() {
    let story = story().await;
    story.desk.committing.store(false, Ordering::SeqCst);
    assert_eq!(story.types("rotate deploy-bot").await, Err(NoAnswer::Failed("no acknowledgement".into())));
    story.desk.committing.store(true, Ordering::SeqCst);
    assert_eq!(story.slack.repeat_envelope().await.unwrap(), json!({"text": "taken"}));
    assert_eq!(story.seen().len(), 2);
}

#[tokio::test]
async fn a_slow_request_holds_up_no_other() {
    let story = story().await;
    let room = story.desk.room.acquire().await.unwrap();
    let waiting: Vec<_> = (0..20)
        .map(|n| {
            let slack = story.slack.clone();
            tokio::spawn(async move { slack.command("U0ALICE001", CHANNEL, &format!("plan {n}")).await })
        })
        .collect();
    until("all twenty are in hand", || story.seen().len() == 20).await;
    drop(room);
    for answer in waiting {
        assert_eq!(answer.await.unwrap().unwrap(), json!({"text": "taken"}));
    }
}

#[tokio::test]
async fn a_goodbye_makes_room_for_a_new_socket_before_the_old_one_ends() {
    for word in ["warning", "refresh_requested"] {
        let story = story().await;
        story.slack.say_on_sockets(&json!({"type": "disconnect", "reason": word}));
        story.slack.connected(4).await;
        story.types("list").await.unwrap();
        assert_eq!(story.slack.connections_seen(), 4, "{word}");
    }
}

#[tokio::test]
async fn a_socket_that_breaks_is_opened_again_and_nothing_is_lost() {
    for with_goodbye in [true, false] {
        let story = story().await;
        story.slack.end_sockets(with_goodbye);
        story.slack.connected(0).await;
        story.slack.connected(2).await;
        story.types("list").await.unwrap();
    }
}

#[tokio::test]
async fn who_switches_socket_mode_off_and_on_again_need_not_restart_the_bot() {
    let story = story().await;
    let off = sandbox::Fault::Refuse { status: 200, body: json!({"ok": false, "error": "access_denied"}) };
    story.slack.fault(Rule::new("POST", "/api/apps.connections.open", off).times(0));
    story.slack.say_on_sockets(&json!({"type": "disconnect", "reason": "link_disabled"}));
    story.slack.end_sockets(false);
    story.slack.connected(0).await;
    let asked = || story.slack.calls().iter().filter(|call| *call == "apps.connections.open").count();
    until("it asks again and again", || asked() >= 6).await;
    assert_eq!(story.slack.connections_seen(), 2);
    story.slack.clear_faults();
    story.slack.connected(2).await;
    story.types("list").await.unwrap();
    story.stop.cancel();
    story.mode.await.unwrap();
}

#[tokio::test]
async fn words_that_nobody_knows_are_acknowledged_and_ignored() {
    let story = story().await;
    for words in [json!({"type": "something_new", "envelope_id": "e1"}), json!([1]), json!({"type": "hello"})] {
        story.slack.say_on_sockets(&words);
    }
    story.types("list").await.unwrap();
    assert_eq!((story.seen().len(), story.slack.connections_seen()), (1, 2));
}

#[tokio::test]
async fn a_slack_that_answers_badly_is_asked_again() {
    let story = story_with(&Settings::default().app_token, Duration::from_secs(60), |slack| {
        for fault in [sandbox::Fault::ErrorBefore { status: 503 }, sandbox::Fault::CutAfter, sandbox::Fault::Html] {
            slack.fault(Rule::new("POST", "/api/apps.connections.open", fault));
        }
    })
    .await;
    story.slack.connected(2).await;
    story.types("list").await.unwrap();
}

#[tokio::test]
async fn a_token_that_slack_refuses_is_not_tried_over_and_over() {
    let story = story_with("xapp-of-somebody-else", Duration::from_secs(60), |_| ()).await;
    until("it was tried", || !story.slack.calls().is_empty()).await;
    story.stop.cancel();
    story.mode.await.unwrap();
    assert!(story.slack.calls().len() <= 2, "{:?}", story.slack.calls());
    assert_eq!(story.slack.connections_seen(), 0);
}
