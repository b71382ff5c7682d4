//! A secret in an Azure Key Vault, on a vault of our own over TLS that the official client accepts.

mod directory;
mod fake;

use self::directory::{CLIENT, FEDERATED, HEADER, SECRET, TENANT, machine};
use self::fake::{Fake, NAME};
use super::contract::{Bench, FOREIGN, NEW, OLD, Site, Trouble, secret, tag, write};
use super::proxy::{Proxy, by_method};
use super::{built, refusal, tls};
use crate::python;
use rekey::rotation::store::{Capabilities, Rollback};
use rekey::store::azure_key_vault::{Application, Identity, Proof, Settings, Spec};
use rekey::store::{Connections, Link, SecretStore, StoreError, StoreSpec, Written};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

const HASTY: Duration = Duration::from_millis(300);

fn store(url: &str, timeout: Option<Duration>, identity: Identity) -> Arc<dyn SecretStore> {
    let link = Link { url: url.to_owned(), ca_file: Some(tls::ca_file()), timeout, client_certificate: None };
    let mut connections = Connections::default();
    connections.azure_key_vault.insert("main".into(), Settings { link, identity });
    let host = "acme.vault.azure.net".to_owned();
    built(&StoreSpec::AzureKeyVault(Spec { at: "main".into(), host, secret: NAME.into() }), &connections)
}

fn application(authority: &str, proof: Proof) -> Identity {
    let (tenant, client) = (TENANT.to_owned(), CLIENT.to_owned());
    Identity::Application(Application { authority: authority.to_owned(), tenant, client, proof })
}

fn by_secret(authority: &str) -> Identity {
    application(authority, Proof::Secret(secret(SECRET)))
}

async fn on(fake: &Fake) -> Arc<dyn SecretStore> {
    let base = tls::serve(fake.router()).await;
    store(&base, None, by_secret(&base))
}

pub async fn on_the_fake() -> impl Site {
    Vault
}

struct Vault;

struct OnTheFake {
    fake: Fake,
    proxy: Proxy,
    base: String,
    directory: String,
    store: Arc<dyn SecretStore>,
}

#[async_trait::async_trait]
impl Site for Vault {
    async fn furnish(&self) -> Option<Box<dyn Bench>> {
        let fake = Fake::new();
        let directory = tls::serve(fake.router()).await;
        let ca = std::fs::read(tls::ca_file()).unwrap();
        let (proxy, base) = Proxy::before(&directory, Some(&ca), by_method).await;
        let store = store(&base, None, by_secret(&directory));
        Some(Box::new(OnTheFake { fake, proxy, base, directory, store }))
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
        Some(store(&self.base, Some(HASTY), by_secret(&self.directory)))
    }

    fn capabilities(&self) -> Capabilities {
        let (rollback, max_bytes) = (Rollback::Native, Some(25_600));
        Capabilities { versions: true, rollback, max_bytes, ..Capabilities::plain() }
    }

    async fn held(&self) -> Option<String> {
        self.fake.world().current()?["value"].as_str().map(str::to_owned)
    }

    /// What it says it is, and the tags that are not ours.
    async fn rest(&self) -> String {
        let world = self.fake.world();
        let Some(current) = world.current() else { return String::new() };
        let mut tags = current["tags"].clone();
        let ours = ["rekey-rotation", "gitlab-token-id"];
        ours.iter().for_each(|tag| drop(tags.as_object_mut().and_then(|tags| tags.remove(*tag))));
        format!("{} {tags} {}", current["contentType"], current["attributes"]["enabled"])
    }

    async fn versions(&self) -> Option<u64> {
        Some(self.fake.world().versions.len() as u64)
    }

    async fn meddle(&self, value: &str) {
        let mut world = self.fake.world();
        let (kind, tags) = world.current().map(|now| (now["contentType"].clone(), now["tags"].clone())).unwrap();
        world.save(json!({ "value": value, "contentType": kind, "tags": tags, "attributes": {} }));
    }

    async fn meddle_with_the_rest(&self) -> bool {
        self.fake.world().versions.last_mut().unwrap()["tags"]["team"] = json!("release");
        true
    }

    async fn make_again(&self, value: &str) -> bool {
        let mut world = self.fake.world();
        let tags = world.current().map(|now| now["tags"].clone()).unwrap();
        world.versions.clear();
        world.save(json!({ "value": value, "contentType": "text/x-token", "tags": tags, "attributes": {} }));
        true
    }

    async fn trouble(&self, trouble: Trouble) -> bool {
        let mut world = self.fake.world();
        world.trouble = trouble;
        world.deleted = trouble == Trouble::Gone;
        if trouble == Trouble::Expired {
            world.revoke_tokens();
        }
        let ours = [Trouble::Denied, Trouble::Gone, Trouble::Picky, Trouble::Expired];
        self.proxy.trouble(trouble) || ours.contains(&trouble)
    }

    async fn said(&self) -> String {
        self.proxy.said()
    }
}

#[tokio::test]
async fn the_official_client_accepts_the_fake_and_reads_what_the_adapter_wrote() {
    let fake = Fake::new();
    let base = tls::serve(fake.router()).await;
    let store = store(&base, None, by_secret(&base));
    let before = store.look().await.unwrap().base;
    write(&*store, NEW).await.unwrap();
    let (ca, token) = (tls::ca_file(), fake.world().grant("the official client").0);
    let variables =
        [("VAULT", base.as_str()), ("CA", ca.to_str().unwrap()), ("TOKEN", &token), ("NEW", NEW), ("FOREIGN", FOREIGN)];
    if python::runs("azure.keyvault.secrets", "azure_key_vault_client.py", &variables).await.is_none() {
        return;
    }
    assert_eq!(store.read().await.unwrap().unwrap().expose(), FOREIGN, "the adapter reads what the client wrote");
    let error = store.write(&secret(OLD), &before, &tag(7)).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict { .. }), "{error:?}");
    let base = store.look().await.unwrap().base;
    store.write(&secret(OLD), &base, &tag(7)).await.unwrap();
    assert!(fake.world().versions.len() > 25, "versions go over several pages");
}

#[tokio::test]
async fn a_version_says_whose_it_is_and_when_it_ends() {
    let fake = Fake::new();
    write(&*on(&fake).await, NEW).await.unwrap();
    let written = fake.world().current().unwrap().clone();
    let tags = json!({ "team": "deploy", "rekey-rotation": "01kakf7rm0000000000000000a", "gitlab-token-id": "8" });
    assert_eq!(written["tags"], tags);
    assert_eq!(written["attributes"]["exp"], 1_826_755_200, "2027-11-21, when the token ends");
    assert_eq!(written["contentType"], "text/x-token", "what it was before");
    fake.world().save(json!({ "value": OLD, "attributes": {} }));
    write(&*on(&fake).await, NEW).await.unwrap();
    assert_eq!(fake.world().current().unwrap()["contentType"], "text/plain");
}

#[tokio::test]
async fn what_the_version_of_before_said_of_its_time_is_not_taken_over() {
    let fake = Fake::new();
    let (begins, ends) = (1_790_000_000, 1_790_000_001);
    fake.world().versions[0]["attributes"]["nbf"] = json!(begins);
    fake.world().versions[0]["attributes"]["exp"] = json!(ends);
    let seen = on(&fake).await.look().await.unwrap();
    on(&fake).await.preflight().await.unwrap();
    let before = fake.world().versions[0]["attributes"].clone();
    assert_eq!((&before["nbf"], &before["exp"]), (&json!(begins), &json!(ends)), "looking changes nothing");
    write(&*on(&fake).await, NEW).await.unwrap();
    let written = fake.world().current().unwrap()["attributes"].clone();
    assert_eq!((&written["exp"], &written["nbf"]), (&json!(1_826_755_200), &Value::Null), "when the new token ends");
    let (store, endless) = (on(&fake).await, rekey::rotation::store::Tag { expires_at: None, ..tag(7) });
    let base = store.look().await.unwrap().base;
    store.roll_back(&seen.undo.unwrap(), &base, &endless).await.unwrap();
    let restored = fake.world().current().unwrap()["attributes"].clone();
    assert_eq!((&restored["exp"], &restored["nbf"]), (&Value::Null, &Value::Null), "a token without an end has none");
}

#[tokio::test]
async fn every_identity_gets_a_token_for_the_vault_and_renews_it() {
    let fake = Fake::new();
    fake.world().good_for = 0;
    let base = tls::serve(fake.router()).await;
    let beside = crate::http::serve(machine(&fake)).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{FEDERATED}\n")).unwrap();
    let federated = application(&base, Proof::FederatedToken(file.path().to_owned()));
    let client = Some(CLIENT.to_owned());
    let endpoint = format!("{beside}/msi/token/");
    let identities = [
        ("secret", by_secret(&base)),
        ("federated", federated),
        ("machine", Identity::Machine { metadata: beside, client: client.clone() }),
        ("beside", Identity::AppService { endpoint, header: secret(HEADER), client }),
    ];
    for (how, identity) in identities {
        let store = store(&base, None, identity);
        store.preflight().await.unwrap();
        let logins = std::mem::take(&mut fake.world().logins);
        assert!(logins.len() > 1 && logins.iter().all(|login| *login == how), "{how}: {logins:?}");
    }
}

#[tokio::test]
async fn one_token_serves_until_it_nears_its_end() {
    let fake = Fake::new();
    let store = on(&fake).await;
    for _ in 0..3 {
        store.preflight().await.unwrap();
    }
    assert_eq!(fake.world().logins, ["secret"]);
}

#[tokio::test]
async fn a_login_that_is_refused_says_who_must_do_what_and_no_secret() {
    let fake = Fake::new();
    let base = tls::serve(fake.router()).await;
    let wrong = application(&base, Proof::Secret(secret("canary-of-another-secret")));
    let told = refusal(store(&base, None, wrong).preflight().await);
    assert!(told.contains("AADSTS7000215") && !told.contains("canary"), "{told}");
    assert!(told.ends_with("give a client secret that is the application's and has not expired"), "{told}");
    let lost = application(&base, Proof::FederatedToken("/nowhere/token".into()));
    let told = refusal(store(&base, None, lost).preflight().await);
    assert!(told.contains("the federated token /nowhere/token cannot be read"), "{told}");
    let Identity::Application(mut other) = by_secret(&base) else { unreachable!() };
    other.tenant = "00000000-86f1-41af-91ab-2d7cd011db47".into();
    let told = refusal(store(&base, None, Identity::Application(other)).preflight().await);
    assert!(told.contains(&format!("the vault belongs to tenant {TENANT}")), "{told}");
    let beside = crate::http::serve(machine(&fake)).await;
    let nobody = Identity::Machine { metadata: beside, client: Some("another".into()) };
    let told = refusal(store(&base, None, nobody).preflight().await);
    assert!(told.contains("Identity not found") && told.contains("correct client_id"), "{told}");
    assert!(fake.world().logins.is_empty());
}

#[tokio::test]
async fn no_token_goes_to_another_host() {
    let fake = Fake::new();
    fake.world().resource = "https://management.azure.com".into();
    let told = refusal(on(&fake).await.preflight().await);
    assert!(told.contains("asks for a token for management.azure.com, where it does not belong"), "{told}");
    assert!(fake.world().logins.is_empty(), "none was even asked for");
    let fake = Fake::new();
    for number in 0..30 {
        fake.world().save(json!({ "value": format!("canary-{number}"), "attributes": {} }));
    }
    let store = on(&fake).await;
    store.preflight().await.unwrap();
    fake.world().elsewhere = Some("evil.example".into());
    let error = store.preflight().await.unwrap_err();
    assert!(error.to_string().contains("address of another host"), "{error}");
}

#[tokio::test]
async fn network_rights_and_state_are_told_apart() {
    let fake = Fake::new();
    let store = on(&fake).await;
    fake.world().reachable = false;
    let told = refusal(store.preflight().await);
    assert!(told.starts_with("the vault's firewall does not let the bot in | let the bot's address"), "{told}");
    fake.world().reachable = true;
    fake.world().rights = vec!["get", "list"];
    let told = refusal(store.preflight().await);
    assert!(told.contains("may not Microsoft.KeyVault/vaults/secrets/setSecret/action"), "{told}");
    fake.world().rights = vec!["get", "set"];
    let told = refusal(store.preflight().await);
    assert!(told.contains("may not Microsoft.KeyVault/vaults/secrets/readMetadata/action"), "{told}");
    fake.world().rights = vec!["get", "list", "set"];
    fake.world().versions[0]["attributes"]["enabled"] = json!(false);
    assert_eq!(refusal(store.preflight().await), "its current version is disabled | enable that version");
    fake.world().versions[0]["attributes"]["enabled"] = json!(true);
    fake.world().deleted = true;
    let told = refusal(write(&*store, NEW).await);
    assert!(told.starts_with("it was deleted and can be recovered | recover it: az keyvault secret recover"), "{told}");
    fake.world().deleted = false;
    fake.world().versions[0]["managed"] = json!(true);
    assert!(refusal(store.preflight().await).starts_with("it belongs to a certificate"));
    fake.world().versions[0]["managed"] = json!(false);
    fake.world().versions[0]["tags"] =
        (0..14).map(|n| (n.to_string(), json!("x"))).collect::<serde_json::Map<_, _>>().into();
    assert!(refusal(store.preflight().await).starts_with("it has 14 tags"));
}

#[tokio::test]
async fn a_write_that_landed_unseen_is_not_written_twice() {
    let fake = Fake::new();
    let store = on(&fake).await;
    let base = store.look().await.unwrap().base;
    fake.world().lag = 1;
    store.write(&secret(NEW), &base, &tag(8)).await.unwrap();
    let error = store.write(&secret(NEW), &base, &tag(8)).await.unwrap_err();
    assert!(matches!(&error, StoreError::Unknown { why, .. } if why.contains("reads do not show it yet")), "{error:?}");
    assert_eq!(store.write(&secret(NEW), &base, &tag(8)).await, Ok(Written::Done));
    assert_eq!(fake.world().versions.len(), 2);
}

#[tokio::test]
async fn somebody_who_writes_at_the_same_instant_is_noticed() {
    let fake = Fake::new();
    let store = on(&fake).await;
    fake.world().intruder = Some(FOREIGN.into());
    let error = write(&*store, NEW).await.unwrap_err();
    assert!(matches!(&error, StoreError::Overwrote { why, .. } if why.contains("at the same moment")), "{error:?}");
}

#[tokio::test]
async fn a_version_of_before_comes_back_after_a_restart_with_what_it_had() {
    let fake = Fake::new();
    let seen = on(&fake).await.look().await.unwrap();
    write(&*on(&fake).await, NEW).await.unwrap();
    let restarted = on(&fake).await;
    let base = restarted.look().await.unwrap().base;
    restarted.roll_back(&seen.undo.unwrap(), &base, &tag(7)).await.unwrap();
    let now: Value = fake.world().current().unwrap().clone();
    assert_eq!((&now["value"], &now["tags"]["gitlab-token-id"]), (&json!(OLD), &json!("7")));
    assert_eq!(fake.world().versions.len(), 3, "as a version of its own");
}

#[tokio::test]
async fn a_vault_with_a_certificate_that_nobody_vouches_for_is_not_talked_to() {
    let fake = Fake::new();
    let base = tls::serve(fake.router()).await;
    let link = Link { url: base.clone(), ..Link::default() };
    let mut connections = Connections::default();
    connections.azure_key_vault.insert("main".into(), Settings { link, identity: by_secret(&base) });
    let spec = Spec { at: "main".into(), host: "acme".into(), secret: NAME.into() };
    let error = built(&StoreSpec::AzureKeyVault(spec), &connections).preflight().await.unwrap_err();
    assert!(matches!(&error, StoreError::Unavailable { .. }), "{error:?}");
    assert!(error.to_string().contains("certificate"), "{error}");
}
