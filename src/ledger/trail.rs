//! What the journal says, as this process has read it: every sealed line from the first on. Rows are believed only as the
//! last line about them says, and a journal that is shorter than what was read before has lost its memory.

use super::chain::Link;
use super::database::Database;
use super::error::LedgerError;
use super::head::Head;
use super::journal::{self, ADOPTED, FORGOTTEN, GAP, Sealed};
use super::keys::Keys;
use super::merkle::Tree;
use futures::future::BoxFuture;
use sqlx::AnyConnection;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

pub(super) const PAGE: i64 = 1000;

/// How often a row that does not fit is read again: somebody may have changed it between two looks.
pub(super) const LOOKS: u32 = 3;

/// A rotation's row as its last line left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Last {
    pub(super) seq: i64,
    pub(super) version: i64,
    pub(super) digest: String,
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    Missing,
    Edited,
    Forged,
}

/// What was read so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Trail {
    pub(super) seq: i64,
    pub(super) hash: String,
    pub(super) tree: Tree,
    pub(super) rows: BTreeMap<String, Last>,
    pub(super) facts: BTreeMap<String, String>,
    /// How often the journal had to begin again, and the latest end that is known to be lost.
    pub(super) gaps: u64,
    pub(super) lost: Option<(u64, u64)>,
    /// Lines were written before there were keys; none of those comes after one that is sealed.
    pub(super) is_sealed: bool,
}

impl Trail {
    /// Reads the next line.
    pub(super) fn add(&mut self, keys: &Keys, Sealed { link, hash, seal }: Sealed) -> Result<(), Flaw> {
        if link.seq != self.seq + 1 {
            return Err(Flaw::Missing);
        }
        if link.hash(&self.hash) != hash {
            return Err(Flaw::Edited);
        }
        let is_ours = journal::is_ours(keys, link.seq, &hash, &seal);
        let may_begin = link.seq == 1 || link.event == ADOPTED;
        if (seal.is_empty() && self.is_sealed)
            || (!seal.is_empty() && !is_ours)
            || (is_ours && !self.is_sealed && !may_begin)
        {
            return Err(Flaw::Forged);
        }
        self.is_sealed |= is_ours;
        self.take(link, hash);
        Ok(())
    }

    /// Whether the line begins the journal again behind lines that are damaged; then it is read on from there.
    pub(super) fn resumes(&mut self, keys: &Keys, Sealed { link, hash, seal }: &Sealed) -> bool {
        let damaged = link.event == GAP && journal::is_ours(keys, link.seq, hash, seal);
        if damaged {
            self.tree = Tree::default();
            self.is_sealed = true;
            self.take(link.clone(), hash.clone());
        }
        damaged
    }

    fn take(&mut self, link: Link, hash: String) {
        self.tree.add(link.canonical().as_bytes());
        (self.seq, self.hash) = (link.seq, hash);
        if link.event == GAP
            && let Some(gap) = link.gap()
        {
            (self.gaps, self.lost) = (gap.number, gap.lost.max(self.lost));
        }
        if let Some((fact, value)) = link.fact() {
            match value {
                Some(value) => drop(self.facts.insert(fact, value)),
                None => drop(self.facts.remove(&fact)),
            }
        }
        match (link.rotation, link.version, link.digest) {
            (Some(id), Some(version), Some(digest)) => {
                self.rows.insert(id, Last { seq: link.seq, version, digest });
            }
            (Some(id), None, _) if link.event == FORGOTTEN => drop(self.rows.remove(&id)),
            _ => {}
        }
    }

    pub(super) fn head(&self, keys: &Keys) -> Head {
        Head::sealed(keys, self.gaps, self.tree.size(), self.tree.root())
    }

    /// Whether a gap tells of this end, so that nobody wonders any more where it went.
    fn has_mourned(&self, head: &Head) -> bool {
        self.lost.is_some_and(|lost| (head.gaps, head.size) <= lost)
    }
}

/// What there is to doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What is there is right, and old: an end is known that it does not reach.
    Behind,
    /// Lines are edited, missing or forged.
    Damaged,
    /// No line has a seal of ours: another key, or all of it is forged.
    Keyless,
    /// It is of a time without keys.
    Unsealed,
}

/// Why the database is not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// In words.
    pub why: String,
    /// By what has to be done.
    pub kind: Kind,
    /// The end that is known.
    pub known: Option<Head>,
}

impl Doubt {
    pub(super) fn behind(known: Head, have: u64) -> Self {
        let why = if known.size > have {
            format!("the database has lost its memory: its journal has {have} lines, and {} are known", known.size)
        } else {
            format!("the database is not the one that is known: line {} of its journal is another", known.size)
        };
        Self { why, kind: Kind::Behind, known: Some(known) }
    }

    pub(super) fn damaged(kind: Kind, what: &str, known: Option<Head>) -> Self {
        Self { why: format!("the database was changed by somebody else: {what}"), kind, known }
    }

    pub(super) fn unsealed() -> Self {
        let why = "the database is of a version that sealed nothing; `rekey serve` seals it once".to_owned();
        Self { why, kind: Kind::Unsealed, known: None }
    }
}

/// The trail of this process, and whether it doubts the database.
#[derive(Default)]
pub(super) struct Memory(Mutex<State>);

#[derive(Default)]
pub(super) struct State {
    pub(super) trail: Trail,
    pub(super) doubt: Option<Doubt>,
}

impl Memory {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the journal says of a row, as far as it was read.
    pub(super) fn last(&self, rotation: &str) -> Option<Last> {
        self.lock().trail.rows.get(rotation).cloned()
    }

    /// What the journal says of something else.
    pub(super) fn fact(&self, fact: &str) -> Option<String> {
        self.lock().trail.facts.get(fact).cloned()
    }
}

/// What a walk saw.
pub(super) struct Walked {
    pub(super) trail: Trail,
    /// The first flaw that no later gap tells of, and the number of the line that should be there.
    pub(super) flaw: Option<(Flaw, i64)>,
    /// Roots at the sizes that were asked for, by gaps and size.
    roots: BTreeMap<(u64, u64), String>,
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
    let mut walked = Walked { trail: Trail::default(), flaw: None, roots: BTreeMap::new() };
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
        if self.flaw.is_none() {
            let expected = self.trail.seq + 1;
            match self.trail.add(keys, line.clone()) {
                Ok(()) => return,
                Err(flaw) => self.flaw = Some((flaw, expected)),
            }
        }
        if self.trail.resumes(keys, &line) {
            self.flaw = None;
        }
    }

    fn note(&mut self, wanted: &[Head]) {
        let size = self.trail.tree.size();
        if wanted.iter().any(|head| head.size == size) {
            self.roots.insert((self.trail.gaps, size), self.trail.tree.root());
        }
    }
}

/// Reads what was written since. Whoever reads a row and then this knows what the journal says of it.
pub(super) fn catch_up(database: &Database) -> BoxFuture<'_, Result<(), LedgerError>> {
    // Boxed, since everything that loads a row holds it.
    Box::pin(async move {
        let mut reader = database.reader.acquire().await?;
        catch_up_on(database, &mut reader).await
    })
}

/// The same in a transaction that wrote no line yet.
pub(super) async fn catch_up_on(database: &Database, reader: &mut AnyConnection) -> Result<(), LedgerError> {
    loop {
        let (seq, hash) = {
            let state = database.memory.lock();
            if let Some(doubt) = &state.doubt {
                return Err(LedgerError::Doubted { why: doubt.why.clone() });
            }
            (state.trail.seq, state.trail.hash.clone())
        };
        // The last line that was read is read again: it must still be there.
        let mut page = journal::page(&mut *reader, (seq - 1).max(0), PAGE).await?.into_iter().peekable();
        let is_there = seq == 0 || page.next_if(|line| line.link.seq == seq && line.hash == hash).is_some();
        let rest: Vec<Sealed> = page.collect();
        let full = rest.len() as i64 >= PAGE - 1;
        let mut state = database.memory.lock();
        let known = state.trail.head(&database.keys);
        if !is_there {
            let have = u64::try_from(rest.last().map_or(0, |line| line.link.seq)).unwrap_or_default();
            state.doubt = Some(Doubt::behind(known.clone(), have.min(seq.unsigned_abs().saturating_sub(1))));
        }
        for line in rest {
            if state.doubt.is_none() && line.link.seq > state.trail.seq {
                let seq = line.link.seq;
                if state.trail.add(&database.keys, line).is_err() {
                    let what = format!("line {seq} is not one that rekey wrote there");
                    state.doubt = Some(Doubt::damaged(Kind::Damaged, &what, Some(known.clone())));
                }
            }
        }
        if !full && state.doubt.is_none() {
            return Ok(());
        }
    }
}
