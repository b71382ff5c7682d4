//! A secret in Fortanix DSM, on a DSM of our own that the official client accepts.

pub mod fake;
mod quorum;

use self::fake::{APP, Fake, NAME, api_key};
use super::configured::{configured, mistakes};
use super::contract::{Bench, FOREIGN, NEW, OLD, Site, Trouble, secret, tag, write};
use super::proxy::Proxy;
use super::{built, refusal, tls};
use crate::http::serve;
use crate::python;
use axum::extract::Request;
use axum::http::Method;
use rekey::rotation::store::{Capabilities, Rollback};
use rekey::store::fortanix::{Key, Replaced, Settings, Spec};
use rekey::store::{Connections, Link, SecretStore, Source, StoreError, StoreSpec, Written};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

const HASTY: Duration = Duration::from_millis(300);
const STAGED: &str = "deploy token (rekey 01kakf7rm0000000000000000a, token 8)";
const PARKED: &str = "deploy token (rekey 01kakf7rm0000000000000000a, was 00000001)";

fn store_of(link: Link, key: Key, replaced: Replaced) -> Arc<dyn SecretStore> {
    let mut connections = Connections::default();
    connections.fortanix.insert("main".into(), Settings { link, key: Arc::new(key) });
    let host = "amer.smartkey.io".to_owned();
    built(&StoreSpec::Fortanix(Spec { at: "main".into(), host, name: NAME.into(), replaced }), &connections)
}

fn store_at(base: &str, timeout: Option<Duration>) -> Arc<dyn SecretStore> {
    let link = Link { url: base.to_owned(), timeout, ..Link::default() };
    store_of(link, Key::Api(Source::Fixed(secret(&api_key()))), Replaced::Deactivate)
}

async fn on(fake: &Fake) -> Arc<dyn SecretStore> {
    store_at(&serve(fake.router()).await, None)
}

/// DSM reads with POST.
fn is_write(request: &Request) -> bool {
    let path = request.uri().path();
    let reads = ["/crypto/v1/keys/info", "/crypto/v1/keys/export", "/sys/v1/session/auth"];
    request.method() != Method::GET && !reads.contains(&path)
}

pub async fn readable() -> impl Site {
    Dsm { guarded: &[] }
}

/// A group whose quorum must agree before anything is read.
pub async fn unreadable() -> impl Site {
    Dsm { guarded: &["export"] }
}

struct Dsm {
    guarded: &'static [&'static str],
}

struct OnTheFake {
    fake: Fake,
    proxy: Proxy,
    base: String,
    store: Arc<dyn SecretStore>,
}

#[async_trait::async_trait]
impl Site for Dsm {
    async fn furnish(&self) -> Option<Box<dyn Bench>> {
        let fake = Fake::new();
        fake.world().guarded = self.guarded.to_vec();
        let upstream = serve(fake.router()).await;
        let (proxy, base) = Proxy::before(&upstream, None, is_write).await;
        let store = store_at(&base, None);
        Some(Box::new(OnTheFake { fake, proxy, base, store }))
    }
}

#[async_trait::async_trait]
impl Bench for OnTheFake {
    fn store(&self) -> Arc<dyn SecretStore> {
        self.store.clone()
    }

    fn proxy(&self) -> Option<&Proxy> {
        Some(&self.proxy)
    }

    fn hasty(&self) -> Option<Arc<dyn SecretStore>> {
        Some(store_at(&self.base, Some(HASTY)))
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            readable: self.fake.world().guarded.is_empty(),
            versions: true,
            compare_and_set: true,
            staging: true,
            rollback: Rollback::Native,
            ..Capabilities::plain()
        }
    }

    async fn held(&self) -> Option<String> {
        self.fake.value(NAME)
    }

    /// All that an object is besides its value, its identity and our marks.
    async fn rest(&self) -> String {
        let Some(mut object) = self.fake.world().named(NAME).cloned() else { return String::new() };
        for key in ["value", "kid", "creator", "links"] {
            object.as_object_mut().unwrap().remove(key);
        }
        let marks = object["custom_metadata"].as_object_mut().unwrap();
        marks.retain(|key, _| !["rekey-rotation", "gitlab-token-id", "rekey-origin"].contains(&key.as_str()));
        object.to_string()
    }

    async fn versions(&self) -> Option<u64> {
        Some(self.fake.world().objects.len() as u64)
    }

    async fn meddle(&self, value: &str) {
        self.fake.world().meddle(value);
    }

    async fn meddle_with_the_rest(&self) -> bool {
        let mut world = self.fake.world();
        world.objects.iter_mut().for_each(|object| object["description"] = json!("of somebody else"));
        true
    }

    async fn make_again(&self, value: &str) -> bool {
        let mut world = self.fake.world();
        world.objects.retain(|object| object["name"] != NAME);
        world.add(NAME, value, json!({ "user": "somebody" }));
        true
    }

    async fn trouble(&self, trouble: Trouble) -> bool {
        let mut world = self.fake.world();
        world.trouble = trouble;
        match trouble {
            Trouble::Gone => world.objects.clear(),
            Trouble::Expired => world.end_sessions(),
            _ => {}
        }
        let ours = [Trouble::Denied, Trouble::Gone, Trouble::Picky, Trouble::Expired];
        self.proxy.trouble(trouble) || ours.contains(&trouble)
    }

    async fn said(&self) -> String {
        self.proxy.said()
    }
}

impl fake::World {
    /// Somebody imports another object and gives it the name, as rekey does; it inherits our marks.
    fn meddle(&mut self, value: &str) {
        let made = self.made;
        let kid = self.add(&format!("theirs {made}"), value, json!({ "user": "somebody" }));
        self.objects.last_mut().unwrap()["custom_metadata"] = json!({});
        let replaced = self.named(NAME).unwrap()["kid"].clone();
        let body = json!({ "replaced": { "kid": replaced }, "replaced_new_name": format!("before {made}"),
            "replacement": { "kid": kid } });
        self.perform("POST", &["crypto", "v1", "keys", "replace"], &body).unwrap();
    }
}

#[tokio::test]
async fn the_official_client_accepts_the_fake_and_reads_what_the_adapter_wrote() {
    let fake = Fake::new();
    let base = serve(fake.router()).await;
    write(&*store_at(&base, None), NEW).await.unwrap();
    fake.world().guarded = vec!["delete"];
    let key = api_key();
    let variables = [("DSM", base.as_str()), ("API_KEY", &key), ("NEW", NEW), ("FOREIGN", FOREIGN)];
    if python::runs("sdkms", "fortanix_client.py", &variables).await.is_none() {
        return;
    }
    let world = fake.world();
    assert_eq!(world.value("made by the official client").as_deref(), Some(FOREIGN));
    assert_eq!((world.requests.len(), &world.requests[0]["status"]), (1, &json!("PENDING")));
}

#[tokio::test]
async fn nobody_who_reads_the_name_sees_the_new_value_before_it_takes_the_name() {
    let fake = Fake::new();
    let (proxy, base) =
        Proxy::before(&serve(fake.router()).await, None, |request| request.uri().path().ends_with("/replace")).await;
    let store = store_at(&base, None);
    proxy.trouble(Trouble::CutBefore);
    assert!(matches!(write(&*store, NEW).await, Err(StoreError::Unknown { .. })));
    assert_eq!((fake.value(NAME).as_deref(), fake.value(STAGED).as_deref()), (Some(OLD), Some(NEW)));
    proxy.trouble(Trouble::CutAfter);
    assert!(matches!(write(&*store, NEW).await, Err(StoreError::Unknown { .. })));
    proxy.trouble(Trouble::None);
    assert_eq!(write(&*store, NEW).await, Ok(Written::Done));
    assert_eq!(fake.names(), [PARKED, NAME], "and it was imported once");
}

#[tokio::test]
async fn the_object_of_before_is_deactivated_or_deleted_in_the_end() {
    let fake = Fake::new();
    let store = on(&fake).await;
    let base = store.look().await.unwrap().base;
    store.write(&secret("canary-of-a-lost-attempt"), &base, &tag(6)).await.unwrap();
    write(&*store, NEW).await.unwrap();
    assert_eq!(fake.names(), [PARKED, &STAGED.replace('8', "6"), NAME]);
    for _ in 0..2 {
        store.finish(&tag(8), None).await.unwrap();
    }
    let states: Vec<Value> = fake.world().objects.iter().map(|object| object["state"].clone()).collect();
    assert_eq!(fake.names(), [PARKED, NAME]);
    assert_eq!(states, [json!("Deactivated"), json!("Active")]);
    let fake = Fake::new();
    let link = Link { url: serve(fake.router()).await, ..Link::default() };
    let store = store_of(link, Key::Api(Source::Fixed(secret(&api_key()))), Replaced::Delete);
    write(&*store, NEW).await.unwrap();
    store.finish(&tag(8), None).await.unwrap();
    assert_eq!(fake.names(), [NAME]);
}

#[tokio::test]
async fn the_object_of_before_takes_its_name_back_after_a_restart() {
    let fake = Fake::new();
    let seen = on(&fake).await.look().await.unwrap();
    write(&*on(&fake).await, NEW).await.unwrap();
    let restarted = on(&fake).await;
    let base = restarted.look().await.unwrap().base;
    restarted.roll_back(&seen.undo.unwrap(), &base, &tag(7)).await.unwrap();
    assert_eq!((fake.value(NAME).as_deref(), fake.value(STAGED).as_deref()), (Some(OLD), Some(NEW)));
    write(&*restarted, NEW).await.unwrap();
    assert_eq!(fake.value(NAME).as_deref(), Some(NEW), "and forth again, with the same object");
    assert_eq!(fake.world().objects.len(), 2);
}

#[tokio::test]
async fn a_quorum_is_asked_once_and_waited_for() {
    let fake = Fake::new();
    fake.world().guarded = vec!["replace", "update", "export"];
    let store = on(&fake).await;
    store.preflight().await.unwrap();
    let base = store.look().await.unwrap().base;
    let again = async || store.write(&secret(NEW), &base, &tag(8)).await;
    let told = |outcome| match outcome {
        Ok(Written::Waiting { why }) => why,
        other => format!("{other:?}"),
    };
    let first = told(again().await);
    let id = fake.world().requests[0]["request_id"].as_str().unwrap().to_owned();
    let words =
        format!("the approvers of deploy token in Fortanix DSM must agree to request {id} by 2026-11-24 12:00 UTC");
    assert_eq!((first.as_str(), told(again().await).as_str()), (words.as_str(), words.as_str()));
    assert_eq!((fake.requests().len(), fake.value(NAME).as_deref()), (1, Some(OLD)));
    assert!(!fake.world().requests[0].to_string().contains("canary"), "no value is shown to the approvers");
    fake.world().agree();
    assert_eq!(told(again().await), format!("{words}; 1 so far"));
    fake.world().approve();
    assert_eq!(again().await, Ok(Written::Done));
    assert_eq!((fake.requests().len(), fake.value(NAME).as_deref()), (0, Some(NEW)));
    assert!(!store.capabilities().readable, "reading would need the quorum each time");
}

#[tokio::test]
async fn a_quorum_that_says_no_is_told_and_asked_anew_by_the_next_try() {
    let fake = Fake::new();
    fake.world().guarded = vec!["replace"];
    let store = on(&fake).await;
    assert!(matches!(write(&*store, NEW).await, Ok(Written::Waiting { .. })));
    fake.world().deny();
    let told = refusal(write(&*store, NEW).await);
    assert!(told.starts_with("its approvers denied request "), "{told}");
    assert!(matches!(write(&*store, NEW).await, Ok(Written::Waiting { .. })));
    fake.world().add(PARKED, "canary-in-the-way", json!({ "user": "somebody" }));
    fake.world().approve();
    let told = refusal(write(&*store, NEW).await);
    assert!(told.contains("was approved and failed with 409: sobject already exists"), "{told}");
    assert_eq!((fake.value(NAME).as_deref(), fake.requests().len()), (Some(OLD), 0));
}

#[tokio::test]
async fn what_was_asked_for_another_token_is_withdrawn() {
    let fake = Fake::new();
    fake.world().guarded = vec!["replace"];
    let store = on(&fake).await;
    let base = store.look().await.unwrap().base;
    store.write(&secret("canary-of-a-lost-attempt"), &base, &tag(6)).await.unwrap();
    store.write(&secret(NEW), &base, &tag(8)).await.unwrap();
    let asked: Vec<Value> = fake.world().requests.iter().map(|request| request["description"].clone()).collect();
    let words = "rekey 01kakf7rm0000000000000000a, token 8: gives deploy token the value of GitLab token 8";
    assert_eq!(asked, [json!(words)]);
    store.write(&secret(OLD), &base, &tag(7)).await.unwrap();
    assert!(fake.world().requests.is_empty(), "it holds the old value already, so nothing is wanted any more");
}

#[tokio::test]
async fn what_a_quorum_would_have_to_clear_away_is_told_and_left() {
    let fake = Fake::new();
    let store = on(&fake).await;
    write(&*store, NEW).await.unwrap();
    fake.world().guarded = vec!["revoke", "delete"];
    let told = refusal(store.finish(&tag(8), None).await);
    assert_eq!(
        told,
        format!(
            "its quorum would have to agree before {PARKED} may go | deactivate or delete it in DSM, or leave it: nothing uses it"
        )
    );
}

#[tokio::test]
async fn marks_that_a_successor_inherits_prove_nothing() {
    let fake = Fake::new();
    fake.world().guarded = vec!["export"];
    let store = on(&fake).await;
    let base = store.look().await.unwrap().base;
    store.write(&secret(NEW), &base, &tag(8)).await.unwrap();
    fake.world().meddle(FOREIGN);
    assert_eq!(fake.world().named(NAME).unwrap()["custom_metadata"]["gitlab-token-id"], "8");
    let error = store.write(&secret(NEW), &base, &tag(8)).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict { .. }), "{error:?}");
}

#[tokio::test]
async fn a_certificate_opens_a_session_too() {
    let fake = Fake::new();
    fake.world().certificates_only = true;
    let base = tls::serve(fake.router()).await;
    let link = |certificate: Option<String>| Link {
        url: base.clone(),
        ca_file: Some(tls::ca_file()),
        client_certificate: certificate.map(|pem| secret(&pem)),
        timeout: None,
    };
    let key = || Key::Certificate(Some(APP.into()));
    let store = store_of(link(Some(tls::client_certificate())), key(), Replaced::Deactivate);
    assert_eq!(write(&*store, NEW).await, Ok(Written::Done));
    let told = refusal(store_of(link(None), key(), Replaced::Deactivate).preflight().await);
    assert!(told.contains("Invalid credentials") && told.contains("[fortanix.main]"), "{told}");
}

#[tokio::test]
async fn an_api_key_that_was_replaced_is_read_again() {
    let fake = Fake::new();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    std::fs::write(&path, format!("{}\n", api_key())).unwrap();
    let link = Link { url: serve(fake.router()).await, ..Link::default() };
    let store = store_of(link, Key::Api(Source::File(path.clone())), Replaced::Deactivate);
    store.preflight().await.unwrap();
    std::fs::write(&path, "canary-of-another-app").unwrap();
    store.preflight().await.unwrap();
    fake.world().end_sessions();
    let told = refusal(store.preflight().await);
    assert!(told.contains("Invalid credentials") && !told.contains("canary"), "{told}");
    std::fs::remove_file(&path).unwrap();
    assert!(refusal(store.preflight().await).contains("cannot be read"));
}

#[tokio::test]
async fn one_session_serves_until_it_ends() {
    let fake = Fake::new();
    let store = on(&fake).await;
    store.preflight().await.unwrap();
    write(&*store, NEW).await.unwrap();
    assert_eq!(fake.world().logins, 1);
    fake.world().end_sessions();
    assert_eq!(store.read().await.unwrap().unwrap().expose(), NEW);
    assert_eq!(fake.world().logins, 2);
}

#[tokio::test]
async fn an_object_that_cannot_be_replaced_is_found_before_anybody_approves() {
    let fake = Fake::new();
    let store = on(&fake).await;
    let set = |key: &str, value: Value| fake.world().objects[0][key] = value;
    for (key, wrong, right, told) in [
        (
            "obj_type",
            json!("AES"),
            json!("SECRET"),
            "the object is of type AES | name an object of type SECRET or OPAQUE",
        ),
        ("enabled", json!(false), json!(true), "the object is not active"),
        ("state", json!("Deactivated"), json!("Active"), "the object is not active"),
        ("key_ops", json!(["EXPORT"]), json!(["EXPORT", "APPMANAGEABLE"]), "the object may not be managed by apps"),
    ] {
        set(key, wrong);
        let refused = refusal(store.preflight().await);
        assert!(refused.starts_with(told), "{refused}");
        set(key, right);
    }
    fake.world().may_manage = false;
    let refused = refusal(store.preflight().await);
    assert!(refused.contains("app has no permission MANAGE in the group"), "DSM's own words: {refused}");
    assert!(refused.ends_with("give the bot's app the permissions Export and Manage in the object's group"));
}

#[test]
fn a_connection_has_one_key() {
    let store = "[[token.store]]\nkind = \"fortanix\"\nat = \"main\"\nname = \"deploy token\"";
    let with = |keys: &str| mistakes(&format!("[fortanix.main]\nurl = \"https://amer.smartkey.io\"\n{keys}"), store);
    assert!(with("").contains("needs exactly one of api_key"));
    assert!(with("api_key = \"env:PATH\"\ncertificate = \"env:PATH\"").contains("needs exactly one of api_key"));
    assert!(with("api_key = \"env:PATH\"\napp = \"x\"").contains("app has no meaning with api_key"));
    let right = "[fortanix.main]\nurl = \"https://amer.smartkey.io\"\napi_key = \"env:PATH\"";
    assert_eq!(configured(right, store).unwrap().tokens[0].1[0].id().0, "fortanix amer.smartkey.io deploy token");
}
