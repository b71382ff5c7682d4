//! GitLab's webhooks: the samples, other generations of GitLab, and bodies that keep no promise.

use super::samples::sample;
use proptest::prelude::*;
use rekey::notice::webhook::{Malformed, host_of, parse};
use rekey::notice::{Notice, Resource};
use serde_json::{Value, json};

const INSTANCE: Option<&str> = Some("https://gitlab.com");

fn read(file: &str, event: &str) -> Notice {
    parse(event, INSTANCE, &sample(&format!("webhooks/{file}.json"))).unwrap()
}

fn value(file: &str) -> Value {
    serde_json::from_slice(&sample(&format!("webhooks/{file}.json"))).unwrap()
}

fn reread(event: &str, body: &Value) -> Result<Notice, Malformed> {
    parse(event, INSTANCE, body.to_string().as_bytes())
}

#[test]
fn expiring_project_and_group_tokens_are_read() {
    let owner = Resource::Project { id: 61_234_567, path: "corp-sec/architecture/inventory".into() };
    let expected = Notice::TokenExpiring {
        host: "gitlab.com".into(),
        owner,
        token_id: 7_310_025,
        name: "inventory-nightly-scan".into(),
        expires_at: "2026-11-28".parse().unwrap(),
    };
    assert_eq!(read("access_token_expiring_project", "Resource Access Token Hook"), expected);
    let Notice::TokenExpiring { owner, token_id, .. } =
        read("access_token_expiring_group", "Resource Access Token Hook")
    else {
        panic!("the group's token was not read")
    };
    assert_eq!((owner, token_id), (Resource::Group { id: 9001, path: "corp/platform".into() }, 7_310_311));
}

#[test]
fn dates_come_in_three_forms_and_count_in_utc() {
    for (text, date) in [
        ("2026-11-28", "2026-11-28"),
        ("2026-11-28 00:00:00 UTC", "2026-11-28"),
        ("2026-11-28T00:00:00.000Z", "2026-11-28"),
        ("2026-11-28T01:00:00+02:00", "2026-11-27"),
    ] {
        let mut body = value("access_token_expiring_project");
        body["object_attributes"]["expires_at"] = json!(text);
        match reread("Resource Access Token Hook", &body) {
            Ok(Notice::TokenExpiring { expires_at, .. }) => assert_eq!(expires_at.to_string(), date, "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }
    for wrong in [json!(null), json!("soon"), json!("2026-13-45"), json!("2026-11-28x")] {
        let mut body = value("access_token_expiring_project");
        body["object_attributes"]["expires_at"] = wrong;
        let missing = Malformed::Missing { kind: "access_token".into(), field: "object_attributes.expires_at" };
        assert_eq!(reread("Resource Access Token Hook", &body), Err(missing));
    }
}

#[test]
fn an_older_group_event_has_only_the_short_path() {
    let mut body = value("access_token_expiring_group");
    body["group"].as_object_mut().unwrap().remove("full_path");
    match reread("Resource Access Token Hook", &body) {
        Ok(Notice::TokenExpiring { owner: Resource::Group { path, .. }, .. }) => assert_eq!(path, "platform"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn pipelines_are_read_without_their_variables() {
    let mut body = value("pipeline_failed_api");
    body["object_attributes"]["variables"] = json!([{"key": "TOKEN", "value": "glpat-canary-canary-canary"}]);
    let notice = reread("Pipeline Hook", &body).unwrap();
    let expected = Notice::Pipeline {
        host: "gitlab.com".into(),
        project_id: 61_234_567,
        project: "corp-sec/architecture/inventory".into(),
        pipeline_id: 2_190_002_222,
        status: "failed".into(),
        git_ref: "main".into(),
        source: "api".into(),
    };
    assert_eq!(notice, expected);
    assert!(!serde_json::to_string(&notice).unwrap().contains("canary"));
    for (file, status) in [("pipeline_running_schedule", "running"), ("pipeline_success_schedule", "success")] {
        match read(file, "Pipeline Hook") {
            Notice::Pipeline { status: found, source, .. } => assert_eq!((&*found, &*source), (status, "schedule")),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn jobs_are_read_with_their_pipeline() {
    for (file, status) in [("job_failed", "failed"), ("job_success_after_retry", "success")] {
        let expected = Notice::Job {
            host: "gitlab.com".into(),
            project_id: 61_234_567,
            pipeline_id: 2_190_002_222,
            job_id: 11_500_000_101,
            name: "check-token".into(),
            status: status.into(),
        };
        assert_eq!(read(file, "Job Hook"), expected);
    }
}

#[test]
fn comments_are_read_with_who_wrote_them_and_tokens_masked() {
    let Notice::Comment { issue_iid, author_id, author_username, body, created, system, project, note_id, .. } =
        read("note_on_issue_approve", "Note Hook")
    else {
        panic!("the comment was not read")
    };
    assert_eq!((issue_iid, note_id, author_id), (42, 2_250_000_777, 4_100_023));
    assert_eq!((&*author_username, &*project), ("dana.whitfield", "corp-sec/operations/token-rotations"));
    assert!(body.starts_with("/approve rotation please") && created && !system);
    assert!(matches!(read("note_on_confidential_issue", "Confidential Note Hook"), Notice::Comment { .. }));

    let mut edited = value("note_on_issue_approve");
    edited["object_attributes"]["action"] = json!("update");
    edited["object_attributes"]["note"] = json!("the value is glpat-AbCdEfGhIjKlMnOpQrSt");
    match reread("Note Hook", &edited) {
        Ok(Notice::Comment { created, body, .. }) => assert_eq!((created, &*body), (false, "the value is [MASKED]")),
        other => panic!("{other:?}"),
    }
    edited["object_attributes"]["noteable_type"] = json!("MergeRequest");
    assert!(matches!(reread("Note Hook", &edited), Ok(Notice::Ignored { .. })));
}

#[test]
fn what_is_valid_and_useless_is_ignored_so_that_gitlab_keeps_the_hook() {
    for (file, event) in [
        ("deploy_token_expiring_project", "Resource Deploy Token Hook"),
        ("issue_open_confidential", "Confidential Issue Hook"),
        ("issue_close_confidential", "Issue Hook"),
    ] {
        assert!(matches!(read(file, event), Notice::Ignored { .. }), "{file}");
    }
    for body in [
        json!({"object_kind": "push", "project_id": "not even a number", "object_attributes": 5}),
        json!({"object_kind": "something_of_2031", "user": ["x"]}),
        json!({"event_name": "project_create"}),
        json!({"object_kind": "access_token", "event_name": "something_else"}),
    ] {
        let event = if body["object_kind"] == "access_token" { "Resource Access Token Hook" } else { "Other Hook" };
        assert!(matches!(reread(event, &body), Ok(Notice::Ignored { .. })), "{body}");
    }
}

#[test]
fn a_header_that_contradicts_the_body_is_refused() {
    let mismatch = parse("Note Hook", INSTANCE, &sample("webhooks/job_failed.json"));
    assert_eq!(mismatch, Err(Malformed::Mismatch { event: "Note Hook".into(), kind: "build".into() }));
}

#[test]
fn the_instance_is_the_header_s_or_else_the_project_s() {
    let body = sample("webhooks/access_token_expiring_project.json");
    let host = |instance| match parse("Resource Access Token Hook", instance, &body) {
        Ok(Notice::TokenExpiring { host, .. }) => host,
        other => panic!("{other:?}"),
    };
    assert_eq!(host(Some("https://git.example.org:8443/")), "git.example.org:8443");
    assert_eq!(host(None), "gitlab.com");
    let group = sample("webhooks/access_token_expiring_group.json");
    assert_eq!(parse("Resource Access Token Hook", None, &group), Err(Malformed::NoHost));
    for odd in [
        "gitlab.com",
        "ftp://gitlab.com",
        "https://a@gitlab.com",
        "https://",
        "https://gitlab.com.",
        "https://gitlab.com:x",
        "https://ğit.com",
    ] {
        assert_eq!(host_of(odd), None, "{odd}");
    }
}

#[test]
fn a_body_that_lacks_what_its_event_needs_says_which_field() {
    for (file, event, pointer, field) in [
        (
            "access_token_expiring_project",
            "Resource Access Token Hook",
            "/object_attributes/id",
            "object_attributes.id",
        ),
        ("access_token_expiring_project", "Resource Access Token Hook", "/project/id", "project or group"),
        ("pipeline_failed_api", "Pipeline Hook", "/object_attributes/status", "object_attributes.status"),
        ("job_failed", "Job Hook", "/pipeline_id", "pipeline_id"),
        ("note_on_issue_approve", "Note Hook", "/user/id", "user.id"),
        ("note_on_issue_approve", "Note Hook", "/issue/iid", "issue.iid"),
    ] {
        let mut body = value(file);
        *body.pointer_mut(pointer).unwrap() = Value::Null;
        match reread(event, &body) {
            Err(Malformed::Missing { field: found, .. }) => assert_eq!(found, field),
            other => panic!("{pointer}: {other:?}"),
        }
        *body.pointer_mut(pointer).unwrap() = json!(["wrong type"]);
        assert_eq!(reread(event, &body), Err(Malformed::NotJson { event: event.into() }), "{pointer}");
    }
    for body in ["", "[]", "null", "{", "{}x", "{\"object_kind\": 5}"] {
        let given = parse("Job Hook", INSTANCE, body.as_bytes());
        assert_eq!(given, Err(Malformed::NotJson { event: "Job Hook".into() }), "{body}");
    }
}

proptest! {
    #[test]
    fn no_body_makes_it_panic(body in prop::collection::vec(any::<u8>(), 0..400), event in "\\PC{0,40}") {
        let _ = parse(&event, None, &body);
    }

    #[test]
    fn no_damage_to_a_sample_makes_it_panic(at in 0usize..3000, with in any::<u8>(), cut in any::<bool>()) {
        let mut body = sample("webhooks/pipeline_failed_api.json");
        let at = at % body.len();
        body[at] = with;
        body.truncate(if cut { at } else { body.len() });
        let _ = parse("Pipeline Hook", INSTANCE, &body);
    }
}
