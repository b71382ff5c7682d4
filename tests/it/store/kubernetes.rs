//! A Kubernetes Secret: against a strict API server of our own, which Kubernetes' official Python client accepts.

mod fake;

use super::contract::{Bench, FOREIGN, NEW, OLD, Site, Trouble, secret, tag, write};
use super::proxy::{Proxy, by_method};
use super::{built, refusal};
use fake::{Fake, TOKEN, cluster, encoded};
use rekey::rotation::ids::RotationId;
use rekey::rotation::store::{Capabilities, Rollback, Tag};
use rekey::store::kubernetes::{Settings, Spec, Token, Workload};
use rekey::store::template::Template;
use rekey::store::{Connections, Link, SecretStore, StoreSpec, Written};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

struct Clusters {
    previous: bool,
    template: Option<Template>,
}

pub async fn alone() -> impl Site {
    Clusters { previous: false, template: None }
}

pub async fn with_previous() -> impl Site {
    Clusters { previous: true, template: None }
}

pub async fn templated() -> impl Site {
    Clusters { previous: false, template: Some(Template::Dotenv { key: "TOKEN".into() }) }
}

struct Place {
    fake: Fake,
    proxy: Proxy,
    url: String,
    folder: TempDir,
    spec: StoreSpec,
    previous: bool,
    templated: bool,
}

#[async_trait::async_trait]
impl Site for Clusters {
    async fn furnish(&self) -> Option<Box<dyn Bench>> {
        let text = document(self.template.is_some(), OLD);
        let (fake, base) = cluster(&[("token", &text), ("other", "stays as it is")]).await;
        let (proxy, url) = Proxy::before(&base, None, by_method).await;
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), TOKEN).unwrap();
        let spec = StoreSpec::Kubernetes(spec(self.previous.then_some("token.previous"), &[]));
        let templated = self.template.is_some();
        let spec = match self.template.clone() {
            Some(template) => StoreSpec::Templated(Box::new(spec), template),
            None => spec,
        };
        Some(Box::new(Place { fake, proxy, url, folder, spec, previous: self.previous, templated }))
    }
}

fn document(templated: bool, value: &str) -> String {
    if templated { format!("A=1\nTOKEN={value}\nB=2\n") } else { value.to_owned() }
}

fn spec(previous_key: Option<&str>, restart: &[&str]) -> Spec {
    Spec {
        at: "main".into(),
        server: "cluster.example:6443".into(),
        namespace: "apps".into(),
        name: "gitlab".into(),
        key: "token".into(),
        previous_key: previous_key.map(str::to_owned),
        restart: restart.iter().map(|text| Workload::parse(text).unwrap()).collect(),
    }
}

fn connections(url: &str, token: Token, timeout: Option<Duration>) -> Connections {
    let link = Link { url: url.to_owned(), timeout, ..Link::default() };
    let mut connections = Connections::default();
    connections.kubernetes.insert("main".into(), Settings { link, token });
    connections
}

impl Place {
    fn token_file(&self) -> PathBuf {
        self.folder.path().join("token")
    }
}

#[async_trait::async_trait]
impl Bench for Place {
    fn store(&self) -> Arc<dyn SecretStore> {
        built(&self.spec, &connections(&self.url, Token::File(self.token_file()), None))
    }

    fn proxy(&self) -> Option<&Proxy> {
        Some(&self.proxy)
    }

    fn hasty(&self) -> Option<Arc<dyn SecretStore>> {
        let limit = Some(Duration::from_millis(300));
        Some(built(&self.spec, &connections(&self.url, Token::File(self.token_file()), limit)))
    }

    fn capabilities(&self) -> Capabilities {
        let rollback = if self.previous { Rollback::Native } else { Rollback::Rewrite };
        let plain = Capabilities::plain();
        Capabilities { compare_and_set: true, versions: self.previous, rollback, max_bytes: Some(1 << 20), ..plain }
    }

    async fn held(&self) -> Option<String> {
        let text = self.fake.held("token")?;
        match self.templated {
            true => Some(text.split_once("TOKEN=")?.1.split_once('\n')?.0.to_owned()),
            false => Some(text),
        }
    }

    async fn rest(&self) -> String {
        let held = self.held().await.unwrap_or_default();
        let document = self.fake.held("token").unwrap_or_default().replace(&held, "");
        let world = self.fake.world();
        let mut object = world.objects["secrets/gitlab"].clone();
        let data = object["data"].as_object_mut().unwrap();
        data.remove("token");
        data.remove("token.previous");
        let metadata = object["metadata"].as_object_mut().unwrap();
        metadata.remove("resourceVersion");
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.retain(|name, _| !name.starts_with("rekey/previous-of."));
        }
        if metadata.get("annotations") == Some(&json!({})) {
            metadata.remove("annotations");
        }
        format!("{document}{object}")
    }

    async fn versions(&self) -> Option<u64> {
        Some(self.fake.world().patches)
    }

    async fn meddle(&self, value: &str) {
        let text = document(self.templated, value);
        self.fake.change("secrets/gitlab", |object| object["data"]["token"] = encoded(&text));
    }

    async fn meddle_with_the_rest(&self) -> bool {
        self.fake.change("secrets/gitlab", |object| object["data"]["other"] = encoded("changed by others"));
        true
    }

    async fn make_again(&self, value: &str) -> bool {
        self.fake.make_again("secrets/gitlab");
        self.meddle(value).await;
        true
    }

    async fn trouble(&self, trouble: Trouble) -> bool {
        self.fake.world().forbidden = trouble == Trouble::Denied;
        self.fake.world().picky = trouble == Trouble::Picky;
        match trouble {
            Trouble::Denied | Trouble::Picky => true,
            Trouble::Expired => {
                self.fake.world().token = "sa-token-2".to_owned();
                std::fs::write(self.token_file(), "sa-token-2\n").unwrap();
                true
            }
            Trouble::Gone => {
                self.fake.world().objects.clear();
                true
            }
            trouble => self.proxy.trouble(trouble),
        }
    }

    async fn said(&self) -> String {
        self.proxy.said()
    }
}

async fn store(fake_url: &str, spec: Spec) -> Arc<dyn SecretStore> {
    built(&StoreSpec::Kubernetes(spec), &connections(fake_url, Token::Value(secret(TOKEN)), None))
}

#[tokio::test]
async fn a_named_workload_is_restarted_once_by_each_new_value() {
    let (fake, url) = cluster(&[("token", OLD)]).await;
    let store = store(&url, spec(None, &["deployment/web"])).await;
    let generation = || fake.world().objects["deployments/web"]["metadata"]["generation"].as_u64().unwrap();
    store.preflight().await.unwrap();
    assert_eq!(generation(), 1, "a preflight restarts nothing");
    let base = store.look().await.unwrap().base;
    for _ in 0..3 {
        assert_eq!(store.write(&secret(NEW), &base, &tag(8)).await, Ok(Written::Done));
    }
    assert_eq!(generation(), 2);
    let base = store.look().await.unwrap().base;
    store.write(&secret(OLD), &base, &tag(7)).await.unwrap();
    assert_eq!(generation(), 3, "the previous value is a change too");
}

#[tokio::test]
async fn a_workload_that_is_not_there_blocks_before_anything_is_written() {
    let (fake, url) = cluster(&[("token", OLD)]).await;
    let store = store(&url, spec(None, &["deployment/api"])).await;
    let refused = refusal(store.preflight().await);
    assert!(refused.contains("deployment/api cannot be restarted"), "{refused}");
    assert_eq!(fake.held("token").as_deref(), Some(OLD));
}

#[tokio::test]
async fn a_second_try_of_a_rotation_does_not_push_its_first_into_the_previous_key() {
    let (fake, url) = cluster(&[("token", OLD)]).await;
    let store = store(&url, spec(Some("token.previous"), &[])).await;
    let seen = store.look().await.unwrap();
    write(&*store, "canary-first-try-1234").await.unwrap();
    write(&*store, NEW).await.unwrap();
    assert_eq!(fake.held("token.previous").as_deref(), Some(OLD));
    let base = store.look().await.unwrap().base;
    store.roll_back(&seen.undo.unwrap(), &base, &tag(7)).await.unwrap();
    assert_eq!(fake.held("token").as_deref(), Some(OLD));
    store.finish(&tag(7), None).await.unwrap();
    assert_eq!(fake.held("token.previous"), None);
}

#[tokio::test]
async fn two_keys_of_one_secret_keep_their_previous_values_apart() {
    let (fake, url) = cluster(&[("token", OLD), ("second", FOREIGN)]).await;
    let first = store(&url, spec(Some("token.previous"), &[])).await;
    let spec = Spec { key: "second".into(), ..spec(Some("second.previous"), &[]) };
    let second = store(&url, spec).await;
    let undo = first.look().await.unwrap().undo.unwrap();
    let theirs = Tag { rotation: RotationId("another".into()), ..tag(8) };
    write(&*first, NEW).await.unwrap();
    let base = second.look().await.unwrap().base;
    second.write(&secret("canary-of-another-token"), &base, &theirs).await.unwrap();
    write(&*first, "canary-second-try-1234").await.unwrap();
    assert_eq!(fake.held("token.previous").as_deref(), Some(OLD), "the other's write did not start ours anew");
    second.finish(&theirs, None).await.unwrap();
    let base = first.look().await.unwrap().base;
    first.roll_back(&undo, &base, &tag(7)).await.unwrap();
    assert_eq!(fake.held("token").as_deref(), Some(OLD));
}

#[tokio::test]
async fn a_workload_that_may_no_longer_be_restarted_does_not_deny_the_write() {
    let (fake, url) = cluster(&[("token", OLD)]).await;
    let store = store(&url, spec(None, &["deployment/api"])).await;
    let refused = refusal(write(&*store, NEW).await);
    assert!(refused.starts_with("the Secret holds the value, but deployment/api cannot be restarted"), "{refused}");
    assert_eq!(fake.held("token").as_deref(), Some(NEW));
}

#[tokio::test]
async fn what_a_controller_keeps_is_left_to_it() {
    let (fake, url) = cluster(&[("token", OLD)]).await;
    let store = store(&url, spec(None, &[])).await;
    fake.change("secrets/gitlab", |object| {
        object["metadata"]["ownerReferences"] = json!([{"kind": "ExternalSecret", "name": "gitlab", "uid": "1"}]);
    });
    let refused = refusal(store.preflight().await);
    assert!(refused.contains("belongs to ExternalSecret gitlab"), "{refused}");
    let refused = refusal(store.write(&secret(NEW), &Default::default(), &tag(8)).await);
    assert!(refused.contains("belongs to ExternalSecret gitlab"), "{refused}");
    assert_eq!(fake.held("token").as_deref(), Some(OLD));
}

#[tokio::test]
async fn a_key_that_is_not_there_or_holds_no_text_is_told() {
    let (fake, url) = cluster(&[("other", FOREIGN)]).await;
    let store = store(&url, spec(None, &[])).await;
    assert!(refusal(store.preflight().await).contains("has no key token"));
    fake.change("secrets/gitlab", |object| object["data"]["token"] = "//79".into());
    assert!(refusal(store.preflight().await).contains("does not hold text"));
}

#[tokio::test]
async fn the_official_client_accepts_our_cluster() {
    let (fake, url) = cluster(&[("token", OLD)]).await;
    let Some(python) = crate::python::with("kubernetes") else { return };
    let done = tokio::process::Command::new(python)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/kubernetes_client.py"))
        .args([&url, TOKEN, OLD, NEW])
        .output()
        .await
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(fake.held("token").as_deref(), Some(NEW));
}
