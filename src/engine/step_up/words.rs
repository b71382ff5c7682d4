//! What people are told of their one-time codes, wherever they read it.

use crate::ledger::Lock;
use crate::rotation::ids::PersonId;
use crate::rotation::view::prose::{Line, Prose, Span};
use jiff::Timestamp;

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
