//! Working off accepted clicks. What is about one rotation is decided in the order of its coming, as long as nothing must
//! be put off, and nobody waits for what is about another, or for a messenger that hangs while an answer is told. A click
//! whose replica dies comes back.

use super::office::HELD;
use super::{Answer, Ask, Desk, Passing, words};
use crate::engine::EngineError;
use crate::ledger::Item;
use crate::rotation::wish::Wish;
use crate::telemetry::noted;
use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Clicks dealt with at once, and waiting behind them, beyond which no more are taken.
const AT_ONCE: usize = 64;
const MOST: usize = 256;

/// How long what is under way may take to end when the bot is told to stop.
const FAREWELL: Duration = Duration::from_secs(5);

/// How long a decision may take, and the words about it again: a directory or a messenger may hang.
const PATIENCE: Duration = Duration::from_secs(20);

/// What waited longer behind an earlier click than this leaves too little of [`HELD`]; it is handed out again.
const IN_LINE: SignedDuration = SignedDuration::from_secs(HELD.as_secs() - 2 * PATIENCE.as_secs().cast_signed() - 5);

/// An older click is about something that its person may not know any more: nobody was there to deal with it.
const OLDEST: SignedDuration = SignedDuration::from_mins(15);

/// An entry of the inbox.
struct Click {
    item: Item,
    /// What it says, if this version can read it.
    ask: serde_json::Result<Ask>,
    taken_at: Timestamp,
}

impl Click {
    /// What it is about.
    fn subject(&self) -> String {
        match &self.ask {
            Ok(Ask { wish: Wish::Decide(decision), .. }) => decision.rotation.clone(),
            _ => self.item.key.clone(),
        }
    }

    /// Whether nobody else can have got it meanwhile.
    fn is_still_ours(&self, now: Timestamp) -> bool {
        now.duration_since(self.taken_at) < IN_LINE
    }
}

/// What becomes of a click.
enum Verdict {
    /// It is answered.
    Tell(Answer),
    /// There is nothing to say.
    TickOff,
    /// It comes back.
    Leave,
}

/// What came to an end.
enum Step {
    /// There may be something to deal with.
    Taken(Result<Vec<Item>, EngineError>),
    /// The next of its subject may begin.
    Decided(Box<(String, Click, Verdict)>),
    /// It is ticked off.
    Told,
}

/// What is under way. All of it goes on together: taking needs the connection on which a decision may be half written.
#[derive(Default)]
struct Hands<'a> {
    taking: bool,
    busy: FuturesUnordered<BoxFuture<'a, Step>>,
    /// What waits behind a click that is being decided, by subject.
    lines: BTreeMap<String, VecDeque<Click>>,
}

impl<'a> Hands<'a> {
    fn has_room(&self) -> bool {
        let waiting: usize = self.lines.values().map(VecDeque::len).sum();
        !self.taking && self.busy.len() < AT_ONCE && waiting < MOST
    }

    fn take(&mut self, desk: &'a Desk) {
        self.taking = true;
        self.busy.push(Box::pin(async move { Step::Taken(noted("clicks", desk.office.take().await)) }));
    }

    fn add(&mut self, desk: &'a Desk, click: Click) {
        let subject = click.subject();
        match self.lines.get_mut(&subject) {
            Some(line) => line.push_back(click),
            None => {
                self.lines.insert(subject.clone(), VecDeque::new());
                self.decide(desk, subject, click);
            }
        }
    }

    fn decide(&mut self, desk: &'a Desk, subject: String, click: Click) {
        self.busy.push(Box::pin(async move {
            let verdict = desk.judge(&click).await;
            Step::Decided(Box::new((subject, click, verdict)))
        }));
    }

    /// Waits for one step, and begins what follows it; what was taken, if it was that. `None` if nothing is under way.
    async fn step(&mut self, desk: &'a Desk) -> Option<Result<usize, EngineError>> {
        match self.busy.next().await? {
            Step::Told => {}
            Step::Decided(decided) => {
                let (subject, click, verdict) = *decided;
                self.busy.push(Box::pin(async move {
                    desk.finish(&click, verdict).await;
                    Step::Told
                }));
                self.move_up(desk, subject);
            }
            Step::Taken(taken) => {
                self.taking = false;
                return Some(taken.map(|items| self.take_up(desk, items)));
            }
        }
        Some(Ok(0))
    }

    fn take_up(&mut self, desk: &'a Desk, items: Vec<Item>) -> usize {
        let (taken, taken_at) = (items.len(), desk.office.now());
        for item in items {
            let ask = serde_json::from_str(&item.body);
            self.add(desk, Click { item, ask, taken_at });
        }
        taken
    }

    fn move_up(&mut self, desk: &'a Desk, subject: String) {
        let now = desk.office.now();
        let line = self.lines.get_mut(&subject);
        let next = line.and_then(|line| std::iter::from_fn(|| line.pop_front()).find(|click| click.is_still_ours(now)));
        match next {
            Some(click) => self.decide(desk, subject, click),
            None => drop(self.lines.remove(&subject)),
        }
    }
}

impl Desk {
    /// Deals with accepted clicks until told to stop; then what is under way comes to its end.
    pub async fn serve(self: Arc<Self>, stop: CancellationToken) {
        let mut hands = Hands::default();
        let mut perhaps_more = true;
        loop {
            if perhaps_more && hands.has_room() {
                perhaps_more = false;
                hands.take(&self);
            }
            tokio::select! {
                Some(step) = hands.step(&self) => match step {
                    Ok(taken) => perhaps_more |= taken > 0,
                    Err(error) => tracing::warn!(%error, "cannot read the clicks"),
                },
                () = self.rung.notified() => perhaps_more = true,
                () = self.office.wait() => perhaps_more = true,
                () = stop.cancelled() => break,
            }
        }
        if timeout(FAREWELL, async { while hands.step(&self).await.is_some() {} }).await.is_err() {
            tracing::warn!("clicks were cut short by the stop; they are taken up again");
        }
    }

    /// Deals with what has arrived; says how much that was.
    pub async fn serve_some(&self) -> Result<usize, EngineError> {
        let mut hands = Hands::default();
        hands.take(self);
        let mut taken = 0;
        while let Some(step) = hands.step(self).await {
            taken += step?;
        }
        Ok(taken)
    }

    async fn judge(&self, Click { item, ask, .. }: &Click) -> Verdict {
        let ask = match ask {
            Ok(ask) => ask,
            Err(error) => {
                tracing::warn!(key = item.key, %error, "a click that this version cannot read");
                return Verdict::TickOff;
            }
        };
        let age = self.office.now().duration_since(item.received_at);
        if age > OLDEST {
            return Verdict::Tell(self.lapse(ask, age).await);
        }
        match self.attempt_in_time(ask).await {
            Ok(answer) => Verdict::Tell(answer),
            Err(passing) => self.put_off(item, passing).await,
        }
    }

    async fn put_off(&self, item: &Item, Passing { why, words }: Passing) -> Verdict {
        match self.office.later(item, &why).await {
            Ok(true) => Verdict::Leave,
            Ok(false) => Verdict::Tell(Answer::Private(words)),
            Err(error) => {
                tracing::warn!(key = item.key, %error, "a click could not be put off; it comes back");
                Verdict::Leave
            }
        }
    }

    async fn finish(&self, Click { item, ask, .. }: &Click, verdict: Verdict) {
        match (ask, verdict) {
            (_, Verdict::Leave) => return,
            (Ok(ask), Verdict::Tell(answer)) => self.deliver(ask, answer).await,
            _ => {}
        }
        if let Err(error) = self.office.settle(item).await {
            tracing::warn!(key = item.key, %error, "a click could not be ticked off; it comes back");
        }
    }

    /// Cut short it is no harm: what was committed counts once, however often it is asked again.
    async fn attempt_in_time(&self, ask: &Ask) -> Result<Answer, Passing> {
        let slow = || {
            let error = EngineError::Unavailable("something outside took too long to answer".into());
            Err(Passing { why: error.to_string(), words: words::refusal(&error) })
        };
        timeout(PATIENCE, self.attempt(ask)).await.unwrap_or_else(|_| slow())
    }

    async fn lapse(&self, ask: &Ask, age: SignedDuration) -> Answer {
        let minutes = age.as_mins();
        tracing::warn!(key = ask.key, minutes, "a click came while nobody was there; it is too old now");
        self.office.lapsed(&ask.caller.in_full(), &ask.wish.in_short()).await;
        // The way back is as old as the click, and mostly dead.
        drop(self.ways.take(&ask.key));
        Answer::Private(words::too_late(&ask.caller, age))
    }

    async fn deliver(&self, ask: &Ask, answer: Answer) {
        match self.ways.take(&ask.key) {
            Some(_) if matches!(answer, Answer::Done(_)) => {}
            Some(way) => in_patience(&ask.key, way.tell(answer)).await,
            None => self.tell(ask, answer).await,
        }
    }

    async fn tell(&self, ask: &Ask, answer: Answer) {
        in_patience(&ask.key, self.office.tell(ask, &answer)).await;
    }
}

async fn in_patience(key: &str, saying: impl Future<Output = ()>) {
    if timeout(PATIENCE, saying).await.is_err() {
        tracing::warn!(key, "an answer took too long, and nobody may have heard it");
    }
}
