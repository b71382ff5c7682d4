//! A field of a 1Password item, on a Connect server of our own that the official client accepts.

mod fake;

use self::fake::{Fake, ITEM, TOKEN, VAULT};
use super::contract::{Bench, FOREIGN, NEW, OLD, Site, Trouble, secret, tag, write};
use super::proxy::{Proxy, by_method};
use super::{built, refusal};
use crate::http::serve;
use crate::python;
use rekey::rotation::store::{Capabilities, Rollback, Undo};
use rekey::store::onepassword::{Settings, Spec};
use rekey::store::{Connections, Link, SecretStore, StoreError, StoreSpec, Written};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

const HASTY: Duration = Duration::from_millis(300);
const KEPT: &str = "previous (rekey 01kakf7rm0000000000000000a)";

fn spec(previous: Option<&str>) -> Spec {
    Spec {
        at: "main".into(),
        host: "connect.example.com".into(),
        vault: "Deploy".into(),
        item: "GitLab".into(),
        section: Some("Tokens".into()),
        field: "credential".into(),
        previous: previous.map(str::to_owned),
    }
}

fn store_at(base: &str, token: &str, timeout: Option<Duration>, spec: Spec) -> Arc<dyn SecretStore> {
    let link = Link { url: base.to_owned(), timeout, ..Link::default() };
    let settings = Settings { link, token: secret(token), sync: Duration::from_secs(1) };
    let mut connections = Connections::default();
    connections.onepassword.insert("main".into(), settings);
    built(&StoreSpec::Onepassword(spec), &connections)
}

async fn on(fake: &Fake, spec: Spec) -> Arc<dyn SecretStore> {
    store_at(&serve(fake.router()).await, TOKEN, None, spec)
}

/// A field by its ids; nothing is kept, and nothing lags.
pub async fn by_id() -> impl Site {
    let ids = Spec {
        vault: VAULT.into(),
        item: ITEM.into(),
        section: None,
        field: "h2nl155dshi043yse7wa3u1hs7".into(),
        ..spec(None)
    };
    Fields { spec: ids, lag: 0 }
}

/// A field by its names; the value of before is kept, and reads lag.
pub async fn with_previous() -> impl Site {
    Fields { spec: spec(Some("previous")), lag: 2 }
}

struct Fields {
    spec: Spec,
    lag: usize,
}

struct OnTheFake {
    fake: Fake,
    proxy: Proxy,
    base: String,
    spec: Spec,
    store: Arc<dyn SecretStore>,
}

#[async_trait::async_trait]
impl Site for Fields {
    async fn furnish(&self) -> Option<Box<dyn Bench>> {
        let fake = Fake::new(self.lag);
        let upstream = serve(fake.router()).await;
        let (proxy, base) = Proxy::before(&upstream, None, by_method).await;
        let store = store_at(&base, TOKEN, None, self.spec.clone());
        Some(Box::new(OnTheFake { fake, proxy, base, spec: self.spec.clone(), store }))
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
        Some(store_at(&self.base, TOKEN, Some(HASTY), self.spec.clone()))
    }

    fn capabilities(&self) -> Capabilities {
        let plain = Capabilities { eventual: true, ..Capabilities::plain() };
        match self.spec.previous {
            Some(_) => Capabilities { versions: true, rollback: Rollback::Native, ..plain },
            None => plain,
        }
    }

    async fn held(&self) -> Option<String> {
        self.fake.world().fields("credential").first()?["value"].as_str().map(str::to_owned)
    }

    /// The item without the value, and without what is kept until the end.
    async fn rest(&self) -> String {
        let mut item = self.fake.world().item().cloned().unwrap_or_default();
        item["version"] = json!(0);
        let fields = item["fields"].as_array_mut().into_iter().flatten();
        let ours = |label: &str| label.starts_with("previous (rekey ");
        let fields = fields.filter(|field| !ours(field["label"].as_str().unwrap_or_default()));
        item["fields"] = fields
            .map(|field| {
                if field["label"] == "credential" {
                    field["value"] = json!("");
                }
                field.clone()
            })
            .collect();
        item.to_string()
    }

    async fn versions(&self) -> Option<u64> {
        self.fake.world().item()?["version"].as_u64()
    }

    async fn meddle(&self, value: &str) {
        self.fake.world().set("credential", "value", json!(value));
    }

    async fn meddle_with_the_rest(&self) -> bool {
        self.fake.world().set("notesPlain", "value", json!("ask Grace"));
        true
    }

    async fn make_again(&self, value: &str) -> bool {
        if self.spec.item == ITEM {
            return false;
        }
        let mut world = self.fake.world();
        let mut item = world.item().unwrap().clone();
        (item["id"], item["version"]) = (json!("q7eflcy7f5mk7vg6zrzf5rjjyu"), json!(1));
        world.versions = vec![item];
        world.set("credential", "value", json!(value));
        true
    }

    async fn trouble(&self, trouble: Trouble) -> bool {
        let mut world = self.fake.world();
        world.trouble = trouble;
        if trouble == Trouble::Gone {
            world.versions.clear();
        }
        self.proxy.trouble(trouble) || matches!(trouble, Trouble::Denied | Trouble::Gone | Trouble::Picky)
    }

    async fn said(&self) -> String {
        self.proxy.said()
    }
}

#[tokio::test]
async fn the_official_client_accepts_the_fake_and_reads_what_the_adapter_wrote() {
    let fake = Fake::new(0);
    let base = serve(fake.router()).await;
    let store = store_at(&base, TOKEN, None, spec(Some("previous")));
    let base_before = store.look().await.unwrap().base;
    write(&*store, NEW).await.unwrap();
    let variables = [("CONNECT_URL", base.as_str()), ("CONNECT_TOKEN", TOKEN), ("NEW", NEW), ("FOREIGN", FOREIGN)];
    if python::runs("onepasswordconnectsdk", "onepassword_client.py", &variables).await.is_none() {
        return;
    }
    assert_eq!(store.read().await.unwrap().unwrap().expose(), FOREIGN, "the adapter reads what the client wrote");
    let error = store.write(&secret(OLD), &base_before, &tag(7)).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict { .. }), "{error:?}");
}

#[tokio::test]
async fn a_name_that_means_two_things_is_refused_with_the_way_out() {
    let fake = Fake::new(0);
    let store = on(&fake, spec(None)).await;
    fake.world().namesakes = 1;
    let told = refusal(store.preflight().await);
    assert_eq!(told, "there are 2 items titled GitLab | write the id instead of the name");
    fake.world().namesakes = 0;
    let double = fake.world().vaults[0].clone();
    fake.world().vaults.push(double);
    let told = refusal(write(&*store, NEW).await);
    assert_eq!(told, "there are 2 vaults named Deploy | write the id instead of the name");
    fake.world().vaults.clear();
    assert!(refusal(store.preflight().await).starts_with("the Connect token sees no vaults named Deploy"));
    let fake = Fake::new(0);
    let store = on(&fake, Spec { section: None, field: "password".into(), ..spec(None) }).await;
    fake.world().set("notesPlain", "label", json!("password"));
    let told = refusal(store.preflight().await);
    assert_eq!(told, "the item has 2 fields password | name the section too, or the field's id");
    assert_eq!(fake.world().versions.len(), 2, "nothing was written");
}

#[tokio::test]
async fn a_token_that_may_only_read_is_found_before_anybody_approves() {
    let fake = Fake::new(0);
    fake.world().may_write = false;
    let told = refusal(on(&fake, spec(None)).await.preflight().await);
    assert!(told.ends_with("give the Connect token the right to write in the vault, not only to read"), "{told}");
    let stranger = store_at(&serve(fake.router()).await, "another", None, spec(None));
    let told = refusal(stranger.preflight().await);
    assert!(told.ends_with("give [onepassword.main] a Connect token that the server accepts"), "{told}");
}

#[tokio::test]
async fn a_field_for_something_else_is_refused() {
    let fake = Fake::new(0);
    let told = refusal(on(&fake, Spec { field: "since".into(), ..spec(None) }).await.preflight().await);
    assert_eq!(told, "the field is of type DATE | name a field of type password or text");
    let told = refusal(on(&fake, Spec { field: "missing".into(), ..spec(None) }).await.preflight().await);
    assert!(told.starts_with("the item has no field missing"), "{told}");
}

#[tokio::test]
async fn a_write_is_done_only_when_reads_show_it() {
    let fake = Fake::new(3);
    let store = on(&fake, spec(None)).await;
    assert_eq!(write(&*store, NEW).await, Ok(Written::Done));
    assert_eq!(store.read().await.unwrap().unwrap().expose(), NEW, "no read is stale any more");
    fake.world().lag = usize::MAX;
    let error = write(&*store, OLD).await.unwrap_err();
    assert!(matches!(&error, StoreError::Unknown { why, .. } if why.contains("still shows version 2")), "{error:?}");
    let error = store.look().await.err().unwrap();
    assert!(matches!(error, StoreError::Unavailable { .. }), "what is stale is not shown: {error:?}");
}

#[tokio::test]
async fn somebody_who_writes_at_the_same_instant_is_noticed() {
    let fake = Fake::new(0);
    let store = on(&fake, spec(None)).await;
    fake.world().intruder = Some(FOREIGN.into());
    let error = write(&*store, NEW).await.unwrap_err();
    assert!(matches!(&error, StoreError::Overwrote { why, .. } if why.contains("from version 1 to 3")), "{error:?}");
}

#[tokio::test]
async fn the_value_of_before_is_kept_beside_it_and_goes_with_the_rotation() {
    let fake = Fake::new(0);
    let store = on(&fake, spec(Some("previous"))).await;
    write(&*store, NEW).await.unwrap();
    let kept = fake.world().fields(KEPT);
    assert_eq!(
        (&kept[0]["value"], &kept[0]["type"], &kept[0]["section"]["id"]),
        (&json!(OLD), &json!("CONCEALED"), &json!("s1"))
    );
    let base = store.look().await.unwrap().base;
    let again = rekey::rotation::store::Tag { attempt: 2, ..tag(9) };
    store.write(&secret("canary-of-the-second-attempt"), &base, &again).await.unwrap();
    assert_eq!(fake.world().fields(KEPT), kept, "a second attempt keeps what was there before the first");
    let restarted = on(&fake, spec(Some("previous"))).await;
    let base = restarted.look().await.unwrap().base;
    restarted.roll_back(&Undo("item version 1".into()), &base, &tag(7)).await.unwrap();
    assert_eq!(fake.world().fields("credential")[0]["value"], OLD, "even after a restart");
    restarted.finish(&tag(8), None).await.unwrap();
    assert!(fake.world().fields(KEPT).is_empty());
    let told = refusal(restarted.roll_back(&Undo("item version 1".into()), &base, &tag(7)).await);
    assert!(told.contains("no field that keeps the value"), "{told}");
}

#[tokio::test]
async fn a_field_that_somebody_else_made_is_not_filled_with_old_values() {
    let fake = Fake::new(0);
    let store = on(&fake, spec(Some("notesPlain"))).await;
    let told = refusal(store.preflight().await);
    assert!(told.starts_with("the item has a field notesPlain that rekey did not make"), "{told}");
    assert!(refusal(write(&*store, NEW).await).contains("did not make"));
    assert_eq!(fake.world().versions.len(), 1);
}

#[tokio::test]
async fn an_item_that_people_put_away_is_told_before_anybody_approves() {
    let fake = Fake::new(0);
    let named = Spec { vault: VAULT.into(), item: ITEM.into(), ..spec(None) };
    let store = on(&fake, named).await;
    store.preflight().await.unwrap();
    assert!(store.cautions().is_empty());
    let mut item = fake.world().item().unwrap().clone();
    item["state"] = json!("ARCHIVED");
    fake.world().save(item);
    store.preflight().await.unwrap();
    let told = store.cautions();
    assert!(told.len() == 1 && told[0].what.contains("lies in the archive"), "{told:?}");
    assert!(told[0].mend.contains("restore the item"), "{told:?}");
}
