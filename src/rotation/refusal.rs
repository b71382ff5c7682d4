//! Why an event changes nothing. Shown privately to the person who clicked, so each is a friendly sentence.

use super::group::Group;
use super::ids::PersonId;
use super::phase::Phase;
use super::record::Rotation;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// The way out for the only approver of a token.
const NOBODY_ELSE: &str =
    ", and nobody else may; decline it and let somebody else ask, or name a second approver for this token";

/// Why an event changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The rotation is past, or not yet at, the point where this means something.
    #[error("nothing to do: this rotation is {phase}")]
    NotNow {
        /// Where it stands, in words.
        phase: String,
    },
    /// A report of a worker that has been overtaken.
    #[error("this is about an attempt that is over")]
    Stale,
    /// The person is not an approver of this token.
    #[error("{}", not_allowed(approvers, groups, unproven))]
    NotAllowed {
        /// Who is.
        approvers: BTreeSet<PersonId>,
        /// Groups whose members are, too.
        groups: BTreeSet<Group>,
        /// Why nobody could be proven to be in some of them.
        unproven: Vec<String>,
    },
    /// It could not be found out whether the person may.
    #[error("it could not be found out whether you may, so nothing happened: {why}. Please try again")]
    Unproven {
        /// Why, in words.
        why: String,
    },
    /// Two accounts that may be one person's.
    #[error(
        "rekey cannot tell whether {person} and {other} are two people, so this does not count; ask its administrator to \
         add their accounts to [people]"
    )]
    PerhapsSame {
        /// Who decides.
        person: PersonId,
        /// Who asked, or said yes before.
        other: PersonId,
    },
    /// The person asked for the rotation.
    #[error("you asked for this rotation, so somebody else has to approve it{}", if *alone { NOBODY_ELSE } else { "" })]
    OwnRequest {
        /// Whether nobody else may approve.
        alone: bool,
    },
    /// The person asks for a rotation that could not be approved without them.
    #[error("{}", nobody_else(*needed))]
    NobodyElse {
        /// Distinct approvers needed.
        needed: usize,
    },
    /// Codes are unlocked by somebody else only.
    #[error(
        "only an administrator, or another approver of the same token, lets somebody try their one-time codes again; so does \
         `rekey people unlock-code` on the server"
    )]
    MayNotUnlock,
    /// A shell said yes for somebody already.
    #[error(
        "a yes from a shell counts already, and all of them together are one person's; the others decide in chat or on the \
         issue"
    )]
    OneShell,
    /// Shells decide for nobody here.
    #[error("--as decides for nobody here ([rotation] decide_as = false); decide in chat or on the issue")]
    ShellsMayNot,
    /// The token asks for a one-time code, and none came.
    #[error("this token asks for a one-time code with the decision; decide in Slack or Discord, which can ask for it")]
    CodeNeeded,
    /// The person approved this plan before.
    #[error("you approved this plan already; {missing} more needed")]
    AlreadyApproved {
        /// How many are missing.
        missing: usize,
    },
    /// The decision fell before.
    #[error("already decided: {how}")]
    AlreadyDecided {
        /// How, by whom and when.
        how: String,
    },
    /// The approval is for an earlier plan.
    #[error("the plan has changed; the present one is {current}. Look at it before you approve")]
    PlanChanged {
        /// The short hash of the present plan.
        current: String,
    },
    /// The button belongs to an earlier stop.
    #[error("that was an earlier stop, so nothing was done; look at the card, which says why it stands still now")]
    EarlierStop,
    /// Something must be mended first.
    #[error("cannot be approved yet: {why}")]
    Blocked {
        /// What.
        why: String,
    },
    /// The wish cannot be granted.
    #[error("{why}")]
    Impossible {
        /// Why.
        why: String,
    },
    /// The moment has not come.
    #[error("it is too early for that")]
    TooEarly,
}

impl Refusal {
    pub(super) fn not_now(rotation: &Rotation) -> Self {
        Self::NotNow { phase: in_words(&rotation.phase).to_owned() }
    }

    /// The refusal's name, as in metrics and the journal.
    pub fn name(&self) -> &'static str {
        match self {
            Self::NotNow { .. } => "not_now",
            Self::Stale => "stale",
            Self::NotAllowed { .. } => "not_allowed",
            Self::Unproven { .. } => "unproven",
            Self::PerhapsSame { .. } => "perhaps_same",
            Self::NobodyElse { .. } => "nobody_else",
            Self::MayNotUnlock => "may_not_unlock",
            Self::OneShell => "one_shell",
            Self::ShellsMayNot => "shells_may_not",
            Self::CodeNeeded => "code_needed",
            Self::OwnRequest { .. } => "own_request",
            Self::AlreadyApproved { .. } => "already_approved",
            Self::AlreadyDecided { .. } => "already_decided",
            Self::PlanChanged { .. } => "plan_changed",
            Self::EarlierStop => "earlier_stop",
            Self::Blocked { .. } => "blocked",
            Self::Impossible { .. } => "impossible",
            Self::TooEarly => "too_early",
        }
    }
}

/// The phase as a person would say it after "this rotation is".
pub fn in_words(phase: &Phase) -> &'static str {
    match phase {
        Phase::AwaitingApproval => "waiting for approval",
        Phase::Scheduled { .. } => "approved and waiting for its window",
        Phase::Minting { .. } => "making the new token",
        Phase::Distributing { .. } => "writing the stores",
        Phase::Verifying { .. } => "proving the new token",
        Phase::Grace { .. } => "waiting for the old token to stay silent",
        Phase::Restoring { .. } => "putting the previous value back",
        Phase::Revoking { .. } => "revoking",
        Phase::Closing { .. } => "about to close",
        Phase::Closed { .. } => "closed",
        Phase::Stuck { .. } => "stuck and needs a person",
    }
}

fn nobody_else(needed: usize) -> String {
    let approvers = if needed == 1 { "an approver".to_owned() } else { format!("{needed} approvers") };
    format!(
        "it takes {approvers} other than whoever asks, and without you there are too few, so nothing was opened. Let \
         somebody who does not approve it ask, or run `rekey rotate` on the server without --as; near its expiry it is \
         opened by itself"
    )
}

fn not_allowed(approvers: &BTreeSet<PersonId>, groups: &BTreeSet<Group>, unproven: &[String]) -> String {
    if approvers.is_empty() && groups.is_empty() {
        return "nobody may decide on this token: its list of approvers is empty".to_owned();
    }
    let people = approvers.iter().map(|person| person.0.clone());
    let groups = groups.iter().map(|group| format!("somebody in {}", group.in_words()));
    let ask: Vec<String> = people.chain(groups).collect();
    let mut words = format!("only its approvers may decide on this token; ask {}", ask.join(", "));
    if !unproven.is_empty() {
        words.push_str(&format!(
            ". Nobody counts as a member at present where rekey cannot look: {}",
            unproven.join("; ")
        ));
    }
    words
}

/// A moment as it is told in a sentence.
pub fn when(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}
