//! The groups whose members may approve: they exist, the bot may ask who is in them, and somebody is.

use super::Visit;
use super::finding::Finding;
use crate::cli::words::list;
use crate::engine::directory::{Survey, Unproven};
use crate::rotation::group::Group;

pub(super) async fn look(visit: &Visit<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for group in visit.engine.catalog.groups() {
        let seen = visit.engine.directories.survey(&group).await;
        findings.push(judged(visit, &group, seen));
    }
    findings
}

fn judged(visit: &Visit<'_>, group: &Group, seen: Result<Survey, Unproven>) -> Finding {
    let subject = group.to_string();
    let of = visit.config.tokens.iter().filter(|(token, _)| token.groups.contains(group));
    let tokens = list(of.map(|(token, _)| token.id.as_str()));
    match seen {
        Ok(Survey { people: Some(0), .. }) => {
            let what = format!("nobody is in it, so nobody may decide on {tokens} by it");
            Finding::fail(subject, what, "put people into it, or name others under approvers")
        }
        Ok(Survey { people, name }) => {
            let who = people.map_or_else(|| "whoever has it".to_owned(), people_of);
            let name = name.map_or_else(String::new, |name| format!("{name}: "));
            Finding::ok(subject, format!("{name}{who} may decide on {tokens}"))
        }
        Err(Unproven::Passing(why)) => Finding::warn(subject, why, "try again"),
        Err(Unproven::Refused(why)) => match why.split_once("; ") {
            Some((what, mend)) => Finding::fail(subject, what, mend),
            None => Finding::fail(subject, why, "correct approvers"),
        },
    }
}

fn people_of(people: usize) -> String {
    if people == 1 { "1 person".to_owned() } else { format!("{people} people") }
}
