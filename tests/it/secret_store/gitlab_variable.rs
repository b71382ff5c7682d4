//! A CI/CD variable: on a GitLab that knows one variable and makes trouble, and on the sandbox.

use super::contract::{Bench, NEW, OLD, Site, Trouble, secret, tag, write};
use super::proxy::{Proxy, by_method};
use super::refusal;
use crate::http::{api, serve};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use rekey::clock::{Clock, ManualClock};
use rekey::http::Call;
use rekey::rotation::store::{Capabilities, Rollback};
use rekey::sandbox::gitlab::{Fault, Gitlab, MAINTAINER, Mint, OWNER, Place, REPORTER, Rule, Variable, World};
use rekey::secret::Secret;
use rekey::secret_store::{
    Base, Connections, Context, SecretStore, StoreError, StoreSpec, VariableScope, Written, build,
};
use rekey::secret_store::{CiVariable as Spec, Create};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const HASTY: Duration = Duration::from_millis(300);

// A GitLab that knows one variable.

#[derive(Clone)]
struct Fake(Arc<Mutex<Shelf>>);

struct Shelf {
    variable: Value,
    trouble: Trouble,
    level: u8,
    scopes: Value,
    changes: Vec<Value>,
}

impl Fake {
    fn new() -> Self {
        let variable = json!({
            "key": "DEPLOY_TOKEN", "value": OLD, "masked": true, "hidden": false, "raw": false, "protected": true,
            "variable_type": "env_var", "environment_scope": "production"
        });
        let (trouble, scopes) = (Trouble::None, json!(["api"]));
        Self(Arc::new(Mutex::new(Shelf { variable, trouble, level: 50, scopes, changes: Vec::new() })))
    }

    fn set(&self, field: &str, value: Value) {
        self.0.lock().unwrap().variable[field] = value;
    }

    fn world(&self) -> std::sync::MutexGuard<'_, Shelf> {
        self.0.lock().unwrap()
    }

    async fn store(&self, scope: VariableScope) -> Arc<dyn SecretStore> {
        let base = serve(Router::new().fallback(answer).with_state(self.clone())).await;
        store_at(&base, "bot", scope, None)
    }
}

fn store_at(base: &str, token: &str, scope: VariableScope, timeout: Option<Duration>) -> Arc<dyn SecretStore> {
    let environment_scope = if scope == VariableScope::Instance { "*" } else { "production" }.to_owned();
    let spec = StoreSpec::GitlabVariable(Spec { scope, key: "DEPLOY_TOKEN".into(), environment_scope, create: None });
    let api = api(base, token);
    let api = match timeout {
        Some(timeout) => api.with_timeout(timeout),
        None => api,
    };
    build(&spec, &Context::open(Arc::new(api), &Connections::default()).unwrap()).unwrap()
}

async fn answer(State(fake): State<Fake>, request: Request) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let query = request.uri().query().unwrap_or_default().to_owned();
    let body = axum::body::to_bytes(request.into_body(), 1 << 20).await.unwrap();
    let mut world = fake.world();
    match world.trouble {
        Trouble::Denied => return (StatusCode::FORBIDDEN, r#"{"message":"403 Forbidden"}"#).into_response(),
        Trouble::Picky if method == Method::PUT => {
            let message = json!({ "message": String::from_utf8_lossy(&body) });
            return (StatusCode::BAD_REQUEST, axum::Json(message)).into_response();
        }
        Trouble::Gone => return (StatusCode::NOT_FOUND, r#"{"message":"404 Variable Not Found"}"#).into_response(),
        _ => {}
    }
    if path == "/user" {
        return axum::Json(json!({"id": 7, "username": "bot"})).into_response();
    }
    if path == "/personal_access_tokens/self" {
        return axum::Json(json!({"id": 1, "scopes": world.scopes})).into_response();
    }
    if path.ends_with("/members/all/7") {
        return axum::Json(json!({"id": 7, "access_level": world.level})).into_response();
    }
    if !path.ends_with("variables/DEPLOY_TOKEN") {
        return axum::Json(json!({"id": 3})).into_response();
    }
    if !path.starts_with("/admin") && query != "filter%5Benvironment_scope%5D=production" {
        return (StatusCode::CONFLICT, r#"{"message":"There are multiple variables"}"#).into_response();
    }
    if method == Method::PUT {
        let change: Value = serde_json::from_slice(&body).unwrap();
        world.variable["value"] = change["value"].clone();
        world.changes.push(change);
    }
    let mut shown = world.variable.clone();
    if shown["hidden"] == true {
        shown["value"] = Value::Null;
    }
    if path.starts_with("/admin") {
        shown.as_object_mut().unwrap().remove("environment_scope");
    }
    axum::Json(shown).into_response()
}

/// Variables of one scope, on the fake.
pub async fn of(scope: VariableScope) -> impl Site {
    Variables { scope, hidden: false }
}

/// A variable that cannot be read.
pub async fn hidden() -> impl Site {
    Variables { scope: VariableScope::Project("acme/deploy".into()), hidden: true }
}

struct Variables {
    scope: VariableScope,
    hidden: bool,
}

struct OnTheFake {
    fake: Fake,
    proxy: Proxy,
    base: String,
    scope: VariableScope,
    hidden: bool,
    store: Arc<dyn SecretStore>,
}

#[async_trait::async_trait]
impl Site for Variables {
    async fn furnish(&self) -> Option<Box<dyn Bench>> {
        let fake = Fake::new();
        fake.set("hidden", json!(self.hidden));
        let upstream = serve(Router::new().fallback(answer).with_state(fake.clone())).await;
        let (proxy, base) = Proxy::before(&upstream, None, by_method).await;
        let store = store_at(&base, "bot", self.scope.clone(), None);
        Some(Box::new(OnTheFake { fake, proxy, base, scope: self.scope.clone(), hidden: self.hidden, store }))
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
        Some(store_at(&self.base, "bot", self.scope.clone(), Some(HASTY)))
    }

    fn capabilities(&self) -> Capabilities {
        let plain = Capabilities { max_bytes: Some(10_000), ..Capabilities::plain() };
        if self.hidden { plain.blind() } else { plain }
    }

    async fn held(&self) -> Option<String> {
        self.fake.world().variable["value"].as_str().map(str::to_owned)
    }

    /// Its flags.
    async fn rest(&self) -> String {
        let mut variable = self.fake.world().variable.clone();
        variable.as_object_mut().unwrap().remove("value");
        variable.to_string()
    }

    async fn meddle(&self, value: &str) {
        self.fake.set("value", json!(value));
    }

    async fn meddle_with_the_rest(&self) -> bool {
        self.fake.set("protected", json!(false));
        true
    }

    async fn trouble(&self, trouble: Trouble) -> bool {
        self.fake.world().trouble = trouble;
        self.proxy.trouble(trouble) || matches!(trouble, Trouble::Denied | Trouble::Picky | Trouble::Gone)
    }

    async fn said(&self) -> String {
        self.proxy.said()
    }
}

/// The same on the sandbox, which is strict about everything else. It only tells whose token a variable holds, so all
/// values are tokens there.
pub async fn in_the_sandbox(kind: &'static str) -> impl Site {
    InTheSandbox(kind)
}

struct InTheSandbox(&'static str);

struct Sandboxed {
    gitlab: Gitlab,
    proxy: Proxy,
    store: Arc<dyn SecretStore>,
    place: Place,
    environment_scope: &'static str,
    bot: u64,
    /// The token of a person who may do the same.
    somebody: Secret,
    values: Vec<(u64, &'static str)>,
}

#[async_trait::async_trait]
impl Site for InTheSandbox {
    async fn furnish(&self) -> Option<Box<dyn Bench>> {
        let clock = ManualClock::at("2026-11-21T12:00:00Z".parse().unwrap());
        let mut world = World::new(7, clock.now());
        let (group, project) = (world.group("acme"), world.project("acme/deploy"));
        let (place, scope, needed, environment_scope) = match self.0 {
            "project" => {
                (Place::Project(project), VariableScope::Project("acme/deploy".into()), MAINTAINER, "production")
            }
            "group" => (Place::Group(group), VariableScope::Group("acme".into()), OWNER, "production"),
            _ => (Place::Instance, VariableScope::Instance, OWNER, "*"),
        };
        let bot = if place == Place::Instance { world.admin("bot") } else { world.user("bot") };
        world.member(place, bot, needed);
        let token = world.mint(Mint::new(bot, "api", &["api"])).value;
        let root = world.admin("root");
        let somebody = world.mint(Mint::new(root, "api", &["api"])).value;
        let tokens = [OLD, NEW, super::contract::FOREIGN];
        let values =
            tokens.map(|value| (world.mint(Mint::new(bot, "deploy", &["api"]).value(value)).id, value)).to_vec();
        let mut variable = Variable::new(place, "DEPLOY_TOKEN", OLD).masked();
        variable.environment_scope = environment_scope.to_owned();
        world.variable(variable);
        let gitlab = Gitlab::start(world, Arc::new(clock)).await.unwrap();
        let (proxy, base) = Proxy::before(&gitlab.base_url(), None, by_method).await;
        let store = store_at(&format!("{base}/api/v4"), token.expose(), scope, None);
        Some(Box::new(Sandboxed { gitlab, proxy, store, place, environment_scope, bot, somebody, values }))
    }
}

#[async_trait::async_trait]
impl Bench for Sandboxed {
    fn store(&self) -> Arc<dyn SecretStore> {
        self.store.clone()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { max_bytes: Some(10_000), ..Capabilities::plain() }
    }

    async fn held(&self) -> Option<String> {
        let id = self.gitlab.state().held_by(self.place, "DEPLOY_TOKEN", self.environment_scope)?;
        self.values.iter().find(|(token, _)| *token == id).map(|(_, value)| (*value).to_owned())
    }

    async fn meddle(&self, value: &str) {
        let path = match self.place {
            Place::Project(id) => format!("/projects/{id}/variables/DEPLOY_TOKEN"),
            Place::Group(id) => format!("/groups/{id}/variables/DEPLOY_TOKEN"),
            Place::Instance => "/admin/ci/variables/DEPLOY_TOKEN".to_owned(),
        };
        let call = Call::put(path).query("filter[environment_scope]", self.environment_scope);
        let somebody = api(&format!("{}/api/v4", self.gitlab.base_url()), self.somebody.expose());
        somebody.call(&call.json(&json!({ "value": value }))).await.unwrap();
    }

    async fn trouble(&self, trouble: Trouble) -> bool {
        if trouble == Trouble::Denied && self.place != Place::Instance {
            self.gitlab.state().with(|world| world.member(self.place, self.bot, REPORTER));
            return true;
        }
        self.proxy.trouble(trouble)
    }
}

#[tokio::test]
async fn only_the_value_of_a_variable_is_sent_so_its_flags_survive() {
    let fake = Fake::new();
    let store = fake.store(VariableScope::Project("acme/deploy".into())).await;
    write(&*store, NEW).await.unwrap();
    let world = fake.world();
    assert_eq!(world.changes, [json!({ "value": NEW })]);
    assert_eq!((&world.variable["masked"], &world.variable["protected"]), (&json!(true), &json!(true)));
}

#[tokio::test]
async fn a_line_break_behind_the_value_is_no_part_of_the_token_and_stays() {
    for end in ["\n", "\r\n", "\n\n", ""] {
        let fake = Fake::new();
        for (key, value) in
            [("masked", json!(false)), ("variable_type", json!("file")), ("value", json!(format!("{OLD}{end}")))]
        {
            fake.set(key, value);
        }
        let store = fake.store(VariableScope::Project("acme/deploy".into())).await;
        store.preflight().await.unwrap();
        assert_eq!(store.read().await.unwrap().unwrap().expose(), OLD, "{end:?}");
        for _ in 0..2 {
            write(&*store, NEW).await.unwrap();
        }
        assert_eq!(fake.world().variable["value"], format!("{NEW}{end}"));
        assert_eq!(fake.world().changes.len(), 1);
        assert_eq!(store.read().await.unwrap().unwrap().expose(), NEW);
    }
}

#[tokio::test]
async fn a_hidden_variable_can_be_written_and_admits_that_it_cannot_be_read() {
    let fake = Fake::new();
    fake.set("hidden", json!(true));
    let store = fake.store(VariableScope::Project("acme/deploy".into())).await;
    store.preflight().await.unwrap();
    assert!(!store.capabilities().readable);
    write(&*store, NEW).await.unwrap();
    assert!(store.read().await.unwrap().is_none());
    assert_eq!(fake.world().variable["value"], NEW);
}

#[tokio::test]
async fn a_variable_of_another_environment_is_never_written() {
    let fake = Fake::new();
    fake.set("environment_scope", json!("*"));
    let store = fake.store(VariableScope::Project("acme/deploy".into())).await;
    assert!(refusal(store.preflight().await).contains("environment scope *"));
    assert!(refusal(write(&*store, NEW).await).contains("environment scope *"));
    assert!(fake.world().changes.is_empty());
}

#[tokio::test]
async fn a_value_that_the_mask_forbids_is_refused_before_it_is_sent() {
    let fake = Fake::new();
    let store = fake.store(VariableScope::Project("acme/deploy".into())).await;
    assert!(refusal(write(&*store, "two words in it").await).contains("masked"));
    assert!(fake.world().changes.is_empty());
}

#[tokio::test]
async fn a_preflight_finds_a_role_or_a_token_that_may_only_read() {
    let fake = Fake::new();
    fake.world().level = 30;
    let project = fake.store(VariableScope::Project("acme/deploy".into())).await;
    assert_eq!(
        refusal(project.preflight().await),
        "the bot's role is too low to write it | give the bot the role Maintainer in the project"
    );
    fake.world().level = 40;
    project.preflight().await.unwrap();
    let group = fake.store(VariableScope::Group("acme".into())).await;
    assert!(refusal(group.preflight().await).contains("Owner in the group"));
    fake.world().scopes = json!(["read_api"]);
    assert!(refusal(project.preflight().await).contains("may only read"));
}

#[tokio::test]
async fn the_fake_of_this_suite_refuses_a_call_without_its_scope() {
    let fake = Fake::new();
    let base = serve(Router::new().fallback(answer).with_state(fake)).await;
    let error = api(&base, "bot").call(&Call::get("/projects/1/variables/DEPLOY_TOKEN")).await.err().unwrap();
    assert_eq!(error.status(), Some(409));
}

/// The adapter for a variable that is not there, on a GitLab where the bot may make it.
async fn creating(create: Create) -> (Gitlab, Place, Arc<dyn SecretStore>) {
    let clock = ManualClock::at("2026-11-21T12:00:00Z".parse().unwrap());
    let mut world = World::new(7, clock.now());
    let place = Place::Project(world.project("acme/deploy"));
    let bot = world.user("bot");
    world.member(place, bot, MAINTAINER);
    let token = world.mint(Mint::new(bot, "api", &["api"])).value;
    let gitlab = Gitlab::start(world, Arc::new(clock)).await.unwrap();
    let scope = VariableScope::Project("acme/deploy".into());
    let (key, environment_scope) = ("DEPLOY_TOKEN".into(), "production".into());
    let spec = StoreSpec::GitlabVariable(Spec { scope, key, environment_scope, create: Some(create) });
    let api = Arc::new(api(&format!("{}/api/v4", gitlab.base_url()), token.expose()));
    let store = build(&spec, &Context::open(api, &Connections::default()).unwrap()).unwrap();
    (gitlab, place, store)
}

#[tokio::test]
async fn a_variable_that_is_not_there_is_made_with_its_flags_and_only_by_the_write() {
    let create = Create { masked: true, hidden: false, protected: true };
    let (gitlab, place, store) = creating(create).await;
    store.preflight().await.unwrap();
    assert_eq!(store.capabilities().rollback, Rollback::None, "nothing is there that could be put back");
    assert!(store.read().await.unwrap().is_none());
    assert!(gitlab.state().variable(place, "DEPLOY_TOKEN", "production").is_none(), "a preflight makes nothing");
    let base = store.look().await.unwrap().base;
    for _ in 0..2 {
        assert_eq!(store.write(&secret(NEW), &base, &tag(8)).await, Ok(Written::Done));
    }
    let made = gitlab.state().variable(place, "DEPLOY_TOKEN", "production").unwrap();
    assert_eq!((made.value.as_str(), made.masked, made.hidden, made.protected), (NEW, true, false, true));
    assert_eq!(store.read().await.unwrap().unwrap().expose(), NEW);
    assert_eq!(store.capabilities(), Capabilities { max_bytes: Some(10_000), ..Capabilities::plain() });
}

#[tokio::test]
async fn what_a_fine_grained_bot_is_told_is_not_there_is_not_made_where_the_list_shows_it() {
    let (gitlab, place, store) = creating(Create { masked: true, hidden: false, protected: true }).await;
    gitlab.state().with(|world| {
        // Enough of others for several pages.
        for number in 0..120 {
            world.variable(Variable::new(place, &format!("OTHER_{number}"), "something"));
        }
        let mut variable = Variable::new(place, "DEPLOY_TOKEN", OLD);
        variable.environment_scope = "production".to_owned();
        world.variable(variable);
    });
    let not_there = Fault::ErrorBefore { status: 404 };
    gitlab.state().fault(Rule::new("GET", "*/variables/DEPLOY_TOKEN", not_there.clone()).times(0));
    let error = store.preflight().await.unwrap_err();
    assert!(matches!(&error, StoreError::Refused { why, .. } if why.contains("the bot may not read it")), "{error}");
    let error = store.write(&secret(NEW), &Base::version("missing"), &tag(8)).await.unwrap_err();
    assert!(matches!(error, StoreError::Refused { .. }), "{error}");
    let calls = gitlab.state().calls();
    assert!(calls.iter().all(|call| call.method == "GET"), "nothing was written");
    // Who may not list cannot tell either.
    gitlab.state().fault(Rule::new("GET", "*/variables", not_there).times(0));
    assert!(matches!(store.preflight().await.unwrap_err(), StoreError::Refused { .. }));
}

#[tokio::test]
async fn a_hidden_variable_can_only_be_made_so_and_is_then_never_read() {
    let (gitlab, place, store) = creating(Create { masked: true, hidden: true, protected: false }).await;
    store.preflight().await.unwrap();
    assert!(!store.capabilities().readable, "people are told before they approve");
    let base = store.look().await.unwrap().base;
    for _ in 0..2 {
        assert_eq!(store.write(&secret(NEW), &base, &tag(8)).await, Ok(Written::Done));
    }
    let made = gitlab.state().variable(place, "DEPLOY_TOKEN", "production").unwrap();
    assert_eq!((made.value.as_str(), made.masked, made.hidden), (NEW, true, true));
}

#[tokio::test]
async fn a_hidden_variable_that_somebody_made_meanwhile_is_not_overwritten() {
    let (gitlab, place, store) = creating(Create { masked: true, hidden: true, protected: false }).await;
    let base = store.look().await.unwrap().base;
    gitlab.state().with(|world| {
        let mut variable = Variable::new(place, "DEPLOY_TOKEN", OLD).hidden();
        variable.environment_scope = "production".to_owned();
        world.variable(variable);
    });
    let error = store.write(&secret(NEW), &base, &tag(8)).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict { .. }), "{error}");
    assert_eq!(gitlab.state().variable(place, "DEPLOY_TOKEN", "production").unwrap().value, OLD);
}

#[tokio::test]
async fn somebody_who_makes_the_variable_first_is_not_overwritten() {
    let (gitlab, place, store) = creating(Create { masked: false, hidden: false, protected: false }).await;
    let base = store.look().await.unwrap().base;
    gitlab.state().with(|world| {
        let mut variable = Variable::new(place, "DEPLOY_TOKEN", OLD);
        variable.environment_scope = "production".to_owned();
        world.variable(variable);
    });
    let error = store.write(&secret(NEW), &base, &tag(8)).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict { .. }), "{error}");
}
