//! A rotation in every phase, moved there by the real state machine.

use jiff::Timestamp;
use rekey::rotation::decider::Decider;
use rekey::rotation::event::Event;
use rekey::rotation::ids::{ConsumerId, PersonId, RotationId, RotationKey, StoreId, SurfaceName, TokenId, TokenName};
use rekey::rotation::next::next;
use rekey::rotation::opening::Opening;
use rekey::rotation::phase::{Minted, RunRef};
use rekey::rotation::plan::{NewToken, OldToken, Plan, PlannedStore, Timing};
use rekey::rotation::policy::Policy;
use rekey::rotation::record::{Origin, Rotation};
use rekey::rotation::store::Capabilities;
use rekey::rotation::token::{Consumer, ConsumerKind, Owner, Strategy};
use rekey::secret::Digest;

pub const ID: &str = "01kakf7rm0000000000000000a";

pub fn at(minute: i64) -> Timestamp {
    let start: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
    start + jiff::SignedDuration::from_mins(minute)
}

fn store(id: &str, readable: bool) -> PlannedStore {
    let capabilities = if readable { Capabilities::plain() } else { Capabilities::plain().blind() };
    let (replaces_other, holds_token) = (false, false);
    PlannedStore { id: id.into(), capabilities, replaces_other, holds_token, identity: None, other_token: None }
}

pub fn plan() -> Plan {
    let scopes = ["api", "read_repository"].map(str::to_owned);
    Plan {
        version: 1,
        token: TokenName::from("deploy-bot"),
        host: "gitlab.example".into(),
        owner: Owner::GroupServiceAccount { group: "acme".into(), username: "deploy-bot".into() },
        user_id: 7,
        owner_number: None,
        old: OldToken {
            id: TokenId(101),
            name: "deploy-bot".into(),
            scopes: scopes.clone().into(),
            expires_at: Some("2026-11-28".parse().unwrap()),
        },
        strategy: Strategy::Overlap,
        reasons: vec!["the bot may create tokens for this service account, so both can live for a while".into()],
        new: NewToken {
            name: "deploy-bot".into(),
            description: "deploys acme".into(),
            scopes: scopes.into(),
            permissions: Default::default(),
            access_level: None,
            expires_at: Some("2027-11-21".parse().unwrap()),
        },
        stores: vec![
            store("gitlab-variable acme/deploy DEPLOY_TOKEN (scope *)", true),
            store("file /run/secrets/deploy-token", false),
        ],
        consumers: vec![Consumer {
            id: ConsumerId::from("pipeline acme/deploy main, job deploy"),
            project: "acme/deploy".into(),
            job: "deploy".into(),
            kind: ConsumerKind::Pipeline { git_ref: "main".into() },
            timeout_seconds: 1800,
            identity: None,
        }],
        outage_seconds: None,
        timing: Timing { grace_seconds: 3600, horizon_seconds: 600, use_seconds: 1800, approval_seconds: 86_400 },
        leftovers: Vec::new(),
        at_once: false,
        blockers: Vec::new(),
        warnings: vec!["the variable is not protected".into()],
    }
}

pub fn opened(plan: Plan) -> Rotation {
    let key = RotationKey {
        host: plan.host.clone(),
        token: plan.old.id,
        expires_at: plan.old.expires_at,
        round: 0,
        unknown: None,
    };
    let opening = Opening {
        id: RotationId::from(ID),
        key,
        by: Origin::Mail,
        plan,
        surfaces: vec![SurfaceName::from("issue"), SurfaceName::from("slack")],
        old_last_used: Some(at(-90)),
    };
    let mut rotation = Rotation::open(opening, at(0));
    let issue = rotation.surfaces.get_mut(&SurfaceName::from("issue")).unwrap();
    issue.url = Some("https://gitlab.example/acme/ops/-/issues/12".into());
    rotation
}

pub fn policy(quorum: u32) -> Policy {
    let approvers = ["alice", "bob"].map(PersonId::from).into();
    Policy { approvers, quorum, approval_seconds: 86_400, ..Policy::default() }
}

pub fn by(person: &str, quorum: u32) -> Decider {
    Decider::new(PersonId::from(person), "slack", policy(quorum))
}

pub fn approve(rotation: &Rotation, person: &str, quorum: u32) -> Event {
    Event::Approve { by: by(person, quorum), plan: rotation.plan.hash(), start_at: at(1) }
}

/// Alice's yes, after which it may start then.
pub fn approve_at(rotation: &Rotation, start_at: Timestamp) -> Event {
    Event::Approve { by: by("alice", 1), plan: rotation.plan.hash(), start_at }
}

fn minted() -> Minted {
    let expires_at = Some("2027-11-21".parse().unwrap());
    Minted { attempt: 1, id: TokenId(202), digest: Digest("ab".repeat(32)), expires_at, at: at(2) }
}

fn run() -> RunRef {
    RunRef { pipeline: 55, job: Some(77), url: "https://gitlab.example/acme/deploy/-/jobs/77".into() }
}

pub fn go(rotation: Rotation, steps: &[(i64, Event)]) -> Rotation {
    steps.iter().fold(rotation, |row, (minute, event)| {
        let after = next(&row, event, at(*minute));
        assert!(after.is_ok(), "{}: {after:?}", event.name());
        after.unwrap()
    })
}

pub fn half_approved() -> Rotation {
    let rotation = opened(plan());
    let yes = approve(&rotation, "alice", 2);
    go(rotation, &[(1, yes)])
}

pub fn minting() -> Rotation {
    let rotation = opened(plan());
    let yes = approve(&rotation, "alice", 1);
    go(rotation, &[(1, yes), (2, Event::MintStarted { attempt: 1, policy: policy(1) })])
}

pub fn distributing() -> Rotation {
    let store = StoreId::from("gitlab-variable acme/deploy DEPLOY_TOKEN (scope *)");
    go(minting(), &[(2, Event::Minted { new: minted() }), (3, Event::Stored { attempt: 1, store, read_back: true })])
}

pub fn waiting() -> Rotation {
    go(distributing(), &[(4, Event::Delayed { why: "gitlab.example answers 503".into() })])
}

pub fn verifying() -> Rotation {
    let consumer = ConsumerId::from("pipeline acme/deploy main, job deploy");
    let store = StoreId::from("file /run/secrets/deploy-token");
    go(
        distributing(),
        &[
            (4, Event::Stored { attempt: 1, store, read_back: false }),
            (4, Event::ConsumerStarting { consumer: consumer.clone(), after: Some(5) }),
            (4, Event::ConsumerStarted { consumer, run: run() }),
        ],
    )
}

pub fn stuck_with(log: &str) -> Rotation {
    let consumer = ConsumerId::from("pipeline acme/deploy main, job deploy");
    let failed = Event::ConsumerFailed {
        consumer,
        what: "the job failed and its log looks like an authentication failure".into(),
        url: Some(run().url),
        log: Some(log.into()),
    };
    go(verifying(), &[(6, failed)])
}

pub fn stuck() -> Rotation {
    stuck_with("$ curl --fail https://gitlab.example/api/v4/user\ncurl: (22) The requested URL returned error: 401\n")
}

pub fn restoring() -> Rotation {
    go(stuck(), &[(7, Event::Restore { by: by("bob", 1) })])
}

pub fn restored() -> Rotation {
    let store = |id: &str| Event::Restored { store: StoreId::from(id), untouched: false };
    let variable = store("gitlab-variable acme/deploy DEPLOY_TOKEN (scope *)");
    let file = store("file /run/secrets/deploy-token");
    close(go(restoring(), &[(8, variable), (8, file), (50, Event::Revoked { token: TokenId(202) })]), 60)
}

/// Ended by a person after one of two stores had its previous value again.
pub fn restored_in_part() -> Rotation {
    let (file, why) = (StoreId::from("file /run/secrets/deploy-token"), "the disk is full".into());
    let variable = StoreId::from("gitlab-variable acme/deploy DEPLOY_TOKEN (scope *)");
    let stopped = go(
        restoring(),
        &[
            (8, Event::Restored { store: variable, untouched: false }),
            (8, Event::RestoreImpossible { store: file, why }),
            (9, Event::Abandon { by: by("bob", 1) }),
        ],
    );
    close(stopped, 60)
}

pub fn abandoned() -> Rotation {
    let rotation = go(stuck(), &[(8, Event::Abandon { by: by("bob", 1) })]);
    close(rotation, 60)
}

pub fn grace() -> Rotation {
    let consumer = ConsumerId::from("pipeline acme/deploy main, job deploy");
    go(
        verifying(),
        &[(5, Event::ConsumerPassed { consumer, run: run(), copies: None }), (6, Event::NewSeen { at: at(5) })],
    )
}

pub fn revoking() -> Rotation {
    go(grace(), &[(90, Event::OldSeen { last_used: Some(at(-90)), ips: Vec::new() })])
}

pub fn done() -> Rotation {
    close(go(revoking(), &[(91, Event::Revoked { token: TokenId(101) })]), 92)
}

pub fn declined() -> Rotation {
    close(go(opened(plan()), &[(1, Event::Decline { by: by("bob", 1), reason: None })]), 2)
}

pub fn superseded() -> Rotation {
    let how = "token 101 was revoked by somebody else".into();
    close(go(opened(plan()), &[(1, Event::Superseded { how })]), 2)
}

pub fn blocked() -> Rotation {
    let blockers = vec!["the bot may not write acme/deploy DEPLOY_TOKEN; give it the Maintainer role".into()];
    opened(Plan { blockers, ..plan() })
}

pub fn in_place() -> Rotation {
    opened(Plan { strategy: Strategy::InPlace, outage_seconds: Some(40), ..plan() })
}

fn close(rotation: Rotation, minute: i64) -> Rotation {
    go(rotation, &[(minute, Event::Probed { found: [].into(), untidy: Vec::new() })])
}

/// Every state that people can see.
pub fn all() -> Vec<(&'static str, Rotation)> {
    vec![
        ("waiting_for_approval", opened(plan())),
        ("half_approved", half_approved()),
        ("blocked", blocked()),
        ("in_place", in_place()),
        ("minting", minting()),
        ("distributing", distributing()),
        ("delayed", waiting()),
        ("verifying", verifying()),
        ("stuck", stuck()),
        ("restoring", restoring()),
        ("restored", restored()),
        ("abandoned", abandoned()),
        ("grace", grace()),
        ("revoking", revoking()),
        ("done", done()),
        ("declined", declined()),
        ("superseded", superseded()),
    ]
}
