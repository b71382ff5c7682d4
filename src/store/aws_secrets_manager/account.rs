//! An account as AWS's SDK reaches it: its chain of credentials, its signatures and retries, over our own choice of TLS,
//! certificates and time limits.

use super::Settings;
use crate::http::{BadClient, Proxies, client};
use crate::store::connection::BadConnection;
use aws_config::identity::IdentityCache;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::{Builder, SharedHttpClient};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder as HttpBuilder, Connector};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::Mutex;

/// How long one try may take unless told.
const USUAL_LIMIT: Duration = Duration::from_secs(10);

/// How often a call is tried. Every call of ours may be repeated: a version's content decides on its name, and a label is
/// moved from a named version only.
const TRIES: u32 = 3;

/// A connection; whoever it is to AWS is found out at the first call.
pub struct Account {
    settings: Settings,
    http: SharedHttpClient,
    client: Mutex<Option<Client>>,
    pub(super) section: String,
}

impl Account {
    pub(super) fn open(settings: &Settings, section: &str) -> Result<Self, BadConnection> {
        let bad = |why: String| BadConnection(format!("{section} {why}"));
        let read = |path: &PathBuf| {
            std::fs::read(path).map_err(|error| bad(format!("ca_file {} cannot be read: {error}", path.display())))
        };
        let pem = settings.ca_file.as_ref().map(read).transpose()?;
        // The SDK would panic at certificates that are none.
        client(pem.as_deref()).map_err(|error: BadClient| bad(error.to_string()))?;
        let trusted = pem.into_iter().fold(TrustStore::default(), TrustStore::with_pem_certificate);
        let tls = TlsContext::builder().with_trust_store(trusted).build().map_err(|error| bad(error.to_string()))?;
        Ok(Self {
            settings: settings.clone(),
            http: http_client(tls),
            client: Mutex::new(None),
            section: section.to_owned(),
        })
    }

    pub(super) fn region(&self) -> &str {
        &self.settings.region
    }

    /// A client whose credentials AWS has not refused yet. They are renewed before they end by the SDK itself.
    pub(super) async fn client(&self) -> Client {
        let mut client = self.client.lock().await;
        match client.as_ref() {
            Some(client) => client.clone(),
            None => client.insert(self.connected().await).clone(),
        }
    }

    /// AWS refused the credentials although they had not ended: the next client looks for them anew.
    pub(super) async fn forget(&self) {
        *self.client.lock().await = None;
    }

    async fn connected(&self) -> Client {
        let shared = self.shared().await;
        let mut config = Builder::from(&shared);
        if let Some(url) = &self.settings.url {
            config = config.endpoint_url(url);
        }
        if let Some(role) = &self.settings.role {
            let mut assumed = AssumeRoleProvider::builder(role).session_name("rekey").configure(&shared);
            if let Some(external_id) = &self.settings.external_id {
                assumed = assumed.external_id(external_id);
            }
            config = config.credentials_provider(assumed.build().await);
        }
        Client::from_conf(config.build())
    }

    /// What the SDK finds in the environment, in its files and on the machine, and our own settings on top.
    async fn shared(&self) -> SdkConfig {
        let limit = self.settings.timeout.unwrap_or(USUAL_LIMIT);
        let limits = TimeoutConfig::builder()
            .connect_timeout(limit.min(Duration::from_secs(5)))
            .operation_attempt_timeout(limit)
            .operation_timeout(2 * limit)
            .build();
        let retries = RetryConfig::standard()
            .with_max_attempts(TRIES)
            .with_initial_backoff(Duration::from_millis(200))
            .with_max_backoff(Duration::from_secs(2));
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(self.settings.region.clone()))
            .http_client(self.http.clone())
            .timeout_config(limits)
            .retry_config(retries)
            .identity_cache(IdentityCache::lazy().load_timeout(limit).build());
        if let Some(path) = &self.settings.config_file {
            loader = loader.profile_files(files(path));
        }
        if let Some(profile) = &self.settings.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(named) = self.named_profile() {
            loader = loader.credentials_provider(named);
        }
        loader.load().await
    }

    /// Who the configuration names, whatever the environment holds.
    fn named_profile(&self) -> Option<ProfileFileCredentialsProvider> {
        let Settings { region, profile, config_file, .. } = &self.settings;
        if profile.is_none() && config_file.is_none() {
            return None;
        }
        let provided = ProviderConfig::without_region()
            .with_region(Some(Region::new(region.clone())))
            .with_http_client(self.http.clone());
        let mut named = ProfileFileCredentialsProvider::builder().configure(&provided);
        if let Some(path) = config_file {
            named = named.profile_files(files(path));
        }
        Some(profile.iter().fold(named, |named, profile| named.profile_name(profile)).build())
    }
}

/// TLS by ring, and the proxy of the environment, as everywhere else in rekey.
fn http_client(tls: TlsContext) -> SharedHttpClient {
    HttpBuilder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = Connector::builder()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .tls_context(tls.clone())
            .proxy_config(proxy());
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(|components| components.sleep_impl()));
        connector.build()
    })
}

/// For calls with TLS only: AWS speaks without it on the machine and its own link alone, and that is no proxy's business.
fn proxy() -> ProxyConfig {
    let Proxies { https, exempt, .. } = Proxies::of_environment();
    let named = https.map(|proxy| if proxy.contains("://") { proxy } else { format!("http://{proxy}") });
    let proxy = named.and_then(|proxy| ProxyConfig::https(proxy).ok());
    proxy.map_or_else(ProxyConfig::disabled, |proxy| proxy.no_proxy(exempt))
}

/// That file and no other.
fn files(path: &Path) -> EnvConfigFiles {
    EnvConfigFiles::builder().with_file(EnvConfigFileKind::Config, path).build()
}
