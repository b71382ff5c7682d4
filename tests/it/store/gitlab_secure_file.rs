//! A secure file of a project, in the sandbox, whose endpoints python-gitlab accepts.

use super::contract::{Bench, FOREIGN, NEW, OLD, Site, Trouble, secret, tag, write};
use super::proxy::{Proxy, by_method};
use super::refusal;
use crate::http::gitlab_api as api;
use rekey::clock::{Clock, ManualClock};
use rekey::rotation::store::{Capabilities, Rollback};
use rekey::sandbox::gitlab::{DEVELOPER, Fault, Gitlab, MAINTAINER, Mint, Place, REPORTER, Rule, World};
use rekey::store::gitlab_secure_file::Spec;
use rekey::store::{Connections, Context, SecretStore, StoreError, StoreSpec, Written, build};
use std::sync::Arc;
use std::time::Duration;

const NAME: &str = "deploy-token";
const KEPT: &str = "deploy-token.rekey-01kakf7rm0000000000000000a";

fn store_at(base: &str, token: &str, timeout: Option<Duration>) -> Arc<dyn SecretStore> {
    let spec = StoreSpec::GitlabSecureFile(Spec { project: "acme/deploy".into(), name: NAME.into() });
    let api = api(&format!("{base}/api/v4"), token);
    let api = match timeout {
        Some(timeout) => api.with_timeout(timeout),
        None => api,
    };
    build(&spec, &Context::open(Arc::new(api), &Connections::default()).unwrap()).unwrap()
}

pub async fn in_the_sandbox() -> impl Site {
    InTheSandbox
}

struct InTheSandbox;

struct Files {
    gitlab: Gitlab,
    clock: ManualClock,
    proxy: Proxy,
    base: String,
    token: String,
    store: Arc<dyn SecretStore>,
    project: u64,
    bot: u64,
}

impl Files {
    async fn new() -> Self {
        let clock = ManualClock::at("2026-11-21T12:00:00Z".parse().unwrap());
        let mut world = World::new(7, clock.now());
        let project = world.project("acme/deploy");
        let bot = world.user("bot");
        world.member(Place::Project(project), bot, MAINTAINER);
        let token = world.mint(Mint::new(bot, "api", &["api"])).value.expose().to_owned();
        world.secure_file(project, "other.jks", "somebody else's");
        world.secure_file(project, NAME, OLD);
        let gitlab = Gitlab::start(world, Arc::new(clock.clone())).await.unwrap();
        let (proxy, base) = Proxy::before(&gitlab.base_url(), None, by_method).await;
        let store = store_at(&base, &token, None);
        Self { gitlab, clock, proxy, base, token, store, project, bot }
    }

    fn files(&self) -> Vec<(String, String)> {
        self.gitlab.state().with(|world| world.secure_files(self.project))
    }

    fn held(&self, name: &str) -> Option<String> {
        self.files().into_iter().find(|(known, _)| known == name).map(|(_, content)| content)
    }

    fn level(&self, level: u8) {
        self.gitlab.state().with(|world| world.member(Place::Project(self.project), self.bot, level));
    }
}

#[async_trait::async_trait]
impl Site for InTheSandbox {
    async fn furnish(&self) -> Option<Box<dyn Bench>> {
        Some(Box::new(Files::new().await))
    }
}

#[async_trait::async_trait]
impl Bench for Files {
    fn store(&self) -> Arc<dyn SecretStore> {
        self.store.clone()
    }

    fn proxy(&self) -> Option<&Proxy> {
        Some(&self.proxy)
    }

    fn hasty(&self) -> Option<Arc<dyn SecretStore>> {
        Some(store_at(&self.base, &self.token, Some(Duration::from_millis(300))))
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            gap: true,
            versions: true,
            compare_and_set: true,
            rollback: Rollback::Native,
            max_bytes: Some(5 * 1024 * 1024 - 1),
            ..Capabilities::plain()
        }
    }

    async fn held(&self) -> Option<String> {
        Self::held(self, NAME)
    }

    /// The other files, without what is kept until the end.
    async fn rest(&self) -> String {
        let others = self.files().into_iter().filter(|(name, _)| !name.starts_with(NAME));
        others.map(|(name, content)| format!("{name}: {content}\n")).collect()
    }

    async fn meddle(&self, value: &str) {
        // GitLab counts requests by the minute, and the contract makes more than it allows in one.
        self.clock.advance(61);
        self.gitlab.state().with(|world| world.secure_file(self.project, NAME, value));
    }

    async fn trouble(&self, trouble: Trouble) -> bool {
        match trouble {
            Trouble::Denied => self.level(REPORTER),
            Trouble::None => self.level(MAINTAINER),
            Trouble::Gone => self.gitlab.state().with(|world| world.remove_secure_file(self.project, NAME)),
            _ => {}
        }
        self.proxy.trouble(trouble) || matches!(trouble, Trouble::Denied | Trouble::Gone)
    }

    async fn said(&self) -> String {
        self.proxy.said()
    }
}

#[tokio::test]
async fn the_file_of_before_is_kept_under_a_name_of_the_rotation_until_the_end() {
    let files = Files::new().await;
    let undo = files.store.look().await.unwrap().undo.unwrap();
    assert_eq!(write(&*files.store, NEW).await, Ok(Written::Done));
    assert_eq!((files.held(NAME).as_deref(), files.held(KEPT).as_deref()), (Some(NEW), Some(OLD)));
    let base = files.store.look().await.unwrap().base;
    let again = rekey::rotation::store::Tag { attempt: 2, ..tag(9) };
    files.store.write(&secret("canary-of-the-second-attempt"), &base, &again).await.unwrap();
    assert_eq!(files.held(KEPT).as_deref(), Some(OLD), "a second attempt keeps what was there before the first");
    let restarted = store_at(&files.base, &files.token, None);
    let base = restarted.look().await.unwrap().base;
    assert_eq!(restarted.roll_back(&undo, &base, &tag(7)).await, Ok(Written::Done));
    assert_eq!(files.held(NAME).as_deref(), Some(OLD));
    restarted.finish(&tag(7), None).await.unwrap();
    assert_eq!(files.files().len(), 2, "nothing of the rotation is left");
    let told = refusal(restarted.roll_back(&rekey::rotation::store::Undo("file 1".into()), &base, &tag(7)).await);
    assert!(told.starts_with("the copy of the file of before is gone"), "{told}");
}

#[tokio::test]
async fn a_copy_that_is_said_not_to_be_there_and_is_listed_is_not_taken_for_removed() {
    let files = Files::new().await;
    assert_eq!(write(&*files.store, NEW).await, Ok(Written::Done));
    // So a fine-grained bot is told that it may not remove it.
    let state = files.gitlab.state();
    state.fault(Rule::new("DELETE", "*/secure_files/*", Fault::ErrorBefore { status: 404 }).times(0));
    let told = refusal(files.store.finish(&tag(8), None).await);
    assert!(told.contains("was answered 404"), "{told}");
    state.clear_faults();
    state.fault(Rule::new("DELETE", "*/secure_files/*", Fault::ErrorAfter { status: 404 }).times(0));
    files.store.finish(&tag(8), None).await.unwrap();
    assert_eq!(files.held(KEPT), None, "whoever removed it");
}

#[tokio::test]
async fn a_file_is_found_on_any_page_and_of_too_many_it_is_not_said_that_it_is_missing() {
    let files = Files::new().await;
    let others = |from: u32, to: u32| {
        files.gitlab.state().with(|world| {
            (from..to).for_each(|nth| world.secure_file(files.project, &format!("other-{nth}"), "somebody else's"));
        });
    };
    others(0, 250);
    files.store.preflight().await.unwrap();
    others(250, 1_000);
    let told = refusal(files.store.preflight().await);
    assert!(told.contains("there are too many secure files to see whether it is among them"), "{told}");
}

#[tokio::test]
async fn a_process_that_dies_between_removing_and_making_leaves_a_file_that_is_made_again() {
    let files = Files::new().await;
    let seen = files.store.look().await.unwrap();
    files.gitlab.state().with(|world| {
        world.secure_file(files.project, KEPT, OLD);
        world.remove_secure_file(files.project, NAME);
    });
    let restarted = store_at(&files.base, &files.token, None);
    restarted.preflight().await.unwrap();
    assert_eq!(restarted.read().await.unwrap().unwrap().expose(), OLD, "the copy tells what was there");
    restarted.finish(&tag(8), None).await.unwrap();
    assert_eq!(files.held(KEPT).as_deref(), Some(OLD), "the only copy is not removed");
    assert_eq!(restarted.write(&secret(NEW), &seen.base, &tag(8)).await, Ok(Written::Done));
    assert_eq!(files.held(NAME).as_deref(), Some(NEW));
    files.gitlab.state().with(|world| world.remove_secure_file(files.project, NAME));
    let base = restarted.look().await.unwrap().base;
    assert_eq!(restarted.roll_back(&seen.undo.unwrap(), &base, &tag(7)).await, Ok(Written::Done));
    assert_eq!(files.held(NAME).as_deref(), Some(OLD));
}

#[tokio::test]
async fn lost_answers_never_leave_the_place_empty() {
    let files = Files::new().await;
    let seen = files.store.look().await.unwrap();
    files.proxy.trouble(Trouble::CutAfter);
    let error = files.store.write(&secret(NEW), &seen.base, &tag(8)).await.unwrap_err();
    assert!(matches!(error, StoreError::Unknown { .. }), "{error:?}");
    assert_eq!((files.held(NAME).as_deref(), files.held(KEPT).as_deref()), (Some(OLD), Some(OLD)), "only the copy");
    assert_eq!(files.store.write(&secret(NEW), &seen.base, &tag(8)).await, Ok(Written::Done));
    assert_eq!(files.held(NAME).as_deref(), Some(NEW));
    let base = files.store.look().await.unwrap().base;
    assert_eq!(files.store.roll_back(&seen.undo.unwrap(), &base, &tag(7)).await, Ok(Written::Done));
    assert_eq!(files.held(NAME).as_deref(), Some(OLD));
}

#[tokio::test]
async fn a_bot_that_may_only_look_is_found_before_anybody_approves() {
    let files = Files::new().await;
    files.level(DEVELOPER);
    let told = refusal(files.store.preflight().await);
    assert!(told.starts_with("the bot's role is too low to write it | give the bot the role Maintainer"), "{told}");
    assert_eq!(files.held(NAME).as_deref(), Some(OLD));
    files.level(MAINTAINER);
    let base = files.store.look().await.unwrap().base;
    files.gitlab.state().with(|world| world.secure_file(files.project, KEPT, FOREIGN));
    files.gitlab.state().with(|world| world.secure_file(files.project, NAME, FOREIGN));
    let error = files.store.write(&secret(NEW), &base, &tag(8)).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict { .. }), "{error:?}");
}
