//! The four calls of Secrets Manager that are used, each once more with new credentials if the present ones are refused.

use super::Spec;
use super::account::Account;
use super::refusal::{Attempted, Refusal};
use crate::rotation::ids::StoreId;
use crate::secret::Secret;
use crate::store::StoreError;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::http::HttpResponse;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretOutput;
use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;

/// The label of the version that readers get.
pub(super) const CURRENT: &str = "AWSCURRENT";

/// The label of a version that is not live yet.
pub(super) const PENDING: &str = "AWSPENDING";

const DESCRIBE: Attempted = Attempted { action: "DescribeSecret", writes: false };
const GET: Attempted = Attempted { action: "GetSecretValue", writes: false };
const PUT: Attempted = Attempted { action: "PutSecretValue", writes: true };
const LABEL: Attempted = Attempted { action: "UpdateSecretVersionStage", writes: true };

/// One secret and the way to it.
pub(super) struct Calls {
    pub(super) id: StoreId,
    account: Arc<Account>,
    secret: String,
}

/// What a secret is, besides its values.
pub(super) struct Described {
    /// Its full name, with the six characters that AWS gives every secret that is made.
    pub(super) arn: Option<String>,
    /// Labels by version.
    pub(super) labels: BTreeMap<String, Vec<String>>,
    /// Why nobody but AWS should write it, and what to do.
    pub(super) off_limits: Option<(String, &'static str)>,
}

/// A version's name and text.
pub(super) struct Held {
    pub(super) version: String,
    pub(super) text: Secret,
}

/// A label on its way from one version to another; `to` is nowhere if it is taken off.
pub(super) struct Move<'a> {
    pub(super) label: &'a str,
    pub(super) from: Option<&'a str>,
    pub(super) to: Option<&'a str>,
}

impl Described {
    /// The version that has the label.
    pub(super) fn holder(&self, label: &str) -> Option<&str> {
        let mut versions = self.labels.iter();
        versions.find(|(_, labels)| labels.iter().any(|each| each == label)).map(|(version, _)| version.as_str())
    }

    pub(super) fn has(&self, version: &str, label: &str) -> bool {
        self.labels.get(version).is_some_and(|labels| labels.iter().any(|each| each == label))
    }
}

impl Calls {
    pub(super) fn new(id: StoreId, account: Arc<Account>, spec: &Spec) -> Self {
        Self { id, account, secret: spec.secret.clone() }
    }

    pub(super) async fn describe(&self) -> Result<Described, StoreError> {
        let call = |client: Client| client.describe_secret().secret_id(&self.secret).send();
        let found = self.attempt(call).await.map_err(|refusal| self.explain(&refusal, DESCRIBE))?;
        let off_limits = self.off_limits(&found);
        let arn = found.arn.clone();
        let labels = found.version_ids_to_stages.unwrap_or_default().into_iter().collect();
        Ok(Described { arn, labels, off_limits })
    }

    /// The version with that label. Always by a label: without one, not every server gives the current version.
    pub(super) async fn get(&self, label: &str) -> Result<Held, StoreError> {
        let call = |client: Client| client.get_secret_value().secret_id(&self.secret).version_stage(label).send();
        let found = self.attempt(call).await.map_err(|refusal| self.explain(&refusal, GET))?;
        match (found.version_id, found.secret_string) {
            (Some(version), Some(text)) => Ok(Held { version, text: Secret::new(text) }),
            _ => Err(StoreError::refused(&self.id, "it does not hold text", "correct secret")),
        }
    }

    /// Puts a version of that name there. The same again does nothing; `false`: there is one of that name with another
    /// text.
    pub(super) async fn put(&self, version: &str, text: &Secret, labels: &[&str]) -> Result<bool, StoreError> {
        let call = |client: Client| {
            let put = client.put_secret_value().secret_id(&self.secret).client_request_token(version);
            let put = labels.iter().fold(put, |put, label| put.version_stages(*label));
            put.secret_string(text.expose()).send()
        };
        match self.attempt(call).await {
            Ok(_) => Ok(true),
            Err(refusal) if refusal.is("ResourceExistsException") => Ok(false),
            Err(refusal) => Err(self.explain(&refusal, PUT)),
        }
    }

    /// Moves a label, from where it is said to be only; `false`: it is not there, or is elsewhere already.
    pub(super) async fn move_label(&self, step: &Move<'_>) -> Result<bool, StoreError> {
        let call = |client: Client| {
            let update = client.update_secret_version_stage().secret_id(&self.secret).version_stage(step.label);
            let update = update.set_remove_from_version_id(step.from.map(str::to_owned));
            update.set_move_to_version_id(step.to.map(str::to_owned)).send()
        };
        match self.attempt(call).await {
            Ok(_) => Ok(true),
            Err(refusal) if refusal.is("InvalidParameterException") => Ok(false),
            Err(refusal) => Err(self.explain(&refusal, LABEL)),
        }
    }

    async fn attempt<T, E, F>(&self, call: impl Fn(Client) -> F) -> Result<T, Refusal>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + Error + 'static,
    {
        match call(self.account.client().await).await.map_err(|error| Refusal::of(&error)) {
            Err(refusal) if refusal.is_of_the_caller() => self.account.forget().await,
            outcome => return outcome,
        }
        call(self.account.client().await).await.map_err(|error| Refusal::of(&error))
    }

    fn explain(&self, refusal: &Refusal, attempted: Attempted) -> StoreError {
        refusal.explain(&self.id, attempted, &self.account.section)
    }

    /// What AWS or somebody else does with the secret by itself, which our writes would fight.
    fn off_limits(&self, found: &DescribeSecretOutput) -> Option<(String, &'static str)> {
        let elsewhere = found.primary_region().filter(|region| *region != self.account.region());
        if found.deleted_date().is_some() {
            Some(("it is scheduled for deletion".into(), "aws secretsmanager restore-secret, or remove the store"))
        } else if let Some(kind) = found.r#type().filter(|kind| !kind.is_empty()) {
            let why = format!("AWS manages it as {kind} and rotates it by itself");
            Some((why, "let AWS rotate it, or keep the value in an ordinary secret"))
        } else if let Some(service) = found.owning_service().filter(|service| !service.is_empty()) {
            Some((format!("it belongs to {service}, which rotates it"), "keep the value in a secret of your own"))
        } else if found.rotation_enabled() == Some(true) {
            Some(("AWS rotates it by itself".into(), "aws secretsmanager cancel-rotate-secret, or remove the store"))
        } else {
            elsewhere.map(|region| (format!("it is a replica of the one in {region}"), "name that region instead"))
        }
    }
}
