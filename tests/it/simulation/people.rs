//! People: they approve, and when the rotation is stuck they retry, restore, abandon, in the order of the setting.

use super::call::Fault;
use super::ledger;
use super::mistake::Mistake;
use super::setting::{APPROVAL, Wish, at, seconds};
use super::world::{Click, World};
use rekey::rotation::event::Event;
use rekey::rotation::phase::Phase;

/// Whether it is their turn and something is left to wish.
pub fn have_a_wish(world: &World) -> bool {
    is_their_turn(world) && world.wished < world.setting.wishes.len()
}

fn is_their_turn(world: &World) -> bool {
    matches!(world.row.phase, Phase::AwaitingApproval | Phase::Stuck { .. })
}

/// Nobody will ever answer: the reminders that are still due are of no interest.
pub fn waits_for_ever(world: &World, lane: usize) -> bool {
    lane == 0 && world.row.phase == Phase::AwaitingApproval
}

/// The next wish. Who is not told that it counted clicks again.
pub fn wish(world: &mut World, fault: Option<Fault>) {
    let Some(wish) = world.setting.wishes.get(world.wished).copied() else { return };
    world.pass(5);
    let lost = fault == Some(Fault::LostBefore);
    let told = !lost && fault != Some(Fault::LostAfter) || world.has(Mistake::AcknowledgeFirst);
    if told {
        world.wished += 1;
    }
    if !lost {
        click(world, wish);
    }
    if told && lost && matches!(wish, Wish::Approve(_)) {
        world.acknowledged = true;
    }
}

/// One click, as it reaches the bot.
pub fn click(world: &mut World, wish: Wish) {
    let quorum = world.quorum;
    let decider = |name: &str| world.setting.decider(name, quorum);
    let event = match wish {
        Wish::Approve(person) => approve(world, person, "deploy", seconds(world.now())),
        Wish::ApproveForLater(person) => approve(world, person, "deploy", seconds(world.now()) + APPROVAL + 100),
        Wish::ApproveOldPlan(person) => approve(world, person, "older", seconds(world.now())),
        Wish::Decline => Event::Decline { by: decider("ann"), reason: None },
        Wish::Retry => Event::Retry { by: decider("ann") },
        Wish::Restore => Event::Restore { by: decider("ann") },
        Wish::Abandon => Event::Abandon { by: decider("ann") },
        Wish::RaiseQuorum => {
            world.quorum = 2;
            return;
        }
    };
    // A refusal is shown to the person; nothing else happens.
    let _ = ledger::commit(world, &event);
}

fn approve(world: &mut World, person: &'static str, plan: &str, start_at: i64) -> Event {
    let plan = world.setting.plan(plan).hash();
    let current_plan = plan == world.row.plan.hash();
    world.clicks.push(Click { person, current_plan, at: world.clock });
    Event::Approve { by: world.setting.decider(person, world.quorum), plan, start_at: at(start_at) }
}
