//! A token's value is nowhere but in its stores: not in the database, an issue, a chat message, a metric or an error's
//! text. The values carry no known prefix, so that masking cannot hide a leak. The logs are looked through where the
//! real binary runs, in the stories of crashes.

use super::chat;
use super::setup::Setup;
use rekey::rotation::phase::Outcome;
use rekey::rotation::view::Action;
use rekey::sandbox::gitlab::{Fault, JobPlan, Mint, Place, Rule, Variable};
use rekey::sandbox::slack;
use std::sync::Arc;

const OLD: &str = "canary-old-0123456789";
const BOT: &str = "canary-bot-0123456789";
const NEW: &str = "canary-new-";

fn holds_none(place: &str, bytes: &[u8]) {
    for value in [OLD, BOT, NEW, chat::BOT] {
        assert_eq!(crate::spelled::find(bytes, value), None, "{place} holds {value}");
    }
}

#[tokio::test]
async fn token_values_are_nowhere_but_in_their_stores() {
    let metrics = rekey::telemetry::install_metrics().unwrap();
    let clock = rekey::clock::ManualClock::at("2026-11-21T14:00:00Z".parse().unwrap());
    let settings = slack::Settings { token: chat::BOT.into(), ..slack::Settings::default() };
    let people = [("UALICE", "alice"), ("UBOB", "bob"), ("UCAROL", "carol")];
    let world = slack::World::new(settings, (chat::CHANNEL, "ops"), &people);
    let slack = slack::Slack::start(world, Arc::new(clock), rekey::http::client(None).unwrap()).await.unwrap();

    let mut setup = Setup::new().bot(BOT);
    setup.slack = Some(slack.base_url());
    setup.tokens[0].name = "canary".into();
    let team = setup
        .start(|world, project| {
            world.settings.token_prefix = NEW.into();
            let bot = world.admin("canary-bot");
            world.mint(Mint::new(bot, "rekey", &["api"]).value(BOT));
            world.variable(Variable::new(Place::Project(project), "NOISY", "x"));
            // The job prints what it sends, and the variable is not masked in this project's logs.
            world.pipeline(
                project,
                "main",
                vec![JobPlan::new("deploy", "deploy").calls_with("DEPLOY_TOKEN").needing(&["sudo"])],
            );
        })
        .await;
    let mint = Mint::new(team.stage.account, "canary", &["read_api"]).expires("2026-11-28".parse().unwrap()).value(OLD);
    team.stage.state.with(|world| world.mint(mint));
    team.stage.store(OLD).await;

    // A rotation with every sort of trouble on its way.
    team.stage.state.fault(Rule::new("POST", "*/personal_access_tokens", Fault::TruncatedJson));
    team.stage.state.fault(Rule::new("PUT", "*/variables/*", Fault::ErrorAfter { status: 500 }));
    team.stage.state.fault(Rule::new("GET", "*/variables/*", Fault::TruncatedJson).nth(4));
    team.approved().await;
    team.pass(600).await;
    let why = team.stuck().await;
    holds_none("the words of a stuck rotation", format!("{why:?}").as_bytes());
    let error = team.click("carol", Action::Retry).await.unwrap_err();
    holds_none("an error", format!("{error} {error:?}").as_bytes());
    let place = Place::Project(team.stage.project);
    team.stage.state.with(|world| {
        world.pipeline(team.stage.project, "main", vec![JobPlan::new("deploy", "deploy").calls_with("DEPLOY_TOKEN")]);
    });
    team.click("alice", Action::Retry).await.unwrap();
    team.pass(60).await;
    // Somebody puts the old value back, which the bot has to recognise.
    let new = team.stage.state.variable(place, "DEPLOY_TOKEN", "*").unwrap().value;
    assert!(new.starts_with(NEW), "the canary sings in its store: {new}");
    team.stage.store(OLD).await;
    team.pass(3600).await;
    team.stuck().await;
    team.stage.store(&new).await;
    team.click("alice", Action::Retry).await.unwrap();
    team.pass(3600).await;
    team.ended(Outcome::Done).await;

    let issues = team.stage.state.issues();
    let texts = issues.iter().map(|issue| format!("{} {}", issue.title, issue.description)).chain(team.comments());
    holds_none("the issue", texts.collect::<String>().as_bytes());
    let cards = slack.state().messages(chat::CHANNEL);
    assert!(!cards.is_empty(), "there are cards");
    holds_none("the chat", serde_json::to_string(&cards).unwrap().as_bytes());
    holds_none("the metrics", metrics.render().as_bytes());
    let calls = team.stage.state.calls();
    holds_none("an address", calls.iter().map(|c| format!("{}?{} ", c.path, c.query)).collect::<String>().as_bytes());
    let rotation = team.rotation().await;
    let custody = format!("{rotation:?}");
    holds_none("the rotation", custody.as_bytes());
    let journal = team.engine.ledger.journal(&rotation.id).await.unwrap();
    holds_none("the journal", format!("{journal:?}").as_bytes());
    for (file, bytes) in team.files() {
        holds_none(&file, &bytes);
    }
}
