//! Quorums: what the group's policy lets nobody do alone is asked for in DSM, found again by its description, and done
//! once enough people have agreed there.

use super::account::{Account, changed, understood};
use super::object::Operation;
use crate::http::{Call, CallError, segment};
use crate::rotation::ids::StoreId;
use crate::rotation::store::Tag;
use crate::store::error::StoreError;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

const REQUESTS: &str = "/sys/v1/approval_requests";

/// A request to the people of a quorum.
#[derive(Deserialize)]
struct Request {
    request_id: String,
    status: Status,
    #[serde(default)]
    operation: String,
    #[serde(default)]
    body: Option<Value>,
    #[serde(default)]
    description: Option<String>,
    /// `20261124T120000Z`
    #[serde(default)]
    expiry: Option<String>,
    #[serde(default)]
    approvers: Vec<IgnoredAny>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
enum Status {
    Pending,
    Approved,
    Denied,
    Failed,
}

#[derive(Deserialize)]
struct Outcome {
    status: u16,
    #[serde(default)]
    body: Value,
}

impl Account {
    /// Asks for it, or tells what has become of it: `None` once it is done, else who must do what. A request that was
    /// denied or failed is told once and removed, so that another try asks anew.
    pub(super) async fn ask(
        &self,
        store: &StoreId,
        operation: &Operation,
        name: &str,
        tag: &Tag,
    ) -> Result<Option<String>, StoreError> {
        let ours = |request: &Request| {
            request.is_of(tag) && request.operation == operation.path && request.body == operation.body
        };
        let Some(request) = self.requests(store).await?.into_iter().find(ours) else {
            return self.create(store, operation, name, tag).await.map(|request| Some(request.words(name)));
        };
        if request.status == Status::Pending {
            return Ok(Some(request.words(name)));
        }
        let id = &request.request_id;
        let refused = |why: String| {
            let mend = "talk to the approvers in DSM, then retry: they will be asked anew";
            Err(StoreError::refused(store, why, mend))
        };
        if request.status == Status::Denied {
            self.remove(store, id).await?;
            return refused(format!("its approvers denied request {id}"));
        }
        let outcome = self.call(store, &Call::post(format!("{REQUESTS}/{}/result", segment(id)))).await?;
        let outcome: Outcome = changed(store, outcome.and_then(|reply| reply.json()))?;
        self.remove(store, id).await?;
        if (200..300).contains(&outcome.status) {
            return Ok(None);
        }
        let words = outcome.body.as_str().unwrap_or_default();
        let words: String = words.chars().filter(|c| !c.is_control()).take(200).collect();
        refused(format!("request {id} was approved and failed with {}: {words}", outcome.status))
    }

    /// Takes back what this rotation asked for, but for what is `wanted`.
    pub(super) async fn withdraw(&self, store: &StoreId, tag: &Tag, wanted: Option<&Tag>) -> Result<(), StoreError> {
        let requests: Vec<Request> = match self.read(store, &Call::get(REQUESTS)).await? {
            // Who may not see requests has none.
            Err(CallError::Status { status: 403, .. }) => return Ok(()),
            outcome => understood(store, outcome)?,
        };
        for request in requests {
            let is_wanted = wanted.is_some_and(|wanted| request.is_of(wanted));
            if !request.is_of_rotation(tag) || is_wanted {
                continue;
            }
            match self.remove(store, &request.request_id).await {
                // What is decided asks nobody for anything any more; taking it away is only tidy.
                Err(StoreError::Refused { .. }) if request.status != Status::Pending => {}
                outcome => outcome?,
            }
        }
        Ok(())
    }

    async fn requests(&self, store: &StoreId) -> Result<Vec<Request>, StoreError> {
        understood(store, self.read(store, &Call::get(REQUESTS)).await?)
    }

    async fn create(
        &self,
        store: &StoreId,
        operation: &Operation,
        name: &str,
        tag: &Tag,
    ) -> Result<Request, StoreError> {
        let asked = json!({
            "method": operation.method.as_str(),
            "operation": operation.path,
            "body": operation.body,
            "description": format!("{} gives {name} the value of GitLab token {}", mark(tag), tag.token.0),
        });
        let outcome = self.call(store, &Call::post(REQUESTS).json(&asked)).await?;
        changed(store, outcome.and_then(|reply| reply.json()))
    }

    async fn remove(&self, store: &StoreId, id: &str) -> Result<(), StoreError> {
        match self.call(store, &Call::delete(format!("{REQUESTS}/{}", segment(id)))).await? {
            Err(CallError::Status { status: 404, .. }) => Ok(()),
            outcome => changed(store, outcome).map(drop),
        }
    }
}

impl Request {
    fn is_of_rotation(&self, tag: &Tag) -> bool {
        self.begins_with(&format!("rekey {}, ", tag.rotation.0))
    }

    fn is_of(&self, tag: &Tag) -> bool {
        self.begins_with(&mark(tag))
    }

    fn begins_with(&self, mark: &str) -> bool {
        self.description.as_ref().is_some_and(|description| description.starts_with(mark))
    }

    fn words(&self, name: &str) -> String {
        let until = self.expiry.as_deref().and_then(readable).map(|until| format!(" by {until}")).unwrap_or_default();
        let so_far = match self.approvers.len() {
            0 => String::new(),
            number => format!("; {number} so far"),
        };
        format!("the approvers of {name} in Fortanix DSM must agree to request {}{until}{so_far}", self.request_id)
    }
}

/// Which value a request is about; the value's token is part of it, so that what was asked for another is known.
fn mark(tag: &Tag) -> String {
    format!("rekey {}, token {}:", tag.rotation.0, tag.token.0)
}

/// `20261124T120000Z` as people read it.
fn readable(moment: &str) -> Option<String> {
    let (date, time) = moment.strip_suffix('Z')?.split_once('T')?;
    let digits = |text: &str, length| text.len() == length && text.chars().all(|c| c.is_ascii_digit());
    (digits(date, 8) && digits(time, 6))
        .then(|| format!("{}-{}-{} {}:{} UTC", &date[..4], &date[4..6], &date[6..], &time[..2], &time[2..4]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_of_dsm_is_readable_and_nonsense_is_left_out() {
        assert_eq!(readable("20261124T120000Z").as_deref(), Some("2026-11-24 12:00 UTC"));
        for nonsense in ["", "Z", "2026", "2026112xT120000Z", "20261124T1200Z"] {
            assert_eq!(readable(nonsense), None);
        }
    }
}
