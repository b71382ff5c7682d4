//! Everything the instance knows, in memory, and the questions that several endpoints ask of it.
//! Time comes in: [`World::now`] is set from the clock before every call.

use super::calls::Calls;
use super::model::Delivery;
use super::model::Hook;
use super::model::Issue;
use super::model::Note;
use super::model::Schedule;
use super::model::SecureFile;
use super::model::Token;
use super::model::Variable;
use super::model::{Job, Pipeline};
use super::people::{Group, OWNER, Place, Project, User, is_within};
use super::plan::Definition;
use super::settings::Settings;
use crate::clock::utc_date;
use crate::secret::Digest;
use jiff::{Timestamp, civil::Date};
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What is in the sandbox. Build it with the methods of `build.rs`, then give it to [`super::Gitlab::start`].
pub struct World {
    /// What the administrator decided.
    pub settings: Settings,
    /// The present moment.
    pub(super) now: Timestamp,
    /// Everybody, by number.
    pub users: BTreeMap<u64, User>,
    pub(super) groups: BTreeMap<u64, Group>,
    pub(super) projects: BTreeMap<u64, Project>,
    /// Former paths of projects, and which project had them.
    pub(super) former: BTreeMap<String, u64>,
    /// Projects that the job token of any other project may reach.
    pub open_to_job_tokens: BTreeSet<u64>,
    /// Access tokens, by number.
    pub tokens: BTreeMap<u64, Token>,
    pub(super) by_digest: HashMap<Digest, u64>,
    pub(super) variables: Vec<Variable>,
    pub(super) secure_files: Vec<SecureFile>,
    pub(super) definitions: Vec<Definition>,
    pub(super) pipelines: BTreeMap<u64, Pipeline>,
    pub(super) jobs: BTreeMap<u64, Job>,
    pub(super) schedules: BTreeMap<u64, Schedule>,
    pub(super) played: Vec<(u64, u64)>,
    /// Issues, by their number across the instance.
    pub issues: BTreeMap<u64, Issue>,
    /// Comments, by number.
    pub notes: BTreeMap<u64, Note>,
    pub(super) hooks: BTreeMap<u64, Hook>,
    pub(super) outbox: Vec<Delivery>,
    pub(super) deliveries: Vec<Delivery>,
    pub(super) calls: Calls,
    pub(super) forced_failure: Option<String>,
    rng: StdRng,
    last_id: BTreeMap<&'static str, u64>,
}

impl World {
    /// An empty instance. Token values and identifiers follow from the seed.
    pub fn new(seed: u64, now: Timestamp) -> Self {
        Self {
            settings: Settings::default(),
            now,
            users: BTreeMap::new(),
            groups: BTreeMap::new(),
            projects: BTreeMap::new(),
            former: BTreeMap::new(),
            open_to_job_tokens: BTreeSet::new(),
            tokens: BTreeMap::new(),
            by_digest: HashMap::new(),
            variables: Vec::new(),
            secure_files: Vec::new(),
            definitions: Vec::new(),
            pipelines: BTreeMap::new(),
            jobs: BTreeMap::new(),
            schedules: BTreeMap::new(),
            played: Vec::new(),
            issues: BTreeMap::new(),
            notes: BTreeMap::new(),
            hooks: BTreeMap::new(),
            outbox: Vec::new(),
            deliveries: Vec::new(),
            calls: Calls::default(),
            forced_failure: None,
            rng: StdRng::seed_from_u64(seed),
            last_id: BTreeMap::new(),
        }
    }

    /// The next number of a sort of thing. Jobs, pipelines and notes lie above 2^31, as on gitlab.com.
    pub(super) fn next_id(&mut self, sort: &'static str) -> u64 {
        let first = match sort {
            "user" => 4_100_000,
            "group" => 9_000,
            "project" => 61_234_000,
            "token" => 7_310_000,
            "pipeline" => 2_190_000_000,
            "job" => 11_500_000_000,
            "note" => 2_250_000_000,
            "issue" => 158_000_000,
            "hook" => 1_300,
            _ => 0,
        };
        let last = self.last_id.entry(sort).or_insert(first);
        *last += 1;
        *last
    }

    /// Random lower-case hex of a length.
    pub(super) fn hex(&mut self, digits: usize) -> String {
        (0..digits).map(|_| char::from_digit(self.rng.random_range(0..16), 16).unwrap_or('0')).collect()
    }

    /// A new token value: the prefix and twenty random characters.
    pub(super) fn token_value(&mut self) -> String {
        const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
        let random: String = (0..20).map(|_| char::from(ALPHABET[self.rng.random_range(0..ALPHABET.len())])).collect();
        format!("{}{random}", self.settings.token_prefix)
    }

    /// Today in UTC.
    pub(super) fn today(&self) -> Date {
        utc_date(self.now)
    }

    /// A project by number or full path.
    pub fn project_named(&self, id: &str) -> Option<u64> {
        match id.parse::<u64>() {
            Ok(number) => self.projects.contains_key(&number).then_some(number),
            Err(_) => self.projects.values().find(|project| project.path == id).map(|project| project.id),
        }
    }

    /// A group by number or full path.
    pub fn group_named(&self, id: &str) -> Option<u64> {
        match id.parse::<u64>() {
            Ok(number) => self.groups.contains_key(&number).then_some(number),
            Err(_) => self.groups.values().find(|group| group.path == id).map(|group| group.id),
        }
    }

    /// The full path of a group or project; empty for the instance.
    pub(super) fn path_of(&self, place: Place) -> &str {
        match place {
            Place::Instance => "",
            Place::Group(id) => self.groups.get(&id).map_or("", |group| &group.path),
            Place::Project(id) => self.projects.get(&id).map_or("", |project| &project.path),
        }
    }

    /// The user's level in a place, inherited from groups above; 0 for none. Administrators are owners everywhere.
    pub(super) fn level(&self, user: u64, place: Place) -> u8 {
        if self.users.get(&user).is_some_and(|user| user.admin) {
            return OWNER;
        }
        let path = self.path_of(place);
        let inherited = self.groups.values().filter(|group| place != Place::Instance && is_within(path, &group.path));
        let direct = match place {
            Place::Project(id) => self.projects.get(&id).and_then(|project| project.members.get(&user)),
            _ => None,
        };
        inherited.filter_map(|group| group.members.get(&user)).chain(direct).copied().max().unwrap_or(0)
    }

    /// Whether a ref of a project is protected.
    pub(super) fn is_protected(&self, project: u64, git_ref: &str) -> bool {
        self.projects.get(&project).is_some_and(|project| project.protected_refs.iter().any(|name| name == git_ref))
    }
}
