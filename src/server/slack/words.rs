//! What people read after a command or a refused click.

use super::{Listed, Outsider};
use crate::chat::slack::mrkdwn::{code, escape, escape_within, moment, within};
use crate::clock::start_of;
use crate::engine::EngineError;
use crate::rotation::ids::PersonId;
use crate::rotation::plan::Plan;
use crate::rotation::record::Rotation;
use crate::rotation::view::card;
use crate::rotation::view::text::sentence;
use jiff::civil::Date;

/// Longest answer, in characters.
const LONGEST: usize = 3_000;

/// Commands, what they take, what they do.
const COMMANDS: [(&str, &str, &str); 12] = [
    ("list", "", "all managed tokens"),
    ("plan", "<token>", "what a rotation would do"),
    ("rotate", "<token>", "ask for a rotation now"),
    ("status", "[rotation]", "open rotations, or one of them"),
    ("approve", "<rotation> <plan>", "say yes to that plan"),
    ("decline", "<rotation>", "say no"),
    ("snooze", "<rotation> [30m|12h|3d]", "be reminded later"),
    ("retry", "<rotation>", "try again when stuck"),
    ("restore", "<rotation>", "put the old token back into every store"),
    ("abandon", "<rotation>", "end it and leave the tokens as they are"),
    ("whoami", "", "who rekey thinks you are"),
    ("help", "", "this list"),
];

fn line(command: &(&str, &str, &str)) -> String {
    let (verb, arguments, what) = command;
    let typed = format!("/rekey {verb} {arguments}");
    format!("{}  {what}", code(typed.trim_end(), 80))
}

pub fn help() -> String {
    COMMANDS.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// How a command is used, or the one that was probably meant.
pub fn usage(verb: &str) -> String {
    if let Some(command) = COMMANDS.iter().find(|command| command.0 == verb) {
        return line(command);
    }
    let near =
        COMMANDS.iter().map(|command| (strsim::damerau_levenshtein(verb, command.0), command)).min_by_key(|n| n.0);
    match near {
        Some((distance, command)) if distance <= 2 => {
            format!("I do not know {}. Did you mean:\n{}", code(verb, 40), line(command))
        }
        _ => format!("I do not know {}. I know:\n{}", code(verb, 40), help()),
    }
}

pub fn working(command: &str) -> String {
    format!("Still working on {}; the answer follows.", code(command, 40))
}

pub fn who(person: &PersonId, team: &str, user: &str) -> String {
    format!("You are {} (Slack user {}, workspace {}).", code(&person.0, 80), code(user, 40), code(team, 40))
}

pub fn outsider(outsider: Outsider, team: &str, user: &str) -> String {
    match outsider {
        Outsider::Team => "rekey answers only to people of its own workspace.".into(),
        Outsider::Guest => "rekey does not answer to guests.".into(),
        Outsider::Unknown => format!(
            "rekey does not know you. Ask its administrator to add your Slack user {} (workspace {}) to the \
             configuration.",
            code(user, 40),
            code(team, 40)
        ),
    }
}

/// An error as a sentence.
pub fn refusal(error: &EngineError) -> String {
    sentence(&escape_within(&error.to_string(), LONGEST))
}

pub fn tokens(tokens: &[Listed]) -> String {
    if tokens.is_empty() {
        return "No tokens are configured.".into();
    }
    let lines: Vec<String> = tokens.iter().map(token).collect();
    within(&lines, "\n", LONGEST, 0)
}

fn token(token: &Listed) -> String {
    let expiry = match (token.expires_at, token.days_left) {
        (Some(date), Some(1)) => format!("expires {} (1 day)", midnight(date)),
        (Some(date), Some(days)) => format!("expires {} ({days} days)", midnight(date)),
        (Some(date), None) => format!("expires {}", midnight(date)),
        (None, _) => "never expires".into(),
    };
    let used = token.last_used_at.map_or_else(|| "never used".into(), |at| format!("last used {}", moment(at)));
    let (owner, state) = (escape_within(&token.owner, 120), escape_within(&token.state, 80));
    format!("{} · {owner} · {expiry} · {used} · {state}", code(&token.token, 80))
}

pub fn open(rotations: &[Rotation]) -> String {
    if rotations.is_empty() {
        return "No rotation is open.".into();
    }
    let lines: Vec<String> = rotations.iter().map(standing).collect();
    within(&lines, "\n", LONGEST, 0)
}

/// Where a rotation stands, in one line.
pub fn standing(rotation: &Rotation) -> String {
    let card = card(rotation);
    let (symbol, sentence) = (card.status.symbol, escape_within(&card.sentence(), 400));
    format!("{symbol} {sentence} {}", code(rotation.id.as_str(), 40))
}

pub fn plan(plan: &Plan) -> String {
    let never = || "never".to_owned();
    let scopes: Vec<&str> = plan.new.scopes.iter().map(String::as_str).collect();
    let mut lines = vec![
        format!("Plan {} for {}", code(plan.hash().short(), 20), code(&plan.token.0, 80)),
        format!(
            "Replaces token {} of {}, {}",
            plan.old.id,
            escape_within(&plan.owner.to_string(), 200),
            escape(&plan.host)
        ),
        format!(
            "Expires {}, then {}",
            plan.old.expires_at.map_or_else(never, midnight),
            plan.new.expires_at.map_or_else(never, midnight)
        ),
        format!("Scopes {}", code(&scopes.join(", "), 300)),
        format!("Strategy {}", plan.strategy),
    ];
    lines.extend(plan.outage_seconds.map(|seconds| format!("Outage about {seconds} s")));
    lines.extend(plan.reasons.iter().map(|reason| format!("Why: {}", escape_within(reason, 300))));
    lines.extend(plan.warnings.iter().map(|warning| format!("⚠️ {}", escape_within(warning, 300))));
    lines.extend(plan.blockers.iter().map(|blocker| format!("🚧 {}", escape_within(blocker, 300))));
    lines.extend(plan.stores.iter().map(|store| format!("Stored in {}", code(&store.id.0, 200))));
    lines.extend(plan.consumers.iter().map(|consumer| format!("Proven by {}", code(&consumer.id.0, 200))));
    within(&lines, "\n", LONGEST, 0).replace(", see the issue", "")
}

fn midnight(date: Date) -> String {
    moment(start_of(date))
}
