//! `rekey list`: every managed token, the most urgent first.

use super::CliError;
use super::args::ListArgs;
use super::screen::Screen;
use super::table::{Cell, Table, Tone};
use super::words::{list, owner};
use crate::engine::Engine;
use crate::engine::overview::TokenLine;

/// Fewer days than this are shown in red.
const URGENT_DAYS: i32 = 7;

pub(super) async fn run(engine: &Engine, args: &ListArgs, screen: &mut Screen<'_>) -> Result<(), CliError> {
    let lines = engine.overview().await?;
    if args.json {
        screen.json(&lines)?;
        return seen(&lines);
    }
    if lines.is_empty() {
        return screen.print("No token is managed yet; add a [[token]] to the configuration.\n");
    }
    let mut table = Table::new(["TOKEN", "OWNER", "SCOPES", "EXPIRES", "DAYS", "LAST USE", "STATE"]);
    for line in &lines {
        table.row(row(engine, line, screen));
    }
    screen.table(&table)?;
    let problems: Vec<String> =
        lines.iter().filter_map(|line| Some(format!("{}: {}\n", line.token, line.problem.as_ref()?))).collect();
    if !problems.is_empty() {
        screen.print(&format!("\n{}", problems.concat()))?;
    }
    seen(&lines)
}

/// A list without anything of GitLab's in it is no success. Where a rotation is open, its state stands instead.
fn seen(lines: &[TokenLine]) -> Result<(), CliError> {
    let untold = |line: &TokenLine| matches!(line.state.as_str(), "unreachable" | "refused");
    let unseen = |line: &TokenLine| untold(line) || (line.rotation.is_some() && line.problem.is_some());
    if lines.iter().any(untold) && lines.iter().all(unseen) {
        return Err(CliError::failed("GitLab told of no token", "run `rekey doctor`"));
    }
    Ok(())
}

fn row(engine: &Engine, line: &TokenLine, screen: &Screen<'_>) -> [Cell; 7] {
    let seen = line.id.is_some();
    let unless_seen = |text: &str| if seen { text.to_owned() } else { "?".to_owned() };
    let owner = engine.catalog.tokens.get(&line.token).map_or_else(|| line.owner.clone(), |token| owner(&token.owner));
    [
        line.token.0.clone().into(),
        owner.into(),
        if seen { list(&line.scopes).into() } else { "?".into() },
        line.expires_at.map_or_else(|| unless_seen("never"), |date| date.to_string()).into(),
        days(line),
        line.last_used_at.map_or_else(|| unless_seen("never"), |at| screen.moment(at)).into(),
        state(line),
    ]
}

fn days(line: &TokenLine) -> Cell {
    match line.days_left {
        Some(days) if days <= URGENT_DAYS => Cell::toned(days.to_string(), Tone::Bad),
        Some(days) => days.to_string().into(),
        None => "".into(),
    }
}

fn state(line: &TokenLine) -> Cell {
    let tone = match line.state.as_str() {
        "ok" => Tone::Good,
        "stuck" | "expired" | "missing" | "ambiguous" | "refused" | "unreachable" => Tone::Bad,
        _ => Tone::Warning,
    };
    Cell::toned(line.state.replace('_', " "), tone)
}
