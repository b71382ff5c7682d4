//! What people are told privately, in the same words on every surface.

mod lists;

pub use lists::{history, open, standing, token, tokens};

use super::visitors::Stranger;
use super::{Answer, Caller};
use crate::engine::issue::ISSUE;
use crate::engine::step_up::Invitation;
use crate::engine::step_up::picture::{Ink, picture};
use crate::engine::{EngineError, OpenedRotation};
use crate::ledger::Lock;
use crate::rotation::ids::{PersonId, RotationId, TokenName};
use crate::rotation::phase::Phase;
use crate::rotation::plan::{Plan, PlannedStore};
use crate::rotation::policy::Policy;
use crate::rotation::record::{Evidence, Rotation};
use crate::rotation::view::prose::{Line, Prose, Span};
use crate::rotation::view::text::sentence;
use crate::rotation::wish::{COMMANDS, Command, Wish};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

/// Longest list.
const MOST: usize = 30;

/// All commands.
pub fn help() -> Prose {
    COMMANDS.iter().map(usage_line).collect()
}

fn usage_line(command: &Command) -> Line {
    let typed = format!("/rekey {} {}", command.verb, command.arguments);
    Line::code(typed.trim_end()).and(format!("  {}", command.what))
}

/// How a command is used, or the one that was probably meant.
pub fn usage(verb: &str) -> Prose {
    if let Some(command) = COMMANDS.iter().find(|command| command.verb == verb) {
        return Prose::from(usage_line(command));
    }
    let unknown = Line::text("I do not know ").and_code(verb.chars().take(40).collect::<String>());
    let near = COMMANDS.iter().map(|command| (strsim::damerau_levenshtein(verb, command.verb), command));
    match near.min_by_key(|near| near.0) {
        Some((distance, command)) if distance <= 2 => {
            Prose::from(unknown.and(". Did you mean:")).line(usage_line(command))
        }
        _ => {
            let mut prose = Prose::from(unknown.and(". I know:"));
            prose.0.extend(help().0);
            prose
        }
    }
}

/// Who somebody is here.
pub fn who(person: &PersonId, caller: &Caller) -> Prose {
    let line = Line::text("You are ").and_code(&person.0).and(" here");
    let account = Line::text(format!(" ({} ", surface(caller))).and_code(&caller.account);
    line.join(account).and(format!(", {} ", place(caller))).and_code(&caller.place).and(").").into()
}

fn surface(caller: &Caller) -> &'static str {
    match caller.surface.as_str() {
        "slack" => "Slack user",
        "discord" => "Discord user",
        _ => "GitLab user",
    }
}

fn place(caller: &Caller) -> &'static str {
    match caller.surface.as_str() {
        "slack" => "workspace",
        "discord" => "server",
        _ => "instance",
    }
}

/// Why somebody is not served.
pub fn stranger(stranger: &Stranger, caller: &Caller) -> Prose {
    match stranger {
        Stranger::Elsewhere => Prose::words(format!("rekey answers only to people of its own {}.", place(caller))),
        Stranger::Misplaced(why) => Prose::words(*why),
        Stranger::Guest => Prose::words("rekey does not answer to guests."),
        Stranger::Deactivated => Prose::words("Your account is deactivated, so rekey does not answer to it."),
        Stranger::Unproven(why) => {
            Prose::words(format!("rekey could not find out who you are, so it did nothing: {why}. Please try again."))
        }
        Stranger::Unknown if caller.surface.as_str() == ISSUE => Prose::words(
            "rekey does not know you. Ask its administrator to add your GitLab login to the configuration.",
        ),
        Stranger::Unknown => {
            let line = Line::text("rekey does not know you. Ask its administrator to add your ");
            let account = line.and(format!("{} ", surface(caller))).and_code(&caller.account);
            account.and(format!(" ({} ", place(caller))).and_code(&caller.place).and(") to the configuration.").into()
        }
    }
}

/// What stands where a private button was, once its press is committed.
pub const NOTED: &str = "Noted; the card shows what comes of it.";

/// On the button that opens a form for what was said in words.
pub const OPEN: &str = "Open the form";

/// What somebody is told whose click lay about for too long. It may have been dealt with and only not ticked off.
pub fn too_late(caller: &Caller, age: SignedDuration) -> Prose {
    let (what, again) = if caller.surface.as_str() == ISSUE {
        ("comment", "look at the issue, and write a new one if it is still needed")
    } else {
        ("click", "look at the card, and press again if it is still needed")
    };
    let ago = match age.as_mins() {
        minutes @ ..120 => format!("{minutes} minutes"),
        minutes @ ..2_880 => format!("{} hours", minutes / 60),
        minutes => format!("{} days", minutes / 1_440),
    };
    Prose::words(format!("Your {what} came {ago} ago, while I was away, so I leave it alone now. Please {again}."))
}

/// An error as a sentence.
pub fn refusal(error: &EngineError) -> Prose {
    let said = Line::text(sentence(&error.to_string()));
    match error {
        EngineError::NoToken { .. } => said.and(" See ").and_code("/rekey list").and("."),
        EngineError::NoRotation { .. } => said.and(" See ").and_code("/rekey status").and("."),
        EngineError::NeverRotated { token } => {
            said.and(" Type ").and_code(format!("/rekey rotate {token}")).and(" to open one.")
        }
        EngineError::Locked { mend, .. } => said.and(format!(" To mend it: {mend}.")),
        _ => said,
    }
    .into()
}

/// For somebody who asks for more than their share.
pub fn too_fast(wait: SignedDuration) -> Prose {
    let seconds = wait.as_secs().max(1);
    Prose::words(format!(
        "You have asked for a lot just now, and rotations need GitLab too. Please try again in {seconds} s; decisions on \
         cards are not held back."
    ))
}

/// What asking for a rotation came to. `nobody_else`: only who asked could approve it, and may not.
pub fn opened(opened: &OpenedRotation, nobody_else: bool) -> Prose {
    const NOBODY: &str = "you asked for it and nobody else may approve. Decline it and let somebody else ask, or name a \
                          second approver for this token. ";
    match opened {
        OpenedRotation::New(rotation) if nobody_else => {
            Line::text(format!("Opened, but {NOBODY}")).join(standing(rotation)).into()
        }
        OpenedRotation::Existing(rotation) if nobody_else => {
            Line::text(format!("There is one already, but {NOBODY}")).join(standing(rotation)).into()
        }
        OpenedRotation::New(rotation) => Line::text("Opened. ").join(standing(rotation)).into(),
        OpenedRotation::Existing(rotation) => Line::text("There is one already. ").join(standing(rotation)).into(),
        OpenedRotation::NotDue(found) => {
            let mut prose = Prose::words("Nothing to rotate yet. What it would do:");
            prose.0.extend(plan(found).0);
            prose
        }
    }
}

/// When somebody who asked for it is reminded again.
pub fn snoozed(rotation: &Rotation, person: &PersonId) -> Prose {
    let Some(until) = rotation.snoozed.get(person).copied() else { return standing(rotation).into() };
    let line = Line::text("You will be reminded of ").and_code(rotation.plan.token.as_str()).and(" on ");
    let line = line.then(Span::Moment(until)).and(". The token ");
    let prose = Prose::from(match rotation.plan.old.expires_at {
        Some(date) => line.and("expires on ").then(Span::Date(date)).and("."),
        None => line.and("has no expiry."),
    });
    match rotation.snoozed_until {
        Some(_) => prose,
        None => prose.line(Line::text("The other approvers are reminded as before.")),
    }
}

/// A plan, exactly.
pub fn plan(plan: &Plan) -> Prose {
    let scopes: Vec<&str> = plan.new.scopes.iter().map(String::as_str).collect();
    let scopes = if scopes.is_empty() { "none".to_owned() } else { scopes.join(", ") };
    let mut lines = vec![
        Line::text("Plan ").and_code(plan.hash().short()).and(" for ").and_code(plan.token.as_str()),
        Line::text(format!("Replaces token {} of {}, {}", plan.old.id, plan.owner, plan.host)),
        expiry(Line::text("Expires "), plan.old.expires_at)
            .join(expiry(Line::text("; the new one expires "), plan.new.expires_at)),
        Line::text("Scopes ").and_code(scopes),
        Line::text(format!("Strategy {}", plan.strategy.in_words())),
    ];
    lines.extend(plan.outage_seconds.map(|seconds| Line::text(format!("Outage about {seconds} s"))));
    lines.extend(plan.reasons.iter().map(|reason| Line::text(format!("Why: {reason}"))));
    lines.extend(plan.warnings.iter().map(|warning| Line::text(format!("⚠️ {warning}"))));
    lines.extend(plan.blockers.iter().map(|blocker| Line::text(format!("🚧 {blocker}"))));
    lines.extend(plan.stores.iter().map(stored));
    lines.extend(plan.consumers.iter().map(|consumer| Line::text("Proven by ").and_code(&consumer.id.0)));
    Prose(lines)
}

/// What somebody is told who reported an incident and cannot confirm it: who can.
pub fn others_are_asked(rotation: &Rotation, policy: &Policy, person: &PersonId) -> Prose {
    let asked = match rotation.is_incident() {
        true => "Its approvers were asked: ",
        false => "Its approvers were told. The plan stays as it is until one of them confirms the leak: ",
    };
    let mut prose = Prose::from(Line::text(asked).join(standing(rotation)));
    if policy.allows(person) && !policy.may_approve(person, rotation.requester()) {
        let others = policy.approvers.iter().filter(|other| policy.may_approve(other, rotation.requester()));
        let groups = policy.groups.iter().map(|group| format!("somebody in {}", group.in_words()));
        let others: Vec<String> = others.map(|other| other.0.clone()).chain(groups).collect();
        let ask = match others.as_slice() {
            [] => format!("but nobody else may: revoke token {} in GitLab by hand", rotation.plan.old.id),
            others => format!("ask {}", others.join(", ")),
        };
        let why = "You asked for this rotation before it became an incident, so somebody else has to confirm it";
        prose = prose.line(Line::text(format!("{why}; {ask}.")));
    }
    prose.0.extend(plan(&rotation.plan).0);
    prose
}

fn expiry(line: Line, date: Option<Date>) -> Line {
    match date {
        Some(date) => line.then(Span::Date(date)),
        None => line.and("never"),
    }
}

/// What lies behind a card: the plan, what was seen, and of what failed last the end of its log.
pub fn details(rotation: &Rotation) -> Prose {
    let mut prose = Prose::from(standing(rotation));
    prose.0.extend(plan(&rotation.plan).0);
    prose.0.extend((!rotation.evidence.is_empty()).then(|| Line::bold("What was seen")));
    let skipped = rotation.evidence.len().saturating_sub(MOST);
    prose.0.extend((skipped > 0).then(|| Line::text(format!("… {skipped} earlier observations are in the issue"))));
    prose.0.extend(rotation.evidence.iter().skip(skipped).map(observed));
    if let Phase::Stuck { why, .. } = &rotation.phase {
        prose.0.extend(why.log.as_ref().map(Line::block));
    }
    prose
}

fn stored(store: &PlannedStore) -> Line {
    let can = store.capabilities.words().join(", ");
    Line::text("Stored in ").and_code(&store.id.0).and(format!(": {can}"))
}

fn observed(evidence: &Evidence) -> Line {
    let line = Line(vec![Span::Moment(evidence.at)]).and(format!(" {}: {}", evidence.source, evidence.what));
    match &evidence.link {
        Some(url) => line.and(" ").then(Span::Link { words: "look".into(), url: url.clone() }),
        None => line,
    }
}

/// A new secret of one-time codes: as a picture, and in words for whoever cannot scan it.
pub fn invitation(invitation: &Invitation, ink: Ink) -> Prose {
    let address = invitation.address.as_str();
    let mut prose = Prose::words("Scan this with an authenticator app. It is shown only this once, and only to you.");
    prose.0.extend(picture(address, ink).map(Line::block));
    let prose =
        prose.line(Line::text("Or type in the secret ").and_code(invitation.secret.as_str()).and(" (time-based)"));
    let prose = prose.line(Line::text("or open ").and_code(address).and(" on your phone."));
    prose.line(Line::text("Then enter the first code; before that nothing changes."))
}

/// What a person reads on every messenger whose codes were set up: it may have been somebody else.
pub fn enrolled(person: &PersonId, via: &str, at: Timestamp) -> Prose {
    let line = Line::text("One-time codes were set up for you at ").then(Span::Moment(at));
    let line = line.and(format!(", over {via}. If that was not you, tell your administrator at once: "));
    line.and_code(format!("rekey people reset-code {person}")).and(" takes them away.").into()
}

/// What whoever is concerned reads when codes rest after too many wrong ones; `of`: whose, if not their own.
pub fn codes_locked(of: Option<&PersonId>, via: &str, lock: Lock, at: Timestamp) -> Prose {
    let line = Line::text("Too many wrong one-time codes were typed for ");
    let line = match of {
        Some(person) => line.and_code(person.as_str()),
        None => line.and("you"),
    };
    let line = line.and(format!(" over {via}, the last at ")).then(Span::Moment(at));
    let line = match lock {
        Lock::Until(until) => line.and("; codes are taken again from ").then(Span::Moment(until)).and(" on."),
        Lock::ForGood => line.and(". No code is taken any more until another approver or an administrator says so."),
    };
    let line = match (of, lock) {
        (None, _) => line.and(" If that was not you, somebody has your account: tell your administrator at once."),
        (Some(_), Lock::Until(_)) => line.and(" Ask them whether that was they."),
        (Some(person), Lock::ForGood) => {
            let ask = line.and(" Ask them in person whether that was they; if so, type ");
            ask.and_code(format!("/rekey unlock {person}")).and(".")
        }
    };
    line.into()
}

/// What those who keep the bot read of a rotation that somebody else changed, or a disk.
pub fn damaged(id: &RotationId, token: Option<&TokenName>, column: &str) -> Prose {
    let line = Line::text("Rotation ").and_code(id.as_str());
    let line = match token {
        Some(token) => line.and(" of ").and_code(token.as_str()),
        None => line,
    };
    let line = line.and(" is not as rekey left it in its database (").and_code(column);
    let line = line.and(
        "): somebody changed it there, or the disk did. Nothing is done about it until that is mended, and no \
                         new case may begin beside it. See ",
    );
    let line = line.and_code("rekey audit verify").and("; restore the database, or start once with ");
    line.and_code("rekey serve --new").and(" and its whole policy decides.").into()
}

/// And whose codes may be tried again.
pub fn codes_unlocked(at: Timestamp) -> Prose {
    let line = Line::text("Your one-time codes are taken again since ").then(Span::Moment(at));
    line.and(". If you did not ask for that, ask why.").into()
}

/// And whose codes an administrator took away.
pub fn codes_reset(at: Timestamp) -> Prose {
    let line = Line::text("An administrator took your one-time codes away at ").then(Span::Moment(at));
    let line = line.and(". If you did not ask for that, ask why. For new ones type ");
    line.and_code("/rekey enroll").and(".").into()
}

/// The way to a new secret, where one could not be shown.
fn enroll_again() -> Prose {
    Line::text("Your one-time codes could not be shown here. Type ")
        .and_code("/rekey enroll")
        .and(" for new ones.")
        .into()
}

/// An answer where it may stay for ever: without its buttons and fields, and without a secret.
pub fn lasting(answer: &Answer) -> Prose {
    match answer {
        Answer::Offer { wish: Wish::ConfirmEnrollment, .. } => enroll_again(),
        other => outline(other),
    }
}

/// An answer without its buttons and fields, for ways that have none.
pub fn outline(answer: &Answer) -> Prose {
    match answer {
        Answer::Done(prose) | Answer::Private(prose) | Answer::Offer { prose, .. } => prose.clone(),
        Answer::Card(card) => Prose::words(card.sentence()),
        Answer::Form(form) => form.intro.clone(),
        Answer::Wrong { why, .. } => Prose::words(why.clone()),
    }
}

fn within(lines: impl ExactSizeIterator<Item = Line>) -> Prose {
    let more = lines.len().saturating_sub(MOST);
    let mut prose: Prose = lines.take(MOST).collect();
    prose.0.extend((more > 0).then(|| Line::text(format!("… and {more} more"))));
    prose
}
