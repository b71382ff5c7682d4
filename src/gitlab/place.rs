//! Projects and groups by number. A path may be renamed, and another project may get it; a number is never another's.
//! GitLab leads from a project's former path to its number (301) and refuses to change anything under it (405).

use super::survey::Place;
use super::{Client, Result, none_if};
use crate::http::{Call, CallError, Reply};
use crate::rotation::identity::Identity;
use crate::rotation::token::Owner;
use serde::de::DeserializeOwned;

/// What GitLab answers to the former path of a project.
const MOVED: &[u16] = &[301, 302, 307, 308];

impl Client {
    /// What GitLab says of a project or group that is named by path. Where the path leads nowhere any more, `known`, its
    /// number of earlier, does. `None`: there is none that we can see.
    pub(super) async fn lookup<T: DeserializeOwned>(&self, place: Place<'_>, known: Option<u64>) -> Result<Option<T>> {
        let path = place.path();
        let answers: Vec<u16> = MOVED.iter().copied().chain([404]).collect();
        let reply = self.read(Call::get(path.clone()).answers(&answers)).await?;
        if reply.status() < 300 {
            return reply.json().map(Some);
        }
        let Some(number) = moved_to(&reply).or(known) else {
            return if reply.status() == 404 { Ok(None) } else { Err(led_astray(&path, reply.status())) };
        };
        none_if(&[404], self.get(Call::get(place.by_number(number))).await)
    }

    /// What a project is, whatever its path leads to later.
    pub fn project_identity(&self, number: u64) -> Identity {
        Identity(format!("{}/projects/{number}", self.host))
    }

    /// The number in such an identity of this instance.
    pub fn project_number(&self, identity: Option<&Identity>) -> Option<u64> {
        identity?.0.strip_prefix(&format!("{}/projects/", self.host))?.parse().ok()
    }

    /// The number of the group at a path or, where that leads nowhere any more, of the group that had it.
    pub async fn group_number(&self, path: &str, known: Option<u64>) -> Result<Option<u64>> {
        Ok(self.lookup::<Located>(Place::Group(path), known).await?.map(|found| found.id))
    }

    /// The number of the group or project that an owner is, or that it belongs to. `None`: it belongs to none, or to none
    /// that we can see.
    pub async fn owner_number(&self, owner: &Owner, known: Option<u64>) -> Result<Option<Located>> {
        let place = match owner {
            Owner::GroupServiceAccount { group, .. } | Owner::Group { group } => Place::Group(group),
            Owner::ProjectServiceAccount { project, .. } | Owner::Project { project } => Place::Project(project),
            Owner::InstanceServiceAccount { .. } | Owner::User { .. } => return Ok(None),
        };
        self.lookup(place, known).await
    }
}

/// A project or group by its number, and its path of today.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
pub struct Located {
    /// Its number.
    pub id: u64,
    /// Its full path.
    #[serde(default, alias = "path_with_namespace")]
    pub full_path: String,
}

/// What is to be said of a project or group that goes by another path today; `None` if the path still holds.
pub fn renamed(path: &str, today: &str) -> Option<String> {
    let same = today.is_empty() || path.eq_ignore_ascii_case(today) || path.chars().all(|c| c.is_ascii_digit());
    (!same).then(|| format!("{path} was renamed or moved to {today}; correct the path in the configuration"))
}

/// The number to which the former path of a project leads. Only that is taken from the address: whom we ask stays as it
/// is configured.
fn moved_to(reply: &Reply) -> Option<u64> {
    let location = reply.header("location").filter(|_| MOVED.contains(&reply.status()))?;
    let path = location.split(['?', '#']).next()?;
    path.rsplit_once("/projects/")?.1.trim_end_matches('/').parse().ok()
}

fn led_astray(path: &str, status: u16) -> CallError {
    let message = "it points to another address; the base address or a path is outdated".to_owned();
    CallError::Status { call: format!("GET {path}"), status, code: None, message, told: crate::http::Told::default() }
}
