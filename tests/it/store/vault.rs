//! Vault, on real OpenBao servers: the contract on both engines and with a template, ways to log in, and the moods that
//! only a real server has.

use super::contract::{Bench, NEW, OLD, Site, Trouble, secret, tag, write};
use super::openbao::{self, OpenBao};
use super::proxy::Proxy;
use super::{built, refusal};
use axum::extract::Request;
use rekey::rotation::store::{Capabilities, Rollback};
use rekey::store::template::Template;
use rekey::store::vault::{Auth, Engine, Proof, Settings, Spec};
use rekey::store::{Base, Connections, Link, SecretStore, Source, StoreError, StoreSpec, Written};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Fields of version 2, of version 1, or a JSON document in a field of version 2.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    V2,
    V1,
    Document,
}

/// Secrets on the shared server.
pub async fn on(kind: Kind) -> impl Site {
    Secrets(kind)
}

struct Secrets(Kind);

/// One secret, one role that may do what a page says, one proxy.
struct Room {
    bao: &'static OpenBao,
    kind: Kind,
    name: String,
    proxy: Proxy,
    base: String,
    store: Arc<dyn SecretStore>,
    role_id: String,
    secret_id: String,
}

/// Only requests for the secret itself are writes: a login is none.
fn is_write(request: &Request) -> bool {
    let path = request.uri().path();
    !request.method().is_safe() && (path.starts_with("/v1/secret/") || path.starts_with("/v1/kv1/"))
}

async fn engines(bao: &OpenBao) {
    // Somebody may have been quicker.
    bao.ask("POST", "sys/mounts/kv1", Some(json!({"type": "kv", "options": {"version": "1"}}))).await;
    bao.ask("POST", "sys/auth/approle", Some(json!({"type": "approle"}))).await;
}

impl Kind {
    fn policy(self, name: &str) -> String {
        match self {
            Self::V1 => format!("path \"kv1/{name}\" {{ capabilities = [\"read\", \"update\"] }}"),
            _ => format!(
                "path \"secret/data/{name}\" {{ capabilities = [\"read\", \"patch\"] }}
                 path \"secret/metadata/{name}\" {{ capabilities = [\"read\"] }}"
            ),
        }
    }

    fn fields(self, value: &str) -> Value {
        let value = match self {
            Self::Document => format!("{{\"host\": \"x\",  \"token\":\"{value}\" }}"),
            _ => value.to_owned(),
        };
        json!({"token": value, "user": "deploy-bot", "port": 8443, "more": {"a": [1, 2.5, null]}})
    }
}

#[async_trait::async_trait]
impl Site for Secrets {
    async fn furnish(&self) -> Option<Box<dyn Bench>> {
        Some(Box::new(Room::new(self.0, &json!({})).await?))
    }
}

impl Room {
    async fn new(kind: Kind, role: &Value) -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let bao = openbao::shared()?;
        engines(bao).await;
        let name = format!("team {}/place-{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
        let role_name = name.replace(['/', ' '], "-");
        // A mount of its own, so that all its tokens can be revoked at once.
        bao.must("POST", &format!("sys/auth/{role_name}"), json!({"type": "approle"})).await;
        bao.must("PUT", &format!("sys/policies/acl/{role_name}"), json!({"policy": kind.policy(&name)})).await;
        let mut settings = json!({"token_policies": [role_name.clone()]});
        settings.as_object_mut().unwrap().extend(role.as_object().unwrap().clone());
        bao.must("POST", &format!("auth/{role_name}/role/r"), settings).await;
        let role_id = bao.must("GET", &format!("auth/{role_name}/role/r/role-id"), Value::Null).await;
        let secret_id = bao.must("POST", &format!("auth/{role_name}/role/r/secret-id"), json!({})).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let (proxy, base) = Proxy::before(&bao.address, None, is_write).await;
        let mut room = Self {
            bao,
            kind,
            proxy,
            base,
            store: super::file::nowhere(),
            role_id: text(&role_id["data"]["role_id"]),
            secret_id: text(&secret_id["data"]["secret_id"]),
            name,
        };
        room.store = room.adapter(None);
        room.meddle(OLD).await;
        Some(room)
    }

    fn role(&self) -> String {
        self.name.replace(['/', ' '], "-")
    }

    fn adapter(&self, timeout: Option<Duration>) -> Arc<dyn SecretStore> {
        self.adapter_of(self.spec(), timeout)
    }

    fn adapter_of(&self, spec: Spec, timeout: Option<Duration>) -> Arc<dyn SecretStore> {
        let secret_id = Source::Fixed(secret(&self.secret_id));
        let proof = Proof::AppRole { role_id: self.role_id.clone(), secret_id };
        let link = Link { url: self.base.clone(), timeout, ..Link::default() };
        let auth = Auth::Login { mount: self.role(), proof };
        let spec = StoreSpec::Vault(spec);
        let spec = match self.kind {
            Kind::Document => StoreSpec::Templated(Box::new(spec), Template::Json { key: vec!["token".into()] }),
            _ => spec,
        };
        built(&spec, &connection(Settings { link, namespace: None, auth }))
    }

    fn spec(&self) -> Spec {
        let (mount, engine) = if self.kind == Kind::V1 { ("kv1", Engine::V1) } else { ("secret", Engine::V2) };
        spec_of(mount, &self.name, engine)
    }

    fn path(&self, below: &str) -> String {
        let name = self.name.replace(' ', "%20");
        if self.kind == Kind::V1 { format!("kv1/{name}") } else { format!("secret/{below}/{name}") }
    }

    async fn fields(&self) -> Option<Value> {
        let (status, answer) = self.bao.ask("GET", &self.path("data"), None).await;
        let fields = if self.kind == Kind::V1 { &answer["data"] } else { &answer["data"]["data"] };
        (status == 200).then(|| fields.clone())
    }

    async fn put(&self, fields: Value) {
        let body = if self.kind == Kind::V1 { fields } else { json!({ "data": fields }) };
        self.bao.must("POST", &self.path("data"), body).await;
    }
}

fn spec_of(mount: &str, path: &str, engine: Engine) -> Spec {
    Spec {
        at: "main".into(),
        address: "vault.example.com".into(),
        mount: mount.into(),
        path: path.into(),
        field: "token".into(),
        engine,
    }
}

fn connection(settings: Settings) -> Connections {
    Connections { vault: [("main".to_owned(), Arc::new(settings))].into(), ..Connections::default() }
}

#[async_trait::async_trait]
impl Bench for Room {
    fn store(&self) -> Arc<dyn SecretStore> {
        self.store.clone()
    }

    fn proxy(&self) -> Option<&Proxy> {
        Some(&self.proxy)
    }

    fn hasty(&self) -> Option<Arc<dyn SecretStore>> {
        Some(self.adapter(Some(Duration::from_millis(300))))
    }

    fn capabilities(&self) -> Capabilities {
        let guarded = self.kind != Kind::V1;
        let rollback = if self.kind == Kind::V2 { Rollback::Native } else { Rollback::Rewrite };
        Capabilities { versions: guarded, compare_and_set: guarded, rollback, ..Capabilities::plain() }
    }

    async fn held(&self) -> Option<String> {
        let fields = self.fields().await?;
        let held = fields["token"].as_str()?;
        if self.kind != Kind::Document {
            return Some(held.to_owned());
        }
        let document: Value = serde_json::from_str(held).unwrap();
        Some(document["token"].as_str().unwrap().to_owned())
    }

    async fn rest(&self) -> String {
        let mut fields = self.fields().await.unwrap();
        if let Some(held) = self.held().await.filter(|_| self.kind == Kind::Document) {
            fields["token"] = fields["token"].as_str().unwrap().replace(&held, "").into();
        } else {
            fields.as_object_mut().unwrap().remove("token");
        }
        fields.to_string()
    }

    async fn versions(&self) -> Option<u64> {
        if self.kind == Kind::V1 {
            return None;
        }
        let metadata = self.bao.must("GET", &self.path("metadata"), Value::Null).await;
        metadata["data"]["current_version"].as_u64()
    }

    async fn meddle(&self, value: &str) {
        self.put(self.kind.fields(value)).await;
    }

    async fn meddle_with_the_rest(&self) -> bool {
        let mut fields = self.fields().await.unwrap();
        fields["user"] = "another-bot".into();
        self.put(fields).await;
        true
    }

    async fn make_again(&self, value: &str) -> bool {
        if self.kind == Kind::V1 {
            return false;
        }
        self.bao.must("DELETE", &self.path("metadata"), Value::Null).await;
        self.meddle(value).await;
        true
    }

    async fn trouble(&self, trouble: Trouble) -> bool {
        let role = self.role();
        let nothing = "path \"cubbyhole/none\" { capabilities = [\"deny\"] }".to_owned();
        let policy = if trouble == Trouble::Denied { nothing } else { self.kind.policy(&self.name) };
        self.bao.must("PUT", &format!("sys/policies/acl/{role}"), json!({ "policy": policy })).await;
        match trouble {
            Trouble::Denied => true,
            Trouble::Expired => {
                self.bao.must("PUT", &format!("sys/leases/revoke-prefix/auth/{role}/login"), json!({})).await;
                true
            }
            Trouble::Gone => {
                self.bao.must("DELETE", &self.path("metadata"), Value::Null).await;
                true
            }
            other => self.proxy.trouble(other),
        }
    }

    async fn said(&self) -> String {
        self.proxy.said()
    }
}

/// A server of one story's own, with a secret that holds the old value, and an adapter with the root token.
async fn own(mode: &str) -> Option<(OpenBao, Arc<dyn SecretStore>)> {
    let bao = OpenBao::start(mode)?;
    bao.must("POST", "secret/data/deploy", json!({"data": Kind::V2.fields(OLD)})).await;
    let store = with_token(&bao);
    Some((bao, store))
}

fn with_token(bao: &OpenBao) -> Arc<dyn SecretStore> {
    let ca_file = bao.ca.as_ref().map(|_| bao.folder.path().join("vault-ca.pem"));
    let link = Link { url: bao.address.clone(), ca_file, ..Link::default() };
    let auth = Auth::Token(Source::Fixed(secret(&bao.token)));
    let spec = StoreSpec::Vault(spec_of("secret", "deploy", Engine::V2));
    built(&spec, &connection(Settings { link, namespace: None, auth }))
}

async fn version_2() -> Option<Room> {
    Room::new(Kind::V2, &json!({})).await
}

#[tokio::test]
async fn a_server_with_a_certificate_of_its_own_is_trusted_by_the_ca_file() {
    let Some((bao, store)) = own("tls").await else { return };
    store.preflight().await.unwrap();
    assert_eq!(write(&*store, NEW).await, Ok(Written::Done));
    let link = Link { url: bao.address.clone(), ..Link::default() };
    let auth = Auth::Token(Source::Fixed(secret(&bao.token)));
    let spec = StoreSpec::Vault(spec_of("secret", "deploy", Engine::V2));
    let stranger = built(&spec, &connection(Settings { link, namespace: None, auth }));
    let error = stranger.look().await.err().unwrap();
    assert!(matches!(&error, StoreError::Unavailable { why, .. } if why.contains("certificate")), "{error}");
}

#[tokio::test]
async fn hvac_reads_what_was_written_with_everything_beside_it() {
    let Some(python) = crate::python::with("hvac") else { return };
    let Some((bao, store)) = own("tls").await else { return };
    write(&*store, NEW).await.unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/vault_client.py");
    let done = tokio::process::Command::new(python)
        .args([script, &bao.address, "deploy"])
        .env("VAULT_TOKEN", &bao.token)
        .env("VAULT_CA", bao.folder.path().join("vault-ca.pem"))
        .env("EXPECTED", NEW)
        .output()
        .await
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(String::from_utf8_lossy(&done.stdout).trim(), "2");
}

#[tokio::test]
async fn a_server_that_is_killed_and_comes_back_sealed_and_unsealed_holds_what_it_said_it_holds() {
    let Some((bao, store)) = own("raft").await else { return };
    let seen = store.look().await.unwrap();
    assert_eq!(store.write(&secret(NEW), &seen.base, &tag(8)).await, Ok(Written::Done));
    bao.kill();
    assert!(matches!(store.look().await, Err(StoreError::Unavailable { .. })));
    bao.restart();
    assert_eq!(store.read().await.unwrap().unwrap().expose(), NEW);
    let base = store.look().await.unwrap().base;
    assert_eq!(store.roll_back(&seen.undo.unwrap(), &base, &tag(7)).await, Ok(Written::Done));
    assert_eq!(store.read().await.unwrap().unwrap().expose(), OLD);
    bao.must("PUT", "sys/seal", json!({})).await;
    for error in [store.look().await.err().unwrap(), store.preflight().await.unwrap_err()] {
        assert!(matches!(&error, StoreError::Unavailable { why, .. } if why.contains("sealed")), "{error}");
    }
}

#[tokio::test]
async fn a_quota_of_the_server_is_patience_and_not_a_refusal() {
    let Some((bao, store)) = own("dev").await else { return };
    bao.must("POST", "sys/quotas/rate-limit/tight", json!({"rate": 1, "path": "secret"})).await;
    let mut last = Ok(());
    for _ in 0..5 {
        last = store.look().await.map(drop);
    }
    assert!(matches!(&last, Err(StoreError::Unavailable { retry_after: Some(_), .. })), "{last:?}");
}

#[tokio::test]
async fn a_deleted_version_is_not_taken_for_a_missing_secret() {
    let Some(room) = version_2().await else { return };
    let (store, seen) = (room.store(), room.store().look().await.unwrap());
    room.bao.must("DELETE", &room.path("data"), Value::Null).await;
    assert!(refusal(store.preflight().await).starts_with("its newest version is deleted | undelete it"));
    room.meddle(NEW).await;
    let base = store.look().await.unwrap().base;
    let outcome = store.roll_back(&seen.undo.unwrap(), &base, &tag(7)).await;
    assert!(refusal(outcome).starts_with("version 1 is no longer kept"), "it is the deleted one");
}

#[tokio::test]
async fn a_secret_that_keeps_one_version_promises_no_more() {
    let Some(room) = version_2().await else { return };
    room.bao.must("POST", &room.path("metadata"), json!({"max_versions": 1})).await;
    let store = room.store();
    store.preflight().await.unwrap();
    assert_eq!(store.capabilities().rollback, Rollback::Rewrite);
    assert!(store.look().await.unwrap().undo.is_none());
}

#[tokio::test]
async fn a_mount_that_keeps_few_versions_promises_no_more_and_a_secret_may_say_otherwise() {
    let Some(room) = version_2().await else { return };
    let mount = format!("few-{}", room.role());
    let bao = &room.bao;
    bao.must("POST", &format!("sys/mounts/{mount}"), json!({"type": "kv", "options": {"version": "2"}})).await;
    bao.must("POST", &format!("{mount}/config"), json!({"max_versions": 2})).await;
    bao.must("POST", &format!("{mount}/data/deploy"), json!({"data": {"token": OLD}})).await;
    let policy = format!(
        "path \"{mount}/data/*\" {{ capabilities = [\"read\", \"patch\"] }}\n\
         path \"{mount}/metadata/*\" {{ capabilities = [\"read\"] }}\n\
         path \"{mount}/config\" {{ capabilities = [\"read\"] }}"
    );
    bao.must("PUT", &format!("sys/policies/acl/{}", room.role()), json!({ "policy": policy })).await;
    let store = room.adapter_of(spec_of(&mount, "deploy", Engine::V2), None);
    store.preflight().await.unwrap();
    assert_eq!(store.capabilities().rollback, Rollback::Rewrite);
    bao.must("POST", &format!("{mount}/metadata/deploy"), json!({"max_versions": 9})).await;
    store.preflight().await.unwrap();
    assert_eq!(store.capabilities().rollback, Rollback::Native);
}

#[tokio::test]
async fn a_policy_that_only_reads_is_found_before_anything_is_approved() {
    let Some(room) = version_2().await else { return };
    let policy = format!("path \"secret/data/{}\" {{ capabilities = [\"read\"] }}", room.name);
    room.bao.must("PUT", &format!("sys/policies/acl/{}", room.role()), json!({ "policy": policy })).await;
    let words = refusal(room.store().preflight().await);
    assert!(words.starts_with("the bot's policy does not allow patch on secret/data/"), "{words}");
    assert!(words.contains("allow the bot's policy read and patch on secret/data/"), "{words}");
}

#[tokio::test]
async fn a_field_that_is_missing_or_no_text_is_told_with_the_mend() {
    let Some(room) = version_2().await else { return };
    for (fields, why) in [(json!({"user": "x"}), "no key token"), (json!({"token": 7}), "is not a text")] {
        room.put(fields).await;
        let words = refusal(room.store().look().await);
        assert!(words.contains(why) && words.contains("write the field token there once"), "{words}");
    }
}

#[tokio::test]
async fn a_token_is_renewed_before_it_ends_and_got_anew_once_it_may_not_be() {
    let Some(room) = Room::new(Kind::V2, &json!({"token_ttl": "3s", "token_max_ttl": "4s"})).await else { return };
    let store = room.store();
    let logins = |of: &str| room.proxy.said().lines().filter(|line| line.contains(of)).count();
    // Reads go on until the token had to be renewed and then replaced.
    while logins("renew-self") == 0 || logins("/login") < 2 {
        store.read().await.unwrap();
    }
}

#[tokio::test]
async fn a_wrong_secret_id_is_told_with_the_mend_and_not_shown() {
    let Some(mut room) = version_2().await else { return };
    room.secret_id = "canary-wrong-secret-id".into();
    let error = room.adapter(None).look().await.err().unwrap();
    assert!(matches!(&error, StoreError::Refused { mend, .. } if mend.contains("role_id and secret_id")), "{error}");
    assert!(!format!("{error:?}").contains("canary"), "{error:?}");
}

#[tokio::test]
async fn a_token_file_is_read_again_when_vault_refuses_the_old_one() {
    let Some(room) = version_2().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let token = async || {
        let made = room.bao.must("POST", "auth/token/create", json!({"policies": [room.role()]})).await;
        made["auth"]["client_token"].as_str().unwrap().to_owned()
    };
    let first = token().await;
    std::fs::write(&path, format!("{first}\n")).unwrap();
    let link = Link { url: room.base.clone(), ..Link::default() };
    let settings = Settings { link, namespace: None, auth: Auth::Token(Source::File(path.clone())) };
    let store = built(&StoreSpec::Vault(room.spec()), &connection(settings));
    store.preflight().await.unwrap();
    std::fs::write(&path, token().await).unwrap();
    room.bao.must("POST", "auth/token/revoke", json!({ "token": first })).await;
    assert_eq!(write(&*store, NEW).await, Ok(Written::Done));
}

#[tokio::test]
async fn a_signed_token_of_a_pod_or_a_job_is_proof_enough() {
    let Some(room) = version_2().await else { return };
    let (bao, mount) = (room.bao, format!("jwt-{}", room.role()));
    bao.must("POST", &format!("sys/auth/{mount}"), json!({"type": "jwt"})).await;
    let signer = super::jwt::Signer::new();
    bao.must("POST", &format!("auth/{mount}/config"), json!({"jwt_validation_pubkeys": [signer.public_key()]})).await;
    let role = json!({
        "role_type": "jwt", "user_claim": "sub", "bound_subject": "rekey", "bound_audiences": ["vault"],
        "token_policies": [room.role()]
    });
    bao.must("POST", &format!("auth/{mount}/role/rekey"), role).await;
    let store = |claims: Value| {
        let jwt = Source::Fixed(secret(&signer.sign(&claims)));
        let auth = Auth::Login { mount: mount.clone(), proof: Proof::Jwt { role: "rekey".into(), jwt } };
        let link = Link { url: room.base.clone(), ..Link::default() };
        built(&StoreSpec::Vault(room.spec()), &connection(Settings { link, namespace: None, auth }))
    };
    let now = jiff::Timestamp::now().as_second();
    let (nbf, exp) = (now - 600, now + 600);
    let good = store(json!({"sub": "rekey", "aud": "vault", "nbf": nbf, "exp": exp}));
    good.preflight().await.unwrap();
    assert_eq!(write(&*good, NEW).await, Ok(Written::Done));
    let stranger = store(json!({"sub": "stranger", "aud": "vault", "nbf": nbf, "exp": exp}));
    let words = refusal(stranger.look().await);
    assert!(words.contains("check the role rekey of auth/"), "{words}");
}

#[tokio::test]
async fn two_values_in_one_secret_are_written_one_after_the_other_and_both_stay() {
    let Some(room) = version_2().await else { return };
    let other = Spec { field: "user".into(), ..room.spec() };
    let link = Link { url: room.base.clone(), ..Link::default() };
    let auth = Auth::Token(Source::Fixed(secret(&room.bao.token)));
    let other = built(&StoreSpec::Vault(other), &connection(Settings { link, namespace: None, auth }));
    let base = room.store().look().await.unwrap().base;
    write(&*other, "another-canary").await.unwrap();
    let error = room.store().write(&secret(NEW), &base, &tag(8)).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict { .. }), "{error}");
    write(&*room.store(), NEW).await.unwrap();
    let fields = room.fields().await.unwrap();
    assert_eq!((&fields["token"], &fields["user"]), (&json!(NEW), &json!("another-canary")));
}

#[tokio::test]
async fn a_namespace_is_named_with_every_call() {
    let Some(bao) = openbao::shared() else { return };
    let namespace = format!("ns-{}", std::process::id());
    bao.must("POST", &format!("sys/namespaces/{namespace}"), json!({})).await;
    let inside = |path: &str| format!("{namespace}/{path}");
    bao.must("POST", &inside("sys/mounts/secret"), json!({"type": "kv", "options": {"version": "2"}})).await;
    bao.must("POST", &inside("secret/data/deploy"), json!({"data": {"token": OLD}})).await;
    let link = Link { url: bao.address.clone(), ..Link::default() };
    let auth = Auth::Token(Source::Fixed(secret(&bao.token)));
    let spec = StoreSpec::Vault(spec_of("secret", "deploy", Engine::V2));
    let store = built(&spec, &connection(Settings { link, namespace: Some(namespace.clone()), auth }));
    store.preflight().await.unwrap();
    assert_eq!(write(&*store, NEW).await, Ok(Written::Done));
    let seen = bao.must("GET", &inside("secret/data/deploy"), Value::Null).await;
    assert_eq!(seen["data"]["data"]["token"], NEW);
}

#[tokio::test]
async fn a_node_that_does_no_work_at_present_is_waited_for_and_told_apart() {
    for (status, said, words) in [
        (412, "required index state not present", "its standby has not caught up yet"),
        (503, "Vault is sealed", "it is sealed; unseal it"),
        (500, "local node not active but active cluster node not found", "none of its nodes is active"),
        (503, "no healthy upstream", "it answered 503"),
    ] {
        let answer = move || async move {
            (axum::http::StatusCode::from_u16(status).unwrap(), axum::Json(json!({ "errors": [said] })))
        };
        let base = crate::http::serve(axum::Router::new().fallback(answer)).await;
        let link = Link { url: base, timeout: Some(Duration::from_secs(1)), ..Link::default() };
        let auth = Auth::Token(Source::Fixed(secret("canary-root")));
        let spec = StoreSpec::Vault(spec_of("secret", "deploy", Engine::V2));
        let store = built(&spec, &connection(Settings { link, namespace: None, auth }));
        let value = secret(NEW);
        let (base, ours) = (Base::default(), tag(8));
        for error in [store.look().await.err().unwrap(), store.write(&value, &base, &ours).await.unwrap_err()] {
            assert!(matches!(&error, StoreError::Unavailable { why, .. } if why.contains(words)), "{error:?}");
        }
    }
}

#[tokio::test]
async fn a_secret_that_deletes_its_versions_says_so_before_anybody_approves() {
    let Some(room) = version_2().await else { return };
    let store = room.store();
    store.preflight().await.unwrap();
    assert!(store.cautions().is_empty());
    let path = format!("secret/metadata/{}", room.name);
    for (set, told) in [("72h", "3d"), ("90m", "1h 30m"), ("45s", "45s")] {
        room.bao.must("POST", &path, json!({ "delete_version_after": set })).await;
        store.preflight().await.unwrap();
        let found = store.cautions();
        assert!(found.len() == 1 && found[0].what.contains(&format!("deletes each version {told} after")), "{found:?}");
        assert!(found[0].mend.contains("delete_version_after to 0"));
    }
    room.bao.must("POST", &path, json!({"delete_version_after": "0s"})).await;
    store.preflight().await.unwrap();
    assert!(store.cautions().is_empty());
    assert_eq!(room.fields().await.unwrap()["token"], OLD, "looking wrote nothing");
}

#[tokio::test]
async fn a_vault_that_does_not_know_how_to_change_one_field_is_found_before_anything_is_made() {
    let answer = |request: axum::extract::Request| async move {
        let status = |code: u16| axum::http::StatusCode::from_u16(code).unwrap();
        let path = "secret/data/deploy";
        match (request.method().as_str(), request.uri().path()) {
            ("PATCH", _) => (status(405), axum::Json(json!({ "errors": ["unsupported operation"] }))),
            ("POST", "/v1/sys/capabilities-self") => {
                (status(200), axum::Json(json!({ "data": { path: ["read", "patch"] } })))
            }
            (_, "/v1/secret/data/deploy") => {
                let data = json!({"data": {"token": OLD}, "metadata": {"version": 1}});
                (status(200), axum::Json(json!({ "data": data })))
            }
            _ => (status(404), axum::Json(json!({ "errors": [] }))),
        }
    };
    let base = crate::http::serve(axum::Router::new().fallback(answer)).await;
    let auth = Auth::Token(Source::Fixed(secret("canary-root")));
    let spec = StoreSpec::Vault(spec_of("secret", "deploy", Engine::V2));
    let store =
        built(&spec, &connection(Settings { link: Link { url: base, ..Link::default() }, namespace: None, auth }));
    let words = refusal(store.preflight().await);
    assert!(words.contains("Vault before 1.9 cannot change one field"), "{words}");
}

#[tokio::test]
async fn what_writes_whatever_the_version_is_found_and_looking_leaves_the_value() {
    let held = std::sync::Arc::new(std::sync::Mutex::new(OLD.to_owned()));
    let kept = held.clone();
    let answer = move |request: axum::extract::Request| {
        let held = held.clone();
        async move {
            let (parts, body) = request.into_parts();
            let body = axum::body::to_bytes(body, 1 << 16).await.unwrap();
            let path = "secret/data/deploy";
            axum::Json(match (parts.method.as_str(), parts.uri.path()) {
                ("PATCH", _) => {
                    let sent: serde_json::Value = serde_json::from_slice(&body).unwrap();
                    *held.lock().unwrap() = sent["data"]["token"].as_str().unwrap().to_owned();
                    json!({ "data": { "version": 2 } })
                }
                ("POST", _) => json!({ "data": { path: ["read", "patch"] } }),
                _ => {
                    let data = json!({"data": {"token": *held.lock().unwrap()}, "metadata": {"version": 1}});
                    json!({ "data": data })
                }
            })
        }
    };
    let base = crate::http::serve(axum::Router::new().fallback(answer)).await;
    let auth = Auth::Token(Source::Fixed(secret("canary-root")));
    let spec = StoreSpec::Vault(spec_of("secret", "deploy", Engine::V2));
    let store =
        built(&spec, &connection(Settings { link: Link { url: base, ..Link::default() }, namespace: None, auth }));
    let words = refusal(store.preflight().await);
    assert!(words.contains("it writes whatever version it is asked to write from"), "{words}");
    assert_eq!(*kept.lock().unwrap(), OLD, "looking changes nothing");
}
