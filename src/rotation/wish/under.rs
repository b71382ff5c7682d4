//! What people ask for under the issue of a rotation: which rotation and which token is meant goes without saying.

use super::{COMMANDS, Command, Wish, bare};
use crate::rotation::ids::{RotationId, TokenName};
use crate::rotation::view::Action;

impl Wish {
    /// What was said after the bot's name under the issue of this rotation, such as `approve 4f2a9c11`.
    pub fn under(rotation: &RotationId, token: &TokenName, text: &str) -> Self {
        let (verb, rest) = text.trim().split_once(char::is_whitespace).unwrap_or((text.trim(), ""));
        let verb = bare(verb).to_lowercase();
        let rest = without_name(rotation, token, rest.trim());
        match verb.as_str() {
            "" | "help" | "whoami" => Self::parse(&verb),
            "incident" | "plan" | "history" => Self::parse(&format!("{verb} {token} {rest}")),
            "status" | "details" => Self::parse(&format!("{verb} {rotation}")),
            word if Action::from_word(word).is_some() => Self::parse(&format!("{verb} {rotation} {rest}")),
            _ => Self::Unclear { verb },
        }
    }
}

/// A command as it is typed under an issue.
pub fn commands_under() -> impl Iterator<Item = Command> {
    let elsewhere = ["list", "rotate", "enroll", "unlock"];
    let here = COMMANDS.into_iter().filter(move |command| !elsewhere.contains(&command.verb));
    here.map(|command| {
        let implied = ["<rotation>", "[rotation]", "<token>"];
        let arguments = implied.iter().find_map(|name| command.arguments.strip_prefix(name));
        let what = if command.verb == "status" { "where it stands" } else { command.what };
        Command { arguments: arguments.unwrap_or(command.arguments).trim_start(), what, ..command }
    })
}

/// Who copies a command from a messenger names the rotation all the same.
fn without_name<'a>(rotation: &RotationId, token: &TokenName, rest: &'a str) -> &'a str {
    let (first, others) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let name = bare(first);
    let named = name == token.as_str() || (name.len() >= 6 && rotation.as_str().starts_with(&name.to_lowercase()));
    if named { others.trim() } else { rest }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotation::wish::Decision;

    const ROTATION: &str = "01kakf7rm0000000000000000a";

    fn under(text: &str) -> Wish {
        Wish::under(&ROTATION.into(), &"deploy".into(), text)
    }

    fn decide(action: Action, plan: Option<&str>, snooze_seconds: Option<u64>) -> Wish {
        Wish::Decide(Decision {
            action,
            rotation: ROTATION.into(),
            plan: plan.map(str::to_owned),
            snooze_seconds,
            reason: None,
            stop: None,
        })
    }

    #[test]
    fn the_issue_says_which_rotation_is_meant() {
        assert_eq!(under("approve 4f2a9c11"), decide(Action::Approve, Some("4f2a9c11"), None));
        assert_eq!(under("Snooze 3d"), decide(Action::Snooze, None, Some(259_200)));
        assert_eq!(under("retry"), decide(Action::Retry, None, None));
        assert_eq!(under("status"), Wish::Status { rotation: Some(ROTATION.into()) });
        assert_eq!(under("details"), Wish::Details { rotation: ROTATION.into() });
        assert_eq!(under("history"), Wish::History { token: "deploy".into() });
        let reason = Some("it is in a paste".to_owned());
        assert_eq!(under("incident it is in a paste"), Wish::Incident { token: "deploy".into(), reason });
        assert_eq!(under(""), Wish::Help);
    }

    #[test]
    fn what_ends_a_sentence_is_no_part_of_the_hash() {
        for end in [".", ",", "!", "?", ";", ":", "…", ")", "`", "\"", "。", "”", "**", ".)"] {
            assert_eq!(under(&format!("approve 4f2a9c11{end}")), under("approve 4f2a9c11"), "{end}");
        }
        assert_eq!(under("approve: (4f2a9c11)"), under("approve 4f2a9c11"));
        assert_eq!(under("status."), under("status"));
        assert_eq!(under("snooze 3d, please"), under("snooze 3d"));
        assert_eq!(under("approve that"), Wish::Unclear { verb: "approve".into() });
    }

    #[test]
    fn a_command_copied_from_a_messenger_means_the_same() {
        assert_eq!(under("approve 01KAKF7RM0 4f2a9c11"), under("approve 4f2a9c11"));
        assert_eq!(under("plan deploy"), under("plan"));
    }

    #[test]
    fn nothing_reaches_beyond_the_issue() {
        for verb in ["list", "rotate", "enroll", "dance"] {
            assert_eq!(under(&format!("{verb} other-token")), Wish::Unclear { verb: verb.into() });
        }
        assert_eq!(under("approve"), Wish::Unclear { verb: "approve".into() });
        assert_eq!(under("history other-token"), Wish::History { token: "deploy".into() });
        let Wish::Decide(declined) = under("decline 01other00000000000000000000") else { unreachable!("a decision") };
        assert_eq!(declined.rotation, "01kakf7rm0000000000000000a");
        assert_eq!(declined.plan, None, "what follows is the reason");
        assert_eq!(declined.reason.as_deref(), Some("01other00000000000000000000"));
    }

    #[test]
    fn every_command_under_an_issue_is_understood() {
        for command in commands_under() {
            let plan = command.arguments.replace("<plan>", "4f2a9c11").replace("[30m|12h|3d]", "3d");
            assert!(!matches!(under(&format!("{} {plan}", command.verb)), Wish::Unclear { .. }), "{}", command.verb);
        }
    }
}
