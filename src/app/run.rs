//! Running the bot: endpoints, workers, inbox, scan; and stopping without losing anything.

use super::{Lines, assemble_with, doors, open_ledger};
use crate::clock::Clock;
use crate::config::Config;
use crate::engine::{Dice, Engine};
use crate::ledger::LedgerError;
use crate::server::{self, Limits, Render};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Why the bot does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Something in the configuration cannot be used.
    #[error("{0}")]
    Setup(String),
    /// The database cannot be opened.
    #[error("the database of [database] url cannot be opened: {0}")]
    Ledger(LedgerError),
    /// The address is taken or not ours.
    #[error("cannot listen on {address}: {why}; choose another [server] listen")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        why: std::io::Error,
    },
}

/// A bot that runs until told to stop.
pub struct Running {
    /// Its engine.
    pub engine: Arc<Engine>,
    /// Where it listens.
    pub address: SocketAddr,
    tasks: JoinSet<()>,
    stop: CancellationToken,
}

impl Running {
    /// Takes nothing new, finishes what is in hand, lets go of leases and of the database.
    pub async fn stop(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
        self.engine.ledger.close().await;
    }
}

/// Starts everything; returns once it accepts requests.
pub async fn run(
    config: &Config,
    clock: Arc<dyn Clock>,
    dice: Arc<dyn Dice>,
    render: Render,
) -> Result<Running, StartError> {
    let lines = Lines::open(config)?;
    let engine = assemble_with(config, &lines, open_ledger(config).await?, clock, dice)?;
    let stop = CancellationToken::new();
    let mut tasks = JoinSet::new();
    let desk = doors::desk(config, &engine);
    let slack = doors::slack(config, &lines, &engine, &desk)?;
    let socket = doors::slack_socket(config, slack.as_ref())?;
    let discord = super::discord::door(config, &engine, &desk)?;
    let gateway = super::discord::gateway(config, &lines)?;
    let chat = slack.filter(|_| socket.is_none()).map(server::slack::router);
    let endpoint = discord.clone().filter(|_| gateway.is_none()).map(server::discord::router);
    let chat = chat.into_iter().chain(endpoint).reduce(axum::Router::merge);
    let settings = doors::settings(config)?;
    let listener = listen(config.server.listen).await?;
    let address = listener.local_addr().map_err(|why| StartError::Listen { address: config.server.listen, why })?;
    let limits = Limits::default();
    match config.server.admin_listen {
        Some(admin) => {
            let admin = listen(admin).await?;
            let router = server::admin(engine.clone(), render);
            tasks.spawn(server::serve(admin, router, limits, stop.clone()));
            tasks.spawn(server::serve(listener, server::hooks(engine.clone(), settings, chat), limits, stop.clone()));
        }
        None => {
            let router = server::router(engine.clone(), settings, chat);
            tasks.spawn(server::serve(listener, router, limits, stop.clone()));
        }
    }
    tasks.spawn(engine.clone().work(stop.clone()));
    tasks.spawn(engine.clone().read_inbox(stop.clone()));
    tasks.spawn(engine.clone().keep_listening(stop.clone()));
    tasks.spawn(desk.serve(stop.clone()));
    if let Some(socket) = socket {
        tasks.spawn(socket.run(stop.clone()));
    }
    if let (Some(gateway), Some(door)) = (gateway, discord) {
        tasks.spawn(gateway.listen(Arc::new(server::discord::Listener(door)), stop.clone()));
    }
    tasks.spawn(engine.clone().keep_scanning(stop.clone()));
    tasks.spawn(engine.clone().keep_measuring(stop.clone()));
    tracing::info!(%address, tokens = config.tokens.len(), "ready");
    Ok(Running { engine, address, tasks, stop })
}

async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|why| StartError::Listen { address, why })
}
