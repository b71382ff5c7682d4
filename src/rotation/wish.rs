//! What people can ask for, and the words in which they ask: one table for every surface.

mod under;

pub use under::commands_under;

use crate::rotation::view::{Action, text};
use crate::secret::hide;
use serde::{Deserialize, Serialize};

/// Characters of a reason that are kept.
const LONGEST_REASON: usize = 500;

/// What a person asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    /// All commands.
    Help,
    /// Who the bot thinks they are.
    WhoAmI,
    /// Managed tokens.
    List(Which),
    /// What a rotation would do.
    Plan {
        /// The managed token.
        token: String,
    },
    /// A rotation now.
    Rotate {
        /// The managed token.
        token: String,
    },
    /// Open rotations, or one of them.
    Status {
        /// Its id, the beginning of it, or its token.
        rotation: Option<String>,
    },
    /// What lies behind a card: plan, evidence, the end of the log.
    Details {
        /// As in `Status`.
        rotation: String,
    },
    /// Past rotations of a token.
    History {
        /// The managed token.
        token: String,
    },
    /// A decision.
    Decide(Decision),
    /// The value leaked: revoke first, then repair.
    Incident {
        /// The managed token.
        token: String,
        /// Why, for the issue; asked for in a form when missing.
        reason: Option<String>,
    },
    /// One-time codes: a new secret, shown once.
    Enroll,
    /// Somebody else's codes may be tried again after too many wrong ones.
    Unlock {
        /// Whose.
        person: String,
    },
    /// The first code of a new secret, which puts it into use.
    ConfirmEnrollment,
    /// Not understood; the verb as it was typed, to suggest the nearest.
    Unclear {
        /// What was typed.
        verb: String,
    },
}

/// Which tokens to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// Every one.
    All,
    /// Near their expiry, or past it.
    Expiring,
    /// Those that the person may decide on.
    Mine,
}

/// A decision on one rotation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// What.
    pub action: Action,
    /// Its id, the beginning of it, or its token.
    pub rotation: String,
    /// The plan hash that the person saw, at least its first eight digits. Needed to approve.
    pub plan: Option<String>,
    /// Snooze: for how long.
    pub snooze_seconds: Option<u64>,
    /// Decline: why, in their words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Retry, restore, abandon: the stop that the person saw. Unset, as in a command: the present one.
    #[serde(default)]
    pub stop: Option<u32>,
}

/// A verb with what it takes and what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command {
    /// The word.
    pub verb: &'static str,
    /// What may follow, as in help.
    pub arguments: &'static str,
    /// What it does, in a few words.
    pub what: &'static str,
}

const fn command(verb: &'static str, arguments: &'static str, what: &'static str) -> Command {
    Command { verb, arguments, what }
}

/// Every command, in the order of help.
pub const COMMANDS: [Command; 17] = [
    command("list", "[expiring|mine]", "managed tokens"),
    command("plan", "<token>", "what a rotation would do"),
    command("rotate", "<token>", "ask for a rotation now"),
    command("status", "[rotation]", "open rotations, or one of them"),
    command("details", "<rotation>", "plan, evidence and log of a rotation"),
    command("approve", "<rotation> <plan>", "say yes to that plan"),
    command("decline", "<rotation> [reason]", "say no, and why"),
    command("snooze", "<rotation> [30m|12h|3d]", "be reminded later"),
    command("retry", "<rotation>", "try again what failed"),
    command("restore", "<rotation>", "put the previous value back where that is possible"),
    command("abandon", "<rotation>", "end it; no token is revoked that a store may hold"),
    command("history", "<token>", "past rotations of a token"),
    command("incident", "<token> [reason]", "the value leaked: revoke first, then repair"),
    command("enroll", "", "set up one-time codes"),
    command("unlock", "<person>", "let somebody try their one-time codes again"),
    command("whoami", "", "who rekey thinks you are"),
    command("help", "", "this list"),
];

impl Wish {
    /// What was typed after the bot's name, such as `approve 01jd 4f2a9c11`. A value that somebody pasted ends here.
    pub fn parse(text: &str) -> Self {
        let text = hide(text);
        let text = text.trim();
        let (verb, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let (verb, rest) = (bare(verb).to_lowercase(), rest.trim());
        let mut words = rest.split_whitespace().map(|word| bare(word).to_owned()).filter(|word| !word.is_empty());
        let (first, second) = (words.next(), words.next());
        match (verb.as_str(), first) {
            ("" | "help", _) => Self::Help,
            ("whoami", _) => Self::WhoAmI,
            ("enroll", _) => Self::Enroll,
            ("status", rotation) => Self::Status { rotation },
            ("list", which) => Self::list(which.as_deref()),
            ("plan", Some(token)) => Self::Plan { token },
            ("rotate", Some(token)) => Self::Rotate { token },
            ("history", Some(token)) => Self::History { token },
            ("unlock", Some(person)) => Self::Unlock { person },
            ("details", Some(rotation)) => Self::Details { rotation },
            ("incident", Some(token)) => {
                let reason = rest.split_once(char::is_whitespace).map(|(_, reason)| reason.to_owned());
                Self::Incident { token, reason: reason.as_deref().and_then(said) }
            }
            ("decline", Some(rotation)) => {
                let others = rest.split_once(char::is_whitespace).map_or("", |(_, others)| others.trim());
                Self::decline(rotation, others)
            }
            (verb, Some(rotation)) => Self::decision(verb, rotation, second),
            _ => Self::Unclear { verb },
        }
    }

    fn list(which: Option<&str>) -> Self {
        match which.map(str::to_lowercase).as_deref() {
            None | Some("all") => Self::List(Which::All),
            Some("expiring") => Self::List(Which::Expiring),
            Some("mine") => Self::List(Which::Mine),
            _ => Self::Unclear { verb: "list".into() },
        }
    }

    /// A plan's hash may come first, as from a card.
    fn decline(rotation: String, rest: &str) -> Self {
        let (first, others) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let is_plan = first.len() >= 8 && first.chars().all(|digit| digit.is_ascii_hexdigit());
        let (plan, reason) = if is_plan { (Some(first.to_owned()), said(others)) } else { (None, said(rest)) };
        Self::Decide(Decision { action: Action::Decline, rotation, plan, snooze_seconds: None, reason, stop: None })
    }

    fn decision(verb: &str, rotation: String, extra: Option<String>) -> Self {
        let unclear = || Self::Unclear { verb: verb.to_owned() };
        let Some(action) = Action::from_word(verb) else { return unclear() };
        let snooze_seconds = match (action, extra.as_deref().map(seconds)) {
            (Action::Snooze, Some(None)) => return unclear(),
            (Action::Snooze, Some(given)) => given,
            _ => None,
        };
        // What cannot be the hash of any plan is no earlier plan either, and is not answered as one.
        if action == Action::Approve && !extra.as_deref().is_some_and(could_be_hash) {
            return unclear();
        }
        let plan = extra.filter(|_| action != Action::Snooze);
        Self::Decide(Decision { action, rotation, plan, snooze_seconds, reason: None, stop: None })
    }

    /// The wish as short text for a button or a form, without what a person typed. At most 100 characters for every
    /// id and token name that the configuration allows; [`Wish::from_id`] reads it back.
    pub fn to_id(&self) -> Option<String> {
        Some(match self {
            Self::Decide(decision) => {
                let plan = decision.plan.as_deref().unwrap_or_default();
                let plan = plan.get(..32).unwrap_or(plan);
                let stop = decision.stop.filter(|_| decision.action.is_about_a_stop());
                let stop = stop.map(|stop| format!(":{stop}")).unwrap_or_default();
                format!("rekey:{}:{}:{plan}{stop}", decision.action.word(), decision.rotation)
            }
            Self::Details { rotation } => format!("rekey:details:{rotation}"),
            Self::Status { rotation: Some(rotation) } => format!("rekey:status:{rotation}"),
            Self::Incident { token, .. } => format!("rekey:incident:{token}"),
            Self::Enroll => "rekey:enroll".into(),
            Self::ConfirmEnrollment => "rekey:confirm".into(),
            _ => return None,
        })
    }

    /// What one of our own buttons or forms means; `None` for anybody else's.
    pub fn from_id(id: &str) -> Option<Self> {
        let (verb, rest) = id.strip_prefix("rekey:")?.split_once(':').unwrap_or((id.strip_prefix("rekey:")?, ""));
        Some(match verb {
            "details" => Self::Details { rotation: rest.to_owned() },
            "status" => Self::Status { rotation: Some(rest.to_owned()) },
            "incident" => Self::Incident { token: rest.to_owned(), reason: None },
            "enroll" => Self::Enroll,
            "confirm" => Self::ConfirmEnrollment,
            verb => {
                let action = Action::from_word(verb)?;
                let (rotation, plan) = rest.split_once(':')?;
                let (plan, stop) = if action.is_about_a_stop() { stop_of(plan)? } else { (plan, None) };
                let plan = Some(plan.to_owned()).filter(|plan| !plan.is_empty());
                Self::Decide(Decision {
                    action,
                    rotation: rotation.to_owned(),
                    plan,
                    snooze_seconds: None,
                    reason: None,
                    stop,
                })
            }
        })
    }

    /// What is asked for now and dealt with later means the stop that there is now.
    pub fn on_stop(mut self, present: u32) -> Self {
        if let Self::Decide(decision) = &mut self {
            decision.stop.get_or_insert(present);
        }
        self
    }

    /// The wish in a word or two, for the journal.
    pub fn in_short(&self) -> String {
        match self {
            Self::Decide(decision) => format!("{} {}", decision.action.word(), decision.rotation),
            Self::Plan { token } => format!("plan {token}"),
            Self::Rotate { token } => format!("rotate {token}"),
            Self::History { token } => format!("history {token}"),
            Self::Incident { token, .. } => format!("incident {token}"),
            Self::Details { rotation } => format!("details {rotation}"),
            Self::Status { rotation } => format!("status {}", rotation.as_deref().unwrap_or_default()),
            Self::List(_) => "list".into(),
            Self::Unlock { person } => format!("unlock {person}"),
            Self::Help => "help".into(),
            Self::WhoAmI => "whoami".into(),
            Self::Enroll | Self::ConfirmEnrollment => "enroll".into(),
            Self::Unclear { verb } => verb.chars().take(40).collect(),
        }
    }
}

/// Plan and stop of a button. One that names no stop is of a time when stops were not counted yet.
fn stop_of(plan: &str) -> Option<(&str, Option<u32>)> {
    let (plan, stop) = plan.split_once(':').unwrap_or((plan, "0"));
    Some((plan, Some(stop.parse().ok()?)))
}

/// A word without what a sentence puts around it: `4f2a9c11.`, `(4f2a9c11)`, `"4f2a9c11"`. No name, id or hash begins or
/// ends so, but for the dashes that a name may have.
fn bare(word: &str) -> &str {
    let outside = |c: char| !c.is_alphanumeric() && !matches!(c, '_' | '-');
    word.trim_start_matches(|c| outside(c) && c != '.').trim_end_matches(outside)
}

fn could_be_hash(word: &str) -> bool {
    (8..=64).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A reason in somebody's words, fit to be stored: one line of bounded length, without what looks like a credential.
pub fn said(words: &str) -> Option<String> {
    Some(text::cut(&text::line(words), LONGEST_REASON)).filter(|words| !words.is_empty())
}

/// `30m`, `12h`, `3d`, at most a year.
pub fn seconds(text: &str) -> Option<u64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit = match unit {
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit).filter(|seconds| (60..=366 * 86_400).contains(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(action: Action, plan: Option<&str>, snooze_seconds: Option<u64>) -> Wish {
        let (rotation, plan) = ("01jd".into(), plan.map(str::to_owned));
        Wish::Decide(Decision { action, rotation, plan, snooze_seconds, reason: None, stop: None })
    }

    #[test]
    fn commands_are_understood_whatever_their_case_and_spacing() {
        assert_eq!(Wish::parse("  LIST "), Wish::List(Which::All));
        assert_eq!(Wish::parse("list Expiring"), Wish::List(Which::Expiring));
        assert_eq!(Wish::parse(""), Wish::Help);
        assert_eq!(Wish::parse("status"), Wish::Status { rotation: None });
        assert_eq!(Wish::parse("approve 01jd  4f2a9c11"), decide(Action::Approve, Some("4f2a9c11"), None));
        for sentence in ["approve 01jd 4f2a9c11.", "Approve: 01jd, 4f2a9c11!", "approve `01jd` (4f2a9c11)…"] {
            assert_eq!(Wish::parse(sentence), decide(Action::Approve, Some("4f2a9c11"), None), "{sentence}");
        }
        assert_eq!(Wish::parse("snooze 01jd 3d"), decide(Action::Snooze, None, Some(259_200)));
        assert_eq!(
            Wish::parse("incident deploy pasted  into a ticket"),
            Wish::Incident { token: "deploy".into(), reason: Some("pasted into a ticket".into()) }
        );
    }

    #[test]
    fn what_is_incomplete_or_unknown_is_not_guessed() {
        for (typed, verb) in [
            ("approve 01jd", "approve"),
            ("approve", "approve"),
            ("approve 01jd .", "approve"),
            ("approve 01jd please", "approve"),
            ("approve 01jd 4f2a9c1", "approve"),
            ("approve 01jd 4f2a-9c11", "approve"),
            ("snooze 01jd soon", "snooze"),
            ("rotat deploy", "rotat"),
            ("list everything", "list"),
            ("plan", "plan"),
        ] {
            assert_eq!(Wish::parse(typed), Wish::Unclear { verb: verb.into() }, "{typed}");
        }
    }

    #[test]
    fn every_command_of_the_table_is_understood() {
        for command in COMMANDS {
            let typed =
                format!("{} deploy 4f2a9c11", command.verb).replace("snooze deploy 4f2a9c11", "snooze deploy 3d");
            let typed = typed.replace("list deploy 4f2a9c11", "list mine");
            assert!(!matches!(Wish::parse(&typed), Wish::Unclear { .. }), "{typed}");
        }
    }

    #[test]
    fn durations_are_short_and_bounded() {
        assert_eq!(seconds("2d"), Some(172_800));
        for wrong in ["", "d", "0d", "1w", "-1d", "9999999999d", "367d", "3é"] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_button_says_what_it_means_in_a_hundred_characters() {
        let rotation = "01jdabcdefghjkmnpqrstvwxyz".to_owned();
        let hash = "0123456789abcdef".repeat(4);
        for action in Action::ALL {
            let (plan, stop) = (Some(hash.clone()), Some(u32::MAX));
            let decision =
                Decision { action, rotation: rotation.clone(), plan, snooze_seconds: None, reason: None, stop };
            let id = Wish::Decide(decision).to_id().expect("a decision has an id");
            assert!(id.len() <= 100, "{id}");
            let Some(Wish::Decide(read)) = Wish::from_id(&id) else { unreachable!("it was a decision: {id}") };
            assert_eq!((read.action, read.rotation), (action, rotation.clone()));
            assert_eq!(read.stop, action.is_about_a_stop().then_some(u32::MAX), "{id}");
            assert!(read.plan.is_some_and(|plan| plan.len() == 32 && hash.starts_with(&plan)));
        }
        for other in
            ["", "rekey:", "rekey:retry:01jd:aa:x", "rekey:dance:01jd:aa", "other:approve:01jd:aa", "rekey:approve"]
        {
            assert_eq!(Wish::from_id(other), None, "{other}");
        }
    }

    #[test]
    fn a_button_of_a_time_when_stops_were_not_counted_is_read_and_is_of_none_that_was() {
        for id in ["rekey:retry:01jd:aa", "rekey:abandon:01jd:"] {
            let Some(Wish::Decide(read)) = Wish::from_id(id) else { unreachable!("it was a decision: {id}") };
            assert_eq!(read.stop, Some(0), "{id}");
        }
    }
}
