//! What the handlers of both pages share.

use super::log::BotLog;
use super::{Demo, DemoError, Scene, Tempo};
use crate::server::Render;
use std::net::SocketAddr;
use tokio::sync::RwLock;

/// The running demo, and what a new one needs.
pub(super) struct Shared {
    pub(super) demo: RwLock<Option<Demo>>,
    pub(super) address: SocketAddr,
    pub(super) tempo: Tempo,
    pub(super) scene: Scene,
    pub(super) log: BotLog,
    pub(super) render: Render,
}

impl Shared {
    pub(super) async fn with<T>(&self, act: impl AsyncFnOnce(&Demo) -> Result<T, DemoError>) -> Result<T, DemoError> {
        match self.demo.read().await.as_ref() {
            Some(demo) => act(demo).await,
            None => Err(DemoError::Call("the demo has been stopped".into())),
        }
    }
}
