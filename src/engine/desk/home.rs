//! What awaits one person, for surfaces with a page of their own: what they may decide now, what they asked for, what
//! comes up, what was done of late.

use super::pace::EVERYTHING;
use super::visitors::Stranger;
use super::{Caller, Desk, words};
use crate::engine::EngineError;
use crate::engine::rights::Visitor;
use crate::rotation::ids::PersonId;
use crate::rotation::phase::Phase;
use crate::rotation::policy::Policy;
use crate::rotation::record::Rotation;
use crate::rotation::view::prose::Line;
use crate::rotation::wish::Wish;
use jiff::Timestamp;

/// Rows of a section.
const MOST: usize = 20;

/// One line, and what its button asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// What is said.
    pub line: Line,
    /// What the button `Review` asks for.
    pub review: Option<Wish>,
}

/// The page of one person.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Home {
    /// Waiting for you.
    pub waiting: Vec<Row>,
    /// Your requests.
    pub yours: Vec<Row>,
    /// Coming up: tokens near their expiry.
    pub coming: Vec<Row>,
    /// Recently done.
    pub done: Vec<Row>,
}

impl Desk {
    /// The page of whoever calls.
    pub async fn home(&self, caller: &Caller) -> Result<Result<Home, EngineError>, Stranger> {
        if let Err(wait) = self.pace.asks.take(caller, EVERYTHING, self.office.now()) {
            return Ok(Err(EngineError::Unavailable(words::too_fast(wait).plain())));
        }
        let visitor = self.visitors.recognise(caller).await?;
        Ok(self.page(&visitor).await)
    }

    async fn page(&self, visitor: &Visitor) -> Result<Home, EngineError> {
        let (person, mut home) = (&visitor.person, Home::default());
        let seen = self.office.seen_by(visitor).await?;
        for rotation in seen.rotations(None).await? {
            match seen.policy_for(&rotation).await {
                Ok(policy) if awaits(&rotation, person, &policy, self.office.now()) => {
                    home.waiting.push(row(&rotation))
                }
                Ok(_) => {}
                // One group that cannot be read takes nothing else from the page.
                Err(error) => {
                    tracing::warn!(%error, rotation = %rotation.id, "cannot find out whether it waits for them")
                }
            }
            if rotation.is_asked_by(person) {
                home.yours.push(row(&rotation));
            }
        }
        let lines = seen.list().await?;
        let near = lines.iter().filter(|line| matches!(line.state.as_str(), "near" | "expired"));
        home.coming = near.map(|line| Row { line: words::token(line), review: None }).collect();
        home.done = seen.recent().await?.iter().map(row).collect();
        for section in [&mut home.waiting, &mut home.yours, &mut home.coming, &mut home.done] {
            section.truncate(MOST);
        }
        Ok(home)
    }
}

/// Whether this person may still move it on. Whoever said yes already has done their part.
fn awaits(rotation: &Rotation, person: &PersonId, policy: &Policy, now: Timestamp) -> bool {
    match rotation.phase {
        _ if rotation.awaits_approval() => {
            let plan = rotation.plan.hash();
            let counting = policy.counting(&rotation.approvals, &plan, rotation.requester(), now);
            policy.may_approve(person, rotation.requester()) && !counting.contains(person)
        }
        Phase::Stuck { .. } => policy.allows(person),
        _ => false,
    }
}

fn row(rotation: &Rotation) -> Row {
    let review = Wish::Status { rotation: Some(rotation.id.0.clone()) };
    Row { line: words::standing(rotation), review: Some(review) }
}
