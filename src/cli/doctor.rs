//! `rekey doctor`: tests every connection and permission that the configuration needs and says for each how to mend it.
//! It changes nothing, neither in GitLab nor in the messengers.

mod bot;
mod clock;
mod codes;
mod configuration;
mod consumers;
mod database;
mod discord;
mod finding;
mod groups;
mod issues;
mod mail;
mod people;
mod progress;
mod slack;
mod stores;
mod tokens;
mod webhooks;

use super::CliError;
use super::screen::Screen;
use super::serve::not_started;
use crate::app;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::engine::planner::Inspection;
use crate::engine::{Engine, RealDice};
use crate::gitlab::Me;
use crate::rotation::token::ManagedToken;
use crate::store::StoreSpec;
use finding::{Area, Document, Finding, Line, Tally};
use futures::{StreamExt, stream};
use progress::Progress;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;

/// Tokens that are looked at at once.
const AT_ONCE: usize = 8;

/// What the checks on GitLab need.
struct Visit<'a> {
    config: &'a Config,
    engine: &'a Engine,
    me: Me,
}

/// `stays` says why the environment of a bot that is started like this keeps its secrets, if it does.
pub(super) async fn run(
    config: &Config,
    stays: Option<&io::Error>,
    json: bool,
    screen: &mut Screen<'_>,
) -> Result<ExitCode, CliError> {
    let kept = json.then(Vec::new);
    let mut report = Report { screen, progress: Progress::on_a_terminal(), tally: Tally::default(), kept };
    report.begin(Area::Database);
    let (ledger, findings) = database::look(config).await;
    report.end(Area::Database, findings)?;
    report.end(Area::Configuration, configuration::look(&config.warnings, stays))?;
    let engine = app::assemble_on(config, ledger, Arc::new(SystemClock), Arc::new(RealDice)).map_err(not_started)?;
    report.begin(Area::GitLab);
    let (me, findings) = bot::look(config, &engine).await;
    report.end(Area::GitLab, findings)?;
    let seen = me.is_some();
    match me {
        Some(me) => in_gitlab(&Visit { config, engine: &engine, me }, &mut report).await?,
        None => report.end(Area::Tokens, vec![unseen()])?,
    }
    report.begin(Area::Webhooks);
    report.end(Area::Webhooks, webhooks::look(config, &engine.gitlab, seen).await)?;
    report.begin(Area::Mail);
    report.end(Area::Mail, mail::look(config))?;
    report.begin(Area::Slack);
    report.end(Area::Slack, slack::look(config).await)?;
    if config.discord.is_some() {
        report.begin(Area::Discord);
        report.end(Area::Discord, discord::look(config).await)?;
    }
    engine.ledger.close().await;
    report.close()?;
    Ok(if report.tally.failures > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn in_gitlab(visit: &Visit<'_>, report: &mut Report<'_, '_>) -> Result<(), CliError> {
    report.begin(Area::Tokens);
    let seen = each(visit, |token, _| tokens::look(visit, token)).await;
    let (findings, inspections): (Vec<_>, Vec<_>) = seen.into_iter().unzip();
    report.end(Area::Tokens, findings.concat())?;
    let inspected = |token: &ManagedToken| {
        let of = |inspection: &&Inspection| inspection.plan.token == token.id;
        inspections.iter().flatten().find(of)
    };
    report.begin(Area::Stores);
    report
        .end(Area::Stores, each(visit, |token, specs| stores::look(visit, specs, inspected(token))).await.concat())?;
    report.begin(Area::Consumers);
    report
        .end(Area::Consumers, each(visit, |token, _| consumers::look(visit, token, inspected(token))).await.concat())?;
    report.begin(Area::Issues);
    report.end(Area::Issues, issues::look(visit).await)?;
    report.begin(Area::People);
    let people = [people::look(visit).await, groups::look(visit).await, codes::look(visit).await].concat();
    report.end(Area::People, people)
}

/// One check on all managed tokens, in the order of the configuration.
async fn each<'v, T, F: Future<Output = T>>(
    visit: &Visit<'v>,
    check: impl Fn(&'v ManagedToken, &'v [StoreSpec]) -> F,
) -> Vec<T> {
    let checks = visit.config.tokens.iter().map(|(token, specs)| check(token, specs));
    stream::iter(checks).buffered(AT_ONCE).collect().await
}

fn unseen() -> Finding {
    let what = "tokens, stores, consumers, issues and people were not looked at";
    Finding::warn("the rest", what, "mend GitLab first, then run `rekey doctor` again")
}

/// What was said so far, and where.
struct Report<'r, 's> {
    screen: &'r mut Screen<'s>,
    progress: Progress,
    tally: Tally,
    /// All of it, where a program reads it in the end.
    kept: Option<Vec<Line>>,
}

impl Report<'_, '_> {
    fn begin(&mut self, area: Area) {
        self.progress.show(&format!("looking at {} …", area.title()));
    }

    fn end(&mut self, area: Area, findings: Vec<Finding>) -> Result<(), CliError> {
        self.progress.clear();
        if findings.is_empty() {
            return Ok(());
        }
        self.tally.count(&findings);
        if let Some(kept) = &mut self.kept {
            kept.extend(findings.into_iter().map(|finding| Line { area, finding }));
            return Ok(());
        }
        self.screen.print(&finding::render(area, &findings, self.screen.colour))
    }

    fn close(&mut self) -> Result<(), CliError> {
        match &self.kept {
            Some(findings) => self.screen.json(&Document { tally: &self.tally, findings }),
            None => self.screen.print(&self.tally.summary()),
        }
    }
}
