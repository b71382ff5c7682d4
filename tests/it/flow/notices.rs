//! Mails and webhooks are hints: GitLab decides what comes of them, and none is lost or counted twice.

use super::setup::{Setup, deploy_token};
use super::team::Team;
use rekey::engine::scan::Wish;
use rekey::ledger::{Accepted, Filter};
use rekey::notice::{Change, Notice, Resource, Source, Subject};
use rekey::rotation::ids::TokenName;
use rekey::rotation::token::{ManagedToken, Owner};
use rekey::sandbox::gitlab::{Fault, MAINTAINER, Mint, Pace, Place, Rule};
use serde_json::json;

fn refused(status: u16, body: serde_json::Value) -> Fault {
    Fault::Refuse { status, body }
}

fn mail(team: &Team, change: Change, names: &[&str]) -> Notice {
    Notice::Tokens {
        change,
        subject: Subject::Personal { display_name: None },
        host: team.engine.gitlab.host().to_owned(),
        names: names.iter().map(|&name| name.to_owned()).collect(),
        days: Some(7),
        source: Source::Mail { message_id: None, from: "gitlab@gitlab.example".into(), forwarded: false },
    }
}

impl Team {
    /// Accepts a notice and deals with everything in the inbox.
    async fn told(&self, key: &str, notice: &Notice) -> Accepted {
        let accepted = self.engine.accept(key.into(), notice).await.unwrap();
        self.read_all().await;
        accepted
    }

    async fn read_all(&self) {
        while self.engine.read_some().await.unwrap() > 0 {}
    }

    async fn rotations(&self) -> usize {
        self.engine.ledger.list(Filter { open_only: false, token: None, limit: 100 }).await.unwrap().len()
    }
}

#[tokio::test]
async fn a_mail_a_webhook_and_a_scan_about_one_token_are_one_rotation() {
    let team = Team::new().await;
    let notice = mail(&team, Change::AboutToExpire, &["deploy", "deploy"]);
    assert!(matches!(team.told("mail-1", &notice).await, Accepted::New));
    assert!(matches!(team.told("mail-1", &notice).await, Accepted::Duplicate));
    team.told("mail-2", &notice).await;
    team.engine.scan().await.unwrap();
    team.open().await;
    assert_eq!(team.rotations().await, 1);
    team.issue();
}

#[tokio::test]
async fn a_mail_about_a_token_that_gitlab_says_lives_long_opens_nothing() {
    let team = Setup::new().token(|token| token.rotate_before_days = 3).start(|_, _| {}).await;
    team.told("mail", &mail(&team, Change::AboutToExpire, &["deploy"])).await;
    assert_eq!(team.rotations().await, 0);
}

#[tokio::test]
async fn a_mail_about_another_gitlab_opens_nothing() {
    let team = Team::new().await;
    let Notice::Tokens { change, subject, names, days, source, .. } = mail(&team, Change::AboutToExpire, &["deploy"])
    else {
        unreachable!()
    };
    let notice = Notice::Tokens { change, subject, host: "gitlab.evil.example".into(), names, days, source };
    team.told("mail", &notice).await;
    assert_eq!(team.rotations().await, 0);
}

#[tokio::test]
async fn one_bad_name_in_a_mail_does_not_hide_the_others() {
    let mut setup = Setup::new();
    let mut missing = setup.tokens[0].clone();
    missing.id = TokenName::from("a-missing-one");
    missing.name = "a-missing-one".into();
    setup.tokens.push(missing);
    let team = setup.start(|_, _| {}).await;
    team.told("mail", &mail(&team, Change::AboutToExpire, &["a-missing-one", "unheard-of", "deploy"])).await;
    assert_eq!(team.rotations().await, 2, "one that is due, and one that says what is missing");
    // The name that nobody manages asks for a scan.
    tokio::select! {
        biased;
        () = team.engine.scan_wanted.notified() => {}
        () = std::future::ready(()) => panic!("no scan was asked for"),
    }
}

#[tokio::test]
async fn a_mail_that_comes_while_gitlab_is_down_or_talks_nonsense_is_dealt_with_later() {
    for fault in [
        Fault::ErrorBefore { status: 503 },
        Fault::Html,
        Fault::Page { status: 401 },
        Fault::Page { status: 403 },
        Fault::Page { status: 404 },
        refused(401, json!({"error": "invalid_token", "error_description": "Token is expired."})),
        refused(403, json!({"message": "403 Forbidden - Your account has been blocked."})),
    ] {
        let team = Team::new().await;
        team.stage.state.fault(Rule::new("GET", "*/service_accounts*", fault.clone()).times(0));
        team.told("mail", &mail(&team, Change::AboutToExpire, &["deploy"])).await;
        assert_eq!(team.rotations().await, 0);
        team.stage.state.clear_faults();
        team.stage.clock.advance(3600);
        tokio::time::pause();
        tokio::time::advance(std::time::Duration::from_secs(61)).await;
        tokio::time::resume();
        team.read_all().await;
        assert_eq!(team.rotations().await, 1, "{fault:?}");
    }
}

#[tokio::test]
async fn a_mail_about_a_revoked_token_closes_the_case_that_waits() {
    let team = Team::new().await;
    team.open().await;
    let (_, value) = team.stage.mint().await;
    team.stage.store(&value).await;
    team.stage.state.with(|world| world.revoke(team.stage.old));
    team.told("mail", &mail(&team, Change::Revoked, &["deploy"])).await;
    team.work().await;
    team.ended(rekey::rotation::phase::Outcome::Superseded).await;
}

#[tokio::test]
async fn tokens_that_nobody_manages_are_listed_once() {
    let team = Team::new().await;
    let stray = Mint::new(team.stage.account, "for | gotten `one`", &["api"]).expires("2026-11-30".parse().unwrap());
    team.stage.state.with(|world| world.mint(stray));
    for _ in 0..2 {
        let scan = team.engine.scan().await.unwrap();
        assert_eq!(scan.unmanaged.len(), 1);
        team.engine.tell_unmanaged(&scan.unmanaged).await.unwrap();
    }
    let digests: Vec<_> =
        team.stage.state.issues().into_iter().filter(|issue| issue.title.contains("does not manage")).collect();
    assert_eq!(digests.len(), 1);
    let one = "Nobody has told rekey to look after this token. Add it to the configuration, let it expire, or rotate it by hand.";
    assert!(digests[0].description.contains(one), "{}", digests[0].description);
    assert!(digests[0].confidential && digests[0].description.contains("for"), "{}", digests[0].description);
    // Its answer lost, the next one is found by its marker.
    let later = Mint::new(team.stage.account, "another", &["api"]).expires("2026-12-01".parse().unwrap());
    team.stage.state.with(|world| world.mint(later));
    team.fault("POST", "*/issues", Fault::CutAfter);
    for _ in 0..2 {
        let scan = team.engine.scan().await.unwrap();
        let _ = team.engine.tell_unmanaged(&scan.unmanaged).await;
    }
    let titles: Vec<_> = team.stage.state.issues().into_iter().map(|issue| issue.title).collect();
    assert_eq!(titles.iter().filter(|title| title.contains("does not manage")).count(), 2, "{titles:?}");
}

#[tokio::test]
async fn a_list_of_tokens_that_somebody_made_public_is_confidential_again_and_says_so() {
    let team = Team::new().await;
    let stray = Mint::new(team.stage.account, "forgotten", &["api"]).expires("2026-11-30".parse().unwrap());
    team.stage.state.with(|world| world.mint(stray));
    assert!(team.engine.scan_and_tell().await);
    let list = || team.stage.state.issues().into_iter().find(|issue| issue.title.contains("does not manage")).unwrap();
    let path = format!("/projects/acme%2Fops/issues/{}", list().iid);
    team.stage.call("PUT", &path, serde_json::json!({"confidential": false})).await;
    team.stage.state.fault(Rule::new("PUT", "*/issues/*", Fault::ErrorBefore { status: 403 }));
    assert!(team.engine.scan_and_tell().await, "what cannot be mended holds nothing up");
    assert!(!list().confidential);
    for _ in 0..2 {
        assert!(team.engine.scan_and_tell().await);
        assert!(list().confidential);
    }
    let said: Vec<String> = team.comments();
    assert_eq!(said.iter().filter(|said| said.contains("Somebody had made this issue public")).count(), 1, "{said:?}");
}

#[tokio::test]
async fn mails_about_unknown_tokens_lead_to_one_scan_in_five_minutes() {
    let team = Team::new().await;
    assert!(team.engine.scan_is_due(Wish::Nothing).await, "the first turn of the hour");
    assert!(team.engine.scan_is_due(Wish::Asked).await);
    for _ in 0..3 {
        team.stage.clock.advance(90);
        assert!(!team.engine.scan_is_due(Wish::Asked).await);
    }
    team.stage.clock.advance(30);
    assert!(team.engine.scan_is_due(Wish::Asked).await);
    assert!(team.engine.scan_is_due(Wish::Now).await, "what failed is repeated in any case");
}

#[tokio::test]
async fn the_list_asks_gitlab_once_for_all_tokens_of_an_owner() {
    let mut setup = Setup::new();
    for name in ["second", "third"] {
        let token = ManagedToken { id: TokenName::from(name), name: name.into(), ..deploy_token() };
        setup.tokens.push(token);
    }
    let team = setup.start(|_, _| {}).await;
    let lines = team.engine.overview().await.unwrap();
    let states: Vec<_> = lines.iter().map(|line| (line.token.as_str(), line.state.as_str())).collect();
    assert_eq!(states, [("deploy", "near"), ("second", "missing"), ("third", "missing")]);
    let calls = team.stage.state.calls();
    assert_eq!(calls.iter().filter(|call| call.path.ends_with("/personal_access_tokens")).count(), 1);
}

#[tokio::test]
async fn a_webhook_about_a_project_token_opens_its_rotation() {
    let owner = Owner::Project { project: "acme/deploy".into() };
    let team = Setup::new()
        .token(|token| token.owner = owner)
        .start(|world, project| {
            let mint = Mint::new(0, "deploy", &["read_api"]).expires("2026-11-28".parse().unwrap());
            world.mint_for(Place::Project(project), MAINTAINER, mint);
        })
        .await;
    let notice = |path: &str| Notice::TokenExpiring {
        host: team.engine.gitlab.host().to_owned(),
        owner: Resource::Project { id: team.stage.project, path: path.into() },
        token_id: 1,
        name: "deploy".into(),
        expires_at: "2026-11-28".parse().unwrap(),
    };
    team.told("hook-1", &notice("acme/other")).await;
    assert_eq!(team.rotations().await, 0, "another project's token of the same name");
    team.told("hook-2", &notice("acme/deploy")).await;
    assert_eq!(team.rotations().await, 1);
}

#[tokio::test]
async fn a_pipelines_webhook_wakes_the_rotation_that_waits_for_it() {
    let team =
        Setup::new().settings(|settings| settings.poll = std::time::Duration::from_secs(3000)).start(|_, _| {}).await;
    team.stage.state.with(|world| world.settings.pace = Pace::ByHand);
    team.approved().await;
    while team.work_once().await {}
    assert_eq!(team.phase().await, "verifying");
    team.stage.state.run_pipelines();
    assert!(!team.work_once().await, "nothing is due for a long time");
    let pipeline = team.stage.state.pipelines()[0].id;
    let notice = |pipeline_id| Notice::Pipeline {
        host: team.engine.gitlab.host().to_owned(),
        project_id: team.stage.project,
        project: "acme/deploy".into(),
        pipeline_id,
        status: "success".into(),
        git_ref: "main".into(),
        source: "api".into(),
    };
    team.told("hook-0", &notice(pipeline + 1)).await;
    assert!(!team.work_once().await, "another pipeline wakes nobody");
    team.told("hook-1", &notice(pipeline)).await;
    while team.work_once().await {}
    assert_eq!(team.phase().await, "grace");
}
