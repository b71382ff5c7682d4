//! The labelled lines of the card: what it is about, who may decide, what is written, who proves it.

use super::{Field, Value};
use crate::rotation::phase::Phase;
use crate::rotation::record::{Origin, Rotation};
use crate::rotation::store::Capabilities;
use crate::rotation::token::Consumer;

pub fn fields(rotation: &Rotation) -> Vec<Field> {
    let plan = &rotation.plan;
    let mut fields = vec![
        field("Token", Value::Code(vec![plan.old.name.clone()])),
        field("Owner", Value::Text(plan.owner.to_string())),
        field("GitLab", Value::Text(plan.host.clone())),
        field("Scopes", Value::Code(plan.new.scopes.iter().cloned().collect())),
        field("Expires", plan.old.expires_at.map_or_else(|| Value::Text("never".into()), Value::Date)),
        field("Last used", rotation.old_last_used.map_or_else(|| Value::Text("never seen".into()), Value::Moment)),
        field("Strategy", Value::Text(plan.strategy.to_string())),
        field("New expiry", plan.new.expires_at.map_or_else(|| Value::Text("never".into()), Value::Date)),
        field("Stores", Value::Code(plan.stores.iter().map(|s| store_line(&s.id.0, &s.capabilities)).collect())),
        field("Proven by", Value::Code(plan.consumers.iter().map(consumer_line).collect())),
        field("Asked by", Value::Text(origin(&rotation.opened_by))),
    ];
    if let Some(outage) = plan.outage_seconds {
        fields.push(field("Outage", Value::Text(format!("about {outage} s"))));
    }
    if let Phase::Grace { until, .. } = &rotation.phase {
        fields.push(field("Silent until", Value::Moment(*until)));
    }
    if let Phase::Scheduled { at } = &rotation.phase {
        fields.push(field("Starts", Value::Moment(*at)));
    }
    fields
}

fn field(label: &'static str, value: Value) -> Field {
    Field { label, value }
}

/// The identity, and what an approver must know about the store.
fn store_line(id: &str, capabilities: &Capabilities) -> String {
    let mut notes = Vec::new();
    if !capabilities.readable {
        notes.push("cannot be read back");
    }
    if !capabilities.readable && !capabilities.rollback {
        notes.push("no rollback");
    }
    if notes.is_empty() { id.to_owned() } else { format!("{id} · {}", notes.join(", ")) }
}

fn consumer_line(consumer: &Consumer) -> String {
    consumer.id.0.clone()
}

fn origin(origin: &Origin) -> String {
    match origin {
        Origin::Mail => "an expiry email".into(),
        Origin::Webhook => "a GitLab webhook".into(),
        Origin::Scan => "the inventory scan".into(),
        Origin::Person { person } => person.0.clone(),
        Origin::Cli => "the command line".into(),
    }
}
