//! The contract of every secret store, run for each adapter by one line; then what is special to each.

use crate::http::{api, serve};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use rekey::clock::{Clock, ManualClock};
use rekey::http::Call;
use rekey::sandbox::gitlab::{Fault, Gitlab, MAINTAINER, Mint, OWNER, Place, REPORTER, Rule, Variable, World};
use rekey::secret::Secret;
use rekey::secret_store::{Context, SecretStore, StoreError, StoreSpec, VariableScope, build};
use serde_json::{Value, json};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const OLD: &str = "canary-old-0123456789";
const NEW: &str = "canary-new-0123456789";

/// What can happen to a store between two calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Trouble {
    None,
    /// The place is there and we are not let in.
    Denied,
    /// It does not like the value and repeats it when it says so.
    Picky,
    /// Somebody removed it.
    Gone,
    /// The host asks for patience.
    Limited,
    /// The effect happens and the answer is lost.
    CutAfter,
    /// The host is out of order.
    Broken,
}

/// A store with the world around it.
struct Furnished {
    store: Arc<dyn SecretStore>,
    /// What the place really holds.
    held: Box<dyn Fn() -> Option<String>>,
    /// Makes the trouble; `false` if this kind of place cannot have it.
    trouble: Box<dyn Fn(Trouble) -> bool>,
    _alive: Box<dyn std::any::Any>,
}

macro_rules! contract {
    ($($adapter:ident: $furnish:expr;)*) => { $(
        mod $adapter {
            use super::*;
            #[tokio::test]
            async fn keeps_the_contract() {
                writes_and_reads_back($furnish.await).await;
                a_repeated_write_is_harmless($furnish.await).await;
                a_preflight_changes_nothing($furnish.await).await;
                a_refusal_says_how_to_mend_it($furnish.await).await;
                a_refusal_that_repeats_the_value_does_not_show_it($furnish.await).await;
                patience_is_passed_on($furnish.await).await;
                a_lost_answer_leaves_it_open_and_a_repeat_settles_it($furnish.await).await;
            }
        }
    )* };
}

contract! {
    project_variable: variable(VariableScope::Project("acme/deploy".into()));
    group_variable: variable(VariableScope::Group("acme".into()));
    instance_variable: variable(VariableScope::Instance);
    project_variable_in_the_sandbox: sandboxed("project");
    group_variable_in_the_sandbox: sandboxed("group");
    instance_variable_in_the_sandbox: sandboxed("instance");
    file: file("");
    file_with_line_end: file("\n");
}

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

async fn reads(store: &dyn SecretStore) -> Option<String> {
    store.read().await.unwrap().map(|value| value.expose().to_owned())
}

async fn writes_and_reads_back(place: Furnished) {
    assert_eq!(reads(&*place.store).await.as_deref(), Some(OLD));
    place.store.write(&secret(NEW)).await.unwrap();
    assert_eq!((place.held)().unwrap().trim_end(), NEW);
    assert_eq!(reads(&*place.store).await.as_deref(), Some(NEW));
    assert!(place.store.capabilities().readable);
}

async fn a_repeated_write_is_harmless(place: Furnished) {
    place.store.write(&secret(NEW)).await.unwrap();
    let first = (place.held)();
    place.store.write(&secret(NEW)).await.unwrap();
    assert_eq!((place.held)(), first);
}

async fn a_preflight_changes_nothing(place: Furnished) {
    let before = (place.held)();
    place.store.preflight().await.unwrap();
    assert_eq!((place.held)(), before);
}

async fn a_refusal_says_how_to_mend_it(place: Furnished) {
    for trouble in [Trouble::Denied, Trouble::Gone] {
        if !(place.trouble)(trouble) {
            continue;
        }
        for error in [
            place.store.preflight().await.unwrap_err(),
            place.store.read().await.err().unwrap(),
            place.store.write(&secret(NEW)).await.unwrap_err(),
        ] {
            assert!(matches!(&error, StoreError::Refused { mend, .. } if !mend.is_empty()), "{trouble:?}: {error:?}");
            is_fit_to_show(&place, &error);
        }
    }
}

async fn a_refusal_that_repeats_the_value_does_not_show_it(place: Furnished) {
    if (place.trouble)(Trouble::Picky) {
        let error = place.store.write(&secret(NEW)).await.unwrap_err();
        assert!(matches!(error, StoreError::Refused { .. }), "{error:?}");
        is_fit_to_show(&place, &error);
    }
}

async fn patience_is_passed_on(place: Furnished) {
    if (place.trouble)(Trouble::Limited) {
        let error = place.store.write(&secret(NEW)).await.unwrap_err();
        let asked = |wait: &Duration| *wait > Duration::from_secs(50);
        assert!(matches!(&error, StoreError::Unavailable { retry_after: Some(wait), .. } if asked(wait)), "{error:?}");
        is_fit_to_show(&place, &error);
    }
}

async fn a_lost_answer_leaves_it_open_and_a_repeat_settles_it(place: Furnished) {
    if (place.trouble)(Trouble::CutAfter) {
        let error = place.store.write(&secret(NEW)).await.unwrap_err();
        assert!(matches!(error, StoreError::Unknown { .. }), "{error:?}");
        is_fit_to_show(&place, &error);
        assert_eq!((place.held)().unwrap().trim_end(), NEW);
    }
    if (place.trouble)(Trouble::Broken) {
        assert!(matches!(place.store.read().await, Err(StoreError::Unavailable { .. })));
    }
    (place.trouble)(Trouble::None);
    place.store.write(&secret(NEW)).await.unwrap();
    assert_eq!((place.held)().unwrap().trim_end(), NEW);
}

/// It names the store and gives nothing away.
fn is_fit_to_show(place: &Furnished, error: &StoreError) {
    let (shown, debugged) = (error.to_string(), format!("{error:?}"));
    assert!(shown.contains(place.store.id().as_str()), "{shown}");
    assert!(!shown.contains("canary") && !debugged.contains("canary"), "{debugged}");
}

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
        let environment_scope = if scope == VariableScope::Instance { "*" } else { "production" }.to_owned();
        let spec = StoreSpec::GitlabVariable { scope, key: "DEPLOY_TOKEN".into(), environment_scope };
        build(&spec, &Context { gitlab: Arc::new(api(&base, "bot")) })
    }
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
        Trouble::Limited => return (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "60")]).into_response(),
        Trouble::Broken => return StatusCode::BAD_GATEWAY.into_response(),
        Trouble::Picky | Trouble::CutAfter | Trouble::None => {}
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
        if world.trouble == Trouble::CutAfter {
            let cut = futures::stream::iter([Ok("{"), Err(std::io::Error::other("cut"))]);
            return Body::from_stream(cut).into_response();
        }
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

async fn variable(scope: VariableScope) -> Furnished {
    let fake = Fake::new();
    let (looking, making) = (fake.clone(), fake.clone());
    Furnished {
        store: fake.store(scope).await,
        held: Box::new(move || looking.world().variable["value"].as_str().map(str::to_owned)),
        trouble: Box::new(move |trouble| {
            making.world().trouble = trouble;
            true
        }),
        _alive: Box::new(()),
    }
}

/// The same on the sandbox, which is strict about everything else. It only tells whose token a variable holds, so
/// both values are tokens there.
async fn sandboxed(kind: &str) -> Furnished {
    let clock = ManualClock::at("2026-11-21T12:00:00Z".parse().unwrap());
    let mut world = World::new(7, clock.now());
    let (group, project) = (world.group("acme"), world.project("acme/deploy"));
    let (place, scope, needed, environment_scope) = match kind {
        "project" => (Place::Project(project), VariableScope::Project("acme/deploy".into()), MAINTAINER, "production"),
        "group" => (Place::Group(group), VariableScope::Group("acme".into()), OWNER, "production"),
        _ => (Place::Instance, VariableScope::Instance, OWNER, "*"),
    };
    let bot = if place == Place::Instance { world.admin("bot") } else { world.user("bot") };
    world.member(place, bot, needed);
    let token = world.mint(Mint::new(bot, "api", &["api"])).value;
    let [old, _new] = [OLD, NEW].map(|value| world.mint(Mint::new(bot, "deploy", &["api"]).value(value)).id);
    let environment_scope = environment_scope.to_owned();
    let mut variable = Variable::new(place, "DEPLOY_TOKEN", OLD).masked();
    variable.environment_scope.clone_from(&environment_scope);
    world.variable(variable);
    let gitlab = Gitlab::start(world, Arc::new(clock)).await.unwrap();
    let (looking, making) = (gitlab.state(), gitlab.state());
    let api = Arc::new(api(&format!("{}/api/v4", gitlab.base_url()), token.expose()));
    let spec =
        StoreSpec::GitlabVariable { scope, key: "DEPLOY_TOKEN".into(), environment_scope: environment_scope.clone() };
    Furnished {
        store: build(&spec, &Context { gitlab: api }),
        held: Box::new(move || {
            let token = looking.held_by(place, "DEPLOY_TOKEN", &environment_scope)?;
            Some(if token == old { OLD } else { NEW }.to_owned())
        }),
        trouble: Box::new(move |trouble| {
            making.clear_faults();
            let rule = |method, fault| making.fault(Rule::new(method, "*/variables/*", fault).times(0));
            match trouble {
                Trouble::None => {}
                Trouble::Denied if place != Place::Instance => making.with(|world| world.member(place, bot, REPORTER)),
                Trouble::Limited => rule("PUT", Fault::TooManyRequests { retry_after: 60 }),
                Trouble::CutAfter => rule("PUT", Fault::CutAfter),
                Trouble::Broken => rule("GET", Fault::ErrorBefore { status: 502 }),
                Trouble::Denied | Trouble::Gone | Trouble::Picky => return false,
            }
            true
        }),
        _alive: Box::new(gitlab),
    }
}

async fn file(line_end: &'static str) -> Furnished {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    std::fs::write(&path, format!("{OLD}{line_end}")).unwrap();
    let (looking, making) = (path.clone(), path.clone());
    Furnished {
        store: file_store(&path),
        held: Box::new(move || std::fs::read_to_string(&looking).ok()),
        trouble: Box::new(move |trouble| match trouble {
            Trouble::Gone => {
                std::fs::remove_file(&making).unwrap();
                true
            }
            trouble => trouble == Trouble::None,
        }),
        _alive: Box::new(directory),
    }
}

fn file_store(path: &std::path::Path) -> Arc<dyn SecretStore> {
    let gitlab = Arc::new(api("http://127.0.0.1:9", "bot"));
    build(&StoreSpec::File { path: path.to_owned() }, &Context { gitlab })
}

fn refusal(outcome: Result<(), StoreError>) -> String {
    let error = outcome.unwrap_err();
    let StoreError::Refused { why, mend, .. } = error else { return format!("not refused: {error}") };
    format!("{why} | {mend}")
}

#[tokio::test]
async fn only_the_value_of_a_variable_is_sent_so_its_flags_survive() {
    let fake = Fake::new();
    let store = fake.store(VariableScope::Project("acme/deploy".into())).await;
    store.write(&secret(NEW)).await.unwrap();
    let world = fake.world();
    assert_eq!(world.changes, [json!({ "value": NEW })]);
    assert_eq!((&world.variable["masked"], &world.variable["protected"]), (&json!(true), &json!(true)));
}

#[tokio::test]
async fn a_hidden_variable_can_be_written_and_admits_that_it_cannot_be_read() {
    let fake = Fake::new();
    fake.set("hidden", json!(true));
    let store = fake.store(VariableScope::Project("acme/deploy".into())).await;
    store.preflight().await.unwrap();
    assert!(!store.capabilities().readable);
    store.write(&secret(NEW)).await.unwrap();
    assert!(store.read().await.unwrap().is_none());
    assert_eq!(fake.world().variable["value"], NEW);
}

#[tokio::test]
async fn a_variable_of_another_environment_is_never_written() {
    let fake = Fake::new();
    fake.set("environment_scope", json!("*"));
    let store = fake.store(VariableScope::Project("acme/deploy".into())).await;
    assert!(refusal(store.preflight().await).contains("environment scope *"));
    assert!(refusal(store.write(&secret(NEW)).await).contains("environment scope *"));
    assert!(fake.world().changes.is_empty());
}

#[tokio::test]
async fn a_value_that_the_mask_forbids_is_refused_before_it_is_sent() {
    let fake = Fake::new();
    let store = fake.store(VariableScope::Project("acme/deploy".into())).await;
    assert!(refusal(store.write(&secret("two words in it")).await).contains("masked"));
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
async fn a_file_keeps_its_line_end_and_is_for_its_owner_only() {
    let directory = tempfile::tempdir().unwrap();
    for (before, after) in [("old", NEW.to_owned()), ("old\n", format!("{NEW}\n")), ("old\r\n", format!("{NEW}\r\n"))] {
        let path = directory.path().join("token");
        std::fs::write(&path, before).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        file_store(&path).write(&secret(NEW)).await.unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), after);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1, "nothing is left behind");
    }
}

#[tokio::test]
async fn a_file_is_replaced_whole_so_an_open_reader_keeps_the_old_one() {
    use std::io::Read;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    std::fs::write(&path, OLD).unwrap();
    let mut reader = std::fs::File::open(&path).unwrap();
    file_store(&path).write(&secret(NEW)).await.unwrap();
    let mut seen = String::new();
    reader.read_to_string(&mut seen).unwrap();
    assert_eq!(seen, OLD);
}

#[tokio::test]
async fn what_a_crash_left_behind_is_used_up_by_the_next_write() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    std::fs::write(&path, OLD).unwrap();
    std::fs::write(directory.path().join(".token.rekey"), "half a value that is longer than the next one").unwrap();
    file_store(&path).write(&secret(NEW)).await.unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), NEW);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_write_beside_another_one_waits_its_turn() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    std::fs::write(&path, OLD).unwrap();
    let other = std::fs::File::create(directory.path().join(".token.rekey")).unwrap();
    other.try_lock().unwrap();
    let store = file_store(&path);
    assert!(matches!(store.write(&secret(NEW)).await, Err(StoreError::Unavailable { .. })));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), OLD);
    drop(other);
    store.write(&secret(NEW)).await.unwrap();
}

#[tokio::test]
async fn a_link_a_directory_and_a_binary_are_no_place_for_a_value() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    std::fs::write(at("real"), OLD).unwrap();
    symlink(at("real"), at("link")).unwrap();
    std::fs::create_dir(at("directory")).unwrap();
    std::fs::write(at("binary"), [0xff, 0xfe]).unwrap();
    for (name, why) in [("link", "symbolic link"), ("directory", "not a file"), ("binary", "not hold text")] {
        let store = file_store(&at(name));
        assert!(refusal(store.preflight().await).contains(why));
        assert!(refusal(store.write(&secret(NEW)).await).contains(why));
    }
    assert_eq!(std::fs::read_to_string(at("real")).unwrap(), OLD);
    assert!(at("link").is_symlink());
}

#[test]
fn different_places_have_different_identities() {
    let variable = |scope, environment: &str| {
        let (key, environment_scope) = ("KEY".to_owned(), environment.to_owned());
        StoreSpec::GitlabVariable { scope, key, environment_scope }.id().0
    };
    let ids = [
        variable(VariableScope::Project("acme".into()), "*"),
        variable(VariableScope::Project("acme".into()), "production"),
        variable(VariableScope::Group("acme".into()), "*"),
        variable(VariableScope::Instance, "*"),
        StoreSpec::File { path: "/run/token".into() }.id().0,
    ];
    assert_eq!(ids.iter().collect::<std::collections::BTreeSet<_>>().len(), ids.len());
    assert_eq!(ids[0], "gitlab-variable acme KEY (scope *)");
}

#[tokio::test]
async fn the_fake_of_this_suite_refuses_a_call_without_its_scope() {
    let fake = Fake::new();
    let base = serve(Router::new().fallback(answer).with_state(fake)).await;
    let error = api(&base, "bot").call(&Call::get("/projects/1/variables/DEPLOY_TOKEN")).await.err().unwrap();
    assert_eq!(error.status(), Some(409));
}
