//! The command line: what a person types becomes a call of one command, and an error becomes words with a way out.

mod args;
mod check;
#[cfg(feature = "sandbox")]
mod demo;
mod hardening;
pub mod init;
mod serve;
pub mod table;

use crate::config::{ConfigErrors, Machine};
use crate::secret::redact;
use args::{Cli, Command, ConfigCommand};
use clap::Parser;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The configuration must be mended first.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// The terminal, or a file that the command writes, failed.
    #[error("{what}: {}", source.kind())]
    Io {
        /// What was being done, as in "rekey.toml cannot be written".
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// Anything else, in words.
    #[error("{what}; {way_out}")]
    Failed {
        /// What is wrong.
        what: String,
        /// What the person can do.
        way_out: String,
    },
}

impl CliError {
    /// What is wrong, and what the person can do.
    pub fn failed(what: impl Into<String>, way_out: impl Into<String>) -> Self {
        Self::Failed { what: what.into(), way_out: way_out.into() }
    }
}

/// Runs what the command line of this process asks for.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    hardening::keep_memory_private();
    dispatch(cli).unwrap_or_else(|error| {
        report(&error, &mut io::stderr());
        ExitCode::FAILURE
    })
}

fn dispatch(cli: Cli) -> Result<ExitCode, CliError> {
    match cli.command {
        Command::Init(args) => {
            let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
            let interactive = io::stdin().is_terminal();
            init::run(&args, &cli.config, &mut init::Dialogue::new(&mut input, &mut output, interactive))
        }
        Command::Config { command: ConfigCommand::Check(args) } => {
            check::run(&args, &cli.config, &Machine, &mut io::stdout())
        }
        Command::Serve => {
            let config = crate::config::load(&cli.config, &Machine)?;
            runtime()?.block_on(serve::run(&config))
        }
        #[cfg(feature = "sandbox")]
        Command::Demo(args) => demo::run(&args, &mut io::stdout()),
        _ => Err(CliError::failed("this command is not built yet", "see `rekey --help`")),
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, CliError> {
    let what = || "the program cannot start its threads".to_owned();
    tokio::runtime::Runtime::new().map_err(|source| CliError::Io { what: what(), source })
}

/// Says what went wrong. Nothing can be done if even that fails.
fn report(error: &CliError, output: &mut dyn Write) {
    if let CliError::Config(errors) = error {
        for problem in &errors.0 {
            let _unheard = writeln!(output, "{problem}");
        }
        let _unheard = writeln!(output, "error: {}", errors.summary());
        return;
    }
    let _unheard = writeln!(output, "error: {}", redact(&error.to_string()));
}
