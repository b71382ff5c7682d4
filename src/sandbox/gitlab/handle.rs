//! The way into a running sandbox: tests read the world, move pipelines, switch faults on and hold calls with it.

use super::calls::Call;
use super::delivery;
use super::model::Delivery;
use super::model::Token;
use super::model::{Job, Pipeline};
use super::settings::Pace;
use super::world::World;
use crate::clock::Clock;
use crate::sandbox::faults::{Fault, Faults, Rule};
use crate::sandbox::holds::Held;
use axum::extract::Request;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::Notify;

/// A shared, cheap-to-copy handle.
#[derive(Clone)]
pub struct Handle(Arc<Inner>);

struct Inner {
    world: Mutex<World>,
    clock: Arc<dyn Clock>,
    faults: Faults,
    outbox: Notify,
    sending: tokio::sync::Mutex<reqwest::Client>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl Handle {
    /// A world under a clock.
    pub fn new(world: World, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner {
            world: Mutex::new(world),
            clock,
            faults: Faults::default(),
            outbox: Notify::new(),
            sending: tokio::sync::Mutex::new(delivery::client()),
        }))
    }

    /// Looks at the world or changes it, alone, at the clock's present moment. Not to be nested.
    pub fn with<T>(&self, act: impl FnOnce(&mut World) -> T) -> T {
        let mut world = lock(&self.0.world);
        world.now = self.0.clock.now();
        let result = act(&mut world);
        if world.settings.pace == Pace::Instant {
            world.run_pipelines();
        }
        if !world.outbox.is_empty() {
            self.0.outbox.notify_one();
        }
        result
    }

    /// A token, dead or alive.
    pub fn token(&self, id: u64) -> Option<Token> {
        self.with(|world| world.tokens.get(&id).cloned())
    }

    /// The live tokens of a user, oldest first.
    pub fn live_tokens(&self, user: u64) -> Vec<Token> {
        self.with(|world| {
            let today = world.today();
            world.tokens.values().filter(|token| token.user == user && token.is_active(today)).cloned().collect()
        })
    }

    /// A variable, its value included.
    pub fn variable(&self, place: super::Place, key: &str, scope: &str) -> Option<super::Variable> {
        self.with(|world| {
            let meant = |v: &&super::Variable| v.place == place && v.key == key && v.environment_scope == scope;
            world.variables.iter().find(meant).cloned()
        })
    }

    /// The token whose value a variable holds; `None` for no such variable, or no token of ours in it.
    pub fn held_by(&self, place: super::Place, key: &str, scope: &str) -> Option<u64> {
        let variable = self.variable(place, key, scope)?;
        self.with(|world| world.token_with(&variable.value).map(|token| token.id))
    }

    /// The token whose value this is, dead or alive.
    pub fn token_of(&self, value: &str) -> Option<u64> {
        self.with(|world| world.token_with(value).map(|token| token.id))
    }

    /// All pipelines, oldest first.
    pub fn pipelines(&self) -> Vec<Pipeline> {
        self.with(|world| world.pipelines.values().cloned().collect())
    }

    /// All jobs of a pipeline, replaced ones included, oldest first.
    pub fn jobs(&self, pipeline: u64) -> Vec<Job> {
        self.with(|world| world.jobs.values().filter(|job| job.pipeline == pipeline).cloned().collect())
    }

    /// All issues, oldest first.
    pub fn issues(&self) -> Vec<super::Issue> {
        self.with(|world| world.issues.values().cloned().collect())
    }

    /// The comments on an issue (by its number across the instance), oldest first.
    pub fn notes(&self, issue: u64) -> Vec<super::Note> {
        self.with(|world| world.notes.values().filter(|note| note.issue == issue).cloned().collect())
    }

    /// Every call so far.
    pub fn calls(&self) -> Vec<Call> {
        self.with(|world| world.calls.all().to_vec())
    }

    /// Moves pipelines one step.
    pub fn tick(&self) -> bool {
        self.with(World::tick)
    }

    /// Moves pipelines to the end.
    pub fn run_pipelines(&self) {
        self.with(World::run_pipelines);
    }

    /// From now on the job of this name (`*` for all) fails; `None` ends it.
    pub fn fail_job(&self, name: Option<&str>) {
        self.with(|world| world.forced_failure = name.map(str::to_owned));
    }

    /// Adds a fault.
    pub fn fault(&self, rule: Rule) {
        self.0.faults.add(rule);
    }

    /// Ends all faults.
    pub fn clear_faults(&self) {
        self.0.faults.clear();
    }

    /// The faults in force.
    pub fn faults(&self) -> Vec<Rule> {
        self.0.faults.rules()
    }

    /// Late calls take effect now, in the order in which they were sent. How many there were.
    pub async fn land_late(&self) -> usize {
        self.0.faults.land_late().await
    }

    /// The first held call, as soon as there is one.
    pub async fn held(&self) -> Held {
        self.0.faults.held().await
    }

    /// All held calls.
    pub fn waiting(&self) -> Vec<Held> {
        self.0.faults.waiting()
    }

    /// Lets the held calls go on (true), or breaks their connections (false; what was not performed never is).
    pub fn release(&self, go_on: bool) {
        self.0.faults.release(go_on);
    }

    /// Sends what webhooks have to say and returns when all of it was answered.
    pub async fn flush_hooks(&self) {
        let client = self.0.sending.lock().await;
        loop {
            let batch = self.with(|world| std::mem::take(&mut world.outbox));
            if batch.is_empty() {
                return;
            }
            for mut delivery in batch {
                delivery.status = delivery::deliver(&client, &delivery).await;
                self.with(|world| world.deliveries.push(delivery));
            }
        }
    }

    /// What webhooks have said so far.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.with(|world| world.deliveries.clone())
    }

    /// Sends a past event again, with the same idempotency key, as GitLab does after a time-out.
    pub fn send_again(&self, id: &str) {
        self.with(|world| {
            let again = world.deliveries.iter().find(|delivery| delivery.id == id).cloned();
            world.outbox.extend(again);
        });
    }

    pub(super) async fn outbox_filled(&self) {
        self.0.outbox.notified().await;
    }

    pub(super) fn trouble(&self) -> &Faults {
        &self.0.faults
    }

    pub(super) fn now_seconds(&self) -> i64 {
        self.0.clock.now().as_second()
    }

    /// Lists a call and says what it shall suffer.
    pub(super) fn arrive(&self, request: &Request, credential: Option<&str>) -> (u64, Option<Fault>) {
        let (method, uri) = (request.method(), request.uri());
        let (path, query) = (uri.path(), uri.query().unwrap_or(""));
        let (seq, caller) = self.with(|world| {
            let caller = credential.and_then(|value| world.token_with(value)).map(|token| token.id);
            let now = world.now;
            (world.calls.open(now, method.as_str(), path, query, caller), caller)
        });
        (seq, self.0.faults.pick(method, path, caller))
    }

    pub(super) fn performed(&self, seq: u64, status: u16, ignored: Vec<String>) {
        self.with(|world| {
            if let Some(call) = world.calls.get_mut(seq) {
                call.effect = Some(status);
                call.ignored = ignored;
            }
        });
    }

    pub(super) fn answered(&self, seq: u64, status: u16) -> usize {
        self.with(|world| {
            if let Some(call) = world.calls.get_mut(seq) {
                call.answered = Some(status);
            }
            world.calls.recent(world.now)
        })
    }
}

/// Moves pipelines at the world's pace, if it has one of its own.
pub(super) async fn move_pipelines(handle: Handle) {
    while let Pace::Every(step) = handle.with(|world| world.settings.pace) {
        tokio::time::sleep(step).await;
        handle.tick();
    }
}

/// Sends whatever the world has to tell, for ever.
pub(super) async fn send_hooks(handle: Handle) {
    loop {
        handle.outbox_filled().await;
        handle.flush_hooks().await;
    }
}
