//! A rotation to remember; the benchmark of rows uses it too.

use jiff::{SignedDuration, Timestamp};
use rekey::rotation::ids::{RotationId, RotationKey, SurfaceName, TokenId};
use rekey::rotation::opening::Opening;
use rekey::rotation::plan::{NewToken, OldToken, Plan, Timing};
use rekey::rotation::record::{Origin, Rotation};
use rekey::rotation::token::{Owner, Strategy};
use std::collections::BTreeSet;

/// Seconds after an arbitrary moment.
pub fn at(seconds: i64) -> Timestamp {
    "2026-11-21T12:00:00Z".parse::<Timestamp>().expect("a moment") + SignedDuration::from_secs(seconds)
}

/// A rotation that waits for approval and owes two surfaces their first card.
pub fn rotation(number: u64) -> Rotation {
    let expires_at = Some("2026-12-01".parse().expect("a date"));
    let scopes = BTreeSet::from(["api".to_owned()]);
    let plan = Plan {
        version: 1,
        token: format!("token-{number}").as_str().into(),
        host: "gitlab.example.com".into(),
        owner: Owner::User { username: "bot".into() },
        user_id: 7,
        owner_number: None,
        old: OldToken { id: TokenId(number), name: "deploy".into(), scopes: scopes.clone(), expires_at },
        strategy: Strategy::Overlap,
        reasons: Vec::new(),
        new: NewToken {
            name: "deploy".into(),
            description: String::new(),
            scopes,
            permissions: Default::default(),
            access_level: None,
            expires_at: Some("2027-11-21".parse().expect("a date")),
        },
        stores: Vec::new(),
        consumers: Vec::new(),
        outage_seconds: None,
        timing: Timing { grace_seconds: 60, horizon_seconds: 600, use_seconds: 600, approval_seconds: 86_400 },
        leftovers: Vec::new(),
        at_once: false,
        blockers: Vec::new(),
        warnings: Vec::new(),
    };
    let opening = Opening {
        id: RotationId(format!("01kcase{number:019}")),
        key: RotationKey {
            host: "gitlab.example.com".into(),
            token: TokenId(number),
            expires_at,
            round: 0,
            unknown: None,
        },
        by: Origin::Mail,
        plan,
        surfaces: vec![SurfaceName::from("issue"), SurfaceName::from("slack")],
        old_last_used: None,
    };
    Rotation::open(opening, at(0))
}
