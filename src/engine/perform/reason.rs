//! Why a job failed, in GitLab's word for it: what is none of the script's doing says what to do about it.

/// GitLab's words (`failure_reason`), and what they mean to whoever waits for the job. What the script did is told by its
/// log.
const KNOWN: &[(&str, &str)] = &[
    ("runner_system_failure", "its runner broke down, not its script; retry, and look at the runner if it goes on"),
    ("runner_unsupported", "its runner is too old for it; update the runner"),
    ("runner_provisioning_timeout", "no machine was there for it in time; retry"),
    ("stuck_or_timeout_failure", "no runner took it, or none was heard of any more; see that one is online for it"),
    ("no_matching_runner", "no runner may take it; see its tags, and the runners of the project"),
    ("job_execution_timeout", "it ran longer than its timeout; raise that, or find out what it waits for"),
    ("ci_quota_exceeded", "the compute minutes of its group are used up; buy more, or wait for the next month"),
    ("image_pull_failure", "its image could not be pulled; see image and registry"),
    ("missing_dependency_failure", "artifacts of a job before it are gone; run that job again"),
    ("downstream_pipeline_creation_failed", "the pipeline that it starts could not be made"),
    ("upstream_bridge_project_not_found", "the project whose pipeline it starts is not there"),
    ("insufficient_upstream_permissions", "it may not start the pipeline of that other project"),
    ("insufficient_bridge_permissions", "it may not start the pipeline of that other project"),
    ("invalid_bridge_trigger", "it starts its pipeline in a way that GitLab does not take"),
    ("bridge_pipeline_is_child_pipeline", "it starts its pipeline in a way that GitLab does not take"),
    ("forward_deployment_failure", "a newer deployment went before it; let a newer pipeline prove the token"),
    ("failed_outdated_deployment_job", "a newer deployment went before it; let a newer pipeline prove the token"),
    ("archived_failure", "it is too old to run again; let a new pipeline prove the token"),
    ("unmet_prerequisites", "what it needs could not be prepared"),
    ("environment_creation_failure", "its environment could not be made"),
    ("protected_environment_failure", "its environment is protected, and whoever started it may not deploy there"),
    ("deployment_rejected", "somebody rejected its deployment"),
    ("ip_restriction_failure", "its runner's address may not reach the group; add it to the group's allow-list"),
    ("user_blocked", "the user in whose name it runs is blocked"),
    ("secrets_provider_not_found", "it takes secrets from a provider that is not set up"),
    ("scheduler_failure", "GitLab could not give it to a runner; retry"),
    ("data_integrity_failure", "GitLab's records of it are damaged; start a new pipeline"),
    ("pipeline_loop_detected", "its pipeline starts itself again and again"),
    ("reached_max_descendant_pipelines_depth", "it starts pipelines that start pipelines, deeper than GitLab allows"),
    ("reached_downstream_pipeline_trigger_rate_limit", "too many pipelines were started at once; retry later"),
    ("trace_size_exceeded", "its log grew beyond the limit"),
    ("builds_disabled", "pipelines are switched off in its project"),
    ("project_deleted", "its project was deleted"),
    ("server_failure", "GitLab itself failed; retry"),
    ("api_failure", "GitLab's API failed; retry"),
];

/// What it failed of, if that was not its script. A word that is not known is passed on as it is.
pub(super) fn in_words(reason: &str) -> Option<String> {
    if matches!(reason, "" | "script_failure" | "unknown_failure") {
        return None;
    }
    let known = KNOWN.iter().find(|(word, _)| *word == reason).map(|(_, words)| (*words).to_owned());
    Some(known.unwrap_or_else(|| format!("GitLab calls it {reason}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_script_did_is_told_by_its_log_and_anything_else_by_gitlab() {
        assert_eq!(in_words("script_failure"), None);
        assert!(in_words("no_matching_runner").is_some_and(|words| words.contains("tags")));
        assert_eq!(in_words("new_kind").as_deref(), Some("GitLab calls it new_kind"));
    }
}
