//! Lists of tokens and of rotations: what presses first, each on one line that says what is up and what comes next.

use super::within;
use crate::engine::overview::TokenLine;
use crate::rotation::phase::{Outcome, Phase};
use crate::rotation::record::{Origin, Rotation};
use crate::rotation::view::prose::{Line, Prose, Span};
use crate::rotation::view::{Status, card};
use crate::rotation::wish::Which;

/// Managed tokens.
pub fn tokens(tokens: &[TokenLine], which: Which) -> Prose {
    if tokens.is_empty() {
        return Prose::words(match which {
            Which::All => "No tokens are configured.",
            Which::Expiring => "No token expires soon.",
            Which::Mine => "There is no token that you may decide on.",
        });
    }
    within(tokens.iter().map(token))
}

/// One managed token.
pub fn token(token: &TokenLine) -> Line {
    let (symbol, state) = state(&token.state);
    let line = Line::text(format!("{symbol} ")).and_code(token.token.as_str());
    let line = match (token.expires_at, token.days_left) {
        _ if token.id.is_none() => line,
        (None, _) => line.and(" never expires"),
        (Some(date), None) => line.and(" expires ").then(Span::Date(date)),
        (Some(date), Some(..0)) => line.and(" expired on ").then(Span::Date(date)),
        (Some(date), Some(0)) => line.and(" expired today, ").then(Span::Date(date)),
        (Some(date), Some(1)) => line.and(" expires tomorrow, ").then(Span::Date(date)),
        (Some(date), Some(days)) => line.and(format!(" expires in {days} days, ")).then(Span::Date(date)),
    };
    let line = if state.is_empty() { line } else { line.and(" · ").then(Span::Bold(state.into())) };
    let line = line.and(format!(" · {}", token.owner));
    match (token.last_used_at, token.id) {
        (Some(at), _) => line.and(" · last used ").and_moment(at),
        (None, Some(_)) => line.and(" · never used"),
        (None, None) => line,
    }
}

/// A sign, and what a person would say of it; nothing where the sign and the date say it all.
fn state(state: &str) -> (&'static str, &'static str) {
    match state {
        "ok" => ("✅", ""),
        "near" => ("🔔", "a rotation is due"),
        // The date says so.
        "expired" => ("❌", ""),
        "missing" => ("⚠️", "not found in GitLab"),
        "ambiguous" => ("⚠️", "several tokens of that name"),
        "refused" => ("⚠️", "GitLab refuses to tell"),
        "unreachable" => ("⚠️", "GitLab does not answer"),
        "awaiting_approval" => ("⏳", "waits for approval"),
        "scheduled" => ("🗓️", "approved, waits for its window"),
        "stuck" => ("⚠️", "stuck, somebody must act"),
        "restoring" => ("↩️", "the previous value is put back"),
        "grace" | "revoking" | "closing" => ("🔄", "rotated, the old token is about to go"),
        _ => ("🔄", "is being rotated"),
    }
}

/// Rotations that go on.
pub fn open(rotations: &[Rotation]) -> Prose {
    if rotations.is_empty() {
        return Prose::words("No rotation is open.");
    }
    within(rotations.iter().map(standing))
}

/// Where a rotation stands, in one line.
pub fn standing(rotation: &Rotation) -> Line {
    let card = card(rotation);
    Line::text(format!("{} {} ", card.status.symbol, card.sentence())).and_code(rotation.id.as_str())
}

/// Past and present rotations of a token, newest first.
pub fn history(token: &str, rotations: &[Rotation]) -> Prose {
    if rotations.is_empty() {
        return Line::text("No rotation of ").and_code(token).and(" is known.").into();
    }
    within(rotations.iter().map(round))
}

/// One of them: when, how it ended, who asked and who said yes, how long it took.
fn round(rotation: &Rotation) -> Line {
    let Status { symbol, word, sentence } = card(rotation).status;
    let line = Line(vec![Span::Moment(rotation.opened_at)]).and(format!(" {symbol} ")).then(Span::Bold(word.into()));
    let line = match &rotation.phase {
        Phase::Closed { outcome: Outcome::Done, at } => {
            let took = seconds(at.duration_since(rotation.opened_at).as_secs());
            let line = line.and(format!(" in {took}"));
            match rotation.plan.new.expires_at {
                Some(date) => line.and(", now expires ").then(Span::Date(date)),
                None => line,
            }
        }
        _ => line.and(format!(": {sentence}")),
    };
    let line = line.and(format!(" · {}", asked(&rotation.opened_by)));
    let names: Vec<&str> = rotation.approvals.iter().map(|approval| approval.by.as_str()).collect();
    let line = if names.is_empty() { line } else { line.and(format!(" · approved by {}", names.join(", "))) };
    line.and(" · ").and_code(rotation.id.as_str())
}

fn asked(origin: &Origin) -> String {
    match origin {
        Origin::Mail => "after an expiry email".into(),
        Origin::Webhook => "after a GitLab webhook".into(),
        Origin::Scan => "found by the scan".into(),
        Origin::Person { person } => format!("asked by {person}"),
        Origin::Incident { person, .. } => format!("incident reported by {person}"),
        Origin::Cli => "asked on the command line".into(),
    }
}

/// A length of time in its largest unit that is not one.
fn seconds(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn line(state: &str, days_left: Option<i32>) -> TokenLine {
        TokenLine {
            token: "deploy".into(),
            owner: "service account deploy-bot of group acme".into(),
            name: "deploy".into(),
            id: Some(42),
            scopes: Vec::new(),
            expires_at: days_left.map(|_| date(2026, 11, 28)),
            days_left,
            last_used_at: None,
            rotation: None,
            state: state.into(),
            problem: None,
        }
    }

    fn said(line: &TokenLine) -> String {
        Prose::from(token(line)).plain()
    }

    #[test]
    fn a_token_is_one_line_that_says_what_presses() {
        let owner = "service account deploy-bot of group acme";
        for (state, days, words) in [
            ("ok", Some(200), format!("✅ deploy expires in 200 days, 2026-11-28 · {owner} · never used")),
            (
                "near",
                Some(7),
                format!("🔔 deploy expires in 7 days, 2026-11-28 · a rotation is due · {owner} · never used"),
            ),
            (
                "stuck",
                Some(1),
                format!("⚠️ deploy expires tomorrow, 2026-11-28 · stuck, somebody must act · {owner} · never used"),
            ),
            ("expired", Some(0), format!("❌ deploy expired today, 2026-11-28 · {owner} · never used")),
            ("expired", Some(-3), format!("❌ deploy expired on 2026-11-28 · {owner} · never used")),
            ("ok", None, format!("✅ deploy never expires · {owner} · never used")),
        ] {
            assert_eq!(said(&line(state, days)), words);
        }
        let missing = TokenLine { id: None, ..line("missing", None) };
        assert_eq!(said(&missing), format!("⚠️ deploy · not found in GitLab · {owner}"));
    }

    #[test]
    fn a_length_of_time_is_said_in_one_unit() {
        assert_eq!(
            [59, 119, 120, 5_400, 7_200, 172_800].map(seconds),
            ["59 s", "119 s", "2 min", "90 min", "2 h", "2 days"]
        );
    }
}
