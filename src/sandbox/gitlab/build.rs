//! How a test or the demo furnishes a [`World`].

use super::model::Hook;
use super::model::Schedule;
use super::model::Variable;
use super::people::{Group, Kind, MAINTAINER, OWNER, Place, Project, User};
use super::plan::{Definition, JobPlan};
use super::tokens::{Minted, Order, grant};
use super::world::World;
use jiff::{Timestamp, civil::Date};
use std::collections::BTreeMap;

/// A token to be put into the world.
#[derive(Clone, Debug)]
pub struct Mint {
    /// Whose it is.
    pub user: u64,
    /// Its name.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// Its description.
    pub description: Option<String>,
    /// Its last day, exclusive; `None` never expires.
    pub expires_at: Option<Date>,
    /// Its value, where a test must know it beforehand.
    pub value: Option<String>,
    /// When it was made, if not now.
    pub created_at: Option<Timestamp>,
    /// Carries fine-grained permissions.
    pub granular: bool,
}

impl Mint {
    /// A token that never expires and has a random value.
    pub fn new(user: u64, name: &str, scopes: &[&str]) -> Self {
        Self {
            user,
            name: name.to_owned(),
            scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
            description: None,
            expires_at: None,
            value: None,
            created_at: None,
            granular: false,
        }
    }

    /// Expires at 00:00 UTC of the date.
    pub fn expires(self, date: Date) -> Self {
        Self { expires_at: Some(date), ..self }
    }

    /// Has this value.
    pub fn value(self, value: &str) -> Self {
        Self { value: Some(value.to_owned()), ..self }
    }
}

impl World {
    /// An ordinary user.
    pub fn user(&mut self, username: &str) -> u64 {
        self.add_user(username, Kind::Human, false)
    }

    /// The number of the user with that login.
    pub fn user_named(&self, username: &str) -> Option<u64> {
        self.users.values().find(|user| user.username == username).map(|user| user.id)
    }

    /// The number of the group with that path.
    pub fn group_number(&self, path: &str) -> Option<u64> {
        self.group_named(path)
    }

    /// An administrator of the instance.
    pub fn admin(&mut self, username: &str) -> u64 {
        self.add_user(username, Kind::Human, true)
    }

    /// A service account that a group, a project or the instance owns.
    pub fn service_account(&mut self, place: Place, username: &str) -> u64 {
        self.add_user(username, Kind::ServiceAccount(place), false)
    }

    /// A top-level group or subgroup, by full path.
    pub fn group(&mut self, path: &str) -> u64 {
        let id = self.next_id("group");
        self.groups.insert(id, Group { id, path: path.to_owned(), members: BTreeMap::new() });
        id
    }

    /// A private project, by full path; its ref `main` is protected.
    pub fn project(&mut self, path: &str) -> u64 {
        let id = self.next_id("project");
        let protected_refs = vec!["main".to_owned()];
        let project = Project { id, path: path.to_owned(), members: BTreeMap::new(), protected_refs, archived: false };
        self.projects.insert(id, project);
        id
    }

    /// A project gets another path; its former one leads to it until another project takes it.
    pub fn rename_project(&mut self, project: u64, path: &str) {
        if let Some(renamed) = self.projects.get_mut(&project) {
            let former = std::mem::replace(&mut renamed.path, path.to_owned());
            self.former.insert(former, project);
        }
    }

    /// A group gets another path, and everything below it does. No former path leads there, as in GitLab's API.
    pub fn rename_group(&mut self, group: u64, path: &str) {
        let Some(renamed) = self.groups.get_mut(&group) else { return };
        let former = std::mem::replace(&mut renamed.path, path.to_owned());
        let below: Vec<(u64, String)> = self
            .projects
            .values()
            .filter_map(|project| {
                let rest = project.path.strip_prefix(&former).filter(|rest| rest.starts_with('/'))?;
                Some((project.id, format!("{path}{rest}")))
            })
            .collect();
        for (project, path) in below {
            self.rename_project(project, &path);
        }
    }

    /// Makes a user a member; level 0 ends the membership.
    pub fn member(&mut self, place: Place, user: u64, level: u8) {
        let members = match place {
            Place::Group(id) => self.groups.get_mut(&id).map(|group| &mut group.members),
            Place::Project(id) => self.projects.get_mut(&id).map(|project| &mut project.members),
            Place::Instance => None,
        };
        match members {
            Some(members) if level == 0 => drop(members.remove(&user)),
            Some(members) => drop(members.insert(user, level)),
            None => {}
        }
    }

    /// A token of a user.
    pub fn mint(&mut self, mint: Mint) -> Minted {
        let order = Order {
            user: mint.user,
            name: mint.name,
            description: mint.description,
            scopes: mint.scopes,
            expires_at: mint.expires_at,
            granular: mint.granular,
            grants: if mint.granular { vec![grant()] } else { Vec::new() },
        };
        let minted = self.issue(order, mint.value);
        if let (Some(at), Some(token)) = (mint.created_at, self.tokens.get_mut(&minted.id)) {
            token.created_at = at;
        }
        minted
    }

    /// A project or group access token with its bot user; the user in `mint` is replaced by it.
    pub fn mint_for(&mut self, place: Place, level: u8, mint: Mint) -> Minted {
        let user = self.bot(place, &mint.name, level);
        self.mint(Mint { user, ..mint })
    }

    /// A CI/CD variable.
    pub fn variable(&mut self, variable: Variable) {
        self.variables.push(variable);
    }

    /// What a pipeline on a ref (`*` for every ref) consists of.
    pub fn pipeline(&mut self, project: u64, git_ref: &str, jobs: Vec<JobPlan>) {
        self.definitions.retain(|known| known.project != project || known.git_ref != git_ref);
        self.definitions.push(Definition { project, git_ref: git_ref.to_owned(), jobs });
    }

    /// A branch or tag becomes a protected one.
    pub fn protect(&mut self, project: u64, git_ref: &str) {
        if let Some(project) = self.projects.get_mut(&project) {
            project.protected_refs.push(git_ref.to_owned());
        }
    }

    /// A token gets other scopes; `granular` makes it a fine-grained one.
    pub fn rescope(&mut self, value: &str, scopes: &[&str]) {
        let Some(id) = self.token_with(value).map(|token| token.id) else { return };
        if let Some(token) = self.tokens.get_mut(&id) {
            token.scopes = scopes.iter().map(|&scope| scope.to_owned()).collect();
            token.granular = scopes.contains(&"granular");
        }
    }

    /// The next run of this job fails once more, and GitLab runs it again.
    pub fn make_flaky(&mut self, name: &str) {
        for job in self.jobs.values_mut().filter(|job| job.plan.name == name) {
            (job.plan.fails_times, job.plan.retries) = (job.plan.fails_times + 2, job.plan.retries + 2);
        }
    }

    /// Somebody revokes a token behind everybody's back.
    pub fn revoke(&mut self, token: u64) {
        if let Some(token) = self.tokens.get_mut(&token) {
            token.revoked = true;
        }
    }

    /// Somebody uses a token from that address.
    pub fn used(&mut self, token: u64, ip: &str) {
        self.touch(token, ip);
    }

    /// A user may do nothing any more, or again.
    pub fn block(&mut self, user: u64, blocked: bool) {
        if let Some(user) = self.users.get_mut(&user) {
            user.blocked = blocked;
        }
    }

    /// A project becomes read-only.
    pub fn archive(&mut self, project: u64) {
        if let Some(project) = self.projects.get_mut(&project) {
            project.archived = true;
        }
    }

    /// A pipeline schedule of a user.
    pub fn schedule(&mut self, project: u64, owner: u64, git_ref: &str, description: &str) -> u64 {
        let id = self.next_id("schedule");
        let (git_ref, description) = (git_ref.to_owned(), description.to_owned());
        let (created_at, variables) = (self.now, Vec::new());
        self.schedules.insert(id, Schedule { id, project, owner, git_ref, description, variables, created_at });
        id
    }

    /// A webhook.
    pub fn hook(&mut self, hook: Hook) -> u64 {
        let id = self.next_id("hook");
        self.hooks.insert(id, Hook { id, created_at: self.now, ..hook });
        id
    }

    /// The bot user behind a project or group access token.
    pub(super) fn bot(&mut self, place: Place, name: &str, level: u8) -> u64 {
        let sort = if matches!(place, Place::Group(_)) { "group" } else { "project" };
        let number = match place {
            Place::Group(id) | Place::Project(id) => id,
            Place::Instance => 0,
        };
        let username = format!("{sort}_{number}_bot_{}", self.hex(32));
        let user = self.add_user(&username, Kind::ProjectBot(place), false);
        if let Some(user) = self.users.get_mut(&user) {
            user.name = name.to_owned();
        }
        self.member(place, user, level.clamp(1, OWNER));
        user
    }

    /// A maintainer of a place, ready to call: the user and a token with `api`.
    pub fn maintainer(&mut self, place: Place, username: &str) -> (u64, Minted) {
        let user = self.user(username);
        self.member(place, user, MAINTAINER);
        let minted = self.mint(Mint::new(user, "api", &["api"]));
        (user, minted)
    }

    fn add_user(&mut self, username: &str, kind: Kind, admin: bool) -> u64 {
        let id = self.next_id("user");
        let (username, name) = (username.to_owned(), username.to_owned());
        self.users.insert(id, User { id, username, name, kind, admin, blocked: false });
        id
    }
}
