//! The registry: every kind of store once as a specification, once as a connection if it needs one, once in [`build`].
//! Adapters are added side by side, one line each.

use super::adapter::Adapter;
use super::ci_variable::CiVariable;
use super::connection::{BadConnection, Named};
use super::discreet::Discreet;
use super::line_end::LineEnd;
use super::place::Place;
use super::template::Template;
use super::templated::Templated;
use super::{
    SecretStore, aws_secrets_manager, azure_key_vault, command, file, fortanix, gitlab_secure_file, gitlab_variable,
    google_secret_manager, http, kubernetes, onepassword, vault,
};
use crate::http::Api;
use crate::rotation::ids::StoreId;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A store as the configuration names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoreSpec {
    /// A CI/CD variable.
    GitlabVariable(CiVariable),
    /// A secure file of a project.
    GitlabSecureFile(gitlab_secure_file::Spec),
    /// A file on the machine that the bot runs on.
    File(file::Spec),
    /// A secret in AWS Secrets Manager.
    AwsSecretsManager(aws_secrets_manager::Spec),
    /// A place that a program of the user's keeps.
    Command(command::Spec),
    /// A secret in an Azure Key Vault.
    AzureKeyVault(azure_key_vault::Spec),
    /// A secret in Fortanix DSM.
    Fortanix(fortanix::Spec),
    /// A secret in Google Secret Manager.
    GoogleSecretManager(google_secret_manager::Spec),
    /// What one HTTP request of the user's writes.
    Http(http::Spec),
    /// One key of a Kubernetes Secret.
    Kubernetes(kubernetes::Spec),
    /// A field of a 1Password item.
    Onepassword(onepassword::Spec),
    /// A field of a secret in Vault or OpenBao.
    Vault(vault::Spec),
    /// One part of the document that another store holds.
    Templated(Box<Self>, Template),
}

/// The connections that stores share, as configured, by name.
#[derive(Debug, Default)]
pub struct Connections {
    /// Accounts of AWS.
    pub aws_secrets_manager: Named<aws_secrets_manager::Settings>,
    /// Programs of the user's.
    pub command: Named<command::Settings>,
    /// Azure Key Vaults.
    pub azure_key_vault: Named<azure_key_vault::Settings>,
    /// Accounts of Fortanix DSMs.
    pub fortanix: Named<fortanix::Settings>,
    /// Projects of Google Cloud.
    pub google_secret_manager: Named<google_secret_manager::Settings>,
    /// Hosts that may be called.
    pub http: Named<Arc<http::Settings>>,
    /// Clusters.
    pub kubernetes: Named<kubernetes::Settings>,
    /// 1Password Connect servers.
    pub onepassword: Named<onepassword::Settings>,
    /// To Vault or OpenBao.
    pub vault: Named<Arc<vault::Settings>>,
}

/// Open connections: what [`build`] needs from outside.
pub struct Context {
    /// The GitLab instance, with the bot's credential.
    pub gitlab: Arc<Api>,
    aws_secrets_manager: Named<Arc<aws_secrets_manager::Account>>,
    command: Named<Arc<command::Program>>,
    azure_key_vault: Named<Arc<azure_key_vault::Vault>>,
    fortanix: Named<Arc<fortanix::Account>>,
    google_secret_manager: Named<Arc<google_secret_manager::Project>>,
    http: Named<Arc<http::Host>>,
    kubernetes: Named<Arc<kubernetes::Cluster>>,
    onepassword: Named<Arc<onepassword::Server>>,
    /// To Vault or OpenBao.
    vault: Named<Arc<vault::Connection>>,
}

impl Context {
    /// Sets every connection up; nobody is called yet.
    pub fn open(gitlab: Arc<Api>, all: &Connections) -> Result<Self, BadConnection> {
        Ok(Self {
            gitlab,
            // One a line.
            aws_secrets_manager: opened(
                &all.aws_secrets_manager,
                "aws_secrets_manager",
                aws_secrets_manager::Settings::open,
            )?,
            azure_key_vault: opened(&all.azure_key_vault, "azure_key_vault", azure_key_vault::Settings::open)?,
            command: opened(&all.command, "command", command::Settings::open)?,
            fortanix: opened(&all.fortanix, "fortanix", fortanix::Settings::open)?,
            google_secret_manager: opened(
                &all.google_secret_manager,
                "google_secret_manager",
                google_secret_manager::Settings::open,
            )?,
            http: opened(&all.http, "http", http::Host::open)?,
            kubernetes: opened(&all.kubernetes, "kubernetes", kubernetes::Settings::open)?,
            onepassword: opened(&all.onepassword, "onepassword", onepassword::Settings::open)?,
            vault: opened(&all.vault, "vault", vault::Connection::open)?,
        })
    }
}

/// Every connection of a kind, opened under the name of its section.
fn opened<S, C>(
    settings: &Named<S>,
    kind: &str,
    open: impl Fn(&S, &str) -> Result<C, BadConnection>,
) -> Result<Named<Arc<C>>, BadConnection> {
    let section = |name: &str| format!("[{kind}.{name}]");
    settings.iter().map(|(name, each)| Ok((name.clone(), Arc::new(open(each, &section(name))?)))).collect()
}

/// The connection that a specification names; the configuration has made sure that there is one.
fn at<C>(connections: &Named<Arc<C>>, kind: &str, name: &str) -> Result<Arc<C>, BadConnection> {
    let missing = || BadConnection(format!("there is no connection [{kind}.{name}]"));
    connections.get(name).cloned().ok_or_else(missing)
}

/// From a name to the thing. Fails if the specification names a connection that there is not.
pub fn build(spec: &StoreSpec, context: &Context) -> Result<Arc<dyn SecretStore>, BadConnection> {
    let store = whole(spec, context)?;
    Ok(if matches!(spec, StoreSpec::Templated(..)) { store } else { LineEnd::around(store) })
}

/// The store that holds a whole document, a part of one, or a value to its last byte.
fn whole(spec: &StoreSpec, context: &Context) -> Result<Arc<dyn SecretStore>, BadConnection> {
    let id = spec.id();
    let adapter: Arc<dyn Adapter> = match spec {
        StoreSpec::GitlabVariable(spec) => {
            Arc::new(gitlab_variable::GitlabVariable::new(id, context.gitlab.clone(), spec))
        }
        StoreSpec::GitlabSecureFile(spec) => {
            Arc::new(gitlab_secure_file::GitlabSecureFile::new(id, context.gitlab.clone(), spec))
        }
        StoreSpec::File(spec) => Arc::new(file::File::new(id, spec)),
        StoreSpec::AzureKeyVault(spec) => {
            let vault = at(&context.azure_key_vault, "azure_key_vault", &spec.at)?;
            Arc::new(azure_key_vault::AzureKeyVault::new(id, vault, spec))
        }
        StoreSpec::AwsSecretsManager(spec) => {
            let account = at(&context.aws_secrets_manager, "aws_secrets_manager", &spec.at)?;
            aws_secrets_manager::build(id, account, spec)
        }
        StoreSpec::Command(spec) => {
            Arc::new(command::Command::new(id, at(&context.command, "command", &spec.at)?, spec))
        }
        StoreSpec::Fortanix(spec) => {
            Arc::new(fortanix::Fortanix::new(id, at(&context.fortanix, "fortanix", &spec.at)?, spec))
        }
        StoreSpec::GoogleSecretManager(spec) => {
            let project = at(&context.google_secret_manager, "google_secret_manager", &spec.at)?;
            Arc::new(google_secret_manager::GoogleSecretManager::new(id, project, spec))
        }
        StoreSpec::Http(spec) => Arc::new(http::Http::new(id, at(&context.http, "http", &spec.at)?, spec)),
        StoreSpec::Kubernetes(spec) => {
            Arc::new(kubernetes::Kubernetes::new(id, at(&context.kubernetes, "kubernetes", &spec.at)?, spec))
        }
        StoreSpec::Onepassword(spec) => {
            Arc::new(onepassword::Onepassword::new(id, at(&context.onepassword, "onepassword", &spec.at)?, spec))
        }
        StoreSpec::Vault(spec) => Arc::new(vault::Vault::new(id, at(&context.vault, "vault", &spec.at)?, spec.clone())),
        StoreSpec::Templated(inner, template) => Arc::new(Templated::new(id, whole(inner, context)?, template.clone())),
    };
    Ok(Discreet::around(adapter))
}

impl StoreSpec {
    /// The full identity: two specs have the same one only if they mean the same place.
    pub fn id(&self) -> StoreId {
        StoreId(match self {
            Self::GitlabVariable(spec) => spec.id(),
            Self::GitlabSecureFile(spec) => spec.id(),
            Self::File(spec) => spec.id(),
            Self::AwsSecretsManager(spec) => spec.id(),
            Self::Command(spec) => spec.id(),
            Self::AzureKeyVault(spec) => spec.id(),
            Self::Fortanix(spec) => spec.id(),
            Self::GoogleSecretManager(spec) => spec.id(),
            Self::Http(spec) => spec.id(),
            Self::Kubernetes(spec) => spec.id(),
            Self::Onepassword(spec) => spec.id(),
            Self::Vault(spec) => spec.id(),
            Self::Templated(inner, template) => format!("{} ({template})", inner.id()),
        })
    }

    /// Where the value lies.
    pub fn place(&self) -> Place {
        match self {
            Self::GitlabVariable(spec) => spec.place(),
            Self::GitlabSecureFile(spec) => spec.place(),
            Self::File(spec) => spec.place(),
            Self::AwsSecretsManager(spec) => spec.place(),
            Self::Command(spec) => spec.place(),
            Self::AzureKeyVault(spec) => spec.place(),
            Self::Fortanix(spec) => spec.place(),
            Self::GoogleSecretManager(spec) => spec.place(),
            Self::Http(spec) => spec.place(),
            Self::Kubernetes(spec) => spec.place(),
            Self::Onepassword(spec) => spec.place(),
            Self::Vault(spec) => spec.place(),
            Self::Templated(inner, template) => inner.place().part(template.to_string()),
        }
    }

    /// Every place that a write changes: where the value lies, and where some stores keep the one before.
    pub fn places(&self) -> Vec<Place> {
        let second = match self.holder() {
            Self::Kubernetes(spec) => spec.second_place(),
            Self::Onepassword(spec) => spec.second_place(),
            _ => None,
        };
        std::iter::once(self.place()).chain(second).collect()
    }

    /// The store that holds the whole document; itself if there is no template.
    pub fn holder(&self) -> &Self {
        match self {
            Self::Templated(inner, _) => inner.holder(),
            other => other,
        }
    }
}
