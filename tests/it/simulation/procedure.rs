//! How a worker performs each effect: what it asks next (`ask`), and what it makes of the answer (`tell`). The engine
//! does the same with real requests.

use super::call::{Answer, Call, Job};
use super::mistake::Mistake;
use super::report::{
    after, attempt, consumer, lost, minted, new_of, published, reference, run_of, stamp, store, stored, target,
};
use super::setting::{OLD, USE, at, consumer_id, index, seconds, store_id};
use super::worker::{Action, Task};
use super::world::World;
use rekey::rotation::effect::Effect;
use rekey::rotation::event::Event;
use rekey::rotation::ids::TokenId;
use rekey::rotation::phase::{AfterRevoke, Phase, Run};
use rekey::rotation::token::Strategy;

/// How far a task has come.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "a simulated world has one of them")]
pub enum Stage {
    Look,
    /// Write the intent down; then send to `target`, or report what was found.
    Intend {
        target: u64,
        found: Vec<u64>,
    },
    Send {
        target: u64,
    },
    LookAfter,
    Sweep {
        tokens: Vec<u64>,
        then: Box<Stage>,
    },
    Write {
        value: u64,
    },
    ReadBack {
        value: u64,
    },
    /// Reads store after store; `store` is the next readable one or beyond the last.
    Settle {
        store: usize,
    },
    BeforeRevoke {
        store: usize,
    },
    Inspect,
    Delete,
    FindRun,
    StartRun,
    CheckRun {
        run: usize,
    },
    ReadToken {
        token: u64,
    },
    LastLook,
    RestoreRead,
    RestoreWrite {
        value: u64,
    },
    Publish {
        revision: u64,
        announced: u32,
    },
    /// Nothing else to say: deadlines and windows are looked at, under the policy of the moment.
    Tick,
    Report(Event),
}

/// Where a task begins.
pub fn first(world: &World, worker: usize, effect: &Effect) -> Stage {
    match effect {
        Effect::Tick | Effect::Replan | Effect::Remind { .. } => Stage::Tick,
        Effect::Mint { .. } => first_of_mint(world, worker),
        Effect::Write { .. } => first_of_write(world, worker),
        Effect::Settle => settle_from(world, 0),
        Effect::StartConsumer { consumer } => match run_of(world, index(consumer.as_str())) {
            Some(Run::Starting { .. }) => Stage::FindRun,
            _ => {
                let after = Some(world.ran.len() as u64);
                Stage::Report(Event::ConsumerStarting { consumer: consumer.clone(), after })
            }
        },
        Effect::CheckConsumer { consumer } => match run_of(world, index(consumer.as_str())) {
            Some(Run::Started { run, .. }) => Stage::CheckRun { run: run.pipeline as usize },
            _ => Stage::Tick,
        },
        Effect::ObserveNew => Stage::ReadToken { token: new_of(world).unwrap_or(0) },
        Effect::ObserveOld => Stage::ReadToken { token: OLD },
        Effect::RestoreStore { store } => first_of_restore(world, index(store.as_str()), worker),
        Effect::Revoke { .. } => before_revoke_from(world, 0),
        Effect::Probe => Stage::LastLook,
        Effect::Publish { .. } => Stage::Publish {
            revision: world.row.revision,
            announced: u32::try_from(world.row.announcements.len()).expect("few announcements"),
        },
    }
}

fn first_of_mint(world: &World, worker: usize) -> Stage {
    let Phase::Minting { attempt, started } = world.row.phase else { return Stage::Tick };
    match (started, world.workers[worker].custody) {
        (None, _) if world.has(Mistake::NoIntent) => Stage::Send { target: OLD },
        (None, _) if world.has(Mistake::NoProbe) && !world.row.plan.rotates() => {
            Stage::Intend { target: 0, found: Vec::new() }
        }
        (None, _) => Stage::Look,
        (Some(_), Some((mine, value))) if mine == attempt => Stage::Report(minted(world, attempt, value)),
        (Some(_), _) => unknown_mint(world, attempt),
    }
}

/// The request of this attempt may have been sent and nobody holds the value.
fn unknown_mint(world: &World, attempt: u32) -> Stage {
    match world.row.plan.strategy {
        Strategy::SelfRotate => Stage::Report(Event::SelfRotateInterrupted { attempt }),
        _ if world.has(Mistake::RetryCreate) => Stage::Send { target: OLD },
        _ if world.has(Mistake::NoProbe) => Stage::Report(lost(attempt, &[])),
        _ => Stage::LookAfter,
    }
}

fn first_of_write(world: &World, worker: usize) -> Stage {
    let Some(attempt) = world.row.phase.minted().map(|new| new.attempt) else { return Stage::Tick };
    match world.workers[worker].custody {
        Some((mine, value)) if mine == attempt || world.has(Mistake::StaleCustody) => Stage::Write { value },
        _ if world.has(Mistake::SweepAtOnce) => {
            let tokens = new_of(world).into_iter().collect();
            Stage::Sweep { tokens, then: Box::new(Stage::Report(lost(attempt, &[]))) }
        }
        _ => Stage::Report(lost(attempt, &[])),
    }
}

fn first_of_restore(world: &World, store: usize, worker: usize) -> Stage {
    if world.setting.stores[store].readable { Stage::RestoreRead } else { restore(world, worker, store) }
}

fn restore(world: &World, worker: usize, store: usize) -> Stage {
    let known = world.workers[worker].prior.iter().find(|(of, _)| *of == store).map(|(_, value)| *value);
    match known.or(world.setting.stores[store].versions.then_some(OLD)) {
        Some(value) => Stage::RestoreWrite { value },
        None => Stage::Report(Event::RestoreImpossible { store: store_id(store), why: "not kept".into() }),
    }
}

/// The next action of a task.
pub fn ask(world: &World, worker: usize, task: &Task) -> Action {
    let call = match &task.stage {
        Stage::Report(event) => return Action::Commit(event.clone()),
        Stage::Tick => return Action::Commit(Event::Tick { policy: world.setting.policy(world.quorum) }),
        Stage::Intend { .. } => return Action::Commit(intent(world, task)),
        Stage::Look if world.row.plan.strategy == Strategy::SelfRotate => Call::ReadStore { store: 0 },
        Stage::Look | Stage::LookAfter if world.row.plan.rotates() => Call::List { attempt: None },
        Stage::Look | Stage::LookAfter => Call::List { attempt: Some(attempt(task)) },
        Stage::Send { target } => request(world, *target, attempt(task)),
        Stage::Sweep { tokens, .. } => Call::Delete { token: tokens[0] },
        Stage::Write { value } | Stage::RestoreWrite { value } => Call::Write { store: store(task), value: *value },
        Stage::ReadBack { .. } | Stage::RestoreRead => Call::ReadStore { store: store(task) },
        Stage::Settle { store } | Stage::BeforeRevoke { store } => Call::ReadStore { store: *store },
        Stage::Inspect => Call::ReadToken { token: target(task) },
        Stage::Delete => Call::Delete { token: target(task) },
        Stage::FindRun => Call::FindRun { consumer: consumer(task), after: after(world, consumer(task)) },
        Stage::StartRun => Call::StartRun { consumer: consumer(task), outcome: Job::Runs },
        Stage::CheckRun { run } => Call::ReadRun { run: *run },
        Stage::ReadToken { token } => Call::ReadToken { token: *token },
        Stage::LastLook => Call::List { attempt: None },
        Stage::Publish { revision, announced } => Call::Publish { revision: *revision, announced: *announced },
    };
    let _ = worker;
    Action::Call(call)
}

fn intent(world: &World, task: &Task) -> Event {
    Event::MintStarted { attempt: attempt(task), policy: world.setting.policy(world.quorum) }
}

fn request(world: &World, target: u64, attempt: u32) -> Call {
    match world.row.plan.strategy {
        Strategy::Overlap | Strategy::RevokeFirst => Call::Create { attempt },
        Strategy::InPlace => Call::Rotate { token: target, attempt },
        Strategy::SelfRotate => Call::SelfRotate { value: target, attempt },
    }
}

/// What follows a commit of this task's event.
pub fn committed(world: &mut World, worker: usize, event: &Event, accepted: bool) {
    let stage = world.workers[worker].task.as_ref().map(|task| task.stage.clone());
    let follow = match (stage, event) {
        (Some(Stage::Intend { target, found }), Event::MintStarted { attempt, .. }) if accepted => {
            let sent = matches!(world.row.phase, Phase::Minting { started: Some(_), .. });
            sent.then(|| if found.is_empty() { Stage::Send { target } } else { Stage::Report(lost(*attempt, &found)) })
        }
        (_, Event::ConsumerStarting { .. }) if accepted => Some(Stage::FindRun),
        _ => None,
    };
    if !accepted && matches!(event, Event::Minted { .. }) && !world.has(Mistake::StaleCustody) {
        world.workers[worker].custody = None;
    }
    match (follow, &mut world.workers[worker].task) {
        (Some(stage), Some(task)) => task.stage = stage,
        _ if accepted => world.end_task(worker),
        _ => world.drop_task(worker),
    }
}

/// What a worker makes of an answer; `None` gives up for now.
pub fn tell(world: &mut World, worker: usize, task: &Task, answer: Answer) -> Option<Stage> {
    use Stage::*;
    match (&task.stage, answer) {
        (Look, answer) => looked(world, task, &answer),
        (Send { target }, answer) => sent(world, worker, task, *target, &answer),
        (LookAfter, Answer::Tokens(found)) => {
            let report = Report(lost(attempt(task), &found));
            let sweep = world.has(Mistake::SweepAtOnce) && !found.is_empty();
            Some(if sweep { Sweep { tokens: found, then: Box::new(report) } } else { report })
        }
        (Sweep { tokens, then }, _) if tokens.len() == 1 => Some((**then).clone()),
        (Sweep { tokens, then }, _) => Some(Sweep { tokens: tokens[1..].to_vec(), then: then.clone() }),
        (Write { value }, answer) => wrote(world, worker, task, *value, &answer),
        (ReadBack { value }, Answer::Value(held)) if held == *value => Some(Report(stored(task, true))),
        (ReadBack { value }, Answer::Value(_)) => Some(Write { value: *value }),
        (Settle { store }, Answer::Value(held)) => Some(match drift(world, *store, held) {
            Some(drift) => Report(drift),
            None => settle_from(world, store + 1),
        }),
        (BeforeRevoke { store }, Answer::Value(held)) => Some(match drift_before_revoke(world, task, *store, held) {
            Some(drift) => Report(drift),
            None => before_revoke_from(world, store + 1),
        }),
        (Inspect, Answer::Seen { alive, last_used }) => Some(inspected(world, task, alive, last_used)),
        (Delete, Answer::Done) => Some(Report(Event::Revoked { token: TokenId(target(task)) })),
        (FindRun, Answer::Run(None)) => Some(StartRun),
        (FindRun | StartRun, Answer::Run(Some(run))) => {
            let consumer = consumer_id(consumer(task));
            Some(Report(Event::ConsumerStarted { consumer, run: reference(run) }))
        }
        (CheckRun { run }, Answer::Passed(passed)) => Some(Report(checked(task, *run, passed))),
        (ReadToken { .. }, Answer::Seen { last_used, .. }) => observed(world, task, last_used),
        (LastLook, Answer::Tokens(found)) => {
            let stays = new_of(world);
            let blind = world.has(Mistake::NoClosingProbe);
            let found = found.into_iter().filter(|id| Some(*id) != stays && !blind).map(TokenId).collect();
            Some(Report(Event::Probed { found, untidy: Vec::new() }))
        }
        (RestoreRead, Answer::Value(OLD)) => {
            Some(Report(Event::Restored { store: store_id(store(task)), untouched: false }))
        }
        (RestoreRead, Answer::Value(_)) => Some(restore(world, worker, store(task))),
        (RestoreWrite { .. }, Answer::Done) => {
            Some(Report(Event::Restored { store: store_id(store(task)), untouched: false }))
        }
        (RestoreWrite { value }, _) => Some(RestoreWrite { value: *value }),
        (Publish { revision, announced }, Answer::Done) => Some(Report(published(world, *revision, *announced))),
        _ => None,
    }
}

fn looked(world: &World, task: &Task, answer: &Answer) -> Option<Stage> {
    let strategy = world.row.plan.strategy;
    match answer {
        Answer::Value(value) if strategy == Strategy::SelfRotate => {
            Some(Stage::Intend { target: *value, found: Vec::new() })
        }
        Answer::Tokens(found) if strategy == Strategy::InPlace => {
            let newest = found.last().copied().or(world.alive(OLD).then_some(OLD));
            let again = world.has(Mistake::RotateOldAgain);
            let target = if again { Some(OLD) } else { newest };
            let refused = Event::MintRefused { attempt: attempt(task), why: "no live token is left".into() };
            Some(target.map_or(Stage::Report(refused), |target| Stage::Intend { target, found: Vec::new() }))
        }
        Answer::Tokens(found) => Some(Stage::Intend { target: 0, found: found.clone() }),
        _ => None,
    }
}

fn sent(world: &mut World, worker: usize, task: &Task, target: u64, answer: &Answer) -> Option<Stage> {
    let attempt = attempt(task);
    match answer {
        Answer::Token(id) => {
            if matches!(world.row.phase, Phase::Minting { started: None, .. }) && world.has(Mistake::NoIntent) {
                let policy = world.setting.policy(world.quorum);
                let _ = super::ledger::commit(world, &Event::MintStarted { attempt, policy });
            }
            world.workers[worker].custody = Some((attempt, *id));
            Some(Stage::Report(minted(world, attempt, *id)))
        }
        Answer::Refused if world.row.plan.strategy == Strategy::SelfRotate => {
            Some(Stage::Report(Event::MintRefused { attempt, why: "the value is not valid".into() }))
        }
        Answer::Refused if !world.row.plan.rotates() => {
            Some(Stage::Report(Event::MintRefused { attempt, why: "too many tokens".into() }))
        }
        Answer::NotSent | Answer::Refused => Some(Stage::Report(Event::MintNotSent { attempt })),
        _ if world.has(Mistake::RetryRotate) || world.has(Mistake::RetryCreate) => Some(Stage::Send { target }),
        _ => Some(unknown_mint(world, attempt)),
    }
}

fn wrote(world: &mut World, worker: usize, task: &Task, value: u64, answer: &Answer) -> Option<Stage> {
    let store = store(task);
    if *answer == Answer::Refused {
        return Some(Stage::Report(Event::StoreRefused { store: store_id(store), why: "protected".into() }));
    }
    let readable = world.setting.stores[store].readable;
    let prior = &mut world.workers[worker].prior;
    if readable && !prior.iter().any(|(of, _)| *of == store) {
        prior.push((store, OLD));
    }
    let done = *answer == Answer::Done || world.has(Mistake::TrustLostWrite);
    Some(match (done, readable && !world.has(Mistake::NoReadBack)) {
        (false, _) if others_first(world, store) => {
            Stage::Report(Event::StoreDown { store: store_id(store), why: "no answer".into() })
        }
        (false, _) => Stage::Write { value },
        (true, true) => Stage::ReadBack { value },
        (true, false) => Stage::Report(stored(task, false)),
    })
}

/// A store that is down holds nobody else up.
fn others_first(world: &World, store: usize) -> bool {
    let Phase::Distributing { pending, down, .. } = &world.row.phase else { return false };
    pending.iter().any(|other| *other != store_id(store) && !down.contains_key(other))
}

fn inspected(world: &World, task: &Task, alive: bool, last_used: Option<i64>) -> Stage {
    let token = TokenId(target(task));
    let newer = stamp(last_used) > world.row.old_last_used;
    if alive && token.0 == OLD && newer && new_of(world).is_some() && !world.has(Mistake::NoGrace) {
        return Stage::Report(Event::OldSeen { last_used: stamp(last_used), ips: Vec::new() });
    }
    let heard = world.row.uses.get(&token).map(|seen| seen.last);
    let watched = alive && token.0 != OLD && !world.row.plan.rotates() && !world.has(Mistake::RevokeLostInUse);
    if let (true, Some(last_used)) = (watched, stamp(last_used).filter(|last| heard != Some(*last))) {
        return Stage::Report(Event::StillUsed { token, last_used, ips: Vec::new() });
    }
    if alive { Stage::Delete } else { Stage::Report(Event::Revoked { token }) }
}

fn observed(world: &World, task: &Task, last_used: Option<i64>) -> Option<Stage> {
    if task.effect == Effect::ObserveOld {
        let last_used = stamp(last_used);
        return Some(Stage::Report(Event::OldSeen { last_used, ips: Vec::new() }));
    }
    let Phase::Verifying { passed_at: Some(passed_at), .. } = &world.row.phase else { return None };
    match last_used {
        Some(used) => Some(Stage::Report(Event::NewSeen { at: at(used) })),
        None if seconds(world.now()) >= seconds(*passed_at) + USE => Some(Stage::Report(Event::NewNeverUsed)),
        None => None,
    }
}

fn checked(task: &Task, run: usize, passed: bool) -> Event {
    let consumer = consumer_id(consumer(task));
    if passed {
        return Event::ConsumerPassed { consumer, run: reference(run), copies: None };
    }
    Event::ConsumerFailed { consumer, what: "the job did not pass".into(), url: None, log: None }
}

fn settle_from(world: &World, from: usize) -> Stage {
    readable_from(world, from).map_or(Stage::Report(Event::Settled), |store| Stage::Settle { store })
}

/// With `revoke_first` the stores hold what is revoked; otherwise each readable store is read first.
fn before_revoke_from(world: &World, from: usize) -> Stage {
    let blind = world.has(Mistake::NoReadBeforeRevoke)
        || matches!(world.row.phase, Phase::Revoking { then: AfterRevoke::Mint, .. });
    let store = readable_from(world, from).filter(|_| !blind);
    store.map_or(Stage::Inspect, |store| Stage::BeforeRevoke { store })
}

fn readable_from(world: &World, from: usize) -> Option<usize> {
    (from..world.stores.len()).find(|store| world.setting.stores[*store].readable)
}

fn drift(world: &World, store: usize, held: u64) -> Option<Event> {
    let wanted = new_of(world).is_none_or(|new| new == held);
    (!wanted).then(|| Event::StoreDrifted { store: store_id(store), holds: Some(TokenId(held)), held: None })
}

fn drift_before_revoke(world: &World, task: &Task, store: usize, held: u64) -> Option<Event> {
    let drifted = || Event::StoreDrifted { store: store_id(store), holds: Some(TokenId(held)), held: None };
    drift(world, store, held).or_else(|| (held == target(task)).then(drifted))
}
