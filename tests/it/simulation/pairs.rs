//! Every event in every phase: what follows, or why it is refused. The table is a snapshot, so that a change of the
//! machine shows.

use super::setting::{OLD, READABLE, Setting, at, consumer_id, store_id};
use rekey::rotation::effect::Lane;
use rekey::rotation::event::Event;
use rekey::rotation::ids::{PersonId, TokenId};
use rekey::rotation::next::next;
use rekey::rotation::phase::{AfterRevoke, Minted, Outcome, Phase, Run, RunRef, Why};
use rekey::rotation::plan::Plan;
use rekey::rotation::policy::Approval;
use rekey::rotation::record::{Audience, Rotation};
use rekey::rotation::store::Undo;
use rekey::rotation::token::Strategy;
use rekey::secret::Digest;

const NOW: i64 = 10_000;

fn setting() -> Setting {
    Setting::new("pairs", Strategy::Overlap, &[READABLE], &[0])
}

fn new() -> Minted {
    Minted { attempt: 1, id: TokenId(2), digest: Digest("digest".into()), expires_at: None, at: at(0) }
}

fn run() -> RunRef {
    RunRef { pipeline: 5, job: None, url: "https://gitlab.example.com/p/5".into() }
}

fn words() -> Why {
    Why { what: "x".into(), safe: "x".into(), todo: "x".into(), link: None, log: None }
}

fn verifying(run: Run, passed_at: Option<i64>) -> Phase {
    Phase::Verifying { new: new(), runs: [(consumer_id(0), run)].into(), passed_at: passed_at.map(at) }
}

/// One of each phase, and of what matters inside.
fn phases() -> Vec<(&'static str, Phase)> {
    let started = Run::Started { run: run(), since: at(0) };
    let distributing = Phase::Distributing { new: new(), pending: vec![store_id(0)], down: Default::default() };
    let revoking = |new: Option<Minted>, then| Phase::Revoking { new, pending: [TokenId(OLD)].into(), then };
    vec![
        ("awaiting", Phase::AwaitingApproval),
        ("scheduled", Phase::Scheduled { at: at(0) }),
        ("minting", Phase::Minting { attempt: 1, started: None }),
        ("mint sent", Phase::Minting { attempt: 1, started: Some(at(0)) }),
        ("distributing", distributing.clone()),
        ("to start", verifying(Run::Pending, None)),
        ("starting", verifying(Run::Starting { since: at(0), after: Some(4) }, None)),
        ("running", verifying(started, None)),
        ("passed", verifying(Run::Passed { run: run(), at: at(0) }, Some(0))),
        ("grace", Phase::Grace { new: new(), since: at(0), before: Some(at(0)), until: at(100), broken: 0 }),
        ("restoring", Phase::Restoring { new: new(), pending: vec![store_id(0)] }),
        ("revoking", revoking(Some(new()), AfterRevoke::Close(Outcome::Done))),
        ("revoking first", revoking(None, AfterRevoke::Mint)),
        ("closing", Phase::Closing { new: Some(new()), outcome: Outcome::Done }),
        ("closed", Phase::Closed { outcome: Outcome::Done, at: at(0) }),
        ("stuck", Phase::Stuck { at: Box::new(distributing), why: words() }),
    ]
}

fn row(phase: &Phase) -> Rotation {
    let mut row = Setting { surface: true, ..setting() }.row();
    row.phase = phase.clone();
    if let Phase::Scheduled { .. } = phase {
        let by = PersonId::from("ann");
        row.approvals =
            vec![Approval { by, plan: row.plan.hash(), at: at(0), account: None, with_code: false, shell: None }];
    }
    row
}

/// One of each event.
fn events(row: &Rotation) -> Vec<Event> {
    let mut events = decisions(row);
    events.extend(of_minting());
    events.extend(of_stores());
    events.extend(of_consumers());
    events.extend(of_ending());
    events
}

fn decisions(row: &Rotation) -> Vec<Event> {
    let by = || setting().decider("ann", 1);
    vec![
        Event::Replanned { plan: Box::new(row.plan.clone()), old_last_used: None },
        Event::Superseded { how: "rotated by somebody".into() },
        Event::Incident {
            own: false,
            person: "ann".into(),
            via: "slack".into(),
            reason: "in a ticket".into(),
            plan: Box::new(Plan { strategy: Strategy::RevokeFirst, ..row.plan.clone() }),
        },
        Event::LeakReported { person: "zoe".into(), via: "slack".into(), reason: "in a ticket".into() },
        Event::Tick { policy: setting().policy(1) },
        Event::Withdrawn,
        Event::Approve { by: by(), plan: row.plan.hash(), start_at: at(NOW) },
        Event::Counted { policy: setting().policy(1), start_at: at(NOW) },
        Event::Decline { by: by(), reason: None },
        Event::Snooze { by: by(), until: at(2 * NOW) },
        Event::Retry { by: by() },
        Event::Restore { by: by() },
        Event::Abandon { by: by() },
    ]
}

fn of_minting() -> Vec<Event> {
    vec![
        Event::MintStarted { attempt: 1, policy: setting().policy(1) },
        Event::Minted { new: new() },
        Event::MintNotSent { attempt: 1 },
        Event::MintRefused { attempt: 1, why: "no".into() },
        Event::ValueLost { attempt: 1, found: [TokenId(3)].into() },
        Event::SelfRotateInterrupted { attempt: 1 },
        Event::LeftBehind { found: [TokenId(3)].into() },
        Event::Doubted { why: "the database is an older copy".into(), behind: true },
    ]
}

fn of_stores() -> Vec<Event> {
    let store = || store_id(0);
    vec![
        Event::Stored { attempt: 1, store: store(), read_back: true },
        Event::UndoKnown { store: store(), undo: Undo("7".into()) },
        Event::StoreDown { store: store(), why: "no".into() },
        Event::StoreRefused { store: store(), why: "no".into() },
        Event::StoreConflict {
            store: store(),
            why: "no".into(),
            also: Vec::new(),
            held: std::collections::BTreeMap::new(),
        },
        Event::StoreOverwrote { store: store(), why: "no".into() },
        Event::Settled,
        Event::StoreDrifted { store: store(), holds: None, held: None },
        Event::OldDied { how: "was revoked".into() },
        Event::Postponed { policy: setting().policy(1), start_at: at(NOW + 900) },
        Event::StoreMissing { store: store() },
        Event::StoreSwapped { store: store(), why: "no".into() },
        Event::Restored { store: store(), untouched: false },
        Event::RestoreImpossible { store: store(), why: "no".into() },
    ]
}

fn of_consumers() -> Vec<Event> {
    let consumer = || consumer_id(0);
    vec![
        Event::ConsumerStarting { consumer: consumer(), after: Some(4) },
        Event::ConsumerStarted { consumer: consumer(), run: run() },
        Event::ConsumerPassed { consumer: consumer(), run: run(), copies: None },
        Event::ConsumerFailed { consumer: consumer(), what: "no".into(), url: None, log: None },
        Event::NewSeen { at: at(NOW) },
        Event::NewNeverUsed,
        Event::NewDied { token: new().id, how: "was revoked".into() },
    ]
}

fn of_ending() -> Vec<Event> {
    vec![
        Event::OldSeen { last_used: None, ips: Vec::new() },
        Event::StillUsed { token: TokenId(OLD), last_used: at(NOW), ips: Vec::new() },
        Event::Revoked { token: TokenId(OLD) },
        Event::RevokeRefused { token: TokenId(OLD), why: "no".into() },
        Event::Probed { found: Default::default(), untidy: Vec::new() },
        Event::Reminded { steps: 1, to: Audience::Approvers },
        Event::Delayed { why: "503".into() },
        Event::GaveUp { why: "503".into(), at_once: false },
        Event::Published { surface: "issue".into(), reference: "1".into(), url: None, revision: 1, announced: 0 },
        Event::SurfaceExposed { surface: "issue".into(), mended: false },
        Event::SurfaceGone { surface: "issue".into() },
    ]
}

#[test]
fn every_event_in_every_phase_is_taken_or_refused_as_listed() {
    let mut table = String::new();
    for (name, phase) in phases() {
        let row = row(&phase);
        table += &format!("{name}\n");
        let mut refused = std::collections::BTreeMap::<&str, Vec<String>>::new();
        for event in events(&row) {
            match next(&row, &event, at(NOW)) {
                Ok(after) => table += &format!("  {} -> {}\n", event.name(), taken(&row, &after)),
                Err(refusal) => refused.entry(refusal.name()).or_default().push(event.name()),
            }
        }
        for (why, events) in refused {
            table += &format!("  refused, {why}: {}\n", events.join(", "));
        }
    }
    insta::assert_snapshot!(table);
}

fn taken(before: &Rotation, after: &Rotation) -> String {
    assert_eq!(after.version, before.version + 1);
    match &after.phase {
        phase if *phase == before.phase => "the same".into(),
        Phase::Closing { outcome, .. } | Phase::Closed { outcome, .. } => {
            format!("{} {outcome:?}", after.phase.name()).to_lowercase()
        }
        Phase::Minting { attempt, .. } => format!("minting, attempt {attempt}"),
        phase => phase.name().to_owned(),
    }
}

/// Whatever stops a rotation, retrying makes it move again, or approving where that is asked anew, and abandoning ends it.
#[test]
fn every_stop_has_ways_out_that_work() {
    let mut stops = std::collections::BTreeSet::new();
    let strategies = [Strategy::Overlap, Strategy::InPlace, Strategy::SelfRotate, Strategy::RevokeFirst];
    for (strategy, (name, phase)) in
        strategies.into_iter().flat_map(|strategy| phases().into_iter().map(move |it| (strategy, it)))
    {
        let mut row = row(&phase);
        row.plan.strategy = strategy;
        for event in events(&row) {
            let Ok(stopped) = next(&row, &event, at(NOW)) else { continue };
            let Phase::Stuck { why, .. } = &stopped.phase else { continue };
            if matches!(row.phase, Phase::Stuck { .. }) {
                continue;
            }
            let told = format!("{strategy:?}, {name}, {}: {why:?}", event.name());
            let restore = Event::Restore { by: setting().decider("ann", 1) };
            let offered = why.todo.contains("restore the previous value");
            assert!(!offered || next(&stopped, &restore, at(NOW + 1)).is_ok(), "{told}");
            let (by, plan) = (setting().decider("ann", 1), row.plan.hash());
            let (word, again) = match stopped.asks_anew {
                true => ("pprove again", Event::Approve { by, plan, start_at: at(NOW) }),
                false => ("etry", Event::Retry { by }),
            };
            assert!(why.todo.contains(word) && why.todo.contains("bandon"), "{told}");
            let retried = next(&stopped, &again, at(NOW + 1)).unwrap();
            assert!(!matches!(retried.phase, Phase::Stuck { .. }), "{told}");
            let owes = rekey::rotation::due::due(&retried).into_iter().any(|owed| owed.effect.lane() == Lane::work());
            assert!(owes, "{told}");
            let ended = next(&stopped, &Event::Abandon { by: setting().decider("ann", 1) }, at(NOW + 1)).unwrap();
            assert!(matches!(ended.phase, Phase::Closing { .. } | Phase::Revoking { .. }), "{told}");
            stops.insert(event.name());
        }
    }
    assert!(stops.len() >= 12, "{stops:?}");
}

/// The list above is complete: each kind of event appears once.
#[test]
fn the_table_knows_every_kind_of_event() {
    let names: std::collections::BTreeSet<String> = events(&setting().row()).iter().map(Event::name).collect();
    let source = include_str!("../../../src/rotation/event.rs");
    let body = source.split("pub enum Event {").nth(1).unwrap().split("\nimpl Event").next().unwrap();
    let kinds = body.lines().filter(|line| line.starts_with("    ") && !line.starts_with("     "));
    let kinds = kinds.filter(|line| line.trim_start().starts_with(char::is_uppercase)).count();
    assert_eq!(names.len(), kinds);
}

/// What is stored goes through JSON to be cleaned; what did not come back from there would be held up.
#[test]
fn every_event_comes_back_from_json_as_it_was() {
    for event in events(&setting().row()) {
        let value = serde_json::to_value(&event).unwrap();
        assert_eq!(serde_json::from_value::<Event>(value).unwrap(), event);
    }
}
