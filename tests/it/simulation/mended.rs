//! Stories of what the simulation and a critical reading found in the machine, told on `next` and `due` alone.

use super::setting::{APPROVAL, BLIND, HORIZON, Kind, OLD, READABLE, Setting, at, consumer_id, store_id};
use rekey::rotation::due::due;
use rekey::rotation::effect::Effect;
use rekey::rotation::event::Event;
use rekey::rotation::ids::TokenId;
use rekey::rotation::next::next;
use rekey::rotation::phase::{AfterRevoke, Minted, Phase, Run, Why};
use rekey::rotation::policy::Policy;
use rekey::rotation::record::Rotation;
use rekey::rotation::refusal::Refusal;
use rekey::rotation::token::Strategy;
use rekey::secret::Digest;
use std::collections::BTreeSet;

fn setting(strategy: Strategy, store: Kind) -> Setting {
    Setting::new("story", strategy, &[store], &[0])
}

fn row(strategy: Strategy, store: Kind, phase: Phase) -> Rotation {
    Rotation { phase, ..setting(strategy, store).row() }
}

fn minted(id: u64, attempt: u32) -> Minted {
    Minted { attempt, id: TokenId(id), digest: Digest(format!("{id}")), expires_at: None, at: at(0) }
}

fn sent() -> Phase {
    Phase::Minting { attempt: 1, started: Some(at(0)) }
}

fn writing() -> Phase {
    Phase::Distributing { new: minted(2, 1), pending: vec![store_id(0)], down: Default::default() }
}

fn stuck(at: Phase) -> Phase {
    let why = Why { what: "x".into(), safe: "x".into(), todo: "x".into(), link: None, log: None };
    Phase::Stuck { at: Box::new(at), why }
}

fn lost(found: &[u64]) -> Event {
    Event::ValueLost { attempt: 1, found: found.iter().copied().map(TokenId).collect() }
}

fn ann() -> rekey::rotation::decider::Decider {
    setting(Strategy::Overlap, READABLE).decider("ann", 1)
}

/// From when the one effect of the work lane is due.
fn due_from(row: &Rotation) -> jiff::Timestamp {
    due(row)
        .into_iter()
        .find(|owed| !matches!(owed.effect, Effect::Publish { .. } | Effect::Remind { .. }))
        .expect("work is due")
        .from
}

#[test]
fn a_lost_rotate_without_a_successor_is_not_followed_by_another_before_the_horizon() {
    let after = next(&row(Strategy::InPlace, READABLE, sent()), &lost(&[]), at(10)).unwrap();
    assert_eq!(due_from(&after), at(10 + HORIZON));
    let event = Event::MintStarted { attempt: 2, policy: ann().policy };
    assert_eq!(next(&after, &event, at(11)), Err(Refusal::TooEarly));
    assert!(next(&after, &event, at(10 + HORIZON)).is_ok());
}

#[test]
fn the_first_successor_is_rotated_at_once_but_a_later_one_may_be_what_was_just_rotated() {
    let before = row(Strategy::InPlace, READABLE, sent());
    assert!(due_from(&next(&before, &lost(&[2]), at(10)).unwrap()) < at(10));
    let before = row(Strategy::InPlace, READABLE, Phase::Minting { attempt: 2, started: Some(at(0)) });
    let again = Event::ValueLost { attempt: 2, found: [TokenId(2)].into() };
    assert_eq!(due_from(&next(&before, &again, at(10)).unwrap()), at(10 + HORIZON));
}

#[test]
fn a_token_that_rotates_itself_never_does_so_with_the_value_of_a_lost_attempt() {
    let after = next(&row(Strategy::SelfRotate, READABLE, writing()), &lost(&[]), at(10)).unwrap();
    assert_eq!(after.phase.name(), "stuck");
    let retried = next(&after, &Event::Retry { by: ann() }, at(20)).unwrap();
    assert_eq!(retried.phase, writing());
}

#[test]
fn a_blind_store_is_not_written_again_while_an_earlier_write_may_land() {
    let blind = next(&row(Strategy::Overlap, BLIND, writing()), &lost(&[]), at(10)).unwrap();
    assert_eq!(due_from(&blind), at(10 + HORIZON));
    let readable = next(&row(Strategy::Overlap, READABLE, writing()), &lost(&[]), at(10)).unwrap();
    assert!(due_from(&readable) < at(10));
}

#[test]
fn a_blind_store_is_not_restored_while_a_write_of_the_new_value_may_land() {
    let before = row(Strategy::Overlap, BLIND, stuck(writing()));
    let after = next(&before, &Event::Restore { by: ann() }, at(10)).unwrap();
    assert_eq!(due_from(&after), at(10 + HORIZON));
}

#[test]
fn abandoning_keeps_a_lost_token_that_a_store_may_hold_and_says_so() {
    let mut before = row(Strategy::Overlap, BLIND, stuck(writing()));
    before.lost = [TokenId(3)].into();
    before.switched_at = Some(at(0));
    let closing = next(&before, &Event::Abandon { by: ann() }, at(10)).unwrap();
    assert_eq!(closing.phase.name(), "closing");
    let closed =
        next(&closing, &Event::Probed { found: [TokenId(3)].into(), untidy: Vec::new() }, at(10 + HORIZON)).unwrap();
    assert!(closed.phase.is_closed());
    assert!(closed.announcements.iter().any(|told| told.text.contains("token 3 still alive")));
}

#[test]
fn abandoning_after_the_old_token_died_does_not_say_that_it_lives() {
    let pending: BTreeSet<TokenId> = [TokenId(3)].into();
    let close = AfterRevoke::Close(rekey::rotation::phase::Outcome::Done);
    let revoking = Phase::Revoking { new: Some(minted(2, 1)), pending, then: close };
    let before = row(Strategy::Overlap, READABLE, stuck(revoking));
    let after = next(&before, &Event::Abandon { by: ann() }, at(10)).unwrap();
    assert!(after.announcements.iter().all(|told| !told.text.contains("(old)")));
}

#[test]
fn revoking_first_is_not_superseded_by_our_own_revoke() {
    let before = row(Strategy::RevokeFirst, READABLE, Phase::Minting { attempt: 1, started: None });
    let event = Event::Superseded { how: "the token was revoked".into() };
    assert!(matches!(next(&before, &event, at(10)), Err(Refusal::NotNow { .. })));
}

#[test]
fn revoking_first_asks_again_when_its_window_opens_after_the_approval_got_too_old() {
    let mut before = row(Strategy::RevokeFirst, READABLE, Phase::AwaitingApproval);
    let plan = before.plan.hash();
    before = next(&before, &Event::Approve { by: ann(), plan, start_at: at(APPROVAL + 100) }, at(0)).unwrap();
    let after = next(&before, &Event::Tick { policy: ann().policy }, at(APPROVAL + 100)).unwrap();
    assert_eq!((after.phase, after.approvals.len()), (Phase::AwaitingApproval, 0));
}

#[test]
fn revoking_first_asks_again_when_its_window_opens_after_the_approver_lost_the_right() {
    let mut before = row(Strategy::RevokeFirst, READABLE, Phase::AwaitingApproval);
    let plan = before.plan.hash();
    before = next(&before, &Event::Approve { by: ann(), plan, start_at: at(100) }, at(0)).unwrap();
    let begun = next(&before, &Event::Tick { policy: ann().policy }, at(100)).unwrap();
    assert_eq!(begun.phase.name(), "revoking");
    let nobody = Policy { approvers: BTreeSet::new(), ..ann().policy };
    let two = Policy { quorum: 2, ..ann().policy };
    for policy in [nobody, two] {
        let after = next(&before, &Event::Tick { policy }, at(100)).unwrap();
        assert_eq!((after.phase, after.approvals.len()), (Phase::AwaitingApproval, 0));
    }
}

#[test]
fn using_the_old_token_while_its_revoke_waits_starts_another_grace_period() {
    let close = AfterRevoke::Close(rekey::rotation::phase::Outcome::Done);
    let revoking = Phase::Revoking { new: Some(minted(2, 1)), pending: [TokenId(OLD)].into(), then: close };
    let before = row(Strategy::Overlap, READABLE, revoking);
    let seen = Event::OldSeen { last_used: Some(at(50)), ips: Vec::new() };
    let after = next(&before, &seen, at(60)).unwrap();
    assert_eq!(after.phase.name(), "grace");
    assert!(next(&after, &seen, at(61)).is_err());
}

#[test]
fn a_late_failure_of_an_earlier_run_does_not_stop_a_retry() {
    let runs = [(consumer_id(0), Run::Pending)].into();
    let before = row(Strategy::Overlap, READABLE, Phase::Verifying { new: minted(2, 1), runs, passed_at: None });
    let failed = Event::ConsumerFailed { consumer: consumer_id(0), what: "red".into(), url: None, log: None };
    assert_eq!(next(&before, &failed, at(10)), Err(Refusal::Stale));
}

#[test]
fn a_store_that_drifted_is_settled_again_after_the_next_attempt() {
    let runs = [(consumer_id(0), Run::Pending)].into();
    let verifying = Phase::Verifying { new: minted(3, 2), runs, passed_at: None };
    let mut before = row(Strategy::Overlap, READABLE, verifying);
    before.lost = [TokenId(2)].into();
    before.settle_at = Some(at(5));
    let drifted = Event::StoreDrifted { store: store_id(0), holds: Some(TokenId(2)), held: None };
    let after = next(&before, &drifted, at(10)).unwrap();
    assert_eq!(after.settle_at, Some(at(10 + HORIZON)));
}
