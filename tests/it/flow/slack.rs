//! Slack beside a real engine, by either way: what a click carries through, and what is lost, removed or late on the way.

use super::chat::{BOT, CHANNEL};
use super::setup::Setup;
use super::team::Team;
use crate::databases::on_each;
use crate::http::serve;
use crate::sandbox::stage::stage;
use crate::slack::door::{By, by_both_ways};
use rekey::chat::slack::client::{Client, Hooks};
use rekey::chat::slack::socket::SocketMode;
use rekey::engine::desk::Desk;
use rekey::engine::desk::visitors::Visitors;
use rekey::engine::settings::Backoff;
use rekey::http::{Api, Credential, Sockets, Throttle};
use rekey::notice::signature::Key;
use rekey::rotation::ids::{PersonId, SurfaceName};
use rekey::rotation::phase::{Outcome, Phase};
use rekey::rotation::record::Audience;
use rekey::rotation::remind::Step;
use rekey::rotation::view::Action;
use rekey::sandbox::gitlab::Mint;
use rekey::sandbox::slack::{self as sandbox, Fault, Handle, Message, Rule, Settings, World};
use rekey::secret::Secret;
use rekey::server::slack::{Door, Envelopes, PATIENCE, router};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::{CancellationToken, DropGuard};

const ALICE: &str = "UALICE";
const BOB: &str = "UBOB";

/// A team whose cards go to Slack, and the bot behind Slack's door.
struct Office {
    team: Team,
    _slack: sandbox::Slack,
    slack: Handle,
    by: By,
    desk: Arc<Desk>,
    stop: Option<DropGuard>,
}

fn api(base: &str, credential: Credential) -> Api {
    let http = rekey::http::client(None).unwrap();
    Api::new(http, base, credential, Arc::new(Throttle::new(4, None))).unwrap()
}

fn bearer(token: &str) -> Credential {
    Credential::Bearer(Secret::new(token.to_owned()))
}

impl Office {
    async fn new(by: By) -> Self {
        Self::on(by, Setup::new()).await
    }

    async fn on(by: By, mut setup: Setup) -> Self {
        let stage = stage(|world, _| {
            world.project("acme/ops");
            for person in ["alice", "bob", "carol"] {
                world.user(person);
            }
        })
        .await;
        let settings = Settings { token: BOT.into(), socket_mode: by == By::Socket, ..Settings::default() };
        let people = [(ALICE, "alice"), (BOB, "bob"), ("UCAROL", "carol")];
        let world = World::new(settings, (CHANNEL, "ops"), &people);
        let http = rekey::http::client(None).unwrap();
        let slack = sandbox::Slack::start(world, Arc::new(stage.clock.clone()), http).await.unwrap();
        setup.slack = Some(slack.base_url());
        let team = Team::on(stage, setup).await;
        let state = slack.state();
        let (desk, stop) = open_door(by, &team, &slack).await;
        Self { team, _slack: slack, slack: state, by, desk, stop: Some(stop) }
    }

    /// Another process on the same database, behind a door of its own.
    async fn restarted(&mut self) {
        drop(self.stop.take());
        self.team.restarted().await;
        let (desk, stop) = open_door(self.by, &self.team, &self._slack).await;
        (self.desk, self.stop) = (desk, Some(stop));
    }

    /// The messages of the channel that are no replies.
    fn cards(&self) -> Vec<Message> {
        self.slack.messages(CHANNEL).into_iter().filter(|message| message.thread_ts.is_none()).collect()
    }

    fn card(&self) -> Message {
        let mut cards = self.cards();
        assert_eq!(cards.len(), 1, "one card tells people");
        cards.remove(0)
    }

    fn buttons(&self) -> Vec<String> {
        let blocks = self.card().blocks;
        let elements = blocks.iter().filter(|block| block["type"] == "actions").flat_map(|b| b["elements"].as_array());
        elements.flatten().map(|button| button["action_id"].as_str().unwrap().to_owned()).collect()
    }

    async fn presses(&self, user: &str, action: &str) {
        self.slack.press(user, &self.card().ts, action).await.unwrap();
        if action == "rekey.decline" {
            self.slack.submit(user, &[("because", "not now")]).await.unwrap();
        }
    }

    /// Deals with everything that was acknowledged.
    async fn deals(&self) {
        while self.desk.serve_some().await.unwrap() > 0 {}
    }

    async fn approves(&self) {
        self.presses(ALICE, "rekey.approve").await;
        self.deals().await;
    }

    fn told(&self, user: &str) -> String {
        self.slack.private(user).join("\n")
    }

    /// It is done, and Slack shows it once, without buttons.
    async fn done(&self) {
        self.team.done().await;
        assert!(self.card().text.contains("Done."), "{}", self.card().text);
        assert!(self.buttons().is_empty(), "{:?}", self.buttons());
        let replies: Vec<String> = self.slack.messages(CHANNEL).into_iter().skip(1).map(|reply| reply.text).collect();
        let mut once = replies.clone();
        once.dedup();
        assert_eq!(replies, once);
    }

    async fn surface_is_gone(&self) -> bool {
        self.team.rotation().await.surfaces[&SurfaceName::from("slack")].gone
    }
}

async fn open_door(by: By, team: &Team, slack: &sandbox::Slack) -> (Arc<Desk>, DropGuard) {
    let people = [(ALICE, "alice"), (BOB, "bob"), ("UCAROL", "carol")];
    let visitors = people.into_iter().fold(Visitors::default().at("slack", Settings::default().team), |all, one| {
        all.knowing("slack", one.0, PersonId::from(one.1))
    });
    let desk = Arc::new(Desk::new(team.engine.clone(), visitors));
    let hooks = format!("{}/hooks", slack.base_url());
    let web_api = format!("{}/api", slack.base_url());
    let door = Arc::new(Door {
        keys: vec![Key::from_text(&Secret::new(Settings::default().signing_secret)).unwrap()],
        team: Settings::default().team,
        app: Some("A0APP00001".into()),
        channel: super::chat::CHANNEL.into(),
        desk: desk.clone(),
        hooks: Hooks::new(api(&hooks, Credential::Nothing), &hooks),
        client: Arc::new(Client::new(api(&web_api, bearer(BOT)))),
        clock: team.engine.clock.clone(),
        patience: PATIENCE,
    });
    let stop = CancellationToken::new();
    if by == By::Socket {
        let client = Client::new(api(&web_api, bearer(&Settings::default().app_token)));
        let receiver = Arc::new(Envelopes(door));
        let mode = SocketMode::new(client, Sockets::new(None).unwrap(), receiver, rekey::http::Backoff::none());
        slack.state().connected(0).await;
        tokio::spawn(mode.run(stop.clone()));
        slack.state().connected(2).await;
    } else {
        let bot = serve(router(door)).await;
        slack.state().with(|world| world.settings.bot = bot);
    }
    (desk, stop.drop_guard())
}

async fn a_click_carries_a_rotation_through(by: By) {
    let office = Office::new(by).await;
    office.team.open().await;
    assert_eq!(office.buttons(), ["rekey.approve", "rekey.decline", "rekey.snooze", "rekey.details"]);
    office.approves().await;
    office.team.work().await;
    assert_eq!(office.buttons(), ["rekey.details"]);
    office.team.pass(3600).await;
    office.done().await;
    assert_eq!(office.told(ALICE), "");
}

async fn lost_answers_make_no_second_card_and_no_second_word(by: By) {
    for method in ["chat.postMessage", "chat.update", "chat.getPermalink"] {
        for fault in [Fault::CutAfter, Fault::ErrorAfter { status: 502 }, Fault::TruncatedJson] {
            let office = Office::new(by).await;
            let verb = if method == "chat.getPermalink" { "GET" } else { "POST" };
            for nth in [1, 3] {
                office.slack.fault(Rule::new(verb, &format!("/api/{method}"), fault.clone()).nth(nth));
            }
            office.team.open().await;
            office.team.pass(60).await;
            office.approves().await;
            office.team.pass(3600).await;
            office.done().await;
        }
    }
}

/// Minutes between two tries.
const SLOW: Backoff = Backoff { first: Duration::from_secs(60), most: Duration::from_secs(600) };

async fn a_card_that_people_remove_a_channel_that_closes_and_a_bot_that_is_sent_away_hold_nothing_up(by: By) {
    let ways: [fn(&mut World, &str); 3] = [
        |world, ts| world.remove(CHANNEL, ts),
        |world, _| world.channels.get_mut(CHANNEL).unwrap().archived = true,
        |world, _| world.channels.get_mut(CHANNEL).unwrap().members.retain(|member| member != "U0BOT00001"),
    ];
    for (nth, way) in ways.into_iter().enumerate() {
        let office = Office::on(by, Setup::new().settings(|settings| settings.backoff = SLOW)).await;
        office.team.open().await;
        let ts = office.card().ts;
        office.slack.with(|world| way(world, &ts));
        office.team.click("bob", Action::Approve).await.unwrap();
        office.team.pass(3600).await;
        office.team.done().await;
        assert_eq!(office.surface_is_gone().await, nth == 0, "only what was removed never comes back");
        assert!(office.cards().len() <= 1, "no second card");
    }
}

async fn a_slack_that_is_down_holds_nothing_up_and_is_told_afterwards(by: By) {
    let office = Office::on(by, Setup::new().settings(|settings| settings.backoff = SLOW)).await;
    office.slack.fault(Rule::new("POST", "/api/chat.*", Fault::ErrorBefore { status: 503 }).times(0));
    office.slack.fault(Rule::new("GET", "/api/conversations.*", Fault::CutBefore).times(0));
    office.team.open().await;
    office.team.click("alice", Action::Approve).await.unwrap();
    office.team.pass(3600).await;
    office.team.done().await;
    assert!(office.cards().is_empty());
    office.slack.clear_faults();
    office.team.pass(1800).await;
    office.done().await;
}

/// Slack limits each method for itself, so a card need not wait until replies may be looked for again.
async fn trouble_with_the_thread_leaves_the_card_true(by: By) {
    let hour = Duration::from_secs(3600);
    let setup = Setup::new().settings(|settings| {
        settings.backoff = Backoff { first: hour, most: hour };
        settings.reminders.steps = vec![Step { days_left: 5, to: Audience::Followers }];
    });
    let office = Office::on(by, setup).await;
    office.slack.fault(Rule::new("GET", "/api/conversations.replies", Fault::ErrorBefore { status: 503 }).times(0));
    office.slack.fault(Rule::new("POST", "/api/conversations.replies", Fault::ErrorBefore { status: 503 }).times(0));
    office.team.open().await;
    office.team.pass(5 * 86_400).await;
    let said = office.team.rotation().await.announcements.len();
    let shown = office.slack.messages(CHANNEL);
    assert!(said > 0 && shown.len() == 1, "reminders that cannot be said wait");
    office.approves().await;
    office.team.work().await;
    assert_eq!(office.buttons(), ["rekey.details"], "at once");
}

async fn a_decision_elsewhere_takes_the_buttons_away(by: By) {
    let office = Office::new(by).await;
    office.team.open().await;
    let late = office.slack.click(BOB, &office.card().ts, "rekey.approve").unwrap();
    office.team.click("alice", Action::Decline).await.unwrap();
    office.team.pass(60).await;
    assert!(office.buttons().is_empty(), "{:?}", office.buttons());
    office.slack.send_click(&late).await.unwrap();
    office.deals().await;
    assert!(office.told(BOB).starts_with("Already decided: alice declined"), "{}", office.told(BOB));
    office.team.ended(Outcome::Declined).await;
}

async fn of_two_people_at_once_one_decides_and_the_other_is_told_who(by: By) {
    let office = Office::new(by).await;
    office.team.open().await;
    tokio::join!(office.presses(ALICE, "rekey.approve"), office.presses(BOB, "rekey.decline"));
    office.deals().await;
    let told = format!("{}{}", office.told(ALICE), office.told(BOB));
    assert_eq!(told.matches("Already decided").count(), 1, "{told}");
    assert!(!matches!(office.team.rotation().await.phase, Phase::AwaitingApproval));
}

async fn a_click_that_was_acknowledged_outlives_the_process(by: By) {
    on_each(|url| async move {
        let mut office = Office::on(by, Setup::new().database(url)).await;
        office.team.open().await;
        let click = office.slack.click(ALICE, &office.card().ts, "rekey.approve").unwrap();
        office.slack.send_click(&click).await.unwrap();
        assert_eq!(office.team.phase().await, "awaiting_approval");
        office.restarted().await;
        office.slack.send_click(&click).await.unwrap();
        office.deals().await;
        office.team.pass(3600).await;
        office.done().await;
        let approved =
            office.team.rotation().await.evidence.iter().filter(|seen| seen.what.contains("approved")).count();
        assert_eq!(approved, 1);
        office.team.engine.ledger.close().await;
    })
    .await;
}

async fn words_for_a_click_whose_way_back_was_lost_come_by_other_means(by: By) {
    let mut office = Office::new(by).await;
    office.team.open().await;
    office.presses("UCAROL", "rekey.approve").await;
    office.restarted().await;
    office.deals().await;
    assert_eq!(office.told("UCAROL"), "Only its approvers may decide on this token; ask alice, bob.");
    office.presses("UCAROL", "rekey.snooze").await;
    office.slack.with(|world| world.channels.get_mut(CHANNEL).unwrap().members.retain(|member| member != "UCAROL"));
    office.restarted().await;
    office.deals().await;
    let direct = office.slack.messages("DCAROL");
    assert_eq!(direct[0].text, "Only its approvers may decide on this token; ask alice, bob.");
}

async fn a_card_that_is_thirty_days_old_still_works(by: By) {
    let mut setup = Setup::new();
    setup.tokens[0].name = "long".into();
    setup.tokens[0].rotate_before_days = 365;
    setup.tokens[0].approval_seconds = 60 * 86_400;
    let office = Office::on(by, setup).await;
    let mint = Mint::new(office.team.stage.account, "long", &["read_api"]).expires("2027-09-01".parse().unwrap());
    let value = "glpat-LongLongLongLongLong";
    office.team.stage.state.with(|world| world.mint(mint.value(value)));
    office.team.stage.store(value).await;
    office.team.open().await;
    office.team.stage.clock.advance(30 * 86_400);
    for n in 0..300 {
        office.slack.with(|world| world.say(CHANNEL, BOB, &format!("talk {n}"), None));
    }
    let card = office.cards().remove(0);
    office.slack.press(ALICE, &card.ts, "rekey.approve").await.unwrap();
    office.deals().await;
    office.team.pass(3600).await;
    office.team.ended(Outcome::Done).await;
    let card = office.cards().remove(0);
    assert!(card.text.contains("Done.") && card.edits > 0, "{}", card.text);
    assert_eq!(office.cards().len(), 301, "no second card");
}

async fn a_failed_verification_is_mended_from_the_card_and_its_log_is_in_the_thread(by: By) {
    let step = Step { days_left: 3, to: Audience::Approvers };
    let office = Office::on(by, Setup::new().settings(|settings| settings.reminders.steps = vec![step])).await;
    office.team.stage.state.with(|world| {
        let red =
            rekey::sandbox::gitlab::JobPlan::new("deploy", "deploy").calls_with("DEPLOY_TOKEN").needing(&["sudo"]);
        world.pipeline(office.team.stage.project, "main", vec![red]);
    });
    office.team.open().await;
    office.approves().await;
    office.team.pass(600).await;
    assert_eq!(office.buttons(), ["rekey.retry", "rekey.restore", "rekey.abandon", "rekey.details"]);
    let replies: Vec<Message> = office.slack.messages(CHANNEL).into_iter().filter(|m| m.thread_ts.is_some()).collect();
    let thread = serde_json::to_string(&replies).unwrap();
    assert!(thread.contains("<@UALICE>") && thread.contains("```"), "{thread}");
    office.team.pass(5 * 86_400).await;
    let replies: Vec<Message> = office.slack.messages(CHANNEL).into_iter().filter(|m| m.thread_ts.is_some()).collect();
    let has_log = |reply: &&Message| reply.blocks.iter().any(|block| block.to_string().contains("```"));
    assert!(replies.len() > 2, "people were reminded: {replies:?}");
    assert_eq!(replies.iter().filter(has_log).count(), 1, "the log stands there once: {replies:?}");
    office.presses(BOB, "rekey.restore").await;
    office.deals().await;
    office.team.pass(3600).await;
    office.team.ended(Outcome::Abandoned).await;
    assert!(office.buttons().is_empty());
    assert_eq!(office.team.held(), Some(office.team.stage.old));
}

by_both_ways! {
    a_click_carries_a_rotation_through,
    lost_answers_make_no_second_card_and_no_second_word,
    a_card_that_people_remove_a_channel_that_closes_and_a_bot_that_is_sent_away_hold_nothing_up,
    a_slack_that_is_down_holds_nothing_up_and_is_told_afterwards,
    trouble_with_the_thread_leaves_the_card_true,
    a_decision_elsewhere_takes_the_buttons_away,
    of_two_people_at_once_one_decides_and_the_other_is_told_who,
    a_click_that_was_acknowledged_outlives_the_process,
    words_for_a_click_whose_way_back_was_lost_come_by_other_means,
    a_card_that_is_thirty_days_old_still_works,
    a_failed_verification_is_mended_from_the_card_and_its_log_is_in_the_thread,
}
