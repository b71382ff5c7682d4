//! What the journal says, as this process has read it: every sealed line from the first on. Rows are believed only as the
//! last line about them says, and a journal that is shorter than what was read before has lost its memory.

use super::chain::Link;
use super::database::Database;
use super::doubt::{Doubt, Kind, Word};
use super::error::LedgerError;
use super::head::Head;
use super::journal::{self, ADOPTED, FORGOTTEN, FOUNDED, GAP, Sealed};
use super::keys::Keys;
use super::merkle::Tree;
use super::row::digest;
use futures::future::BoxFuture;
use sqlx::AnyConnection;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

pub(super) const PAGE: i64 = 1000;

/// How often a row that does not fit is read again: somebody may have changed it between two looks.
pub(super) const LOOKS: u32 = 3;

/// For so many milliseconds it is known what was spent: what comes back later is too old to count (an hour; clicks count
/// for a quarter of one).
const SPENT_KNOWN: i64 = 3_600_000;

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
    /// Kinds of entries that are void if they came before this, in milliseconds.
    pub(super) void: BTreeMap<String, i64>,
    /// What lines spent of late, and when.
    spent: BTreeMap<String, i64>,
    /// A line tells of a rotation, of a beginning anew, or that a database without one is right.
    pub(super) is_founded: bool,
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

    /// Reads on from a line that begins the journal again behind what cannot be read.
    pub(super) fn resume(&mut self, Sealed { link, hash, .. }: Sealed) {
        self.believe_seals_only();
        self.tree = Tree::default();
        self.take(link, hash);
    }

    /// The same for a line of ours behind one that cannot be read; where the journal ends stays open.
    pub(super) fn learn_beyond(&mut self, link: Link) {
        self.believe_seals_only();
        self.learn(link);
    }

    /// Nobody knows who wrote what has no seal.
    fn believe_seals_only(&mut self) {
        if !self.is_sealed {
            self.rows.clear();
            self.facts.clear();
        }
        self.is_sealed = true;
    }

    fn take(&mut self, link: Link, hash: String) {
        self.tree.add(link.canonical().as_bytes());
        (self.seq, self.hash) = (link.seq, hash);
        self.learn(link);
    }

    fn learn(&mut self, link: Link) {
        self.is_founded |= link.rotation.is_some() || [GAP, ADOPTED, FOUNDED].contains(&link.event.as_str());
        if let Some(mark) = link.spends() {
            let full = self.spent.len() >= 1024 && self.spent.len().is_power_of_two();
            if full {
                self.spent.retain(|_, at| link.at - *at < SPENT_KNOWN);
            }
            self.spent.insert(mark, link.at);
        }
        if (link.event == GAP || link.event == ADOPTED)
            && let Some(kind) = link.voids()
        {
            self.void.insert(kind, link.at);
        }
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

    pub(super) fn has_spent(&self, mark: &str) -> bool {
        self.spent.contains_key(mark)
    }

    /// Stands for every line that was read and all that follows from them.
    pub(super) fn state(&self) -> String {
        let rows: Vec<_> = self.rows.iter().map(|(id, last)| (id, last.seq, last.version, &last.digest)).collect();
        let read = (self.seq, &self.hash, self.tree.size(), self.tree.root(), self.is_sealed);
        let state = (read, self.gaps, self.lost, &self.void, rows, &self.facts);
        digest(&serde_json::to_string(&state).expect("text and numbers only"))
    }

    pub(super) fn head(&self, keys: &Keys) -> Head {
        Head::sealed(keys, self.gaps, self.tree.size(), self.tree.root())
    }

    /// Whether a gap tells of this end, so that nobody wonders any more where it went.
    pub(super) fn has_mourned(&self, head: &Head) -> bool {
        self.lost.is_some_and(|lost| (head.gaps, head.size) <= lost)
    }
}

/// The trail of this process, and whether it doubts the database.
#[derive(Default)]
pub(super) struct Memory(Mutex<State>);

#[derive(Default)]
pub(super) struct State {
    pub(super) trail: Trail,
    pub(super) doubt: Option<Doubt>,
    /// What somebody said of it who started us; used up by the first doubt that is settled.
    pub(super) word: Word,
    /// What the columns of rows say that were believed, by id.
    believed: BTreeMap<String, String>,
}

impl Memory {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the journal says of a row, as far as it was read.
    pub(super) fn last(&self, rotation: &str) -> Option<Last> {
        self.lock().trail.rows.get(rotation).cloned()
    }

    /// Whether the columns of this row are as they were when it was believed.
    pub(super) fn has_believed(&self, rotation: &str, shown: &str) -> bool {
        self.lock().believed.get(rotation).is_some_and(|believed| believed == shown)
    }

    pub(super) fn believe(&self, rotation: &str, shown: String) {
        self.lock().believed.insert(rotation.to_owned(), shown);
    }

    /// Forgets rows that are no longer kept.
    pub(super) fn forget_believed(&self) {
        let mut state = self.lock();
        let State { trail, believed, .. } = &mut *state;
        believed.retain(|id, _| trail.rows.contains_key(id));
    }

    /// What the journal says of something else.
    pub(super) fn fact(&self, fact: &str) -> Option<String> {
        self.lock().trail.facts.get(fact).cloned()
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
