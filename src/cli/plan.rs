//! `rekey plan`: exactly what a rotation would do, and the hash that an approval is bound to. Changes nothing.

use super::CliError;
use super::args::PlanArgs;
use super::screen::Screen;
use super::table::{Cell, Table, Tone};
use super::words::{approver, list, owner, role, span};
use crate::engine::Engine;
use crate::rotation::plan::Plan;
use crate::rotation::token::{ManagedToken, Strategy};
use jiff::civil::Date;

pub(super) async fn run(engine: &Engine, args: &PlanArgs, screen: &mut Screen<'_>) -> Result<(), CliError> {
    let managed = engine.managed(&args.token)?;
    let live = engine.live_token(managed).await?;
    let plan = engine.plan(managed, &live, None, None).await?;
    if args.json {
        return screen.json(&serde_json::json!({ "hash": plan.hash(), "plan": plan }));
    }
    screen.print(&format!("Plan {} for token {}\n\n", plan.hash().short(), plan.token))?;
    screen.table(&table(&plan, &approvers(engine, managed)))
}

fn table(plan: &Plan, approvers: &str) -> Table {
    let mut table = Table::headless();
    old(&mut table, plan);
    new(&mut table, plan);
    deeds(&mut table, plan);
    several(&mut table, "Approvers", &[approvers.to_owned()], Tone::Plain);
    several(&mut table, "Warning", &plan.warnings, Tone::Warning);
    several(&mut table, "Mend first", &plan.blockers, Tone::Bad);
    several(&mut table, "Hash", &[plan.hash().0], Tone::Faint);
    table
}

fn old(table: &mut Table, plan: &Plan) {
    let old = &plan.old;
    let mut say = |label, what: String| several(table, label, &[what], Tone::Plain);
    say("Token", format!("{} (id {})", old.name, old.id));
    say("Owner", owner(&plan.owner));
    say("GitLab", plan.host.clone());
    say("Expires", date(old.expires_at));
    say("Scopes", list(&old.scopes));
}

fn new(table: &mut Table, plan: &Plan) {
    let new = &plan.new;
    several(table, "Strategy", &[plan.strategy.in_words()], Tone::Plain);
    several(table, "Because", &plan.reasons, Tone::Plain);
    let mut what = format!("{}, expires {}, scopes {}", new.name, date(new.expires_at), list(&new.scopes));
    if let Some(level) = new.access_level {
        what.push_str(&format!(", role {}", role(level)));
    }
    several(table, "New token", &[what], Tone::Plain);
    if !new.description.is_empty() {
        several(table, "Description", std::slice::from_ref(&new.description), Tone::Plain);
    }
}

fn deeds(table: &mut Table, plan: &Plan) {
    for (index, store) in plan.stores.iter().enumerate() {
        let label = if index == 0 { "Writes" } else { "" };
        several(table, label, std::slice::from_ref(&store.id.0), Tone::Plain);
        several(table, "", &[format!("  {}", store.capabilities.words().join(", "))], Tone::Faint);
    }
    let proofs: Vec<String> = plan
        .consumers
        .iter()
        .map(|consumer| format!("{}, within {}", consumer.id, span(consumer.timeout_seconds)))
        .collect();
    several(table, "Proves with", &proofs, Tone::Plain);
    let left = plan.leftovers.iter().map(|left| format!("token {}, left of rotation {}", left.token, left.rotation));
    several(table, "Revokes", &std::iter::once(revokes(plan)).chain(left).collect::<Vec<_>>(), Tone::Plain);
    let outage = plan.outage_seconds.map_or_else(|| "none".into(), |seconds| format!("about {}", span(seconds)));
    several(table, "Outage", &[outage], if plan.outage_seconds.is_some() { Tone::Warning } else { Tone::Plain });
}

fn revokes(plan: &Plan) -> String {
    let old = plan.old.id;
    match plan.strategy {
        Strategy::Overlap => format!("token {old}, once it has been silent for {}", span(plan.timing.grace_seconds)),
        Strategy::InPlace | Strategy::SelfRotate => format!("token {old}, in the instant the new one is made"),
        Strategy::RevokeFirst => format!("token {old}, before anything else"),
    }
}

fn approvers(engine: &Engine, managed: &ManagedToken) -> String {
    let names = list(engine.catalog.approvers(&managed.id).iter().map(approver));
    let within = span(managed.approval_seconds);
    match managed.quorum.max(1) {
        1 => format!("{names}; one of them, within {within}"),
        needed => format!("{names}; {needed} of them, within {within}"),
    }
}

fn date(date: Option<Date>) -> String {
    date.map_or_else(|| "never".into(), |date| date.to_string())
}

/// A label, and what it says on one line or more.
fn several(table: &mut Table, label: &str, items: &[String], tone: Tone) {
    for (index, item) in items.iter().enumerate() {
        let label = if index == 0 { label } else { "" };
        table.row([Cell::toned(label, Tone::Faint), Cell::toned(item, tone)]);
    }
}
