//! A token that asks for a one-time code is approved with one in a form, and nothing that was typed stays anywhere.

use super::bench::Place;
use super::scene::Scene;
use super::slack::user;
use crate::flow::chat::CHANNEL;
use regex::Regex;
use rekey::rotation::phase::Phase;
use rekey::rotation::view::Action;

macro_rules! in_every_messenger {
    ($($name:ident: $place:ident),+ $(,)?) => {
        $(#[tokio::test] async fn $name() { a_code_is_set_up_asked_for_and_counts(Place::$place).await; })+
    };
}

in_every_messenger! {
    in_slack_a_code_is_set_up_asked_for_and_counts: Slack,
    over_slacks_socket_a_code_is_set_up_asked_for_and_counts: SlackSocket,
    in_discord_a_code_is_set_up_asked_for_and_counts: Discord,
    over_discords_gateway_a_code_is_set_up_asked_for_and_counts: DiscordGateway,
}

/// An authenticator app with the secret that these words tell, and the secret.
fn scan(words: &str) -> (totp_rs::Totp, String) {
    let address = Regex::new(r"otpauth://[^`\s]+").unwrap();
    let found = address.find(words).map(|found| found.as_str().replace("&amp;", "&"));
    let address = found.unwrap_or_else(|| unreachable!("no secret in {words}"));
    let secret = Regex::new("secret=([A-Z2-7]+)").unwrap().captures(&address).unwrap()[1].to_owned();
    (totp_rs::Totp::from_url(address).unwrap(), secret)
}

fn code(phone: &totp_rs::Totp, scene: &Scene) -> String {
    phone.generate(u64::try_from(scene.team.now().as_second()).unwrap()).to_string()
}

async fn a_code_is_set_up_asked_for_and_counts(place: Place) {
    let scene = Scene::with(place, |setup| setup.token(|token| token.step_up = true), |_, _| {}).await;
    scene.team.open().await;
    let forms = scene.bench.forms().unwrap();

    forms.types("alice", "enroll").await;
    let (phone, secret) = scan(&scene.told("alice").pop().unwrap());
    forms.presses_told("alice").await;
    let first = code(&phone, &scene);
    let said = forms.code("alice", &first).await;
    assert!(said.contains("One-time codes are set up."), "{said}");

    scene.team.stage.clock.advance(30);
    let click = scene.offer("alice", Action::Approve);
    scene.send(&click).await;
    scene.settle().await;
    assert_eq!(scene.team.rotation().await.phase, Phase::AwaitingApproval, "a press without a code decides nothing");
    let said = forms.code("alice", &first).await;
    assert!(said.contains("That code was used already"), "{said}");
    forms.again("alice").await;
    let said = forms.code("alice", "000000").await;
    assert!(said.contains("That code is not right; "), "{said}");
    forms.again("alice").await;
    let right = code(&phone, &scene);
    let said = forms.code("alice", &right).await;
    assert!(
        said.is_empty() || said.contains("Rotating. Making the new token."),
        "the card tells, if nothing else: {said}"
    );
    scene.team.pass(3600).await;
    scene.team.done().await;
    assert!(scene.team.issue().contains("alice approved (1 of 1) with a one-time code"), "{}", scene.team.issue());

    let journal = scene.team.engine.ledger.journal(&scene.team.rotation().await.id).await.unwrap();
    let seen = format!("{journal:?} {} {:?} {}", scene.card(), scene.bench.replies(&scene.team), scene.team.issue());
    for typed in [first, right, secret] {
        assert!(!seen.contains(&typed), "{typed} in {seen}");
    }
}

#[tokio::test]
async fn in_slack_a_secret_whose_way_back_is_closed_is_not_said_where_it_would_stay() {
    let scene = Scene::with(Place::Slack, |setup| setup.token(|token| token.step_up = true), |_, _| {}).await;
    scene.team.open().await;
    let click = scene.offer("alice", Action::Approve);
    scene.send(&click).await;
    scene.settle().await;
    let slack = scene.slack.as_ref().unwrap();
    let offer = slack.with(|world| world.ephemerals.last().cloned().unwrap());
    assert!(offer.text.contains("Set them up, then decide."), "{}", offer.text);
    slack.press(&user("alice"), &offer.ts, "rekey.offer").await.unwrap();
    slack.with(rekey::sandbox::slack::World::close_ways_back);
    scene.settle().await;
    let told = scene.told("alice").pop().unwrap();
    assert_eq!(told, "Your one-time codes could not be shown here. Type `/rekey enroll` for new ones.");
    assert!(!format!("{:?}", slack.messages(CHANNEL)).contains("otpauth"));
}
