//! Known mistakes, each a switch: with any of them on, the simulation must find a broken promise.

/// A set of mistakes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mistakes(u64);

impl Mistakes {
    pub fn of(list: &[Mistake]) -> Self {
        Self(list.iter().fold(0, |set, mistake| set | (1 << *mistake as u64)))
    }

    pub fn has(self, mistake: Mistake) -> bool {
        self.0 & (1 << mistake as u64) != 0
    }
}

/// What a hurried author of the engine or the machine might do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// A rotate whose answer was lost is sent again.
    RetryRotate,
    /// A create whose answer was lost is sent again under the same attempt.
    RetryCreate,
    /// After a lost rotate the old token is rotated again, not its successor.
    RotateOldAgain,
    /// After a lost rotate without a successor the next one is sent at once.
    RotateTooSoon,
    /// Tokens whose value is lost are revoked at once.
    SweepAtOnce,
    /// The old token is revoked as soon as the stores are written.
    RevokeBeforeVerify,
    /// Nothing is read before a revoke.
    NoReadBeforeRevoke,
    /// A click is acknowledged before it is committed.
    AcknowledgeFirst,
    /// The machine does not look which attempt a report is about.
    StaleReports,
    /// A report counts whatever its epoch.
    NoFencing,
    /// Requests are sent without looking at the lease.
    NoLeaseCheck,
    /// No look for tokens with our marker when an answer was lost.
    NoProbe,
    /// No look for tokens with our marker before closing.
    NoClosingProbe,
    /// The create is sent before the intent is written down.
    NoIntent,
    /// Revokes do not wait for requests that may still land.
    ForgetQuarantine,
    /// Stores are not read again after a lost attempt.
    SkipSettle,
    /// After a lost attempt a store that cannot be read is written at once.
    NoBlindWait,
    /// A store that cannot be read is restored at once.
    RestoreTooSoon,
    /// A token in use is revoked because its value is lost to us.
    RevokeLostInUse,
    /// A token that was used is revoked at the next look, without waiting whether it falls silent.
    NoSilence,
    /// A write whose answer was lost counts as done.
    TrustLostWrite,
    /// A write is not read back.
    NoReadBack,
    /// Whatever value is in memory is written, also that of an earlier attempt.
    StaleCustody,
    /// A skipped job counts as passed.
    SkippedPasses,
    /// A run from before the switch counts.
    AnyRunCounts,
    /// The old token is not watched.
    NoGrace,
    /// The machine mints again without end.
    EndlessMint,
    /// A person's second click counts as a second person.
    CountClicks,
    /// An approval of an earlier plan counts for this one.
    OldPlanCounts,
    /// The requester may approve.
    RequesterApproves,
    /// An approval never gets too old.
    OldApprovalCounts,
    /// An empty list of approvers means everybody.
    EmptyMeansAll,
    /// A surface is said to show what it was not given.
    PublishStale,
    /// Abandoning revokes whatever was lost, whether a store holds it or not.
    AbandonSweeps,
}
