//! AWS Secrets Manager: a new version is put beside the current one under a label of its own and then becomes the current
//! one, if that is still the one that was seen. Versions never change, so the one of before comes back by its label.
//!
//! Talking to AWS takes its SDK, which is behind the cargo feature `aws`; what the configuration says is known to every
//! build.

#[cfg(feature = "aws")]
mod account;
#[cfg(feature = "aws")]
mod calls;
pub(super) mod config;
#[cfg(feature = "aws")]
mod refusal;
#[cfg(feature = "aws")]
mod store;

#[cfg(feature = "aws")]
pub use account::Account;
#[cfg(not(feature = "aws"))]
pub use without::Account;

use super::adapter::Adapter;
use super::connection::BadConnection;
use super::place::Place;
use crate::rotation::ids::StoreId;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// A connection as configured: one account, in one region, by one identity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Such as `eu-central-1`.
    pub region: String,
    /// The profile of the shared configuration files.
    pub profile: Option<String>,
    /// A shared configuration file to read in place of the usual ones.
    pub config_file: Option<PathBuf>,
    /// The role that is assumed on top.
    pub role: Option<String>,
    /// What that role's trust policy may ask for.
    pub external_id: Option<String>,
    /// Another endpoint than the region's.
    pub url: Option<String>,
    /// Certificates (PEM) to trust beside the system's.
    pub ca_file: Option<PathBuf>,
    /// The longest one try of a call may take; ten seconds unless told.
    pub timeout: Option<Duration>,
}

/// What the secret's text is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// The value and nothing else.
    #[default]
    Plain,
    /// AWS's own shape for GitLab tokens: JSON with `token`, `tokenId`, `gitlabUrl`.
    GitlabAccessToken,
}

/// A secret as the configuration names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Spec {
    /// Which connection.
    pub at: String,
    /// That connection's region.
    pub region: String,
    /// Whose it is, as far as the configuration tells: a number of an account, or the profile that leads to one.
    pub account: String,
    /// Its name or its ARN.
    pub secret: String,
    /// What its text is.
    pub format: Format,
}

impl Spec {
    pub(super) fn id(&self) -> String {
        format!("aws-secret {}/{}/{}", self.account, self.region, self.name())
    }

    pub(super) fn place(&self) -> Place {
        Place::whole(self.id())
    }

    /// Without what an ARN has around it: a prefix, and six random characters at the end.
    fn name(&self) -> &str {
        let Some(full) = self.secret.strip_prefix("arn:").and_then(|arn| arn.splitn(6, ':').nth(5)) else {
            return &self.secret;
        };
        match full.rsplit_once('-') {
            Some((name, random)) if random.len() == 6 && random.chars().all(|c| c.is_ascii_alphanumeric()) => name,
            _ => full,
        }
    }
}

impl Settings {
    /// Reads the certificates; calls nobody. Fails in a build that does not know AWS.
    pub(super) fn open(&self, section: &str) -> Result<Account, BadConnection> {
        Account::open(self, section)
    }
}

/// The adapter for one secret.
pub(super) fn build(id: StoreId, account: Arc<Account>, spec: &Spec) -> Arc<dyn Adapter> {
    #[cfg(feature = "aws")]
    return Arc::new(store::AwsSecretsManager::new(id, account, spec));
    #[cfg(not(feature = "aws"))]
    {
        let _unused = (id, spec);
        match *account {}
    }
}

#[cfg(not(feature = "aws"))]
mod without {
    //! A build that does not know AWS says so.

    use super::{BadConnection, Settings};

    /// There is none in this build.
    pub enum Account {}

    impl Account {
        pub(super) fn open(_: &Settings, section: &str) -> Result<Self, BadConnection> {
            let out = "use the container image, or build with --features aws";
            Err(BadConnection(format!("{section}: this rekey was built without AWS; {out}")))
        }
    }
}
