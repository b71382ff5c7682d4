//! Running the bot: endpoints, workers, inbox, scan; and stopping without losing anything.

use super::{Lines, assemble_with, doors, open_ledger};
use crate::clock::Clock;
use crate::config::Config;
use crate::engine::{Dice, Engine};
use crate::http::Backoff;
use crate::ledger::{Ledger, LedgerError, Word};
use crate::server::{self, Limits, Opening, Pulse, Render, Settings};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
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
    #[error("the database of [database] url cannot be opened: {0}{mend}", mend = mend(.0))]
    Ledger(LedgerError),
    /// The database is not what it should be, and somebody has to say what it is.
    #[error("{0}")]
    Stock(String),
    /// A part of the bot ended by a fault of its own; the log says where.
    #[error("a part of rekey ended by a fault of rekey, so all of it ends; the log names the place: please report it")]
    Fault,
    /// The address is taken or not ours.
    #[error("cannot listen on {address}: {why}; choose another [server] listen")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        why: std::io::Error,
    },
}

/// What to write where the server's certificate is the trouble: it is checked unless the configuration says otherwise.
fn mend(error: &LedgerError) -> &'static str {
    let words = error.to_string();
    if words.contains("TLS") || words.contains("certificate") {
        "; name the server in url as its certificate does and, if an authority of your own signs, write under [database] \
         ca_file = \"/path/to/ca.pem\" (a server without TLS would get the password in clear: sslmode=disable in url \
         and allow_eavesdropping = true, if you can live with that)"
    } else {
        ""
    }
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
    /// Ends when the bot must not go on, with the reason: it is not what its database says, or a part of it is gone.
    pub async fn lost(&mut self) -> StartError {
        tokio::select! {
            why = self.engine.stock.lost() => StartError::Stock(why),
            () = fault(&mut self.tasks) => StartError::Fault,
        }
    }

    /// Takes nothing new, finishes what is in hand, lets go of leases and of the database.
    pub async fn stop(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
        self.engine.ledger.close().await;
    }
}

/// Ends when a part panics: half a bot would look well and forget its duties.
async fn fault(tasks: &mut JoinSet<()>) {
    while let Some(ended) = tasks.join_next().await {
        if ended.is_err_and(|error| error.is_panic()) {
            return;
        }
    }
    std::future::pending().await
}

/// Starts everything; returns once it accepts requests. `word`: what somebody says of the database.
pub async fn run(
    config: &Config,
    clock: Arc<dyn Clock>,
    dice: Arc<dyn Dice>,
    render: Render,
    word: Word,
) -> Result<Running, StartError> {
    let lines = Lines::open(config)?;
    super::check_doors(config)?;
    let (stop, mut tasks) = (CancellationToken::new(), JoinSet::new());
    let doors = Listeners::open(config, &mut tasks, &stop).await?;
    let engine = assemble_with(config, &lines, ledger_in_time(config, word).await?, clock, dice)?;
    engine.take_stock(word).await.map_err(|error| StartError::Stock(error.to_string()))?;
    let desk = doors::desk(config, &engine);
    let slack = doors::slack(config, &lines, &engine, &desk)?;
    let socket = doors::slack_socket(config, slack.as_ref())?;
    let discord = super::discord::door(config, &engine, &desk)?;
    let gateway = super::discord::gateway(config, &lines)?;
    let chat = slack.filter(|_| socket.is_none()).map(server::slack::router);
    let endpoint = discord.clone().filter(|_| gateway.is_none()).map(server::discord::router);
    let chat = chat.into_iter().chain(endpoint).reduce(axum::Router::merge);
    let address = doors.address;
    doors.lead_to(&engine, doors::settings(config)?, chat, render);
    tasks.spawn(engine.clone().keep_stock(stop.clone()));
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
    let (waiting, stopped) = (engine.clone(), stop.clone());
    tasks.spawn(async move {
        tokio::select! {
            looked = waiting.look_at_what_waits() => looked.unwrap_or_else(|error| tracing::warn!(%error, "what waits was not looked at")),
            () = stopped.cancelled() => {}
        }
    });
    tasks.spawn(engine.clone().keep_scanning(stop.clone()));
    tasks.spawn(engine.clone().keep_measuring(stop.clone()));
    tracing::info!(%address, tokens = config.tokens.len(), "ready");
    Ok(Running { engine, address, tasks, stop })
}

/// What the world reaches, open before the database is.
struct Listeners {
    address: SocketAddr,
    pulse: Pulse,
    world: Opening,
    /// Only our own people.
    admin: Option<Opening>,
}

impl Listeners {
    async fn open(config: &Config, tasks: &mut JoinSet<()>, stop: &CancellationToken) -> Result<Self, StartError> {
        let listener = listen(config.server.listen)?;
        let address = listener.local_addr().map_err(|why| StartError::Listen { address: config.server.listen, why })?;
        let (pulse, limits) = (Pulse::default(), Limits::default());
        let world = Opening::new(pulse.clone());
        tasks.spawn(server::serve(listener, world.router(), limits, pulse.clone(), stop.clone()));
        let mut admin = None;
        if let Some(address) = config.server.admin_listen {
            let own = admin.insert(Opening::new(pulse.clone()));
            let listener = listen(address)?;
            tasks.spawn(server::serve(listener, own.router(), limits, Pulse::default(), stop.clone()));
        }
        Ok(Self { address, pulse, world, admin })
    }

    fn lead_to(self, engine: &Arc<Engine>, mut settings: Settings, chat: Option<axum::Router>, render: Render) {
        settings.pulse = self.pulse;
        match self.admin {
            Some(admin) => {
                admin.open(server::admin(engine.clone(), settings.pulse.clone(), render));
                self.world.open(server::hooks(engine.clone(), settings, chat));
            }
            None => self.world.open(server::router(engine.clone(), settings, chat)),
        }
    }
}

/// A server of a database may come up after us, or be restarted: it is waited for, in words. A file is there or not.
async fn ledger_in_time(config: &Config, word: Word) -> Result<Arc<dyn Ledger>, StartError> {
    let backoff = Backoff::jittered(Duration::from_secs(1), Duration::from_secs(30));
    let mut tries = 0;
    loop {
        match open_ledger(&config.database, word).await {
            Err(error @ StartError::Ledger(LedgerError::Unavailable { .. })) if config.database.is_postgres() => {
                let pause = backoff.delay(tries);
                tracing::error!(%error, next_try_in = ?pause, "waiting for the database; nothing works until it is there");
                tokio::time::sleep(pause).await;
                tries += 1;
            }
            outcome => return outcome,
        }
    }
}

fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    server::listen(address).map_err(|why| StartError::Listen { address, why })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_part_that_panics_ends_the_whole_and_one_that_is_through_does_not() {
        let mut tasks = JoinSet::new();
        tasks.spawn(async {});
        tasks.spawn(std::future::pending());
        let through = tokio::time::timeout(std::time::Duration::from_millis(20), fault(&mut tasks)).await;
        assert!(through.is_err());
        tasks.spawn(async { assert_eq!(1 + 1, 3, "a fault of ours") });
        fault(&mut tasks).await;
    }
}
