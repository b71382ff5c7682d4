//! Requests to the people of a quorum, and the people.

use super::fake::{APP, Answer, World, no};
use serde_json::{Value, json};

/// By which word the policy knows an operation.
pub fn kind(method: &str, path: &[&str]) -> &'static str {
    match (method, path) {
        ("POST", ["crypto", "v1", "keys", "export"]) => "export",
        ("POST", ["crypto", "v1", "keys", "replace"]) => "replace",
        ("POST", ["crypto", "v1", "keys", _, "revoke"]) => "revoke",
        ("DELETE", ["crypto", "v1", "keys", _]) => "delete",
        ("PATCH", ["crypto", "v1", "keys", _]) => "update",
        _ => "nothing",
    }
}

/// Calls below `/sys/v1/approval_requests`.
pub fn routed(world: &mut World, method: &str, rest: &[&str], sent: Value) -> Answer {
    let position = |world: &World, id: &str| {
        let at = world.requests.iter().position(|request| request["request_id"] == id);
        at.ok_or_else(|| no(404, "approval request does not exist"))
    };
    match (method, rest) {
        ("GET", []) => Ok(world.requests.iter().map(shown).collect()),
        ("POST", []) => create(world, &sent),
        ("GET", [id]) => position(world, id).map(|at| shown(&world.requests[at])),
        ("DELETE", [id]) => {
            let at = position(world, id)?;
            world.requests.remove(at);
            Ok(Value::Null)
        }
        ("POST", [id, "result"]) => {
            let at = position(world, id)?;
            let result = world.requests[at]["result"].clone();
            if result.is_null() { Err(no(400, "approval request is not decided")) } else { Ok(result) }
        }
        _ => Err(no(404, "no such operation")),
    }
}

/// The result is not shown with the request.
fn shown(request: &Value) -> Value {
    let mut shown = request.clone();
    shown.as_object_mut().unwrap().remove("result");
    shown
}

fn create(world: &mut World, sent: &Value) -> Answer {
    let (method, path) = (sent["method"].as_str().unwrap_or_default(), sent["operation"].as_str().unwrap_or_default());
    let path: Vec<&str> = path.split('/').skip(1).collect();
    if !world.guarded.contains(&kind(method, &path)) {
        return Err(no(400, "this operation needs no approval"));
    }
    world.made += 1;
    let mut request = sent.clone();
    for (key, value) in [
        ("request_id", json!(format!("{:08x}-aaaa-4333-8444-555555555555", world.made))),
        ("requester", json!({ "app": APP })),
        ("created_at", json!("20261121T120000Z")),
        ("expiry", json!("20261124T120000Z")),
        ("acct_id", json!("99999999-2222-4333-8444-555555555555")),
        ("approvers", json!([])),
        ("reviewers", json!([{ "user": "ada00000-2222-4333-8444-555555555555" }])),
        ("status", json!("PENDING")),
    ] {
        request[key] = value;
    }
    world.requests.push(request.clone());
    Ok(request)
}

impl World {
    /// One of several agrees, and it is not enough yet.
    pub fn agree(&mut self) {
        self.requests[0]["approvers"] = json!([{ "user": "ada00000-2222-4333-8444-555555555555" }]);
    }

    /// Enough people agree: what was asked for happens, or fails.
    pub fn approve(&mut self) {
        let request = self.requests[0].clone();
        let path: Vec<&str> = request["operation"].as_str().unwrap().split('/').skip(1).collect();
        let outcome = self.perform(request["method"].as_str().unwrap(), &path, &request["body"]);
        let (status, result) = match outcome {
            Ok(body) => ("APPROVED", json!({ "status": 204, "body": body })),
            Err((status, why)) => ("FAILED", json!({ "status": status, "body": why })),
        };
        (self.requests[0]["status"], self.requests[0]["result"]) = (json!(status), result);
    }

    /// One of them says no.
    pub fn deny(&mut self) {
        self.requests[0]["status"] = json!("DENIED");
    }
}
