//! `kind = "azure_key_vault"`: a secret in an Azure Key Vault, `[azure_key_vault.<name>]`. What Azure's own variables say
//! need not be written again.

use super::{Application, Identity, Proof, Settings, Spec};
use crate::secret::Secret;
use crate::settings::address::{self, authority};
use crate::settings::secret_ref;
use crate::settings::section::Section;
use crate::store::Named;
use crate::store::keys::{self, at};

/// The keys of a place.
pub(in crate::store) const KEYS: &[&str] = &["at", "secret"];

/// The keys of a connection.
pub(in crate::store) const CONNECTION_KEYS: &[&str] =
    &["url", "ca_file", "timeout", "identity", "tenant", "client_id", "client_secret", "token_file", "authority"];

/// Keys of every identity.
const COMMON: &[&str] = &["url", "ca_file", "timeout", "identity"];

/// Where applications log in, but for Azure's separate clouds.
const AUTHORITY: &str = "https://login.microsoftonline.com";

/// The metadata service of a machine in Azure.
const METADATA: &str = "http://169.254.169.254";

#[derive(Clone, Copy)]
enum Kinds {
    Workload,
    Managed,
    ClientSecret,
}

const IDENTITIES: &[(&str, Kinds)] =
    &[("workload", Kinds::Workload), ("managed", Kinds::Managed), ("client_secret", Kinds::ClientSecret)];

pub(in crate::store) fn connection(section: &Section<'_>, name: &str, connections: &mut Named<Settings>) {
    let link = keys::read(section, "https://acme.vault.azure.net");
    let identity = identity(section);
    if let (Some(link), Some(identity)) = (link, identity) {
        connections.insert(name.to_owned(), Settings { link, identity });
    }
}

fn identity(section: &Section<'_>) -> Option<Identity> {
    section.required("identity", "write \"workload\", \"managed\" or \"client_secret\"")?;
    let kind = section.choice("identity", IDENTITIES)?;
    let (word, keys): (_, &[&str]) = match kind {
        Kinds::Workload => ("workload", &["tenant", "client_id", "token_file", "authority"]),
        Kinds::Managed => ("managed", &["client_id"]),
        Kinds::ClientSecret => ("client_secret", &["tenant", "client_id", "client_secret", "authority"]),
    };
    section.refuse_others(COMMON, keys, &format!("identity = \"{word}\""));
    match kind {
        Kinds::Workload => {
            let file = told(section, "token_file", "AZURE_FEDERATED_TOKEN_FILE", "the file with the cluster's token")?;
            application(section, Proof::FederatedToken(section.source.folder.join(file)))
        }
        Kinds::ClientSecret => {
            let secret = secret_ref::required(section, "client_secret", "the application's client secret")?;
            application(section, Proof::Secret(secret.value))
        }
        Kinds::Managed => Some(managed(section)),
    }
}

fn application(section: &Section<'_>, proof: Proof) -> Option<Identity> {
    let tenant = told(section, "tenant", "AZURE_TENANT_ID", "the directory (tenant) id");
    let client = told(section, "client_id", "AZURE_CLIENT_ID", "the application (client) id");
    let authority = if section.has("authority") {
        address::base(section, "authority")?
    } else {
        let told = section.source.surroundings.variable("AZURE_AUTHORITY_HOST");
        told.map_or_else(|| AUTHORITY.to_owned(), |host| host.trim_end_matches('/').to_owned())
    };
    Some(Identity::Application(Application { authority, tenant: tenant?, client: client?, proof }))
}

/// Azure puts a service of its own beside container apps and functions, and says so in two variables.
fn managed(section: &Section<'_>) -> Identity {
    let variable = |name| section.source.surroundings.variable(name);
    let client = section.text("client_id");
    match (variable("IDENTITY_ENDPOINT"), variable("IDENTITY_HEADER")) {
        (Some(endpoint), Some(header)) => Identity::AppService { endpoint, header: Secret::new(header), client },
        _ => {
            let metadata = variable("AZURE_POD_IDENTITY_AUTHORITY_HOST").unwrap_or_else(|| METADATA.to_owned());
            Identity::Machine { metadata, client }
        }
    }
}

/// What the section says, or else Azure's own variable.
fn told(section: &Section<'_>, key: &str, variable: &str, what: &str) -> Option<String> {
    if section.has(key) {
        return section.text(key);
    }
    let found = section.source.surroundings.variable(variable);
    if found.is_none() {
        section.complain(key, &format!("{key} is missing; write {what}, or set {variable}"));
    }
    found
}

pub(in crate::store) fn read(section: &Section<'_>, connections: &Named<Settings>) -> Option<Spec> {
    let secret = section.required("secret", "write the secret's name, \"deploy-token\"");
    let fits = |name: &str| name.len() <= 127 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if secret.as_deref().is_some_and(|name| !fits(name)) {
        section.complain("secret", "secret may have up to 127 letters, digits and dashes, as Azure demands");
        return None;
    }
    let (at, settings) = at(section, "azure_key_vault", connections)?;
    Some(Spec { at, host: authority(&settings.link.url), secret: secret? })
}
