//! Stories of the GitLab client against the sandbox: every kind of owner, every lost answer, every list.

mod recorded;
mod refusals;

use crate::http::gitlab_api as api;
use jiff::civil::{Date, date};
use jiff::{Timestamp, ToSpan};
use rekey::clock::ManualClock;
use rekey::gitlab::*;
use rekey::http::CallError;
use rekey::rotation::ids::TokenId;
use rekey::rotation::token::{LiveToken, Owner};
use rekey::sandbox::gitlab::{Fault, Gitlab, Handle, JobPlan, MAINTAINER, Mint, OWNER, Place, Rule, Variable, World};
use rekey::secret::Secret;
use std::collections::BTreeSet;
use std::sync::Arc;

const TODAY: Date = date(2026, 11, 21);

/// An instance with a group, a project in it, and one token for every kind of owner.
struct House {
    _gitlab: Gitlab,
    state: Handle,
    /// Owns the group, so maintains all in it.
    bot: Client,
    /// Administers the instance.
    admin: Client,
    bot_id: u64,
    project: u64,
}

fn noon() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

async fn house() -> House {
    let mut world = World::new(7, noon());
    let (group, project) = (world.group("acme"), world.project("acme/deploy"));
    let bot_id = world.user("rekey-bot");
    world.member(Place::Group(group), bot_id, OWNER);
    let root = world.admin("root");
    let tokens = [bot_id, root].map(|user| world.mint(Mint::new(user, "api", &["api"])).value);
    for (place, name) in [
        (Place::Group(group), "group-account"),
        (Place::Project(project), "project-account"),
        (Place::Instance, "instance-account"),
    ] {
        let account = world.service_account(place, name);
        world.member(Place::Project(project), account, MAINTAINER);
        world.mint(Mint::new(account, "deploy", &["api"]).expires(date(2026, 12, 1)));
    }
    let person = world.user("robot");
    world.mint(Mint::new(person, "deploy", &["api"]).expires(date(2026, 12, 1)));
    for place in [Place::Project(project), Place::Group(group)] {
        world.mint_for(place, MAINTAINER, Mint::new(0, "deploy", &["api"]).expires(date(2026, 12, 1)));
    }
    world.variable(Variable::new(Place::Project(project), "DEPLOY_TOKEN", tokens[0].expose()));
    let deploy = JobPlan::new("deploy", "deploy").calls_with("DEPLOY_TOKEN");
    world.pipeline(project, "*", vec![JobPlan::new("test", "test"), deploy]);
    let gitlab = Gitlab::start(world, Arc::new(ManualClock::at(noon()))).await.unwrap();
    let client = |token: &Secret| Client::new(Arc::new(api(&format!("{}/api/v4", gitlab.base_url()), token.expose())));
    let [bot, admin] = tokens.each_ref().map(client);
    House { state: gitlab.state(), _gitlab: gitlab, bot, admin, bot_id, project }
}

fn owners() -> [Owner; 6] {
    let (group, project) = ("acme".to_owned(), "acme/deploy".to_owned());
    [
        Owner::GroupServiceAccount { group: group.clone(), username: "group-account".into() },
        Owner::ProjectServiceAccount { project: project.clone(), username: "project-account".into() },
        Owner::InstanceServiceAccount { username: "instance-account".into() },
        Owner::User { username: "robot".into() },
        Owner::Project { project },
        Owner::Group { group },
    ]
}

impl House {
    /// Whoever may manage the tokens of that owner.
    fn manager(&self, owner: &Owner) -> &Client {
        match owner {
            Owner::InstanceServiceAccount { .. } | Owner::User { .. } => &self.admin,
            _ => &self.bot,
        }
    }

    async fn only_token(&self, owner: &Owner) -> LiveToken {
        let mut tokens = self.manager(owner).list(owner, &TokenFilter::default()).await.unwrap();
        assert_eq!(tokens.len(), 1, "{owner}");
        tokens.remove(0)
    }

    fn calls(&self, method: &str, path: &str) -> usize {
        self.state.calls().iter().filter(|call| call.method == method && call.path.ends_with(path)).count()
    }
}

fn new_token(owner: &Owner, marker: &str) -> NewToken {
    let level = matches!(owner, Owner::Project { .. } | Owner::Group { .. }).then_some(MAINTAINER);
    NewToken {
        name: "deploy".into(),
        description: marker.into(),
        scopes: BTreeSet::from(["api".to_owned()]),
        permissions: BTreeSet::new(),
        expires_at: Some(TODAY + 365.days()),
        access_level: level,
    }
}

#[tokio::test]
async fn a_token_of_every_kind_of_owner_is_replaced_by_overlap() {
    let house = house().await;
    for owner in owners() {
        let client = house.manager(&owner);
        let old = house.only_token(&owner).await;
        assert_eq!((old.name.as_str(), old.expires_at), ("deploy", Some(date(2026, 12, 1))), "{owner}");

        let minted = client.create(&owner, &new_token(&owner, "rekey:01.1")).await.unwrap();
        let seen = client.whoami(&minted.value).await.unwrap().unwrap();
        assert_eq!((seen.id, seen.expires_at), (minted.token.id, Some(date(2027, 11, 21))), "{owner}");
        let found = client.find(&owner, minted.token.id).await.unwrap().unwrap();
        assert_eq!(found.description, "rekey:01.1");
        assert!(found.last_used_at.is_some(), "{owner}: the look above was its first use");
        assert!(client.find(&owner, old.id).await.unwrap().unwrap().active, "{owner}: the old one still lives");

        client.revoke(&owner, old.id).await.unwrap();
        assert!(client.find(&owner, old.id).await.unwrap().unwrap().revoked, "{owner}");
        client.revoke(&owner, old.id).await.unwrap();
        let filter = TokenFilter { active: Some(true), ..TokenFilter::default() };
        let living = client.list(&owner, &filter).await.unwrap();
        assert_eq!(living.iter().map(|token| token.id).collect::<Vec<_>>(), [minted.token.id], "{owner}");
    }
}

#[tokio::test]
async fn a_token_of_every_kind_of_owner_is_replaced_in_place() {
    let house = house().await;
    for owner in owners() {
        let client = house.manager(&owner);
        let old = house.only_token(&owner).await;
        let first = client.rotate(&owner, old.id, TODAY + 90.days()).await.unwrap();
        assert_eq!((first.token.name.as_str(), first.token.expires_at), ("deploy", Some(date(2027, 2, 19))), "{owner}");
        assert!(client.find(&owner, old.id).await.unwrap().unwrap().revoked, "{owner}");
        let second = client.rotate_self(&first.value, TODAY + 60.days()).await.unwrap();
        assert_eq!(client.whoami(&first.value).await.unwrap(), None, "{owner}: dead from that instant");
        assert_eq!(client.whoami(&second.value).await.unwrap().unwrap().id, second.token.id, "{owner}");
    }
}

#[tokio::test]
async fn a_token_that_the_owner_does_not_have_is_not_found() {
    let house = house().await;
    let [group, project, ..] = owners();
    let foreign = house.only_token(&project).await.id;
    assert_eq!(house.bot.find(&group, foreign).await.unwrap(), None);
    assert_eq!(house.bot.find(&group, TokenId(999_999)).await.unwrap(), None);
    let robot = Owner::User { username: "robot".into() };
    assert_eq!(
        house.admin.find(&robot, foreign).await.unwrap(),
        None,
        "an administrator sees it, but it is not the robot's"
    );
    assert!(house.bot.revoke(&group, foreign).await.is_err());
    assert!(house.state.token(foreign.0).is_some_and(|token| !token.revoked));
}

#[tokio::test]
async fn an_account_of_another_place_is_refused() {
    let house = house().await;
    for (group, username) in
        [("acme", "instance-account"), ("acme", "robot"), ("acme", "nobody"), ("elsewhere", "group-account")]
    {
        let owner = Owner::GroupServiceAccount { group: group.into(), username: username.into() };
        let error = house.bot.create(&owner, &new_token(&owner, "x")).await.err().unwrap();
        assert_eq!(error.status(), Some(404), "{error}");
    }
    let nobody = Owner::User { username: "nobody".into() };
    assert_eq!(
        house.admin.resolve_user(&nobody).await.unwrap_err().to_string(),
        "GET /users was answered 404: there is no user nobody"
    );
}

#[tokio::test]
async fn a_token_whose_answer_was_lost_is_found_by_its_marker() {
    let house = house().await;
    let [owner, ..] = owners();
    for fault in [Fault::CutAfter, Fault::ErrorAfter { status: 502 }, Fault::TruncatedJson] {
        house.state.fault(Rule::new("POST", "*/personal_access_tokens", fault.clone()));
        let marker = format!("rekey:{fault:?}");
        let error = house.bot.create(&owner, &new_token(&owner, &marker)).await.err().unwrap();
        assert!(matches!(error, CallError::Unknown { .. } | CallError::Nonsense { .. }), "{error:?}");
        let since = TokenFilter { created_after: Some(noon() - 1.hour()), ..TokenFilter::default() };
        let found = house.bot.list(&owner, &since).await.unwrap();
        assert_eq!(found.iter().filter(|token| token.description == marker).count(), 1, "{fault:?}");
    }
    assert_eq!(house.calls("POST", "/personal_access_tokens"), 3, "never repeated by itself");
}

#[tokio::test]
async fn a_call_that_certainly_had_no_effect_says_so() {
    let house = house().await;
    let [owner, ..] = owners();
    house.state.fault(Rule::new("POST", "*/personal_access_tokens", Fault::TooManyRequests { retry_after: 60 }));
    let error = house.bot.create(&owner, &new_token(&owner, "x")).await.err().unwrap();
    assert!(matches!(error, CallError::RateLimited { .. }), "{error:?}");
}

#[tokio::test]
async fn a_lost_rotate_is_never_sent_again() {
    let house = house().await;
    let [owner, ..] = owners();
    let old = house.only_token(&owner).await;
    house.state.fault(Rule::new("POST", "*/rotate", Fault::CutAfter));
    let error = house.bot.rotate(&owner, old.id, TODAY + 90.days()).await.err().unwrap();
    assert!(matches!(error, CallError::Unknown { .. }), "{error:?}");
    assert_eq!(house.calls("POST", "/rotate"), 1);
}

#[tokio::test]
async fn reading_survives_passing_trouble() {
    let house = house().await;
    let [owner, ..] = owners();
    for fault in [Fault::ErrorBefore { status: 500 }, Fault::CutBefore, Fault::CutAfter] {
        house.state.fault(Rule::new("GET", "*/personal_access_tokens", fault).times(2));
        house.only_token(&owner).await;
        house.state.clear_faults();
    }
    house.state.fault(Rule::new("GET", "*/personal_access_tokens", Fault::Html));
    let error = house.bot.list(&owner, &TokenFilter::default()).await.unwrap_err();
    assert!(matches!(error, CallError::Nonsense { .. }), "{error:?}");
}

#[tokio::test]
async fn a_life_that_is_too_long_is_refused_with_the_day_that_would_do() {
    let house = house().await;
    let [owner, ..] = owners();
    let wish = NewToken { expires_at: Some(TODAY + 800.days()), ..new_token(&owner, "x") };
    let error = house.bot.create(&owner, &wish).await.err().unwrap();
    let CallError::Status { status: 400, message, .. } = &error else { unreachable!("{error:?}") };
    let latest = limit_in_refusal(message).unwrap();
    let limit = house.bot.expiry_limit().await.unwrap();
    assert!(!limit.stated && latest <= limit.latest(TODAY), "{message}");
    let wish = NewToken { expires_at: Some(latest), ..wish };
    house.bot.create(&owner, &wish).await.unwrap();
}

#[tokio::test]
async fn the_bot_knows_who_it_is_and_what_it_may() {
    let house = house().await;
    let me = house.bot.me().await.unwrap();
    assert_eq!((me.username.as_str(), me.user_id, me.admin), ("rekey-bot", house.bot_id, false));
    assert!(me.token.scopes.contains("api"));
    assert!(house.admin.me().await.unwrap().admin);
    assert_eq!(house.bot.metadata().await.unwrap().version, "19.6.0-ee");
    let project = house.bot.project("acme/deploy", me.user_id).await.unwrap().unwrap();
    assert_eq!((project.id, project.role, project.archived), (house.project, Role::Level(OWNER), false));
    assert_eq!(house.bot.group("acme", me.user_id).await.unwrap().unwrap().role, Role::Level(OWNER));
    assert_eq!(house.bot.project("acme/none", me.user_id).await.unwrap(), None);
    let robot = house.bot.user_id("robot").await.unwrap().unwrap();
    assert_eq!(house.bot.project_role("acme/deploy", robot).await.unwrap(), None);
}

#[tokio::test]
async fn an_issue_is_opened_found_changed_commented_and_closed() {
    let house = house().await;
    let new = NewIssue {
        title: "Rotate deploy".into(),
        description: "<!-- rekey:01 -->".into(),
        labels: vec!["rekey".into(), "token".into()],
        assignee_ids: vec![house.bot_id],
        due_date: Some(date(2026, 12, 1)),
        confidential: true,
    };
    house.state.fault(Rule::new("POST", "*/issues", Fault::CutAfter));
    let lost = house.bot.create_issue("acme/deploy", &new).await.unwrap_err();
    assert!(matches!(lost, CallError::Unknown { .. }));
    let query = IssueQuery {
        labels: vec!["rekey".into()],
        author_id: Some(house.bot_id),
        created_after: Some(noon() - 1.hour()),
        ..IssueQuery::default()
    };
    let found = house.bot.issues("acme/deploy", &query).await.unwrap();
    let [issue] = found.as_slice() else { unreachable!("{found:?}") };
    assert_eq!((issue.title.as_str(), issue.description.as_str()), ("Rotate deploy", "<!-- rekey:01 -->"));

    let note = house.bot.create_note("acme/deploy", issue.iid, "done <!-- rekey:note -->").await.unwrap();
    let notes = house.bot.notes("acme/deploy", issue.iid).await.unwrap();
    assert!(notes.iter().any(|seen| seen.id == note.id && seen.author.id == house.bot_id && seen.body == note.body));

    let change = IssueChange {
        description: Some("all ticked".into()),
        state_event: Some("close"),
        add_labels: Some("done".into()),
        ..IssueChange::default()
    };
    for _ in 0..2 {
        house.bot.update_issue("acme/deploy", issue.iid, &change).await.unwrap();
    }
    let closed = house.bot.issue("acme/deploy", issue.iid).await.unwrap().unwrap();
    assert_eq!((closed.state.as_str(), closed.description.as_str()), ("closed", "all ticked"));
    let kept = &house.state.issues()[0];
    assert!(kept.confidential && kept.due_date == Some(date(2026, 12, 1)) && kept.assignees.contains(&house.bot_id));
    assert_eq!(house.bot.issue("acme/deploy", 999).await.unwrap(), None);
}

#[tokio::test]
async fn a_pipeline_is_started_once_and_its_job_and_log_are_read() {
    let house = house().await;
    house.state.fault(Rule::new("POST", "*/pipeline", Fault::CutAfter));
    assert!(matches!(house.bot.create_pipeline("acme/deploy", "main").await, Err(CallError::Unknown { .. })));
    let query = StartedQuery { git_ref: "main", source: "api", after: 0, user_id: house.bot_id };
    let started = house.bot.find_started("acme/deploy", &query).await.unwrap().unwrap();
    let stranger = StartedQuery { user_id: 999, ..query };
    assert_eq!(house.bot.find_started("acme/deploy", &stranger).await.unwrap(), None);

    let pipeline = house.bot.pipeline("acme/deploy", started.id).await.unwrap().unwrap();
    assert_eq!(pipeline.status, Status::Success);
    let jobs = house.bot.jobs("acme/deploy", pipeline.id).await.unwrap();
    let job = jobs.iter().find(|job| job.name == "deploy").unwrap();
    assert!(job.status == Status::Success && job.started_at.is_some());
    let log = house.bot.trace_tail("acme/deploy", job.id, 1 << 16).await.unwrap();
    let tail = house.bot.trace_tail("acme/deploy", job.id, 10).await.unwrap();
    assert!(tail.len() == 10 && log.ends_with(&tail), "{log}");
    let latest = house.bot.latest_finished_job("acme/deploy", "main", "deploy").await.unwrap().unwrap();
    assert_eq!(latest.id, job.id);

    let again = house.bot.retry_job("acme/deploy", job.id).await.unwrap();
    assert_ne!(again.id, job.id);
    let again = house.bot.job("acme/deploy", again.id).await.unwrap().unwrap();
    assert_eq!((again.status, again.pipeline.map(|of| of.id)), (Status::Success, Some(pipeline.id)));
    assert_eq!(house.bot.job("acme/deploy", 1).await.unwrap(), None);
}

#[tokio::test]
async fn a_failed_pipeline_is_seen_to_have_failed_and_is_run_again() {
    let house = house().await;
    house.state.fail_job(Some("deploy"));
    let id = house.bot.create_pipeline("acme/deploy", "main").await.unwrap().id;
    assert_eq!(house.bot.pipeline("acme/deploy", id).await.unwrap().unwrap().status, Status::Failed);
    let failed = house.bot.latest_finished_job("acme/deploy", "main", "deploy").await.unwrap().unwrap();
    assert_eq!(failed.status, Status::Failed);
    house.state.fail_job(None);
    house.bot.retry_pipeline("acme/deploy", id).await.unwrap();
    assert_eq!(house.bot.pipeline("acme/deploy", id).await.unwrap().unwrap().status, Status::Success);
}

#[tokio::test]
async fn a_schedule_is_played_and_its_pipeline_found_as_the_newest() {
    let house = house().await;
    let id = house.state.with(|world| world.schedule(house.project, house.bot_id, "main", "nightly"));
    let schedule = house.bot.schedule("acme/deploy", id).await.unwrap().unwrap();
    assert_eq!(schedule.description.as_deref(), Some("nightly"));
    assert_eq!(house.bot.schedule_pipelines("acme/deploy", id).await.unwrap(), []);
    for expected in 1..=2 {
        house.bot.play_schedule("acme/deploy", id).await.unwrap();
        house.state.run_pipelines();
        let pipelines = house.bot.schedule_pipelines("acme/deploy", id).await.unwrap();
        assert_eq!(pipelines.len(), expected);
        assert!(pipelines.is_sorted_by(|a, b| a.id > b.id));
    }
}

#[tokio::test]
async fn an_inventory_hands_on_every_active_token_once() {
    let house = house().await;
    house.state.with(|world| {
        let user = world.user("many");
        for _ in 0..250 {
            world.mint(Mint::new(user, "soon", &["api"]).expires(date(2026, 12, 1)));
        }
        world.mint(Mint::new(user, "late", &["api"]).expires(date(2027, 6, 1)));
    });
    let query = InventoryQuery { expires_before: Some(date(2027, 1, 1)) };
    let (to, mut pages) = tokio::sync::mpsc::channel(64);
    let scanned = house.admin.inventory(query, &to).await.unwrap();
    drop(to);
    let mut ids = Vec::new();
    while let Some(page) = pages.recv().await {
        assert!(page.iter().all(|token: &LiveToken| token.active && token.name != "late"));
        ids.extend(page.iter().map(|token| token.id));
    }
    assert_eq!(scanned, Scanned { tokens: 256, pages: 3 });
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 256);
}

#[tokio::test]
async fn a_scan_stops_when_nobody_listens_any_more_and_fails_when_a_page_does() {
    let house = house().await;
    let (to, pages) = tokio::sync::mpsc::channel(1);
    drop(pages);
    assert!(house.admin.inventory(InventoryQuery::default(), &to).await.is_ok());
    house.state.fault(Rule::new("GET", "*/personal_access_tokens", Fault::ErrorBefore { status: 500 }).times(0));
    assert!(house.admin.inventory(InventoryQuery::default(), &to).await.is_err());
}

#[tokio::test]
async fn a_bot_that_is_no_administrator_asks_for_each_owner_and_one_failure_does_not_stop_the_rest() {
    let house = house().await;
    let [group, project, _, _, of_project, of_group] = owners();
    let missing = Owner::GroupServiceAccount { group: "acme".into(), username: "nobody".into() };
    let asked = [group, missing.clone(), project, of_project, of_group];
    let (to, mut lists) = tokio::sync::mpsc::channel(8);
    house.bot.inventory_of(&asked, InventoryQuery { expires_before: Some(date(2027, 1, 1)) }, &to).await;
    drop(to);
    let mut seen = 0;
    while let Some((owner, list)) = lists.recv().await {
        assert_eq!(list.map(|tokens| tokens.len()).ok(), (owner != missing).then_some(1), "{owner}");
        seen += 1;
    }
    assert_eq!(seen, asked.len());
}

#[tokio::test]
async fn every_parameter_that_is_sent_is_one_that_gitlab_knows() {
    let house = house().await;
    for owner in owners() {
        let client = house.manager(&owner);
        let filter = TokenFilter {
            active: Some(true),
            expires_before: Some(date(2027, 1, 1)),
            created_after: Some(noon() - 1.hour()),
        };
        client.list(&owner, &filter).await.unwrap();
        let minted = client.create(&owner, &new_token(&owner, "x")).await.unwrap();
        client.rotate(&owner, minted.token.id, TODAY + 9.days()).await.unwrap();
    }
    let issue = NewIssue { title: "t".into(), labels: vec!["rekey".into()], ..NewIssue::default() };
    let issue = house.bot.create_issue("acme/deploy", &issue).await.unwrap();
    let query = IssueQuery {
        labels: vec!["rekey".into()],
        author_id: Some(1),
        created_after: Some(noon()),
        ..IssueQuery::default()
    };
    house.bot.issues("acme/deploy", &query).await.unwrap();
    house.bot.create_note("acme/deploy", issue.iid, "n").await.unwrap();
    house.bot.notes("acme/deploy", issue.iid).await.unwrap();
    let change = IssueChange {
        title: Some("u".into()),
        remove_labels: Some("rekey".into()),
        due_date: Some(TODAY),
        assignee_ids: Some(vec![house.bot_id]),
        ..IssueChange::default()
    };
    house.bot.update_issue("acme/deploy", issue.iid, &change).await.unwrap();
    house.bot.create_pipeline("acme/deploy", "main").await.unwrap();
    house.bot.latest_finished_job("acme/deploy", "main", "none").await.unwrap();
    let query = StartedQuery { git_ref: "main", source: "api", after: 0, user_id: house.bot_id };
    house.bot.find_started("acme/deploy", &query).await.unwrap();
    house.bot.group("acme", house.bot_id).await.unwrap();
    for call in house.state.calls() {
        assert!(call.ignored.is_empty(), "{} {}?{}: {:?}", call.method, call.path, call.query, call.ignored);
    }
}
