//! The known mistakes, each switched on: a broken promise must be found. Where two guards cover the same danger, one
//! mistake alone must be harmless, and both together must be found.

use super::call::Fault;
use super::explore::{self, explore};
use super::mistake::{Mistake, Mistakes};
use super::random;
use super::setting::{BLIND, Kind, READABLE, Setting, Wish};
use Mistake::*;
use rekey::rotation::token::Strategy;

fn overlap(stores: &[Kind], consumers: &[usize]) -> Setting {
    Setting::new("overlap", Strategy::Overlap, stores, consumers)
}

fn readable() -> Setting {
    overlap(&[READABLE], &[0])
}

fn blind() -> Setting {
    overlap(&[BLIND], &[0])
}

fn in_place() -> Setting {
    Setting::new("in_place", Strategy::InPlace, &[READABLE], &[0])
}

fn asked(wishes: &[Wish]) -> Setting {
    readable().wishing(wishes)
}

/// The mistake alone breaks the promise that the finding begins with.
fn found(mistake: Mistake, mut setting: Setting, faults: usize, promise: &str) {
    setting.mistakes = Mistakes::of(&[mistake]);
    let broken = explore(&setting, faults).expect_err("the mistake is found");
    let trace = explore::tell(&setting, &broken.path);
    assert!(broken.wrong.starts_with(promise), "{mistake:?} was found as {}\n{trace}", broken.wrong);
}

/// Each of the mistakes alone is harmless here; together they are found.
fn covered(mistakes: &[Mistake], mut setting: Setting, faults: usize, promise: &str) {
    let with = |more: &[Mistake], setting: &Setting| Mistakes::of(&[more, &setting.always].concat());
    for mistake in mistakes {
        setting.mistakes = with(&[*mistake], &setting);
        let broken = explore(&setting, faults).err();
        let story = broken.map(|broken| format!("{}\n{}", broken.wrong, explore::tell(&setting, &broken.path)));
        assert_eq!(story, None, "{mistake:?} alone");
    }
    setting.mistakes = with(mistakes, &setting);
    let broken = explore(&setting, faults).expect_err("the mistakes are found");
    assert!(broken.wrong.starts_with(promise), "{mistakes:?} were found as {}", broken.wrong);
}

#[test]
fn sending_twice_is_found() {
    found(RetryRotate, in_place(), 1, "I5");
    found(RetryCreate, readable(), 1, "I5");
    found(NoIntent, readable(), 1, "I5");
}

#[test]
fn rotating_the_wrong_token_or_too_soon_is_found() {
    found(RotateOldAgain, in_place(), 1, "I");
    found(RotateTooSoon, in_place(), 1, "I");
}

#[test]
fn revoking_too_early_is_found() {
    found(RevokeBeforeVerify, readable(), 0, "I2");
    found(NoGrace, readable(), 1, "I2");
    found(SweepAtOnce, overlap(&[READABLE, READABLE], &[0]), 1, "I1");
    found(RevokeLostInUse, readable().struck_by(&[Fault::LostAfter, Fault::Used]), 2, "I1");
    found(NoSilence, readable().struck_by(&[Fault::LostAfter, Fault::Used]), 2, "I1");
    let abandoning = blind().wishing(&[Wish::Approve("ann"), Wish::Abandon]);
    found(AbandonSweeps, abandoning.struck_by(&[Fault::CrashAfter, Fault::Refuses]), 2, "I1");
}

#[test]
fn forgetting_that_requests_land_late_is_found() {
    found(ForgetQuarantine, readable(), 1, "I3");
    found(NoClosingProbe, readable(), 1, "I3");
    let late = [Fault::Late, Fault::CrashBefore];
    found(NoBlindWait, overlap(&[READABLE, BLIND], &[0]).struck_by(&late), 2, "I2");
    let restoring = blind().wishing(&[Wish::Approve("ann"), Wish::Restore]);
    found(RestoreTooSoon, restoring.struck_by(&[Fault::Late, Fault::JobFails]), 2, "I1");
}

#[test]
fn a_worker_that_oversleeps_its_lease_is_found() {
    found(NoLeaseCheck, readable(), 1, "I");
    found(StaleCustody, overlap(&[READABLE, BLIND], &[0]).struck_by(&[Fault::Refuses]), 2, "I");
}

#[test]
fn believing_without_looking_is_found() {
    found(TrustLostWrite, overlap(&[READABLE, BLIND], &[0]), 1, "I2");
    found(SkippedPasses, overlap(&[READABLE], &[0, 0]), 1, "I2");
    found(AnyRunCounts, overlap(&[READABLE], &[0, 0]), 0, "I2");
}

#[test]
fn minting_without_end_is_found() {
    let mut setting = readable();
    setting.deaf = true;
    found(EndlessMint, setting.clone(), 0, "I7");
    let ends = explore(&setting, 0).unwrap().ends;
    assert_eq!(ends.into_keys().collect::<Vec<_>>(), ["closed abandoned"]);
}

#[test]
fn deciding_without_the_right_people_is_found() {
    let twice = [Wish::Approve("ann"), Wish::Approve("ann")];
    found(CountClicks, Setting { quorum: 2, ..asked(&twice) }, 0, "I6");
    found(OldPlanCounts, asked(&[Wish::ApproveOldPlan("ann")]), 0, "I6");
    found(RequesterApproves, Setting { requester: Some("ann"), ..asked(&[Wish::Approve("ann")]) }, 0, "I6");
    found(OldApprovalCounts, asked(&[Wish::ApproveForLater("ann")]), 0, "I6");
    found(EmptyMeansAll, Setting { approvers: Vec::new(), ..asked(&[Wish::Approve("ann")]) }, 0, "I6");
    found(AcknowledgeFirst, asked(&[Wish::Approve("ann")]), 1, "I7");
}

/// The look after a lost answer only saves time: the look before closing finds the token as well.
#[test]
fn not_looking_for_a_lost_token_is_covered_by_the_last_look() {
    let mut setting = readable();
    setting.mistakes = Mistakes::of(&[NoProbe]);
    explore(&setting, 1).unwrap();
    setting.mistakes = Mistakes::of(&[NoProbe, NoClosingProbe]);
    assert!(explore(&setting, 1).unwrap_err().wrong.starts_with("I3"));
}

/// A late report is refused twice: by its epoch, and by the machine, which looks at the attempt.
#[test]
fn fencing_and_attempt_numbers_cover_each_other() {
    covered(&[NoFencing, StaleReports], overlap(&[READABLE, BLIND], &[0]), 1, "I2");
}

/// A lost attempt's write that lands late is seen when the stores settle, and again right before a revoke.
#[test]
fn settling_and_reading_before_a_revoke_cover_each_other() {
    let setting = overlap(&[READABLE, READABLE], &[0]).struck_by(&[Fault::Late, Fault::CrashBefore]);
    covered(&[SkipSettle, NoReadBeforeRevoke], setting, 2, "I");
}

/// A write that did not happen is repeated, is read back, and is seen right before the revoke.
#[test]
fn reading_back_is_covered_by_repeating_and_by_reading_before_a_revoke() {
    let setting = overlap(&[READABLE, READABLE], &[0]);
    covered(&[NoReadBack, NoReadBeforeRevoke], setting.believing(TrustLostWrite), 1, "I2");
}

#[test]
fn a_card_that_is_said_to_show_more_than_it_does_is_found() {
    let mistakes = Mistakes::of(&[PublishStale]);
    let wrong = (0..300).find_map(|seed| random::run(seed, mistakes, false).wrong);
    assert!(wrong.is_some_and(|wrong| wrong.starts_with("I9")));
}
