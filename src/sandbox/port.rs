//! A port of a sandbox's own, for as long as somebody holds it.

use axum::Router;
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Served on `127.0.0.1` and a free port; dropping it closes the port.
pub(super) struct Port {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Port {
    /// Opens it. What is served may have to know its own `http://127.0.0.1:<port>`.
    pub async fn open(router: impl FnOnce(&str) -> Router) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let router = router(&url(address));
        let serve = async move {
            // Ends only when the task is aborted; a sandbox has nobody to tell.
            let _ = axum::serve(listener, router).await;
        };
        Ok(Self { address, task: tokio::spawn(serve) })
    }

    /// `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        url(self.address)
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn url(address: SocketAddr) -> String {
    format!("http://{address}")
}
