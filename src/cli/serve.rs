//! `rekey serve`: the bot itself, until a signal asks it to stop.

use super::CliError;
use super::signals::Signals;
use crate::app::{self, StartError};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::engine::RealDice;
use crate::ledger::Word;
use crate::telemetry::{self, LogSettings};
use std::io;
use std::process::ExitCode;
use std::sync::Arc;

/// Runs until SIGTERM, SIGINT or SIGHUP; then finishes what is in hand. A second signal ends it at once, which is safe too.
/// `word` is what somebody says of the database; `kept` why the environment still has its secrets, if it has.
pub async fn run(config: &Config, word: Word, kept: Option<&io::Error>) -> Result<ExitCode, CliError> {
    start_telemetry(config)?;
    if let Some(error) = kept {
        tracing::warn!(%error, "the environment of the process keeps its secrets; give them by file: instead of env:");
    }
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    // Before anything starts, so that no signal ends what has begun.
    let mut signals = Signals::listen()?;
    let metrics = telemetry::install_metrics().map_err(|error| CliError::failed(error.to_string(), "report this"))?;
    let render = Arc::new(move || metrics.render());
    let mut running = tokio::select! {
        started = Box::pin(app::run(config, Arc::new(SystemClock), Arc::new(RealDice), render, word)) => {
            started.map_err(not_started)?
        }
        () = signals.asked() => {
            tracing::info!("stopped before anything had begun");
            return Ok(ExitCode::SUCCESS);
        }
    };
    let lost = tokio::select! {
        () = signals.asked() => None,
        lost = running.lost() => Some(lost),
    };
    tracing::info!("stopping: finishing what is in hand; a second signal stops at once");
    tokio::select! {
        () = running.stop() => tracing::info!("stopped"),
        () = signals.asked() => tracing::warn!("stopped at once; another process will resume what was in hand"),
    }
    lost.map_or(Ok(ExitCode::SUCCESS), |lost| Err(not_started(lost)))
}

fn start_telemetry(config: &Config) -> Result<(), CliError> {
    let settings = LogSettings {
        format: config.log.format,
        filter: std::env::var("RUST_LOG").ok().or_else(|| config.log.filter.clone()),
    };
    telemetry::start_logging(&settings)
        .map_err(|error| CliError::failed(error.to_string(), "mend [log] in the configuration"))?;
    telemetry::install_panic_hook();
    Ok(())
}

/// Words for a bot that does not start.
pub fn not_started(error: StartError) -> CliError {
    CliError::failed(error.to_string(), "mend it and start again; `rekey doctor` looks at everything")
}
