//! Whether a comment may be a command at all, before anybody asks who wrote it.

use crate::gitlab::{Account, Note};
use crate::notice::mention::said_to;
use jiff::{SignedDuration, Timestamp};

/// An older comment is about something that its writer may not know any more.
const FRESH: SignedDuration = SignedDuration::from_mins(15);

/// What somebody is told whose login was another's.
pub(super) const ANOTHER: &str = "Your login belonged to another account when I first saw it, so it decides nothing. An administrator who knows that it \
     is yours runs `rekey people forget-login` with it; then write a new comment.";

/// What becomes of a comment.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is none of our business; why, for the log.
    Nothing(&'static str),
    /// It is a command, and its writer is told why it does not count.
    DoesNotCount(&'static str),
    /// It says this to us.
    Said(String),
}

pub(super) fn judge(note: &Note, bot: &Account, now: Timestamp) -> Verdict {
    if note.system {
        return Verdict::Nothing("written by gitlab itself");
    }
    if note.author.id == bot.id {
        return Verdict::Nothing("our own");
    }
    let mut said = said_to(&bot.login, &note.body);
    let Some(first) = said.pop() else { return Verdict::Nothing("not said to us") };
    if note.author.state != "active" {
        return Verdict::Nothing("its writer is not active");
    }
    if note.created_at.is_none() || note.created_at != note.updated_at {
        return Verdict::DoesNotCount(
            "This comment was edited or got a reaction before I read it, so it does not count. Please write a new one.",
        );
    }
    if note.created_at.is_some_and(|at| now.duration_since(at) > FRESH) {
        return Verdict::DoesNotCount(
            "I read this comment too late for it to count: I may have been away. Please look again and write a new one.",
        );
    }
    if note.internal {
        return Verdict::DoesNotCount(
            "Internal notes do not count, because not everybody who follows this issue can read them.",
        );
    }
    if !said.is_empty() {
        return Verdict::DoesNotCount("One command in a comment, please. Nothing was done.");
    }
    Verdict::Said(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gitlab::Author;

    fn at(minute: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minute)
    }

    fn note(body: &str) -> Note {
        let author = Author { id: 7, username: "alice".into(), state: "active".into() };
        let written = Some(at(0));
        let body = body.to_owned();
        Note { id: 1, body, system: false, internal: false, author, created_at: written, updated_at: written }
    }

    fn judged(note: &Note, minute: i64) -> Verdict {
        judge(note, &Account { id: 3, login: "rekey".into() }, at(minute))
    }

    #[test]
    fn a_fresh_comment_of_somebody_else_that_begins_with_our_name_is_a_command() {
        assert_eq!(judged(&note("@rekey decline"), 15), Verdict::Said("decline".into()));
        assert!(matches!(judged(&note("hello"), 1), Verdict::Nothing(_)));
    }

    #[test]
    fn we_obey_neither_ourselves_nor_gitlab_nor_the_blocked() {
        let own = Author { id: 3, ..note("").author };
        let blocked = Author { state: "blocked".into(), ..note("").author };
        for mute in [
            Note { author: own, ..note("@rekey decline") },
            Note { author: blocked, ..note("@rekey decline") },
            Note { system: true, ..note("@rekey decline") },
        ] {
            assert!(matches!(judged(&mute, 1), Verdict::Nothing(_)), "{mute:?}");
        }
    }

    #[test]
    fn edited_late_hidden_and_ambiguous_comments_do_not_count_and_their_writer_hears_why() {
        for (no, minute) in [
            (Note { updated_at: Some(at(1)), ..note("@rekey decline") }, 1),
            (Note { created_at: None, ..note("@rekey decline") }, 1),
            (note("@rekey decline"), 16),
            (Note { internal: true, ..note("@rekey decline") }, 1),
            (note("@rekey approve 4f2a9c11\n@rekey decline"), 1),
        ] {
            assert!(matches!(judged(&no, minute), Verdict::DoesNotCount(_)), "{no:?}");
        }
    }
}
