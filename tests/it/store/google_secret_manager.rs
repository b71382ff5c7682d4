//! Google Secret Manager: against a strict fake, which Google's official Python client accepts.

mod fake;
mod identity;
mod stories;

use super::built;
use super::contract::{Bench, FOREIGN, NEW, OLD, Site, Trouble};
use super::proxy::{Proxy, by_method};
use crate::http::serve;
use fake::{Fake, SECRET};
use identity::{SUBJECT, Tokens, external_account};
use rekey::rotation::store::{Capabilities, Idempotency, Rollback};
use rekey::store::google_secret_manager::{Credentials, OldVersions, Settings, Spec};
use rekey::store::template::Template;
use rekey::store::{Connections, Link, SecretStore, StoreSpec};
use serde_json::json;
use std::fs;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// Secrets whose readers use `latest`; the bot is the machine's service account.
pub async fn latest() -> impl Site {
    Projects { alias: None, location: None, template: None }
}

/// Regional secrets whose readers use an alias; the bot comes from another cluster.
pub async fn alias() -> impl Site {
    Projects { alias: Some("current"), location: Some("europe-west3"), template: None }
}

/// Secrets of which the value is one part.
pub async fn templated() -> impl Site {
    Projects { alias: None, location: None, template: Some(Template::Json { key: vec!["token".into()] }) }
}

struct Projects {
    alias: Option<&'static str>,
    location: Option<&'static str>,
    template: Option<Template>,
}

/// A project with one secret and the ways to a token for it.
pub struct Stage {
    pub fake: Fake,
    pub tokens: Tokens,
    /// Where tokens come from.
    pub identity: String,
    /// The API itself.
    pub api: String,
    pub folder: TempDir,
    pub spec: Spec,
}

pub async fn stage(alias: Option<&str>, location: Option<&str>) -> Stage {
    let tokens = Tokens::default();
    let parent = location.map_or("projects/acme-prod".into(), |at| format!("projects/acme-prod/locations/{at}"));
    let fake = Fake::new(&parent, tokens.clone());
    let (identity, api) = (serve(tokens.router()).await, serve(fake.router()).await);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("subject"), SUBJECT).unwrap();
    let spec = Spec {
        at: "main".into(),
        project: "acme-prod".into(),
        location: location.map(str::to_owned),
        secret: SECRET.into(),
        alias: alias.map(str::to_owned),
        old_versions: OldVersions::Keep,
    };
    Stage { fake, tokens, identity, api, folder, spec }
}

impl Stage {
    /// The metadata server of a machine.
    pub fn metadata(&self) -> Credentials {
        Credentials::Metadata(self.identity.clone())
    }

    /// A file with these credentials.
    pub fn file(&self, text: &str) -> Credentials {
        let path = self.folder.path().join("credentials.json");
        fs::write(&path, text).unwrap();
        Credentials::File(path)
    }

    /// A cluster whose tokens Google exchanges for those of a service account.
    pub fn federation(&self) -> Credentials {
        let source = json!({ "file": self.folder.path().join("subject") });
        self.file(&external_account(&self.identity, source, true))
    }

    pub fn connections(&self, url: &str, credentials: Credentials, timeout: Option<Duration>) -> Connections {
        let link = Link { url: url.to_owned(), timeout, ..Link::default() };
        let (project, location) = (self.spec.project.clone(), self.spec.location.clone());
        let mut connections = Connections::default();
        let settings = Settings { link, project, location, credentials };
        connections.google_secret_manager.insert("main".into(), settings);
        connections
    }

    /// The adapter, straight on the API.
    pub fn store(&self, credentials: Credentials) -> Arc<dyn SecretStore> {
        built(&StoreSpec::GoogleSecretManager(self.spec.clone()), &self.connections(&self.api, credentials, None))
    }
}

struct Place {
    stage: Stage,
    proxy: Proxy,
    url: String,
    template: Option<Template>,
    store: Arc<dyn SecretStore>,
}

#[async_trait::async_trait]
impl Site for Projects {
    async fn furnish(&self) -> Option<Box<dyn Bench>> {
        let stage = stage(self.alias, self.location).await;
        let (proxy, url) = Proxy::before(&stage.api, None, by_method).await;
        let store = adapter(&stage, &url, self.template.as_ref(), None);
        let place = Place { stage, proxy, url, template: self.template.clone(), store };
        place.stage.fake.world().secret().labels.insert("team".into(), "deploy".into());
        place.meddle(OLD).await;
        Some(Box::new(place))
    }
}

/// The adapter behind the proxy, by the identity that goes with the way it is read.
fn adapter(stage: &Stage, url: &str, template: Option<&Template>, timeout: Option<Duration>) -> Arc<dyn SecretStore> {
    let credentials = match stage.spec.alias {
        Some(_) => stage.federation(),
        None => stage.metadata(),
    };
    let spec = StoreSpec::GoogleSecretManager(stage.spec.clone());
    let spec = match template {
        Some(template) => StoreSpec::Templated(Box::new(spec), template.clone()),
        None => spec,
    };
    built(&spec, &stage.connections(url, credentials, timeout))
}

impl Place {
    fn document(&self, value: &str) -> String {
        match self.template {
            Some(_) => format!("{{ \"url\": \"https://x\",\n  \"token\": \"{value}\" }}\n"),
            None => value.to_owned(),
        }
    }
}

#[async_trait::async_trait]
impl Bench for Place {
    fn store(&self) -> Arc<dyn SecretStore> {
        self.store.clone()
    }

    fn proxy(&self) -> Option<&Proxy> {
        Some(&self.proxy)
    }

    fn hasty(&self) -> Option<Arc<dyn SecretStore>> {
        Some(adapter(&self.stage, &self.url, self.template.as_ref(), Some(Duration::from_millis(300))))
    }

    fn capabilities(&self) -> Capabilities {
        let by_alias = self.stage.spec.alias.is_some();
        Capabilities {
            readable: true,
            versions: true,
            compare_and_set: by_alias,
            staging: by_alias,
            idempotency: Idempotency::ByTag,
            rollback: if self.template.is_some() { Rollback::Rewrite } else { Rollback::Native },
            max_bytes: Some(65_536),
            eventual: true,
            ..Capabilities::plain()
        }
    }

    async fn held(&self) -> Option<String> {
        let world = self.stage.fake.world();
        let secret = world.secret.as_ref()?;
        let number = match &self.stage.spec.alias {
            Some(alias) => secret.aliases[alias],
            None => secret.versions.len() as u64,
        };
        let text = String::from_utf8(secret.versions[number as usize - 1].data.clone()).unwrap();
        match self.template {
            Some(_) => serde_json::from_str::<serde_json::Value>(&text).unwrap()["token"].as_str().map(str::to_owned),
            None => Some(text),
        }
    }

    async fn rest(&self) -> String {
        let mut world = self.stage.fake.world();
        let secret = world.secret();
        let mut others = secret.aliases.clone();
        others.remove("current");
        format!("{:?} {others:?}", secret.labels)
    }

    async fn versions(&self) -> Option<u64> {
        Some(self.stage.fake.world().secret().versions.len() as u64)
    }

    async fn meddle(&self, value: &str) {
        let document = self.document(value);
        let mut world = self.stage.fake.world();
        let secret = world.secret();
        let number = secret.add(&document);
        if let Some(alias) = &self.stage.spec.alias {
            secret.aliases.insert(alias.clone(), number);
        }
        secret.edit();
    }

    async fn meddle_with_the_rest(&self) -> bool {
        let mut world = self.stage.fake.world();
        let secret = world.secret();
        secret.labels.insert("team".into(), FOREIGN.replace("canary", "team"));
        secret.aliases.insert("pinned".into(), 1);
        secret.edit();
        true
    }

    async fn make_again(&self, value: &str) -> bool {
        self.stage.fake.world().make_again();
        self.meddle(value).await;
        true
    }

    async fn trouble(&self, trouble: Trouble) -> bool {
        let of_transport = self.proxy.trouble(trouble);
        let mut world = self.stage.fake.world();
        match trouble {
            Trouble::Denied => world.granted.clear(),
            Trouble::Expired => self.stage.tokens.expire(),
            Trouble::Picky => world.picky = true,
            Trouble::Gone => world.secret = None,
            Trouble::None => world.calm_down(),
            _ => return of_transport,
        }
        true
    }

    async fn said(&self) -> String {
        assert!(self.held().await.as_deref() == Some(NEW));
        self.proxy.said()
    }
}
