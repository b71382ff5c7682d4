//! A Secret as the cluster gives it: only what is looked at, and values that are wiped.

use crate::secret::Secret;
use crate::store::caution::Caution;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// Who writes Secrets by themselves, as they sign in `managedFields`.
const CONTROLLERS: [&str; 8] = [
    "external-secrets",
    "sealed-secrets",
    "controller",
    "kustomize-controller",
    "helm-controller",
    "argocd-controller",
    "vault-secrets-operator",
    "secrets-store-csi-driver",
];

/// Labels and annotations by which such controllers mark what is theirs.
const MARKS: [&str; 6] = [
    "reconcile.external-secrets.io/managed",
    "reconcile.external-secrets.io/data-hash",
    "sealedsecrets.bitnami.com/managed",
    "kustomize.toolkit.fluxcd.io/name",
    "helm.toolkit.fluxcd.io/name",
    "argocd.argoproj.io/tracking-id",
];

/// Who writes a Secret by hand or in our name. Whoever else signs may be a program that writes it again.
const HANDS: [&str; 12] = [
    "kubectl",
    "rekey",
    "curl",
    "mozilla",
    "k9s",
    "lens",
    "headlamp",
    "openlens",
    "node-fetch",
    "python-requests",
    "dashboard",
    "before-first-apply",
];

/// Words in the names of labels and annotations by which programs mark what they keep.
const WORDS: [&str; 18] = [
    "managed",
    "manager",
    "owner",
    "owning",
    "origin",
    "reflect",
    "replicat",
    "sync",
    "source",
    "release",
    "tracking",
    "instance",
    "copied",
    "clone",
    "parent",
    "controller",
    "operator",
    "identity",
];

/// Cores of Kubernetes, whose marks say nothing of a keeper.
const CORE: [&str; 3] = ["kubernetes.io", "kubectl.kubernetes.io", "app.kubernetes.io"];

/// One Secret.
#[derive(Deserialize)]
pub struct Object {
    metadata: Metadata,
    #[serde(default)]
    data: Option<BTreeMap<String, Encoded>>,
    #[serde(default)]
    immutable: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    resource_version: String,
    #[serde(default)]
    uid: Option<String>,
    #[serde(default)]
    labels: Option<BTreeMap<String, serde_json::Value>>,
    #[serde(default)]
    annotations: Option<BTreeMap<String, serde_json::Value>>,
    #[serde(default)]
    owner_references: Vec<Owner>,
    #[serde(default)]
    managed_fields: Vec<Writer>,
    #[serde(default)]
    deletion_timestamp: Option<String>,
}

#[derive(Deserialize)]
struct Owner {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct Writer {
    #[serde(default)]
    manager: String,
}

/// A value in base64, wiped on drop.
struct Encoded(Zeroizing<String>);

impl<'de> Deserialize<'de> for Encoded {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Self(Zeroizing::new(Option::<String>::deserialize(from)?.unwrap_or_default())))
    }
}

/// A value that is not text.
pub struct NoText;

impl Object {
    /// What the cluster calls this very object: another of the same name has another.
    pub fn uid(&self) -> Option<&str> {
        self.metadata.uid.as_deref()
    }

    /// What a write must be from.
    pub fn version(&self) -> &str {
        &self.metadata.resource_version
    }

    /// An annotation that is text.
    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.metadata.annotations.as_ref()?.get(name)?.as_str()
    }

    /// The value of a key; `None` if there is no such key.
    pub fn value(&self, key: &str) -> Result<Option<Secret>, NoText> {
        let Some(encoded) = self.data.as_ref().and_then(|data| data.get(key)) else { return Ok(None) };
        let bytes = STANDARD.decode(encoded.0.as_bytes()).map_err(|_| NoText)?;
        let text = String::from_utf8(bytes).map_err(|error| {
            drop(Zeroizing::new(error.into_bytes()));
            NoText
        })?;
        Ok(Some(Secret::new(text)))
    }

    /// Why it must not be written, and what to do.
    pub fn unfit(&self) -> Option<(String, &'static str)> {
        let elsewhere = "write the place that this controller copies from, and name that as the store";
        if self.immutable == Some(true) {
            return Some(("the Secret is immutable".to_owned(), "replace it once by one that may change"));
        }
        if self.metadata.deletion_timestamp.is_some() {
            return Some(("the Secret is being deleted".to_owned(), "wait until it is gone and create it again"));
        }
        if let Some(owner) = self.metadata.owner_references.first() {
            let (kind, name) = (&owner.kind, &owner.name);
            return Some((
                format!("the Secret belongs to {kind} {name}, which would put the old value back"),
                elsewhere,
            ));
        }
        let controller = self.marked().or_else(|| self.signed());
        controller.map(|who| (format!("the Secret is kept by {who}, which would put the old value back"), elsewhere))
    }

    /// Everybody else who may put the old value back, whether we ever heard of them or not.
    pub fn keepers(&self, key: &str) -> Vec<Caution> {
        let text = |name: &str| {
            let labels = self.metadata.labels.as_ref().and_then(|labels| labels.get(name)?.as_str());
            labels.or_else(|| self.annotation(name))
        };
        let by = |word: &str| HANDS.iter().any(|hand| word.to_lowercase().starts_with(hand));
        let mut found = Vec::new();
        if let Some(release) = text("meta.helm.sh/release-name") {
            found.push(format!("Helm (release {release})"));
        }
        let declared = text("app.kubernetes.io/managed-by");
        let writers = self.metadata.managed_fields.iter().map(|writer| writer.manager.as_str());
        let names = declared.into_iter().chain(writers).filter(|name| !name.is_empty() && !by(name));
        found.extend(names.map(|name| name.chars().take(80).collect()));
        if self.was_applied_with(key) {
            found.push("a manifest that sets it (kubectl apply)".to_owned());
        }
        found.extend(self.marks().map(|mark| format!("whoever wrote {mark}")));
        let mut known = Vec::<String>::new();
        found.retain(|name: &String| {
            let name = name.to_lowercase();
            let new = !known.iter().any(|known| known.starts_with(&name));
            known.push(name);
            new
        });
        if found.is_empty() {
            return Vec::new();
        }
        let what = format!("is kept by {}, which may put the old value back", found.join(", "));
        vec![Caution::new(what, "change the value there too, or name the place that it comes from as the store")]
    }

    /// Whether whoever applied its manifest set this key there, and will set it to the same again.
    fn was_applied_with(&self, key: &str) -> bool {
        let applied = self.annotation("kubectl.kubernetes.io/last-applied-configuration");
        let manifest = applied.and_then(|text| serde_json::from_str::<serde_json::Value>(text).ok());
        manifest.is_some_and(|manifest| ["data", "stringData"].iter().any(|part| manifest[part].get(key).is_some()))
    }

    /// Labels and annotations by which a program seems to mark what it keeps.
    fn marks(&self) -> impl Iterator<Item = &str> {
        let labels = self.metadata.labels.iter().flat_map(BTreeMap::keys);
        let names = labels.chain(self.metadata.annotations.iter().flat_map(BTreeMap::keys));
        names.map(String::as_str).filter(|name| {
            let Some((domain, rest)) = name.split_once('/') else { return false };
            let (domain, rest) = (domain.to_lowercase(), rest.to_lowercase());
            let other = !CORE.contains(&&*domain) && !domain.contains("rekey") && domain != "meta.helm.sh";
            other && WORDS.iter().any(|word| rest.contains(word))
        })
    }

    fn marked(&self) -> Option<&'static str> {
        let labels = self.metadata.labels.iter().flat_map(BTreeMap::keys);
        let annotations = self.metadata.annotations.iter().flat_map(BTreeMap::keys);
        let mut names = labels.chain(annotations);
        names.find_map(|name| MARKS.into_iter().find(|mark| mark == name))
    }

    fn signed(&self) -> Option<&'static str> {
        let mut writers = self.metadata.managed_fields.iter();
        writers.find_map(|writer| CONTROLLERS.into_iter().find(|known| *known == writer.manager))
    }
}

/// A value as the cluster wants it.
pub fn encoded(value: &Secret) -> String {
    STANDARD.encode(value.expose().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(metadata: serde_json::Value, immutable: bool) -> Object {
        let mut metadata = metadata;
        metadata["resourceVersion"] = "7".into();
        serde_json::from_value(json!({"metadata": metadata, "data": null, "immutable": immutable})).unwrap()
    }

    #[test]
    fn whoever_else_keeps_it_is_named_whether_known_or_not() {
        for (metadata, word) in [
            (json!({"labels": {"app.kubernetes.io/managed-by": "Helm"}}), "Helm"),
            (json!({"annotations": {"meta.helm.sh/release-name": "web"}}), "Helm (release web)"),
            (json!({"labels": {"app.kubernetes.io/managed-by": "acme-deployer"}}), "acme-deployer"),
            (json!({"labels": {"argocd.argoproj.io/instance": "apps"}}), "argocd.argoproj.io/instance"),
            (
                json!({"annotations": {"reflector.v1.k8s.emberstack.com/reflects": "a/b"}}),
                "reflector.v1.k8s.emberstack.com/reflects",
            ),
            (json!({"annotations": {"replicator.v1.mittwald.de/replicate-from": "a/b"}}), "mittwald"),
            (json!({"managedFields": [{"manager": "Terraform"}]}), "Terraform"),
            (
                json!({"managedFields": [{"manager": "kubectl-client-side-apply"}, {"manager": "unheard-of"}]}),
                "unheard-of",
            ),
            (
                json!({"annotations": {"kubectl.kubernetes.io/last-applied-configuration":
                    "{\"kind\":\"Secret\",\"stringData\":{\"token\":\"x\"}}"}}),
                "a manifest that sets it (kubectl apply)",
            ),
        ] {
            let object = object(metadata, false);
            assert!(object.unfit().is_none());
            let found = object.keepers("token");
            assert!(found.len() == 1 && found[0].what.contains(word), "{found:?}");
        }
        for metadata in [
            json!({}),
            json!({"labels": {"app": "web", "app.kubernetes.io/instance": "web"}}),
            json!({"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"}}),
            json!({"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{\"data\":{\"other\":\"eA==\"}}"}}),
            json!({"managedFields": [{"manager": "kubectl-create"}, {"manager": "rekey"}, {"manager": "k9s"}]}),
        ] {
            assert!(object(metadata, false).keepers("token").is_empty());
        }
    }

    #[test]
    fn what_a_controller_would_revert_is_not_written() {
        assert!(object(json!({"labels": {"app": "web"}}), false).unfit().is_none());
        for (metadata, immutable, word) in [
            (json!({}), true, "immutable"),
            (json!({"deletionTimestamp": "2026-11-21T10:00:00Z"}), false, "deleted"),
            (json!({"ownerReferences": [{"kind": "ExternalSecret", "name": "x"}]}), false, "ExternalSecret x"),
            (json!({"annotations": {"sealedsecrets.bitnami.com/managed": "true"}}), false, "sealedsecrets"),
            (json!({"labels": {"kustomize.toolkit.fluxcd.io/name": "apps"}}), false, "kustomize"),
            (json!({"managedFields": [{"manager": "argocd-controller"}]}), false, "argocd"),
        ] {
            let (why, mend) = object(metadata, immutable).unfit().unwrap();
            assert!(why.contains(word) && !mend.is_empty(), "{why}");
        }
    }
}
