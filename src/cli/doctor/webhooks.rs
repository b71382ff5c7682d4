//! The way in: whether the bot's public address answers, and whether GitLab tells it of the consumers' pipelines.

use super::finding::Finding;
use crate::app;
use crate::config::Config;
use crate::gitlab::{Client, Hook, Place};
use crate::http::{Call, CallError};
use crate::notice::webhook::host_of;
use std::collections::BTreeSet;

const ADDRESS: &str = "public_url";

/// `seen`: GitLab told who the bot is, so its webhooks can be asked for.
pub(super) async fn look(config: &Config, gitlab: &Client, seen: bool) -> Vec<Finding> {
    let secrets = &config.gitlab.webhook;
    let listens = !secrets.signing_tokens.is_empty() || !secrets.secret_tokens.is_empty();
    let Some(url) = &config.server.public_url else {
        let called = listens || config.mail.is_some() || config.slack.is_some();
        return called.then(unnamed).into_iter().collect();
    };
    let mut findings = vec![address(config, url).await];
    if !listens {
        findings.push(Finding::ok("gitlab", "no [gitlab.webhook]: pipelines are polled, which is slower"));
        return findings;
    }
    let ours = format!("{url}/hooks/gitlab");
    if seen {
        findings.extend(other_name(config, gitlab).await);
    }
    let consumers = config.tokens.iter().flat_map(|(token, _)| &token.consumers);
    let projects: BTreeSet<&str> = consumers.map(|consumer| consumer.project.as_str()).collect();
    for project in projects.into_iter().filter(|_| seen) {
        findings.push(hook(gitlab, project, &ours).await);
    }
    findings
}

/// GitLab may go by another name than the one by which it is called; its webhooks tell that one.
async fn other_name(config: &Config, gitlab: &Client) -> Option<Finding> {
    let me = gitlab.account().await.ok()?.id;
    let project = gitlab.project(&config.issues.project, me).await.ok()??;
    let name = host_of(&project.web_url)?;
    let known = app::webhook_hosts(config);
    if known.contains(&name) {
        return None;
    }
    let what = format!("GitLab calls itself {name}, and webhooks are believed only of {}", known.join(", "));
    Some(Finding::warn("gitlab", what, format!("add \"https://{name}\" to [gitlab.webhook] hosts")))
}

fn unnamed() -> Finding {
    let what = "[server] public_url is not set, so it cannot be tested";
    Finding::warn(ADDRESS, what, "set it to the address by which GitLab and Slack reach the bot")
}

async fn address(config: &Config, url: &str) -> Finding {
    let api = match app::own_address(config, url) {
        Ok(api) => api,
        Err(error) => return Finding::fail(ADDRESS, error.to_string(), "correct [server] public_url"),
    };
    let apart = config.server.admin_listen.is_some();
    match api.call(&Call::get("/healthz")).await {
        Ok(reply) if reply.body() == b"ok\n" => Finding::ok(ADDRESS, format!("{url} is this bot's, and it runs")),
        Err(CallError::Status { status: 404, .. }) if apart => {
            Finding::ok(ADDRESS, format!("{url} answers (its health is told on admin_listen only)"))
        }
        Ok(_) | Err(CallError::Status { .. }) => {
            let what = format!("{url} answers, but is not rekey");
            Finding::fail(ADDRESS, what, "correct [server] public_url, or let the proxy pass everything on to rekey")
        }
        Err(error) => {
            let mend = "start `rekey serve`; if it runs, see that name, proxy and firewall lead to it";
            Finding::warn(ADDRESS, format!("{url} does not answer from here: {error}"), mend)
        }
    }
}

/// A webhook of the project itself or of a group above it.
async fn hook(gitlab: &Client, project: &str, ours: &str) -> Finding {
    let own = match gitlab.hooks(Place::Project(project)).await {
        Ok(own) => own,
        Err(error) => return Finding::warn(project, error.to_string(), "try again"),
    };
    let seen = own.is_some();
    let mut hooks = own.unwrap_or_default();
    for group in groups_above(project) {
        hooks.extend(gitlab.hooks(Place::Group(group)).await.ok().flatten().unwrap_or_default());
    }
    let add = format!("Settings, Webhooks: {ours}, Pipeline and Job events, secret as in [gitlab.webhook]");
    match hooks.iter().find(|hook| hook.url.trim_end_matches('/') == ours) {
        Some(hook) => judged(project, hook),
        None if !seen => {
            let what = "the bot may not see its webhooks (a Maintainer may)";
            Finding::warn(project, what, format!("look yourself: {add}"))
        }
        None => {
            Finding::warn(project, "no webhook tells us of its pipelines; they are polled", format!("add one: {add}"))
        }
    }
}

fn judged(project: &str, hook: &Hook) -> Finding {
    let off = hook.alert_status.as_deref().filter(|status| *status != "executable");
    if let Some(status) = off {
        return Finding::warn(
            project,
            format!("GitLab switched its webhook off ({status})"),
            "press Test there, then it is on again",
        );
    }
    let silent: Vec<&str> =
        [("Pipeline", hook.pipeline_events), ("Job", hook.job_events)].iter().filter(|e| !e.1).map(|e| e.0).collect();
    if silent.is_empty() {
        return Finding::ok(project, "its webhook tells us of pipelines and jobs");
    }
    let what = format!("its webhook does not tell us of {} events", silent.join(" and "));
    Finding::warn(project, what, "tick them under Settings, Webhooks")
}

/// `a/b/c` lies in `a/b` and `a`.
fn groups_above(project: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(project.rsplit_once('/'), |(above, _)| above.rsplit_once('/')).map(|(above, _)| above)
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;

    #[test]
    fn a_project_lies_in_all_groups_above_it() {
        assert_eq!(groups_above("a/b/c").collect::<Vec<_>>(), ["a/b", "a"]);
        assert_eq!(groups_above("alone").count(), 0);
    }

    #[test]
    fn a_webhook_must_be_on_and_tell_of_both_kinds_of_events() {
        let hook = |pipeline_events, job_events, status: &str| Hook {
            url: String::new(),
            pipeline_events,
            job_events,
            alert_status: Some(status.into()),
        };
        assert_eq!(judged("p", &hook(true, true, "executable")).verdict, Verdict::Ok);
        assert_eq!(
            judged("p", &hook(false, true, "executable")).what,
            "its webhook does not tell us of Pipeline events"
        );
        assert_eq!(judged("p", &hook(true, true, "disabled")).verdict, Verdict::Warn);
    }
}
