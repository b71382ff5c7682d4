//! The project or group that a store of GitLab's is in. A path may be renamed, and another project may get it; every call
//! goes by the number that the path led to when the plan was made.

use super::StoreError;
use crate::http::{Api, Call, CallError, Reply, segment};
use crate::rotation::identity::Identity;
use crate::rotation::ids::StoreId;
use serde::Deserialize;

/// What GitLab answers to the former path of a project.
const MOVED: &[u16] = &[301, 302, 307, 308];

/// Where to look: by path, and by the number that it had.
#[derive(Clone)]
pub(super) struct Holder {
    kind: &'static str,
    path: String,
    known: Option<u64>,
}

/// The holder as it was found.
pub(super) struct Found {
    /// What the paths of its routes begin with, such as `/projects/21`.
    pub(super) route: String,
    /// Which one it is.
    pub(super) identity: Identity,
    /// What should be said of its path, if that is another by now.
    pub(super) renamed: Option<String>,
}

#[derive(Deserialize)]
struct Row {
    id: u64,
    #[serde(default, alias = "path_with_namespace")]
    full_path: String,
}

impl Holder {
    pub(super) fn project(path: &str) -> Self {
        Self { kind: "projects", path: path.to_owned(), known: None }
    }

    pub(super) fn group(path: &str) -> Self {
        Self { kind: "groups", path: path.to_owned(), known: None }
    }

    /// The same, known by the number in an identity that [`Holder::find`] gave.
    pub(super) fn held_to(&self, identity: &Identity) -> Option<Self> {
        let number = identity.0.rsplit_once(&format!("/{}/", self.kind))?.1.parse().ok()?;
        Some(Self { known: Some(number), ..self.clone() })
    }

    /// Where the path leads; if it leads nowhere any more, the one that had it.
    pub(super) async fn find(
        &self,
        api: &Api,
        id: &StoreId,
        mend: &(dyn Fn(u16) -> String + Send + Sync),
    ) -> Result<Found, StoreError> {
        let path = format!("/{}/{}", self.kind, segment(&self.path));
        let answers: Vec<u16> = MOVED.iter().copied().chain([404]).collect();
        let refused = |error: CallError| StoreError::of_read(id, &error, mend);
        let reply = api.read(&Call::get(path).answers(&answers)).await.map_err(refused)?;
        let row: Row = match (reply.status(), moved_to(&reply).or(self.known)) {
            (..300, _) => reply.json().map_err(|error| StoreError::unavailable(id, error))?,
            (_, Some(number)) => {
                let reply = api.read(&Call::get(format!("/{}/{number}", self.kind))).await;
                reply.and_then(|reply| reply.json()).map_err(refused)?
            }
            (_, None) => return Err(refused(reply.refusal())),
        };
        let same = row.full_path.is_empty() || row.full_path.eq_ignore_ascii_case(&self.path);
        let renamed = (!same).then(|| {
            format!("{} was renamed or moved to {}; correct the path in the configuration", self.path, row.full_path)
        });
        let route = format!("/{}/{}", self.kind, row.id);
        let identity = Identity(format!("{}{route}", api.host()));
        Ok(Found { route, identity, renamed })
    }
}

/// The number to which the former path of a project leads; whom we ask stays as it is configured.
fn moved_to(reply: &Reply) -> Option<u64> {
    let location = reply.header("location").filter(|_| MOVED.contains(&reply.status()))?;
    let path = location.split(['?', '#']).next()?;
    path.rsplit_once("/projects/")?.1.trim_end_matches('/').parse().ok()
}
