//! `rekey show`: one rotation, with everything that was observed and everybody who was told.

use super::CliError;
use super::args::ShowArgs;
use super::screen::Screen;
use super::table::{Cell, Table, Tone};
use crate::engine::Engine;
use crate::ledger::Stamped;
use crate::rotation::record::Rotation;
use crate::rotation::view::{Card, Progress, Value, card};
use serde_json::json;

pub(super) async fn run(engine: &Engine, args: &ShowArgs, screen: &mut Screen<'_>) -> Result<(), CliError> {
    let rotation = engine.rotation(&args.rotation).await?;
    let journal = match args.journal {
        true => engine.ledger.journal(&rotation.id).await.map_err(crate::engine::EngineError::from)?,
        false => Vec::new(),
    };
    let card = card(&rotation);
    if args.json {
        return screen.json(&machine(&rotation, &card, args.journal.then_some(&journal)));
    }
    screen.print(&format!(
        "{} {}\n{}. {}\n",
        card.status.symbol,
        crate::rotation::view::text::line(&card.title),
        card.status.word,
        card.status.sentence
    ))?;
    section(screen, "", &facts(&rotation, &card, screen))?;
    section(screen, "Steps", &steps(&card))?;
    section(screen, "Evidence", &evidence(&card, screen))?;
    section(screen, "Announcements", &announcements(&card, screen))?;
    section(screen, "Links", &links(&card))?;
    section(screen, "Journal", &lines(&journal, screen))
}

fn section(screen: &mut Screen<'_>, title: &str, table: &Table) -> Result<(), CliError> {
    if table.is_empty() {
        return Ok(());
    }
    let title = if title.is_empty() { String::new() } else { format!("{title}\n") };
    screen.print(&format!("\n{title}"))?;
    screen.table(table)
}

fn facts(rotation: &Rotation, card: &Card, screen: &Screen<'_>) -> Table {
    let mut table = Table::headless();
    let mut say = |label: &str, what: String| table.row([Cell::toned(label, Tone::Faint), what.into()]);
    say("Rotation", card.rotation.0.clone());
    say("Opened", screen.moment(rotation.opened_at));
    for field in &card.fields {
        say(field.label, value(&field.value, screen));
    }
    say("Plan", card.plan.short().to_owned());
    if let Some(waiting) = &card.waiting {
        say("Waiting", format!("{}, since {}", waiting.why, screen.moment(waiting.since)));
    }
    for (label, items) in [("Because", &card.reasons), ("Warning", &card.warnings), ("Mend first", &card.blockers)] {
        for (index, item) in items.iter().enumerate() {
            say(if index == 0 { label } else { "" }, item.clone());
        }
    }
    table
}

fn value(value: &Value, screen: &Screen<'_>) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Code(items) => items.join(", "),
        Value::Date(date) => format!("{date} 00:00 UTC"),
        Value::Moment(at) => screen.moment(*at),
    }
}

fn steps(card: &Card) -> Table {
    let mut table = Table::headless();
    for step in &card.steps {
        let (mark, tone) = match step.progress {
            Progress::Done => ("[x]", Tone::Good),
            Progress::Now => ("[>]", Tone::Warning),
            Progress::Todo => ("[ ]", Tone::Plain),
            Progress::Failed => ("[!]", Tone::Bad),
            Progress::Skipped => ("[-]", Tone::Faint),
        };
        table.row([Cell::toned(mark, tone), step.text.clone().into()]);
    }
    table
}

fn evidence(card: &Card, screen: &Screen<'_>) -> Table {
    let mut table = Table::headless();
    for seen in &card.evidence {
        table.row([screen.second(seen.at).into(), format!("{}: {}", seen.source, seen.what).into()]);
        if let Some(link) = &seen.link {
            table.row(["".into(), Cell::toned(format!("→ {link}"), Tone::Faint)]);
        }
    }
    table
}

fn announcements(card: &Card, screen: &Screen<'_>) -> Table {
    let mut table = Table::headless();
    for told in &card.announcements {
        table.row([screen.second(told.at).into(), told.to.to_string().into(), told.text.clone().into()]);
    }
    table
}

fn links(card: &Card) -> Table {
    let mut table = Table::headless();
    for (surface, url) in &card.links {
        table.row([Cell::toned(surface, Tone::Faint), url.clone().into()]);
    }
    table
}

fn lines(journal: &[Stamped], screen: &Screen<'_>) -> Table {
    let mut table = Table::headless();
    for Stamped { seq, line, .. } in journal {
        table.row([seq.to_string(), screen.second(line.at), line.actor.clone(), event(&line.event)].map(Cell::from));
    }
    table
}

/// `refused_approve` as a person would say it.
fn event(name: &str) -> String {
    name.strip_prefix("refused_").map_or_else(|| name.to_owned(), |action| format!("refused: {action}"))
}

fn machine(rotation: &Rotation, card: &Card, journal: Option<&Vec<Stamped>>) -> serde_json::Value {
    let mut all = json!({ "phase": rotation.phase.name(), "opened_at": rotation.opened_at, "card": card });
    if let Some(journal) = journal {
        let line = |Stamped { seq, version, line, hash, .. }: &Stamped| {
            json!({ "seq": seq, "version": version, "at": line.at, "actor": line.actor, "event": line.event,
                    "detail": line.detail, "hash": hash })
        };
        all["journal"] = journal.iter().map(line).collect();
    }
    all
}
