//! The registry: every kind of store once as a specification, once as a connection if it needs one, once in [`build`].
//! Adapters are added side by side, one line each.

use super::connection::{BadConnection, Named};
use super::template::Template;
use super::templated::Templated;
use super::{
    SecretStore, azure_key_vault, command, file, gitlab_secure_file, gitlab_variable, http, kubernetes, onepassword,
    vault,
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
    GitlabVariable(gitlab_variable::Spec),
    /// A secure file of a project.
    GitlabSecureFile(gitlab_secure_file::Spec),
    /// A file on the machine that the bot runs on.
    File(file::Spec),
    /// A place that a program of the user's keeps.
    Command(command::Spec),
    /// A secret in an Azure Key Vault.
    AzureKeyVault(azure_key_vault::Spec),
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
    /// Programs of the user's.
    pub command: Named<command::Settings>,
    /// Azure Key Vaults.
    pub azure_key_vault: Named<azure_key_vault::Settings>,
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
    command: Named<Arc<command::Program>>,
    azure_key_vault: Named<Arc<azure_key_vault::Vault>>,
    http: Named<Arc<http::Host>>,
    kubernetes: Named<Arc<kubernetes::Cluster>>,
    onepassword: Named<Arc<onepassword::Server>>,
    /// To Vault or OpenBao.
    vault: Named<Arc<vault::Connection>>,
}

impl Context {
    /// Sets every connection up; nobody is called yet.
    pub fn open(gitlab: Arc<Api>, connections: &Connections) -> Result<Self, BadConnection> {
        let Connections { azure_key_vault, command, http, kubernetes, onepassword, vault } = connections;
        Ok(Self {
            gitlab,
            // One a line.
            azure_key_vault: opened(azure_key_vault, "azure_key_vault", azure_key_vault::Settings::open)?,
            command: opened(command, "command", command::Settings::open)?,
            http: opened(http, "http", http::Host::open)?,
            kubernetes: opened(kubernetes, "kubernetes", kubernetes::Settings::open)?,
            onepassword: opened(onepassword, "onepassword", onepassword::Settings::open)?,
            vault: opened(vault, "vault", vault::Connection::open)?,
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
    let id = spec.id();
    Ok(match spec {
        StoreSpec::GitlabVariable(spec) => Arc::new(gitlab_variable::GitlabVariable::new(id, context, spec)),
        StoreSpec::GitlabSecureFile(spec) => Arc::new(gitlab_secure_file::GitlabSecureFile::new(id, context, spec)),
        StoreSpec::File(spec) => Arc::new(file::File::new(id, spec)),
        StoreSpec::AzureKeyVault(spec) => {
            let vault = at(&context.azure_key_vault, "azure_key_vault", &spec.at)?;
            Arc::new(azure_key_vault::AzureKeyVault::new(id, vault, spec))
        }
        StoreSpec::Command(spec) => {
            Arc::new(command::Command::new(id, at(&context.command, "command", &spec.at)?, spec))
        }
        StoreSpec::Http(spec) => Arc::new(http::Http::new(id, at(&context.http, "http", &spec.at)?, spec)),
        StoreSpec::Kubernetes(spec) => {
            Arc::new(kubernetes::Kubernetes::new(id, at(&context.kubernetes, "kubernetes", &spec.at)?, spec))
        }
        StoreSpec::Onepassword(spec) => {
            Arc::new(onepassword::Onepassword::new(id, at(&context.onepassword, "onepassword", &spec.at)?, spec))
        }
        StoreSpec::Vault(spec) => Arc::new(vault::Vault::new(id, at(&context.vault, "vault", &spec.at)?, spec.clone())),
        StoreSpec::Templated(inner, template) => Arc::new(Templated::new(id, build(inner, context)?, template.clone())),
    })
}

/// Where a value lies: `whole` is what one write replaces or guards, `part` the way to the value in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// What is shared, in a form in which equal places are equal.
    pub whole: String,
    /// From the outside in; empty if the value is all there is.
    pub part: Vec<String>,
}

impl Place {
    /// A place whose value is all there is.
    pub fn whole(whole: impl Into<String>) -> Self {
        Self { whole: whole.into(), part: Vec::new() }
    }

    /// The part of that name in it.
    #[must_use]
    pub fn part(mut self, part: impl Into<String>) -> Self {
        self.part.push(part.into());
        self
    }

    /// Whether writing one would overwrite the other.
    pub fn clashes(&self, other: &Self) -> bool {
        self.whole == other.whole && (self.part.starts_with(&other.part) || other.part.starts_with(&self.part))
    }
}

impl StoreSpec {
    /// The full identity: two specs have the same one only if they mean the same place.
    pub fn id(&self) -> StoreId {
        StoreId(match self {
            Self::GitlabVariable(spec) => spec.id(),
            Self::GitlabSecureFile(spec) => spec.id(),
            Self::File(spec) => spec.id(),
            Self::Command(spec) => spec.id(),
            Self::AzureKeyVault(spec) => spec.id(),
            Self::Http(spec) => spec.id(),
            Self::Kubernetes(spec) => spec.id(),
            Self::Onepassword(spec) => spec.id(),
            Self::Vault(spec) => spec.id(),
            Self::Templated(inner, template) => format!("{} ({template})", inner.id()),
        })
    }

    /// Where the value lies; two tokens must not clash there.
    pub fn place(&self) -> Place {
        match self {
            Self::GitlabVariable(spec) => spec.place(),
            Self::GitlabSecureFile(spec) => spec.place(),
            Self::File(spec) => spec.place(),
            Self::Command(spec) => spec.place(),
            Self::AzureKeyVault(spec) => spec.place(),
            Self::Http(spec) => spec.place(),
            Self::Kubernetes(spec) => spec.place(),
            Self::Onepassword(spec) => spec.place(),
            Self::Vault(spec) => spec.place(),
            Self::Templated(inner, template) => inner.place().part(template.to_string()),
        }
    }

    /// The store that holds the whole document; itself if there is no template.
    pub fn holder(&self) -> &Self {
        match self {
            Self::Templated(inner, _) => inner.holder(),
            other => other,
        }
    }
}
