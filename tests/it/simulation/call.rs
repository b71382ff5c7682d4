//! What a worker asks of the outside, what it hears back, and what can go wrong on the way.

/// One request. Token values are modelled by the token's number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// Live tokens of ours; of one attempt, or of all.
    List {
        attempt: Option<u32>,
    },
    Create {
        attempt: u32,
    },
    Rotate {
        token: u64,
        attempt: u32,
    },
    /// Rotate with the token's own authority.
    SelfRotate {
        value: u64,
        attempt: u32,
    },
    ReadStore {
        store: usize,
    },
    Write {
        store: usize,
        value: u64,
    },
    FindRun {
        consumer: usize,
        after: u64,
    },
    StartRun {
        consumer: usize,
        outcome: Job,
    },
    ReadRun {
        run: usize,
    },
    ReadToken {
        token: u64,
    },
    Delete {
        token: u64,
    },
    Publish {
        revision: u64,
        announced: u32,
    },
}

/// How a consumer's job ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// Uses the token it finds in the store: passes if that token lives.
    Runs,
    Skipped,
    Fails,
}

/// What comes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Done,
    Token(u64),
    Tokens(Vec<u64>),
    Value(u64),
    Run(Option<usize>),
    Passed(bool),
    Seen {
        alive: bool,
        last_used: Option<i64>,
    },
    Refused,
    /// Certainly without effect.
    NotSent,
    Unknown,
}

/// What can go wrong with one request or one commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    NotSent,
    LostBefore,
    LostAfter,
    /// The answer is lost and the effect comes later, or never.
    Late,
    /// Answered, and delivered once more later.
    Twice,
    CrashBefore,
    CrashAfter,
    /// The worker sleeps past its lease before sending.
    StallBefore,
    /// The worker sleeps past its lease before it sees the answer.
    StallAfter,
    JobSkipped,
    JobFails,
    /// Somebody uses the token just now.
    Used,
    /// A final no.
    Refuses,
}

impl Call {
    /// Whether it only looks.
    pub fn reads(&self) -> bool {
        use Call::*;
        matches!(self, List { .. } | ReadStore { .. } | FindRun { .. } | ReadRun { .. } | ReadToken { .. })
    }

    fn rotates(&self) -> bool {
        matches!(self, Call::Rotate { .. } | Call::SelfRotate { .. })
    }

    /// The faults worth trying. A read has no effect, so whether its answer is lost before or after is the same. A rotate
    /// delivered twice by a proxy may kill the family whatever we do, so it is left out.
    pub fn faults(&self) -> Vec<Fault> {
        use Fault::*;
        let mut faults = match self {
            _ if self.reads() => vec![LostBefore, CrashBefore, StallBefore],
            Call::Publish { .. } => vec![LostBefore, LostAfter, CrashBefore, CrashAfter, StallBefore, StallAfter],
            _ => vec![NotSent, LostBefore, LostAfter, Late, CrashBefore, CrashAfter, StallBefore, StallAfter],
        };
        if !self.reads() && !self.rotates() && !matches!(self, Call::Publish { .. }) {
            faults.push(Twice);
        }
        match self {
            Call::StartRun { .. } => faults.extend([JobSkipped, JobFails]),
            Call::ReadToken { .. } => faults.push(Used),
            Call::Write { .. } | Call::Create { .. } => faults.push(Refuses),
            _ => {}
        }
        faults
    }
}

/// What can go wrong with a commit.
pub const COMMIT_FAULTS: [Fault; 5] =
    [Fault::LostBefore, Fault::LostAfter, Fault::CrashBefore, Fault::CrashAfter, Fault::StallBefore];

impl Call {
    /// Whether the order of the two can make a difference: they touch the same store, token or job.
    pub fn touches(&self, other: &Call, world: &super::world::World) -> bool {
        use Call::*;
        let reads = |consumer: usize| world.setting.consumers[consumer];
        match (self, other) {
            (Publish { .. }, _) | (_, Publish { .. }) => matches!((self, other), (Publish { .. }, Publish { .. })),
            (Create { .. }, List { .. }) => true,
            (Create { .. }, _) => false,
            (Write { store, .. }, ReadStore { store: other } | Write { store: other, .. }) => store == other,
            (Write { store, .. }, StartRun { consumer, .. }) => *store == reads(*consumer),
            (Write { .. }, Delete { .. }) => true,
            (Write { .. }, _) => false,
            (StartRun { consumer, .. }, FindRun { consumer: other, .. } | StartRun { consumer: other, .. }) => {
                consumer == other
            }
            (StartRun { consumer, .. }, Write { store, .. }) => *store == reads(*consumer),
            (StartRun { .. }, ReadToken { .. } | Delete { .. } | Rotate { .. } | SelfRotate { .. }) => true,
            (StartRun { .. }, _) => false,
            (Delete { .. } | Rotate { .. } | SelfRotate { .. }, FindRun { .. } | ReadRun { .. }) => false,
            (Rotate { .. } | SelfRotate { .. }, ReadStore { .. }) => false,
            _ => true,
        }
    }

    /// Whether it may land after a rotation is done without changing anything.
    pub fn is_harmless_after_done(&self, world: &super::world::World) -> bool {
        match self {
            Call::Write { store, value } => world.stores[*store] == *value,
            Call::Delete { token } => !world.alive(*token),
            Call::StartRun { .. } | Call::Publish { .. } => true,
            Call::Create { .. } | Call::Rotate { .. } | Call::SelfRotate { .. } => false,
            _ => true,
        }
    }
}
