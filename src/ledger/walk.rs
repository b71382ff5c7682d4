//! Walking the whole journal in one state of the database: up to its end, or to a flaw that no later line tells of.

use super::error::LedgerError;
use super::head::Head;
use super::journal::{self, GAP, Sealed};
use super::keys::Keys;
use super::row::digest;
use super::trail::{Flaw, PAGE, Trail};
use sqlx::AnyConnection;
use std::collections::BTreeMap;

/// What a walk saw.
#[derive(Default)]
pub(super) struct Walked {
    pub(super) trail: Trail,
    /// The first flaw that no later gap tells of, and the number of the line that should be there.
    pub(super) flaw: Option<(Flaw, i64)>,
    /// Roots at the sizes that were asked for, by gaps and size.
    roots: BTreeMap<(u64, u64), String>,
    /// The hash that stands with the line before.
    before: String,
    /// Stands for the lines since the flaw, as they are.
    wreck: String,
}

impl Walked {
    /// Whether this end is part of the journal, or known to be lost.
    pub(super) fn has(&self, head: &Head) -> bool {
        let typed = head.seal.is_empty();
        let mut roots = self.roots.iter();
        let fits = |(at, root): (&(u64, u64), &String)| {
            (typed || at.0 == head.gaps) && at.1 == head.size && *root == head.root
        };
        roots.any(fits) || (!typed && self.trail.has_mourned(head))
    }
}

/// Walks the whole journal in one state of the database.
pub(super) async fn walk(tx: &mut AnyConnection, keys: &Keys, wanted: &[Head]) -> Result<Walked, LedgerError> {
    let mut walked = Walked::default();
    walked.note(wanted);
    let mut after = i64::MIN;
    loop {
        let page = journal::page(&mut *tx, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(walked) };
        after = last.link.seq;
        for line in page {
            walked.read(keys, line);
            walked.note(wanted);
        }
    }
}

impl Walked {
    fn read(&mut self, keys: &Keys, line: Sealed) {
        let before = std::mem::replace(&mut self.before, line.hash.clone());
        if self.flaw.is_none() {
            let expected = self.trail.seq + 1;
            match self.trail.add(keys, line.clone()) {
                Ok(()) => return,
                Err(flaw) => self.flaw = Some((flaw, expected)),
            }
        }
        let chained = line.link.hash(&before) == line.hash;
        let is_ours = chained && journal::is_ours(keys, line.link.seq, &line.hash, &line.seal);
        let begins = is_ours && line.link.event == GAP;
        if begins && line.link.behind().is_some_and(|behind| behind == self.state_behind(&before)) {
            self.trail.resume(line);
            self.flaw = None;
            self.wreck.clear();
            return;
        }
        let Sealed { link, hash, seal } = line;
        self.wreck = digest(&format!("{}\n{}\n{hash}\n{seal}", self.wreck, link.canonical()));
        if is_ours {
            // One bad line must not make rows forgotten that a good one tells of further on.
            self.trail.learn_beyond(link);
        }
    }

    /// Stands for everything up to the end, damaged or not: a line that begins the journal again holds it, so that nothing
    /// before can be changed without being seen.
    pub(super) fn state(&self) -> String {
        self.state_behind(&self.before)
    }

    fn state_behind(&self, before: &str) -> String {
        digest(&format!("{}\n{before}\n{}", self.trail.state(), self.wreck))
    }

    fn note(&mut self, wanted: &[Head]) {
        let size = self.trail.tree.size();
        if wanted.iter().any(|head| head.size == size) {
            self.roots.insert((self.trail.gaps, size), self.trail.tree.root());
        }
    }
}
