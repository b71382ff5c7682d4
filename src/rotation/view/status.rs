//! Where a rotation stands: a symbol, a word, a sentence.

use super::{Status, text};
use crate::rotation::phase::{AfterRevoke, Outcome, Phase, Why};
use crate::rotation::record::{ALIVE, Origin, Rotation};
use jiff::Timestamp;

pub fn status(rotation: &Rotation) -> Status {
    let (symbol, word, sentence) = match &rotation.phase {
        Phase::AwaitingApproval if !rotation.plan.blockers.is_empty() => {
            ("🚧", "Blocked", format!("Mend first: {}.", rotation.plan.blockers.join("; ")))
        }
        Phase::AwaitingApproval if rotation.is_incident() => {
            ("🚨", "Waiting for approval", format!("{} Once approved, it is revoked at once.", leak(rotation)))
        }
        Phase::AwaitingApproval => ("⏳", "Waiting for approval", request_sentence(rotation)),
        Phase::Scheduled { at } => ("🗓️", "Approved", start_sentence(rotation, *at)),
        Phase::Minting { .. } => ("🔄", "Rotating", "Making the new token.".into()),
        Phase::Distributing { pending, down, .. } => {
            let total = rotation.plan.stores.len();
            let down: Vec<String> = down.values().map(|why| format!(" {}", text::sentence(why))).collect();
            let held = format!("{} of {total} stores hold the new token.{}", total - pending.len(), down.concat());
            ("🔄", "Rotating", held)
        }
        Phase::Verifying { .. } if rotation.settle_at.is_some() => {
            ("🔄", "Settling", "An earlier write may still land; the stores are read again before the proof.".into())
        }
        Phase::Verifying { .. } => ("🔄", "Verifying", "The consumers prove the new token.".into()),
        Phase::Grace { .. } => ("🔄", "Proven", "The old token is revoked once it has stayed silent.".into()),
        Phase::Restoring { .. } => ("↩️", "Restoring", "The previous value is put back.".into()),
        Phase::Revoking { new: None, then: AfterRevoke::Mint, .. } => {
            ("🔄", "Revoking", "The old token is revoked before the new one is made.".into())
        }
        Phase::Revoking { then: AfterRevoke::Close(Outcome::Done), .. } => {
            ("🔄", "Revoking", "The old token and any unused ones are being revoked.".into())
        }
        Phase::Revoking { .. } => ("🔄", "Revoking", "The tokens that were made in vain are being revoked.".into()),
        Phase::Closing { .. } => ("🔄", "Closing", "A last look for tokens that should not live.".into()),
        Phase::Closed { outcome, .. } => closed(rotation, *outcome),
        Phase::Stuck { why, .. } => ("⚠️", "Stuck", stuck_sentence(why)),
    };
    Status { symbol, word, sentence }
}

/// A window that is open, or none at all, makes nobody wait: the yes and the start are one moment.
fn start_sentence(rotation: &Rotation, at: Timestamp) -> String {
    match rotation.evidence.last() {
        Some(yes) if at <= yes.at => "It starts at once.".into(),
        _ => "It starts when its window opens.".into(),
    }
}

fn leak(rotation: &Rotation) -> String {
    match &rotation.opened_by {
        Origin::Incident { person, reason, .. } => {
            text::sentence(&format!("The value leaked, says {person}: {reason}"))
        }
        _ => String::new(),
    }
}

/// Who said yes to this plan already, and until when there is time.
fn request_sentence(rotation: &Rotation) -> String {
    let plan = rotation.plan.hash();
    let yes = rotation.evidence.iter().rev().find(|e| e.what.contains(" approved ("));
    match yes.filter(|_| rotation.approvals.iter().any(|approval| approval.plan == plan)) {
        Some(yes) => format!("{}. {}", yes.what, expiry_sentence(rotation)),
        None => expiry_sentence(rotation),
    }
}

fn expiry_sentence(rotation: &Rotation) -> String {
    match rotation.plan.old.expires_at {
        Some(date) => format!("The token expires on {date}."),
        None => "The token has no expiry.".into(),
    }
}

fn closed(rotation: &Rotation, outcome: Outcome) -> (&'static str, &'static str, String) {
    match outcome {
        Outcome::Done => ("✅", "Done", done_sentence(rotation)),
        Outcome::Declined => ("❌", "Declined", "Nothing was changed.".into()),
        Outcome::Superseded => ("✅", "Taken care of elsewhere", superseded_sentence(rotation)),
        Outcome::Withdrawn => {
            ("⏹️", "Withdrawn", "The token is no longer in the configuration. Nothing was changed.".into())
        }
        Outcome::Abandoned if rotation.was_restored() => {
            ("↩️", "Restored", "The stores have their previous value again; the new token is given up.".into())
        }
        Outcome::Abandoned => ("⏹️", "Abandoned", abandoned_sentence(rotation)),
    }
}

/// When this comes up again: what GitLab gave the new token, not what was planned.
fn done_sentence(rotation: &Rotation) -> String {
    let made = rotation
        .evidence
        .iter()
        .rev()
        .find(|seen| seen.what.starts_with("new token ") && seen.what.contains(" made, "));
    let expiry = match made.and_then(|seen| seen.what.split_once(" made, ")) {
        Some((_, "never expires")) => " The new one never expires.".into(),
        Some((_, expires)) => format!(" The new one {}.", expires.replace("expires", "expires on")),
        None => String::new(),
    };
    format!("The new token is stored and proven; the old one is revoked.{expiry}")
}

/// What was seen of it: that somebody else was faster is no more than GitLab and the stores show.
fn superseded_sentence(rotation: &Rotation) -> String {
    let seen = rotation.evidence.iter().rev().find(|seen| seen.source == "gitlab");
    seen.map_or_else(|| "Nothing was changed.".into(), |seen| text::sentence(&seen.what))
}

fn stuck_sentence(why: &Why) -> String {
    [&why.what, &why.safe, &why.todo].map(|words| text::sentence(words)).join(" ")
}

/// Which tokens live now: what a person must know who ended it.
fn abandoned_sentence(rotation: &Rotation) -> String {
    let mut seen = rotation.evidence.iter().rev();
    let old = format!("old token {} revoked", rotation.plan.old.id);
    match seen.find(|e| e.what.contains(ALIVE) || e.what.starts_with(&old)) {
        Some(e) if e.what.contains(ALIVE) => text::sentence(&e.what),
        Some(_) => "Nothing was stored, and the old token is revoked: what the stores hold is dead.".into(),
        None => "Nothing was stored.".into(),
    }
}
