//! `rekey demo`: one address to open, or with `--auto` the whole story told in the terminal.

use super::CliError;
use super::args::{Chat, DemoArgs, DemoStores, Failure};
use super::signals::Signals;
use super::table::{Cell, Table, Tone, wants_colour};
use crate::demo::{BotLog, Chats, Demo, DemoError, Held, Page, Report, Scene, Stores, Tempo, play};
use crate::server::Render;
use crate::telemetry::{LogFormat, LogSettings, install_metrics, subscriber};
use jiff::tz::TimeZone;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

pub(super) fn run(args: &DemoArgs, output: &mut dyn Write) -> Result<ExitCode, CliError> {
    let chats = match args.chat {
        Chat::Slack => Chats::Slack,
        Chat::Discord => Chats::Discord,
        Chat::Both => Chats::Both,
    };
    if args.fail.is_some() && !args.auto {
        return Err(CliError::failed("--fail belongs to --auto", "on the page, switch trouble on under Trouble"));
    }
    let stores = match args.stores {
        DemoStores::Variable => Stores::Variable,
        DemoStores::Vault => Stores::Three,
    };
    let scene = Scene { chats, stores };
    let log = keep_log()?;
    let metrics = install_metrics().map_err(|error| CliError::failed(error.to_string(), "start rekey anew"))?;
    let render: Render = Arc::new(move || metrics.render());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|source| CliError::Io { what: "the demo cannot start".into(), source })?;
    match args.auto {
        true => runtime.block_on(auto(args.fail == Some(Failure::Verify), scene, log, render, output)),
        false => runtime.block_on(watched(args.port, scene, log, render, output)),
    }
}

/// The bot's log goes to the page, so that the terminal stays readable.
fn keep_log() -> Result<BotLog, CliError> {
    let log = BotLog::default();
    let kept = log.clone();
    let settings = LogSettings { format: Some(LogFormat::Json), filter: None };
    let anew = |error: &dyn ToString| CliError::failed(error.to_string(), "start rekey anew");
    let lines = subscriber(&settings, false, move || kept.clone()).map_err(|error| anew(&error))?;
    tracing::subscriber::set_global_default(lines).map_err(|error| anew(&error))?;
    Ok(log)
}

fn stopped(error: DemoError) -> CliError {
    let way_out = match error {
        DemoError::NoOpenBao => {
            "install OpenBao so that `bao` is on the PATH (https://openbao.org), or leave --stores out"
        }
        DemoError::OpenBaoEnds(_) => "run `bao server -dev` to see why, or leave --stores out",
        DemoError::PortTaken(_) => "give another with --port, or leave --port out to take a free one",
        _ => "the demo needs loopback and a writable temporary folder",
    };
    CliError::failed(error.to_string(), way_out)
}

fn unprinted(source: io::Error) -> CliError {
    CliError::Io { what: "the terminal cannot be written to".into(), source }
}

async fn watched(
    port: u16,
    scene: Scene,
    log: BotLog,
    render: Render,
    output: &mut dyn Write,
) -> Result<ExitCode, CliError> {
    let mut signals = Signals::listen()?;
    let page = tokio::select! {
        started = Box::pin(Page::start(port, Tempo::WATCHED, scene, log, render)) => started.map_err(stopped)?,
        () = signals.asked() => return Ok(ExitCode::SUCCESS),
    };
    let (url, messengers) = (page.url(), named(scene.chats));
    let words = format!(
        "\n  rekey demo   {url}\n\n  The bot runs beside a sandbox GitLab and {messengers}, on this machine only.\n  \
         Open the page, send the first mail, approve as Alice.\n  Grace and pipelines are shortened to seconds; \
         in production the grace is 15 minutes.\n\n  Ctrl-C stops it and leaves nothing behind.\n"
    );
    writeln!(output, "{words}").map_err(unprinted)?;
    signals.asked().await;
    // Whoever asks twice does not want to wait; all goes with the process.
    tokio::select! {
        () = page.stop() => {}
        () = signals.asked() => {}
    }
    // A terminal that hung up hears nothing more.
    let _unheard = writeln!(output, "\n  Stopped.");
    Ok(ExitCode::SUCCESS)
}

async fn auto(
    red: bool,
    scene: Scene,
    log: BotLog,
    render: Render,
    output: &mut dyn Write,
) -> Result<ExitCode, CliError> {
    let mut signals = Signals::listen()?;
    let demo = tokio::select! {
        started = Box::pin(Demo::start(Tempo::QUICK, scene, log, render)) => started.map_err(stopped)?,
        () = signals.asked() => return Ok(ExitCode::FAILURE),
    };
    writeln!(
        output,
        "The bot beside a sandbox GitLab and {}. Grace and pipelines are shortened.\n",
        named(scene.chats)
    )
    .map_err(unprinted)?;
    let mut failed = Ok(());
    let mut say = |line: &str| {
        if failed.is_ok() {
            failed = writeln!(output, "  {line}");
        }
    };
    let played = tokio::select! {
        played = play(&demo, red, &mut say) => Some(played),
        () = signals.asked() => None,
    };
    demo.stop().await;
    failed.map_err(unprinted)?;
    let Some(played) = played else { return Ok(ExitCode::FAILURE) };
    let report = played.map_err(stopped)?;
    write!(output, "\n{}\n{}\n{}", timeline(&report), shelves(&report), verdict(&report)).map_err(unprinted)?;
    Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn named(chats: Chats) -> &'static str {
    match chats {
        Chats::Slack => "Slack",
        Chats::Discord => "Discord",
        Chats::Both => "both messengers",
    }
}

fn timeline(report: &Report) -> String {
    let mut table = Table::new(["TIME (UTC)", "WHO SAYS SO", "WHAT"]);
    for moment in &report.timeline {
        let time = moment.at.to_zoned(TimeZone::UTC).strftime("%H:%M:%S%.3f").to_string();
        table.row([Cell::toned(time, Tone::Faint), moment.source.clone().into(), moment.what.clone().into()]);
    }
    table.render(wants_colour())
}

fn shelves(report: &Report) -> String {
    let mut table = Table::new(["STORE", "HELD BEFORE", "HOLDS NOW"]);
    let token = |held: &Held| held.token.map_or_else(|| "no token".to_owned(), |id| format!("token {id}"));
    for (before, now) in &report.stores {
        table.row([now.store.clone().into(), Cell::toned(token(before), Tone::Faint), token(now).into()]);
    }
    table.render(wants_colour())
}

fn verdict(report: &Report) -> String {
    let mut table = Table::new(["CHECKED IN GITLAB AND IN THE LEDGER"]);
    for check in &report.checks {
        let (word, tone) = if check.holds { ("ok", Tone::Good) } else { ("WRONG", Tone::Bad) };
        table.row([Cell::toned(format!("{word}  {}", check.what), tone)]);
    }
    table.render(wants_colour())
}
