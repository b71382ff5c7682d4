//! The labelled lines of the card: what it is about and who asked. Stores and consumers are steps of the runbook.

use super::{Field, Value};
use crate::rotation::phase::Phase;
use crate::rotation::record::{Origin, Rotation};

pub fn fields(rotation: &Rotation) -> Vec<Field> {
    let plan = &rotation.plan;
    // Of a token that nobody could find there is no more to say.
    if rotation.key.unknown.is_some() {
        return vec![
            field("Token", Value::Code(vec![plan.old.name.clone()])),
            field("Owner", Value::Text(plan.owner.to_string())),
            field("GitLab", Value::Text(plan.host.clone())),
            asked_by(&rotation.opened_by),
        ];
    }
    let mut fields = vec![
        field("Token", Value::Code(vec![plan.old.name.clone()])),
        field("Owner", Value::Text(plan.owner.to_string())),
        field("GitLab", Value::Text(plan.host.clone())),
        field("Scopes", Value::Code(plan.new.scopes.iter().cloned().collect())),
        field("Expires", plan.old.expires_at.map_or_else(|| Value::Text("never".into()), Value::Date)),
        field("Last used", rotation.old_last_used.map_or_else(|| Value::Text("never seen".into()), Value::Moment)),
        field("Strategy", Value::Text(plan.strategy.in_words())),
        field("New expiry", plan.new.expires_at.map_or_else(|| Value::Text("never".into()), Value::Date)),
        asked_by(&rotation.opened_by),
    ];
    if let Some(earlier) = &rotation.earlier {
        fields.push(field("Asked before", Value::Text(earlier.to_string())));
    }
    if let Origin::Incident { reason, .. } = &rotation.opened_by {
        fields.push(field("What happened", Value::Text(reason.clone())));
    }
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

fn asked_by(origin: &Origin) -> Field {
    let label = if matches!(origin, Origin::Incident { .. }) { "Reported by" } else { "Asked by" };
    let who = match origin {
        Origin::Mail => "an expiry email".into(),
        Origin::Webhook => "a GitLab webhook".into(),
        Origin::Scan => "the inventory scan".into(),
        Origin::Person { person } | Origin::Incident { person, .. } => person.0.clone(),
        Origin::Cli => "the command line".into(),
    };
    field(label, Value::Text(who))
}
