//! A stateful, strict GitLab: it answers as the real one does, keeps token families, runs pipelines whose jobs really
//! use their variables, sends signed webhooks, and fails on demand. [`World`] says what is in it, [`Gitlab`] runs it,
//! [`Handle`] looks inside and moves it.

mod auth;
mod bar;
mod branches;
mod build;
mod calls;
mod control;
mod delivery;
mod events;
mod fields;
mod gate;
mod handle;
mod hooks;
mod issue_list;
mod issues;
mod job_log;
mod jobs;
mod line;
mod model;
mod multipart;
mod notes;
mod own_tokens;
mod page;
mod params;
mod payload;
mod people;
mod pipelines;
mod places;
mod plan;
mod quick;
mod reactions;
mod render;
mod reply;
mod request;
mod resource_tokens;
mod routes;
mod runner;
mod schedules;
mod secure_files;
mod service_accounts;
mod settings;
mod token_list;
mod tokens;
mod users;
mod variable_api;
mod variables;
mod world;

pub use super::faults::{Fault, Rule};
pub use super::holds::Held;
pub use bar::Bar;
pub use build::Mint;
pub use calls::Call;
pub use handle::Handle;
pub use model::{Delivery, Hook, Issue, Job, Note, Pipeline, Reaction, Token, Variable};
pub use people::{DEVELOPER, GUEST, Kind, MAINTAINER, OWNER, Place, REPORTER, User};
pub use plan::{JobPlan, Run};
pub use settings::{Pace, Settings};
pub use tokens::{Minted, grant};
pub use world::World;

use crate::clock::Clock;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::task::JoinHandle;

/// A running sandbox on a port of its own. Dropping it closes the port, ends open connections when the calls on them
/// are answered, and stops its pipelines and webhooks.
pub struct Gitlab {
    address: SocketAddr,
    handle: Handle,
    tasks: Vec<JoinHandle<()>>,
}

impl Gitlab {
    /// Starts on `127.0.0.1` and a free port. Its time is the given clock's.
    pub async fn start(world: World, clock: Arc<dyn Clock>) -> std::io::Result<Self> {
        Self::start_at(world, clock, SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    /// As [`Gitlab::start`] on a chosen address.
    pub async fn start_at(world: World, clock: Arc<dyn Clock>, at: SocketAddr) -> std::io::Result<Self> {
        Self::resume(Handle::new(world, clock), at).await
    }

    /// `http://127.0.0.1:<port>`, without a slash at the end.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops and gives the world back, to be started again later with all that happened in it.
    pub async fn stop(mut self) -> Handle {
        for task in self.tasks.drain(..) {
            task.abort();
            // An aborted task ends with an error by definition.
            let _ = task.await;
        }
        self.handle.clone()
    }

    /// As [`Gitlab::start_at`] with a world that has run before.
    pub async fn resume(handle: Handle, at: SocketAddr) -> std::io::Result<Self> {
        let listener = line::Lines::bind(at).await?;
        let address = listener.address()?;
        handle.with(|world| world.settings.url = format!("http://{address}"));
        let service = router(handle.clone()).into_make_service_with_connect_info::<line::Line>();
        let serve = async move {
            // Ends only when the task is aborted; a sandbox has nobody to tell.
            let _ = axum::serve(listener, service).await;
        };
        let mut tasks = background(&handle);
        tasks.push(tokio::spawn(serve));
        Ok(Self { address, handle, tasks })
    }

    /// What is inside, to look at and to move.
    pub fn state(&self) -> Handle {
        self.handle.clone()
    }
}

impl Drop for Gitlab {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// The HTTP side alone (`/api/v4`, `/sandbox`), to be mounted by a server of the caller's; see [`background`].
pub fn router(handle: Handle) -> axum::Router {
    routes::router(handle)
}

/// The tasks that move pipelines and send webhooks; whoever mounts [`router`] runs and stops them.
pub fn background(handle: &Handle) -> Vec<JoinHandle<()>> {
    vec![tokio::spawn(handle::move_pipelines(handle.clone())), tokio::spawn(handle::send_hooks(handle.clone()))]
}
