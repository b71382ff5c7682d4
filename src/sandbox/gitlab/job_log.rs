//! What a job does with its token, and what its log says about it. The runner masks what looks like a token.

use super::model::Job;
use super::world::World;
use regex::Regex;
use serde_json::json;
use std::sync::LazyLock;

static TOKEN: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"glpat-[A-Za-z0-9._=-]+").expect("a constant pattern"));

/// Runs the job's script: whether it passed, and the log.
pub(super) fn run(world: &mut World, job: &Job) -> (bool, String) {
    let forced = world.forced_failure.clone().filter(|name| name == &job.plan.name || name == "*");
    let forced = forced.map(|_| "deploy: target is unreachable".to_owned());
    let same = |other: &&Job| other.pipeline == job.pipeline && other.plan.name == job.plan.name && other.id < job.id;
    let earlier = world.jobs.values().filter(same).count();
    let fails = job.plan.fails.clone().filter(|_| job.plan.fails_times == 0 || earlier < job.plan.fails_times);
    let (code, script) = match forced.or(fails) {
        Some(text) => (1, spelled(&text, job.picked.as_deref().unwrap_or_default())),
        None if job.plan.calls => call(world, job),
        None => (0, format!("$ ./{}.sh\ndone", job.plan.name)),
    };
    let ending = match code {
        0 => "Job succeeded".to_owned(),
        code => format!("Cleaning up project directory and file based variables\nERROR: Job failed: exit code {code}"),
    };
    let log = format!("{}{script}\n{ending}\n", opening(world, job));
    (code == 0, mask(world, job, log))
}

/// Scripts print what they have in many ways: `{basic}` is what `curl -v -u` shows, `{bare}` a token without its prefix.
fn spelled(text: &str, token: &str) -> String {
    use base64::Engine as _;
    let bare = token.trim_start_matches(|c: char| c.is_ascii_lowercase()).trim_start_matches(['-', '_']);
    text.replace("{basic}", &base64::engine::general_purpose::STANDARD.encode(format!("deploy:{token}")))
        .replace("{bare}", bare)
        .replace("{hex}", &hex::encode_upper(token))
        .replace("{json}", &token.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect::<String>())
        .replace("{percent}", &token.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>())
}

fn opening(world: &World, job: &Job) -> String {
    let pipeline = world.pipelines.get(&job.pipeline);
    let (git_ref, sha) = pipeline.map_or(("main", ""), |pipeline| (pipeline.git_ref.as_str(), pipeline.sha.as_str()));
    let sha = sha.get(..8).unwrap_or(sha);
    format!(
        "Running with gitlab-runner 19.6.0 (9ffb4aa0)\n  on small-amd64-1, system ID: s_1b2c3d\n\
         Preparing the \"docker\" executor\nUsing Docker executor with image alpine:3.22 ...\n\
         Getting source from Git repository\nChecking out {sha} as detached HEAD (ref is {git_ref})...\n\
         Executing \"step_script\" stage of the job script\n"
    )
}

/// One real use of the token the runner picked up: curl's exit code and what it printed.
fn call(world: &mut World, job: &Job) -> (u8, String) {
    let variable = job.plan.variable.as_deref().unwrap_or("TOKEN");
    let sent = job.picked.clone().unwrap_or_default();
    let (status, body) = answer(world, job, &sent);
    let url = format!("{}/api/v4/personal_access_tokens/self", world.settings.url);
    let command = format!("$ curl --fail-with-body -sv -H \"PRIVATE-TOKEN: ${variable}\" {url}");
    let exchange = format!("> GET /api/v4/personal_access_tokens/self HTTP/1.1\n> PRIVATE-TOKEN: {sent}");
    let printed = format!("{command}\n{exchange}\n< HTTP/1.1 {status}\n{body}");
    match status {
        "200 OK" => (0, printed),
        _ => (22, format!("{printed}\ncurl: (22) The requested URL returned error: {}", &status[..3])),
    }
}

fn answer(world: &mut World, job: &Job, sent: &str) -> (&'static str, String) {
    let ip = world.settings.runner_ip.clone();
    let caller =
        match world.authenticate(Some(sent), "/api/v4/personal_access_tokens/self", super::auth::Need::Any, &ip) {
            Ok(caller) => caller,
            Err(refusal) if refusal.status.as_u16() == 403 => return ("403 Forbidden", refusal.body.to_string()),
            Err(refusal) => return ("401 Unauthorized", refusal.body.to_string()),
        };
    let token = &world.tokens[&caller.token];
    let needs = &job.plan.needs;
    if !needs.is_empty() && !needs.iter().any(|scope| token.scopes.contains(scope)) {
        let refusal = super::reply::Refusal::insufficient_scope(&needs.join(" "));
        return ("403 Forbidden", refusal.body.to_string());
    }
    let shown = json!({"id": token.id, "name": token.name, "active": true, "expires_at": token.expires_at});
    ("200 OK", shown.to_string())
}

fn mask(world: &World, job: &Job, log: String) -> String {
    let masked = world.masked_for(job).into_iter().filter(|value| !value.starts_with("glpat-"));
    let log = masked.fold(log, |log, value| log.replace(&value, "[MASKED]"));
    TOKEN.replace_all(&log, "glpat-[MASKED]").into_owned()
}
