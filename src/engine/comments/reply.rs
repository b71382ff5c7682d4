//! What is answered to a comment. Everybody who sees the issue can read it, there are no buttons and no forms, and a
//! decision that counted needs no words: the issue shows it, and the comment gets a thumb.

use super::place;
use crate::engine::ISSUE;
use crate::engine::desk::{Answer, Ask, Field, words};
use crate::engine::{Engine, desk::Reception as _};
use crate::rotation::ids::PlanHash;
use crate::rotation::view::prose::{Line, Prose};
use crate::rotation::view::{Action, actions};
use crate::rotation::wish::{Command, Decision, Wish, commands_under};

impl Engine {
    /// Answers a comment: words where somebody must be told something.
    pub(in crate::engine) async fn answer_comment(&self, ask: &Ask, answer: &Answer) {
        let login = match self.gitlab.account().await {
            Ok(account) => account.login.clone(),
            Err(error) => return tracing::warn!(%error, "a comment was not answered"),
        };
        let plan = match &ask.wish {
            Wish::Unclear { verb } if verb == Action::Approve.word() => self.plan_under(ask).await,
            _ => None,
        };
        match said(&login, &ask.wish, answer, plan.as_ref()) {
            Some(prose) => self.whisper(&ask.caller, &prose).await,
            None => self.nod(ask).await,
        }
    }

    /// The plan that can be approved under the issue of a comment.
    async fn plan_under(&self, ask: &Ask) -> Option<PlanHash> {
        let (iid, _) = ask.caller.channel.as_deref().and_then(place)?;
        for id in self.ledger.by_reference(ISSUE, &iid.to_string()).await.ok()? {
            let rotation = self.ledger.load(&id).await.ok().flatten();
            if let Some(rotation) = rotation.filter(|rotation| actions(rotation).contains(&Action::Approve)) {
                return Some(rotation.plan.hash());
            }
        }
        None
    }

    async fn nod(&self, ask: &Ask) {
        let project = self.settings.issues_project.as_deref();
        let Some((project, (iid, note))) = project.zip(ask.caller.channel.as_deref().and_then(place)) else { return };
        if let Err(error) = self.gitlab.react(project, iid, note, "thumbsup").await {
            tracing::debug!(%error, surface = ISSUE, "no reaction; the issue shows the decision all the same");
        }
    }
}

/// The words, if any are needed. `plan` is set where an approval named none.
fn said(login: &str, wish: &Wish, answer: &Answer, plan: Option<&PlanHash>) -> Option<Prose> {
    Some(match (wish, answer) {
        (_, Answer::Done(_)) => return None,
        (Wish::Help, Answer::Private(prose)) if *prose == words::help() => help(login),
        (Wish::Unclear { .. }, Answer::Private(_)) if plan.is_some() => {
            Line::text("Which plan? For the present one write ")
                .and_code(typed(login, &format!("approve {}", plan?.short())))
                .and(".")
                .into()
        }
        (Wish::Unclear { verb }, Answer::Private(prose)) if *prose == words::usage(verb) => usage(login, verb),
        (_, Answer::Form(form)) if form.fields.contains(&Field::Code) => Prose::words(
            "This token asks for a one-time code with every decision, and a comment is no place for one. Please decide \
             on the card, in Slack or Discord.",
        ),
        (Wish::Incident { .. }, Answer::Form(_)) => Line::text("What happened? Please say it in a new comment: ")
            .and_code(typed(login, "incident <what happened>"))
            .into(),
        (Wish::Decide(_), Answer::Form(_)) => {
            Line::text("Why not? Please say it in a new comment: ").and_code(typed(login, "decline <reason>")).into()
        }
        (_, Answer::Offer { prose, wish, .. }) => prose.clone().line(go_on(login, wish)),
        (_, other) => words::outline(other),
    })
}

/// Instead of a button.
fn go_on(login: &str, wish: &Wish) -> Line {
    match wish {
        Wish::Decide(Decision { action: Action::Approve, plan: Some(plan), .. }) => {
            let short = plan.get(..12).unwrap_or(plan);
            Line::text("To go on, write: ").and_code(typed(login, &format!("approve {short}")))
        }
        _ => Line::text("Please go on in the messenger."),
    }
}

fn help(login: &str) -> Prose {
    commands_under().map(|command| usage_line(login, &command)).collect()
}

fn usage(login: &str, verb: &str) -> Prose {
    if let Some(command) = commands_under().find(|command| command.verb == verb) {
        return usage_line(login, &command).into();
    }
    let unknown = Line::text("I do not know ").and_code(verb.chars().take(40).collect::<String>());
    let near = commands_under().map(|command| (strsim::damerau_levenshtein(verb, command.verb), command));
    match near.min_by_key(|near| near.0) {
        Some((distance, command)) if distance <= 2 => {
            Prose::from(unknown.and(" here. Did you mean:")).line(usage_line(login, &command))
        }
        _ => {
            let mut prose = Prose::from(unknown.and(" here. I know:"));
            prose.0.extend(help(login).0);
            prose
        }
    }
}

fn usage_line(login: &str, command: &Command) -> Line {
    let typed = typed(login, &format!("{} {}", command.verb, command.arguments));
    Line::code(typed.trim_end()).and(format!("  {}", command.what))
}

fn typed(login: &str, command: &str) -> String {
    format!("@{login} {command}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_under_an_issue_can_be_typed_there() {
        let help = help("rekey").plain();
        assert!(help.starts_with("@rekey plan  what a rotation would do\n@rekey status  where it stands\n"), "{help}");
        assert!(help.contains("\n@rekey approve <plan>  say yes to that plan\n"), "{help}");
        assert!(!help.contains("/rekey") && !help.contains("<rotation>"), "{help}");
    }

    #[test]
    fn a_command_without_its_plan_is_answered_with_how_it_is_used() {
        let unclear = Wish::Unclear { verb: "approve".into() };
        let usage = Answer::Private(words::usage("approve"));
        let told = |plan: Option<&PlanHash>| said("rekey", &unclear, &usage, plan).unwrap_or_default().plain();
        assert_eq!(told(None), "@rekey approve <plan>  say yes to that plan");
        let present = PlanHash::from("4f2a9c11d0e37788");
        assert_eq!(told(Some(&present)), "Which plan? For the present one write @rekey approve 4f2a9c11d0e3.");
    }
}
