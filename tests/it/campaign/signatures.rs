//! Requests that are not Slack's, or not any more: forged, stale, changed on the way, signed with another secret.

use super::request::{Request, Spoil, WRONGS};
use super::town::Town;
use crate::slack::messenger::api;
use axum::http::HeaderMap;
use hmac::{Hmac, KeyInit as _, Mac as _};
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom as _, IteratorRandom as _};
use rand::{Rng as _, SeedableRng as _};
use rekey::chat::slack::client::{Client, Hooks};
use rekey::clock::Clock as _;
use rekey::http::{Api, Credential, Throttle};
use rekey::notice::signature::Key;
use rekey::rotation::view::Action;
use rekey::secret::Secret;
use rekey::server::slack::{Door, PATIENCE, interaction, slash_command};
use serde_json::json;
use sha2::Sha256;
use std::sync::Arc;

/// Requests that must not count.
const REQUESTS: u64 = 75_000;
const ONE_IN: u32 = 500;
const KEY: &str = "5a6e0d9b7c8f4a1e2d3c4b5a69788796";

/// What else can be wrong at this door.
const OWN: &[(&str, Spoil)] = &[
    ("signed with another secret", |request, dice| {
        let secret = format!("{:032x}", dice.random::<u128>());
        request.signature = Some(sign(&secret, request.time.as_deref().unwrap(), &request.body));
    }),
    ("signed with nothing", |request, _| {
        request.signature = Some(sign("", request.time.as_deref().unwrap(), &request.body));
    }),
    ("with a signature of another version", |request, _| {
        request.signature = request.signature.take().map(|signature| signature.replacen("v0=", "v1=", 1));
    }),
    ("with something added", |request, _| request.body.extend_from_slice(b"&payload={}")),
    ("with a time that is none", |request, dice| {
        request.time =
            ["", "now", "-1", "1e9", "99999999999999999999"].iter().choose(dice).map(|time| (*time).to_owned());
    }),
];

fn sign(secret: &str, time: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    for part in [b"v0:", time.as_bytes(), b":", body] {
        mac.update(part);
    }
    format!("v0={}", hex::encode(mac.finalize().into_bytes()))
}

fn door(town: &Arc<Town>) -> Arc<Door> {
    let nowhere = "http://127.0.0.1:1";
    let http = rekey::http::client(None).unwrap();
    let hooks = Api::new(http, nowhere, Credential::Nothing, Arc::new(Throttle::new(4, None))).unwrap();
    Arc::new(Door {
        keys: vec![Key::from_text(&Secret::new(KEY.into())).unwrap()],
        team: super::town::TEAM.into(),
        app: None,
        channel: "C0OPS00001".into(),
        desk: town.desk(),
        hooks: Hooks::new(hooks, nowhere),
        client: Arc::new(Client::new(api(nowhere, "xoxb"))),
        clock: Arc::new(town.clock.clone()),
        patience: PATIENCE,
    })
}

/// What needs no code and no form, so that only the signature stands in its way.
const PLAIN: [Action; 1] = [Action::Snooze];

/// A press of Alice's as Slack would send it.
fn request(town: &Town, number: u64, action: Action) -> Request {
    let payload = json!({
        "type": "block_actions",
        "user": {"id": "UALICE", "team_id": super::town::TEAM},
        "trigger_id": format!("trigger-{number}"),
        "actions": [{"action_id": format!("rekey.{}", action.word()), "value": town.button(action)}],
    });
    let body = form_urlencoded::Serializer::new(String::new()).append_pair("payload", &payload.to_string()).finish();
    Request::new(body, town.clock.now().as_second(), |time, body| sign(KEY, time, body))
}

fn headers(request: &Request) -> HeaderMap {
    request.headers("x-slack-request-timestamp", "x-slack-signature")
}

#[tokio::test]
async fn of_tens_of_thousands_of_requests_that_are_not_slacks_none_gets_past_the_door() {
    let (town, mut dice) = (Town::new(), StdRng::seed_from_u64(20_261_122));
    let door = door(&town);
    let (mut right, waiting) = (0, town.row().phase);
    for number in 0..REQUESTS {
        if number == 0 || dice.random_ratio(1, ONE_IN) {
            let before = town.version();
            let genuine = request(&town, number, *PLAIN.choose(&mut dice).unwrap());
            let answer = interaction(&door, &headers(&genuine), &genuine.body).await;
            assert_eq!(answer.status, 200);
            door.desk.serve_some().await.unwrap();
            assert_eq!(town.version(), before + 1, "a genuine request changed nothing");
            town.renew();
            let answer = interaction(&door, &headers(&genuine), &genuine.body).await;
            assert_eq!(answer.status, 200, "a repeated delivery is acknowledged");
            assert_eq!(door.desk.serve_some().await.unwrap(), 0, "and has no effect");
            right += 1;
        }
        let (name, spoil) = *WRONGS.iter().chain(OWN).choose(&mut dice).unwrap();
        let mut request = request(&town, REQUESTS + number, *Action::ALL.choose(&mut dice).unwrap());
        spoil(&mut request, &mut dice);
        let headers = headers(&request);
        let answer = match dice.random_ratio(1, 8) {
            true => slash_command(&door, &headers, &request.body).await,
            false => interaction(&door, &headers, &request.body).await,
        };
        assert_eq!((answer.status, answer.body), (401, None), "a request {name} got past the door");
    }
    assert_eq!(door.desk.serve_some().await.unwrap(), 0, "nothing is left in the inbox");
    assert_eq!(town.row().phase, waiting, "and nothing was decided");
    assert!(right > 50, "{right} genuine ones");
}
