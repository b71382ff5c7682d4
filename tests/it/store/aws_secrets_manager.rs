//! AWS Secrets Manager: against a strict fake, which AWS's official Python client accepts, and against moto, an emulator
//! that we did not write.

mod environment;
mod fake;
mod moto;
mod stories;
mod sts;

use super::built;
use super::contract::{Bench, NEW, OLD, Site, Trouble};
use super::proxy::Proxy;
use crate::http::serve;
use axum::extract::Request;
use fake::{Fake, SECRET};
use moto::Moto;
use rekey::rotation::store::{Capabilities, Idempotency, Rollback};
use rekey::store::aws_secrets_manager::{Format, Settings, Spec};
use rekey::store::template::Template;
use rekey::store::{Connections, SecretStore, StoreSpec};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use sts::{BASE_ROLE, EXTERNAL_ID, Keys, TARGET_ROLE, WEB_IDENTITY};
use tempfile::TempDir;

/// Where the value stands in the secret's text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Alone,
    Gitlab,
    Key,
}

/// Secrets that are the value.
pub async fn plain() -> impl Site {
    Accounts { shape: Shape::Alone }
}

/// Secrets in AWS's own shape for GitLab tokens.
pub async fn gitlab_format() -> impl Site {
    Accounts { shape: Shape::Gitlab }
}

/// Secrets of which the value is one key.
pub async fn json_key() -> impl Site {
    Accounts { shape: Shape::Key }
}

struct Accounts {
    shape: Shape,
}

/// An account with one secret, reached from a pod by a role of another account.
pub struct Stage {
    pub fake: Fake,
    pub keys: Keys,
    pub sts: String,
    pub api: String,
    pub folder: TempDir,
}

pub async fn stage() -> Stage {
    let keys = Keys::default();
    let fake = Fake::new(keys.clone());
    let (sts, api) = (serve(keys.router()).await, serve(fake.router()).await);
    let folder = tempfile::tempdir().unwrap();
    profile(folder.path(), BASE_ROLE, &sts);
    Stage { fake, keys, sts, api, folder }
}

/// A configuration file of AWS's programs, for a pod that is told who it is by a file.
fn profile(folder: &Path, role: &str, sts: &str) {
    let token = folder.join("token");
    fs::write(&token, WEB_IDENTITY).unwrap();
    let text = format!(
        "[profile rekey]\nrole_arn = {role}\nweb_identity_token_file = {}\nrole_session_name = rekey\n\
         services = here\n\n[services here]\nsts =\n  endpoint_url = {sts}\n",
        token.display()
    );
    fs::write(folder.join("aws.ini"), text).unwrap();
}

/// A connection as the pod of that folder.
fn settings(folder: &Path, url: &str) -> Settings {
    Settings {
        region: "eu-central-1".into(),
        profile: Some("rekey".into()),
        config_file: Some(folder.join("aws.ini")),
        url: Some(url.to_owned()),
        ..Settings::default()
    }
}

pub fn spec(secret: &str, format: Format) -> Spec {
    Spec {
        at: "main".into(),
        region: "eu-central-1".into(),
        account: "222222222222".into(),
        secret: secret.into(),
        format,
    }
}

/// The adapter by that connection.
pub fn store_by(settings: Settings, spec: StoreSpec) -> Arc<dyn SecretStore> {
    let mut connections = Connections::default();
    connections.aws_secrets_manager.insert("main".into(), settings);
    built(&spec, &connections)
}

impl Stage {
    /// The pod, which assumes the role of the account that has the secret.
    pub fn settings(&self, url: &str) -> Settings {
        let role = Some(TARGET_ROLE.to_owned());
        Settings { role, external_id: Some(EXTERNAL_ID.into()), ..settings(self.folder.path(), url) }
    }

    /// The adapter, straight on the API.
    pub fn store(&self, format: Format) -> Arc<dyn SecretStore> {
        store_by(self.settings(&self.api), StoreSpec::AwsSecretsManager(spec(SECRET, format)))
    }
}

fn is_write(request: &Request) -> bool {
    let target = request.headers().get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    ["secretsmanager.PutSecretValue", "secretsmanager.UpdateSecretVersionStage"].contains(&target)
}

struct Place {
    stage: Stage,
    proxy: Proxy,
    url: String,
    shape: Shape,
    store: Arc<dyn SecretStore>,
}

#[async_trait::async_trait]
impl Site for Accounts {
    async fn furnish(&self) -> Option<Box<dyn Bench>> {
        let stage = stage().await;
        let (proxy, url) = Proxy::before(&stage.api, None, is_write).await;
        let store = shaped(stage.settings(&url), self.shape, SECRET);
        let place = Place { stage, proxy, url, shape: self.shape, store };
        place.meddle(OLD).await;
        Some(Box::new(place))
    }
}

fn shaped(settings: Settings, shape: Shape, secret: &str) -> Arc<dyn SecretStore> {
    let format = if shape == Shape::Gitlab { Format::GitlabAccessToken } else { Format::Plain };
    let spec = StoreSpec::AwsSecretsManager(spec(secret, format));
    let template = Template::Json { key: vec!["token".into()] };
    let spec = if shape == Shape::Key { StoreSpec::Templated(Box::new(spec), template) } else { spec };
    store_by(settings, spec)
}

fn document(shape: Shape, value: &str) -> String {
    match shape {
        Shape::Alone => value.to_owned(),
        Shape::Gitlab => format!(
            "{{ \"token\": \"{value}\", \"tokenId\": \"7\",\n  \"gitlabUrl\": \"https://gitlab.example.com\", \
             \"groupId\": \"3\" }}"
        ),
        Shape::Key => format!("{{\"user\":\"deploy\",\"token\":\"{value}\",\"more\":[1, 2]}}\n"),
    }
}

impl Place {
    fn text(&self) -> Option<String> {
        let world = self.stage.fake.world();
        Some(world.secret.as_ref()?.with("AWSCURRENT")?.text.clone())
    }
}

fn capabilities(shape: Shape) -> Capabilities {
    Capabilities {
        readable: true,
        versions: true,
        compare_and_set: true,
        staging: true,
        idempotency: Idempotency::Native,
        rollback: if shape == Shape::Key { Rollback::Rewrite } else { Rollback::Native },
        max_bytes: Some(65_536),
        eventual: true,
        ..Capabilities::plain()
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
        let timeout = Some(Duration::from_millis(300));
        Some(shaped(Settings { timeout, ..self.stage.settings(&self.url) }, self.shape, SECRET))
    }

    fn capabilities(&self) -> Capabilities {
        capabilities(self.shape)
    }

    async fn held(&self) -> Option<String> {
        let text = self.text()?;
        match self.shape {
            Shape::Alone => Some(text),
            _ => serde_json::from_str::<Value>(&text).unwrap()["token"].as_str().map(str::to_owned),
        }
    }

    /// The document without the token and its number.
    async fn rest(&self) -> String {
        let (text, held) = (self.text().unwrap(), self.held().await.unwrap());
        text.replace(&held, "").replace("\"tokenId\": \"8\"", "\"tokenId\": \"7\"")
    }

    async fn versions(&self) -> Option<u64> {
        Some(self.stage.fake.world().secret().versions.len() as u64)
    }

    async fn meddle(&self, value: &str) {
        let text = document(self.shape, value);
        self.stage.fake.world().secret().put(&text);
    }

    async fn meddle_with_the_rest(&self) -> bool {
        if self.shape == Shape::Alone {
            return false;
        }
        let text = self.text().unwrap().replace("deploy", "somebody").replace("\"3\"", "\"4\"");
        self.stage.fake.world().secret().put(&text);
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
            Trouble::Denied => world.allowed.clear(),
            Trouble::Expired => self.stage.keys.expire(),
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

/// Secrets on moto, by its own security token service.
pub async fn on_moto() -> impl Site {
    Emulated { moto: Moto::start().await.map(Arc::new), count: AtomicU32::new(0) }
}

struct Emulated {
    moto: Option<Arc<Moto>>,
    count: AtomicU32,
}

struct OnMoto {
    moto: Arc<Moto>,
    proxy: Proxy,
    url: String,
    name: String,
    folder: TempDir,
    store: Arc<dyn SecretStore>,
}

#[async_trait::async_trait]
impl Site for Emulated {
    async fn furnish(&self) -> Option<Box<dyn Bench>> {
        let moto = self.moto.clone()?;
        let name = format!("deploy/token-{}", self.count.fetch_add(1, Ordering::SeqCst));
        moto.create(&name, OLD).await;
        let (proxy, url) = Proxy::before(&moto.url, None, is_write).await;
        let folder = tempfile::tempdir().unwrap();
        profile(folder.path(), "arn:aws:iam::222222222222:role/rekey", &moto.url);
        let store = shaped(settings(folder.path(), &url), Shape::Alone, &name);
        Some(Box::new(OnMoto { moto, proxy, url, name, folder, store }))
    }
}

#[async_trait::async_trait]
impl Bench for OnMoto {
    fn store(&self) -> Arc<dyn SecretStore> {
        self.store.clone()
    }

    fn proxy(&self) -> Option<&Proxy> {
        Some(&self.proxy)
    }

    fn hasty(&self) -> Option<Arc<dyn SecretStore>> {
        let timeout = Some(Duration::from_millis(300));
        Some(shaped(Settings { timeout, ..settings(self.folder.path(), &self.url) }, Shape::Alone, &self.name))
    }

    fn capabilities(&self) -> Capabilities {
        capabilities(Shape::Alone)
    }

    async fn held(&self) -> Option<String> {
        self.moto.current(&self.name).await
    }

    async fn versions(&self) -> Option<u64> {
        let wanted = json!({ "SecretId": self.name, "IncludeDeprecated": true });
        let versions = self.moto.call("ListSecretVersionIds", wanted).await.unwrap();
        Some(versions["Versions"].as_array().unwrap().len() as u64)
    }

    /// By the label, from where it is: when a value is put without labels, moto forgets that labels have been moved.
    async fn meddle(&self, value: &str) {
        let wanted = json!({ "SecretId": self.name, "VersionStage": "AWSCURRENT" });
        let current = self.moto.call("GetSecretValue", wanted).await.unwrap()["VersionId"].clone();
        let token = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, format!("{current} {value}").as_bytes()).to_string();
        let put = json!({ "SecretId": self.name, "SecretString": value, "ClientRequestToken": token, "VersionStages": ["THEIRS"] });
        self.moto.call("PutSecretValue", put).await.unwrap();
        let step = json!({ "SecretId": self.name, "VersionStage": "AWSCURRENT", "MoveToVersionId": token,
            "RemoveFromVersionId": current });
        self.moto.call("UpdateSecretVersionStage", step).await.unwrap();
    }

    async fn trouble(&self, trouble: Trouble) -> bool {
        if trouble == Trouble::Gone {
            let delete = json!({ "SecretId": self.name, "ForceDeleteWithoutRecovery": true });
            self.moto.call("DeleteSecret", delete).await.unwrap();
            return true;
        }
        self.proxy.trouble(trouble)
    }

    async fn said(&self) -> String {
        self.proxy.said()
    }
}
