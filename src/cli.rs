//! The command line: what a person types becomes a call of one command, and an error becomes words with a way out.

mod anew;
mod args;
mod audit;
mod check;
mod decision;
#[cfg(feature = "sandbox")]
mod demo;
mod discord;
mod doctor;
mod hardening;
pub mod init;
mod list;
mod operator;
mod people;
mod plan;
mod rotate;
mod rotations;
mod screen;
mod serve;
mod show;
mod signals;
pub mod table;
mod words;

use crate::app;
use crate::clock::SystemClock;
use crate::config::{Config, ConfigErrors, Machine};
use crate::engine::{Engine, EngineError, RealDice};
use crate::rotation::view::Action;
use crate::rotation::view::text::sentence;
use crate::secret::hide;
use args::{AuditCommand, Cli, Command, ConfigCommand, DiscordCommand, PeopleCommand};
use clap::Parser;
use decision::Given;
use screen::Screen;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;

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
    /// The engine said no; its words hold the way out.
    #[error(transparent)]
    Engine(EngineError),
    /// Anything else, in words.
    #[error("{}", told(what, way_out))]
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

impl From<EngineError> for CliError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Unavailable(what) => Self::failed(what, "try again"),
            EngineError::Locked { mend, .. } => Self::failed(error.to_string(), mend),
            EngineError::NotAsked(_) => Self::failed(error.to_string(), "check [gitlab] url, then run `rekey doctor`"),
            EngineError::NoToken { ref hint, .. } if hint.is_empty() => {
                Self::failed(error.to_string(), "add a [[token]] with that id, or see `rekey list`")
            }
            EngineError::NoToken { .. } | EngineError::NoRotation { .. } => {
                Self::failed(error.to_string(), "see `rekey list`")
            }
            EngineError::NeverRotated { ref token } => {
                Self::failed(error.to_string(), format!("`rekey rotate {token} --as <person>` opens one"))
            }
            error => Self::Engine(error),
        }
    }
}

/// What is wrong and the way out, as one sentence, or two after a question.
fn told(what: &str, way_out: &str) -> String {
    match what.ends_with('?') {
        true => format!("{what} {}", sentence(way_out).trim_end_matches('.')),
        false => format!("{what}; {way_out}"),
    }
}

/// Runs what the command line of this process asks for.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    hardening::keep_memory_private();
    let json = cli.command.fails_in_json();
    crate::store::command::adopt();
    dispatch(cli).unwrap_or_else(|error| {
        if json {
            // Nothing can be done if even that fails.
            let _unheard = Screen::standard(&mut io::stdout()).json(&serde_json::json!({ "error": error.to_string() }));
        }
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
        Command::Serve(args) => {
            let here = anew::Here::new();
            let config = crate::config::load(&cli.config, &here)?;
            let kept = here.without_secrets();
            runtime()?.block_on(serve::run(&config, args.word(), kept.as_ref()))
        }
        #[cfg(feature = "sandbox")]
        Command::Demo(args) => demo::run(&args, &mut io::stdout()),
        Command::Doctor(args) => {
            let here = anew::Here::new();
            let config = crate::config::load(&cli.config, &here)?;
            let stays = here.would_stay();
            let mut out = io::stdout();
            let screen = &mut Screen::standard(&mut out);
            runtime()?.block_on(doctor::run(&config, stays.as_ref(), args.json, screen))
        }
        Command::Discord { command: DiscordCommand::Register } => {
            let config = crate::config::load(&cli.config, &Machine)?;
            runtime()?.block_on(discord::register(&config, &mut Screen::standard(&mut io::stdout())))?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Audit { command: AuditCommand::Verify(args) } => {
            let config = crate::config::load(&cli.config, &Machine)?;
            runtime()?.block_on(audit::verify(&config.database, &args, &mut Screen::standard(&mut io::stdout())))
        }
        command => {
            let config = crate::config::load(&cli.config, &Machine)?;
            runtime()?.block_on(beside_the_bot(command, &config))
        }
    }
}

/// Commands that need what the bot needs. They may run beside `serve`: all go through the same ledger.
async fn beside_the_bot(command: Command, config: &Config) -> Result<ExitCode, CliError> {
    let mut engine =
        app::assemble(config, Arc::new(SystemClock), Arc::new(RealDice)).await.map_err(serve::not_started)?;
    Arc::get_mut(&mut engine).expect("nobody else has it yet").settings.shell = Some(operator::operator());
    let outcome = Box::pin(perform(command, &engine, &mut Screen::standard(&mut io::stdout()))).await;
    engine.ledger.close().await;
    outcome.map(|()| ExitCode::SUCCESS)
}

async fn perform(command: Command, engine: &Engine, screen: &mut Screen<'_>) -> Result<(), CliError> {
    match command {
        Command::Plan(args) => plan::run(engine, &args, screen).await,
        Command::List(args) => list::run(engine, &args, screen).await,
        Command::Show(args) => show::run(engine, &args, screen).await,
        Command::Rotate(args) => rotate::run(engine, &args, screen).await,
        Command::Approve(args) => {
            decision::run(engine, Action::Approve, &args.decision, Given::plan(args.plan), screen).await
        }
        Command::Decline(args) => decision::decline(engine, &args, screen).await,
        Command::Snooze(args) => decision::snooze(engine, &args, screen).await,
        Command::Rotations(args) => rotations::run(engine, &args, screen).await,
        Command::Retry(args) => decision::run(engine, Action::Retry, &args, Given::default(), screen).await,
        Command::Restore(args) => decision::run(engine, Action::Restore, &args, Given::default(), screen).await,
        Command::People { command: PeopleCommand::List(args) } => people::list_all(engine, &args, screen).await,
        Command::People { command: PeopleCommand::ResetCode(args) } => people::reset_code(engine, &args, screen).await,
        Command::People { command: PeopleCommand::UnlockCode(args) } => {
            people::unlock_code(engine, &args, screen).await
        }
        Command::People { command: PeopleCommand::ForgetLogin(args) } => {
            people::forget_login(engine, &args, screen).await
        }
        Command::Abandon(args) => decision::run(engine, Action::Abandon, &args, Given::default(), screen).await,
        // The others need no engine and were dispatched before.
        _ => Err(CliError::failed("this command has no use for the bot", "report this")),
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
    let _unheard = writeln!(output, "error: {}", hide(&error.to_string()));
}
