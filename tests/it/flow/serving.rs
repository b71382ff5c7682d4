//! Clicks are dealt with once, whichever replica gets them, and none waits for a messenger that hangs.

use super::counter::{Counter, Told, desk, slack};
use super::setup::Setup;
use crate::databases::on_each;
use async_trait::async_trait;
use rekey::engine::desk::words::outline;
use rekey::engine::desk::{Answer, Ask, Desk, WayBack};
use rekey::ledger::Accepted;
use rekey::rotation::phase::Phase;
use rekey::rotation::view::Action;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

const LONG: Duration = Duration::from_secs(15);

/// A way back that never comes to an end.
#[derive(Default)]
struct Hangs(Notify);

#[async_trait]
impl WayBack for Hangs {
    async fn tell(&self, _answer: Answer) {
        self.0.notify_one();
        std::future::pending().await
    }
}

impl Counter {
    /// Until it is no longer waiting for approval.
    async fn decided(&self) {
        let mut changes = self.team.engine.ledger.changes();
        while self.team.rotation().await.phase == Phase::AwaitingApproval {
            changes.changed().await.unwrap();
        }
    }
}

/// Two clicks on one rotation, the first by somebody who may not and whom nobody can tell so.
#[tokio::test]
async fn a_messenger_that_hangs_holds_up_no_decision_of_somebody_else() {
    let counter = Counter::open(Setup::new()).await;
    counter.team.open().await;
    let stop = CancellationToken::new();
    let _serving = stop.clone().drop_guard();
    tokio::spawn(counter.desk.clone().serve(stop));
    let hangs = Arc::new(Hangs::default());
    let refused = Ask::new("refused", slack("UCAROL"), counter.decision(Action::Approve).await);
    counter.desk.accept(&refused, hangs.clone()).await.unwrap();
    tokio::time::timeout(LONG, hangs.0.notified()).await.expect("carol is being told");
    let counts = Ask::new("counts", slack("UALICE"), counter.decision(Action::Approve).await);
    counter.desk.accept(&counts, Arc::new(Told::default())).await.unwrap();
    tokio::time::timeout(LONG, counter.decided()).await.expect("alice waits for nobody");
}

/// A way back that tells that it was used.
#[derive(Default)]
struct Heard(Notify);

#[async_trait]
impl WayBack for Heard {
    async fn tell(&self, _answer: Answer) {
        self.0.notify_one();
    }
}

/// Whoever waits for the database's one connection while a decision is half written on it would wait for ever.
#[tokio::test]
async fn one_click_after_another_is_answered_while_others_write_too() {
    on_each(|url| async move {
        let counter = Counter::open(Setup::new().database(url)).await;
        counter.team.open().await;
        let stop = CancellationToken::new();
        let _serving = stop.clone().drop_guard();
        tokio::spawn(counter.desk.clone().serve(stop.clone()));
        let engine = counter.team.engine.clone();
        let (at, detail) = (jiff::Timestamp::now(), serde_json::json!({"what": "writes too"}));
        let line = rekey::ledger::Line { at, actor: "somebody".into(), event: "outsider".into(), detail };
        tokio::spawn(async move {
            while !stop.is_cancelled() {
                drop(engine.ledger.note(None, &line).await);
                tokio::task::yield_now().await;
            }
        });
        let clicks = async {
            for number in 0..20 {
                let wish = counter.decision(Action::Approve).await;
                let refused = Ask::new(format!("refused-{number}"), slack("UCAROL"), wish);
                let heard = Arc::new(Heard::default());
                counter.desk.accept(&refused, heard.clone()).await.unwrap();
                heard.0.notified().await;
            }
        };
        tokio::time::timeout(LONG, clicks).await.expect("none waits for a connection that another holds");
    })
    .await;
}

/// What a person was told at either of the replicas.
fn words(told: &Told) -> Option<String> {
    told.0.lock().unwrap().as_ref().map(|answer| outline(answer).plain())
}

async fn replicas(url: String, quorum: u32) -> (Counter, Arc<Desk>) {
    let counter = Counter::open(Setup::new().database(url).token(|token| token.quorum = quorum)).await;
    counter.team.open().await;
    let other = desk(&counter.team.twin().await);
    (counter, other)
}

#[tokio::test]
async fn a_click_that_two_replicas_get_counts_once() {
    on_each(|url| async move {
        let (counter, other) = replicas(url, 2).await;
        let click = Ask::new("trigger", slack("UALICE"), counter.decision(Action::Approve).await);
        let ways = [Arc::new(Told::default()), Arc::new(Told::default())];
        let (one, two) =
            tokio::join!(counter.desk.accept(&click, ways[0].clone()), other.accept(&click, ways[1].clone()));
        let mut accepted = [one.unwrap(), two.unwrap()];
        accepted.sort_by_key(|accepted| *accepted == Accepted::Duplicate);
        assert_eq!(accepted, [Accepted::New, Accepted::Duplicate]);
        let (one, two) = tokio::join!(counter.desk.serve_some(), other.serve_some());
        assert_eq!(one.unwrap() + two.unwrap(), 1, "one of them deals with it");
        let rotation = counter.team.rotation().await;
        assert_eq!(rotation.approvals.len(), 1);
        let said = rotation.evidence.iter().filter(|line| line.what.contains("alice approved")).count();
        assert_eq!(said, 1, "{:?}", rotation.evidence);
        assert_eq!(ways.map(|way| words(&way)), [None, None], "nothing is said of what counts");
    })
    .await;
}

/// The replica that told her may have died before it could tick it off.
#[tokio::test]
async fn a_click_that_was_refused_and_comes_back_is_refused_in_the_same_words() {
    let counter = Counter::open(Setup::new()).await;
    counter.team.open().await;
    let click = Ask::new("refused", slack("UCAROL"), counter.decision(Action::Approve).await);
    let first = counter.desk.ask(&click).await;
    assert!(outline(&first).plain().starts_with("Only its approvers may decide"), "{first:?}");
    assert_eq!(counter.desk.ask(&click).await, first);
}

#[tokio::test]
async fn of_two_people_at_two_replicas_at_once_one_decides_and_the_other_hears_who() {
    on_each(|url| async move {
        let (counter, other) = replicas(url, 1).await;
        let wish = || counter.decision(Action::Approve);
        let alice = Ask::new("alices", slack("UALICE"), wish().await);
        let bob = Ask::new("bobs", slack("UBOB"), wish().await);
        let (one, two) = tokio::join!(counter.desk.ask(&alice), other.ask(&bob));
        let (done, told): (Vec<_>, Vec<_>) =
            [one, two].into_iter().partition(|answer| matches!(answer, Answer::Done(_)));
        assert_eq!((done.len(), told.len()), (1, 1), "{done:?} {told:?}");
        let rotation = counter.team.rotation().await;
        assert_eq!(rotation.approvals.len(), 1);
        let who = rotation.approvals[0].by.as_str();
        let heard = outline(&told[0]).plain();
        assert!(heard.starts_with(&format!("Already decided: {who} approved")), "{heard}");
    })
    .await;
}
