//! Workloads that read a Secret only when they start: restarted as `kubectl rollout restart` does, by a mark on their
//! pods' template.

use crate::http::segment;
use crate::rotation::store::Tag;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt;

/// The mark. Equal marks change nothing, so a repeated write restarts nothing twice.
const MARK: &str = "rekey/rotation";

/// The kinds that have such a template.
const KINDS: [(&str, &str); 3] =
    [("deployment", "deployments"), ("statefulset", "statefulsets"), ("daemonset", "daemonsets")];

/// A workload in the Secret's namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Workload {
    kind: String,
    name: String,
}

impl Workload {
    /// `deployment/web`, `statefulset/db`, `daemonset/agent`.
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, name) = text.split_once('/')?;
        let kind = KINDS.iter().find(|known| known.0 == kind)?.0.to_owned();
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
        (!name.is_empty() && name.len() <= 253 && name.chars().all(fits)).then(|| Self { kind, name: name.to_owned() })
    }

    pub(super) fn path(&self, namespace: &str) -> String {
        let plural = KINDS.iter().find(|known| known.0 == self.kind).map_or("deployments", |known| known.1);
        format!("/apis/apps/v1/namespaces/{}/{plural}/{}", segment(namespace), segment(&self.name))
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

/// What starts new pods. Without a tag nothing would change: for a dry run.
pub(super) fn patch(tag: Option<&Tag>) -> Value {
    let Some(tag) = tag else { return json!({}) };
    let mark = format!("{}.{}", tag.rotation, tag.token);
    json!({"spec": {"template": {"metadata": {"annotations": {MARK: mark}}}}})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workload_is_a_kind_and_a_name() {
        let web = Workload::parse("deployment/web").unwrap();
        assert_eq!(web.path("apps"), "/apis/apps/v1/namespaces/apps/deployments/web");
        for wrong in ["web", "pod/web", "deployment/", "deployment/We b", "deployment/../x"] {
            assert!(Workload::parse(wrong).is_none() || wrong == "deployment/..", "{wrong}");
        }
    }
}
