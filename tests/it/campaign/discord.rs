//! Interactions that are not Discord's, or not any more: forged, stale, changed on the way, signed with another key.

use super::request::{Request, Spoil, WRONGS};
use super::town::{GUILD, Town};
use crate::discord::house::hooks;
use axum::http::{HeaderMap, StatusCode};
use rand::rngs::StdRng;
use rand::seq::IteratorRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rekey::clock::Clock as _;
use rekey::rotation::view::Action;
use rekey::server::discord::{Door, Key, PATIENCE, receive};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::json;
use std::sync::Arc;

/// Interactions that must not count. Checking one costs fifty times what it does at Slack's door.
const INTERACTIONS: u64 = 3_000;
const ONE_IN: u32 = 100;

/// What else can be wrong at this door.
const OWN: &[(&str, Spoil)] = &[
    ("signed with another key", |request, dice| {
        let time = request.time.clone().unwrap();
        request.signature = Some(signed(&pair(dice.random()), &time, &request.body));
    }),
    ("signed with nothing", |request, _| request.signature = Some("00".repeat(64))),
    ("with something added", |request, _| request.body.push(b' ')),
    ("with a digit of the body in the time", |request, _| {
        // Time and body are signed without anything between them.
        let moved = request.body.remove(0);
        request.time.as_mut().unwrap().push(char::from(moved));
    }),
];

fn pair(seed: [u8; 32]) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&seed).unwrap()
}

fn ours() -> Ed25519KeyPair {
    pair([7; 32])
}

fn signed(key: &Ed25519KeyPair, time: &str, body: &[u8]) -> String {
    hex::encode(key.sign(&[time.as_bytes(), body].concat()).as_ref())
}

fn headers(request: &Request) -> HeaderMap {
    request.headers("x-signature-timestamp", "x-signature-ed25519")
}

const APPLICATION: &str = "80086";
const CHANNEL: &str = "80087";

/// A snooze of Alice's as Discord would send it: it needs no code and no form, so that only the signature stands in its
/// way.
fn request(town: &Town, number: u64) -> Request {
    let millis = u64::try_from(town.clock.now().as_millisecond()).unwrap();
    let body = json!({
        "id": (((millis - 1_420_070_400_000) << 22) + number).to_string(),
        "type": 3,
        "token": "token",
        "application_id": APPLICATION,
        "channel_id": CHANNEL,
        "context": 0,
        "guild_id": GUILD,
        "authorizing_integration_owners": {"0": GUILD},
        "member": {"user": {"id": "1"}, "roles": []},
        "data": {"custom_id": town.button(Action::Snooze)},
    });
    Request::new(body.to_string(), town.clock.now().as_second(), |time, body| signed(&ours(), time, body))
}

fn door(town: &Arc<Town>) -> Arc<Door> {
    Arc::new(Door {
        keys: vec![Key::from_hex(&hex::encode(ours().public_key().as_ref())).unwrap()],
        guild: GUILD.into(),
        application: APPLICATION.into(),
        channel: CHANNEL.into(),
        desk: town.desk(),
        hooks: hooks("http://127.0.0.1:1"),
        clock: Arc::new(town.clock.clone()),
        patience: PATIENCE,
    })
}

#[tokio::test]
async fn of_thousands_of_interactions_that_are_not_discords_none_gets_past_the_door() {
    let (town, mut dice) = (Town::new(), StdRng::seed_from_u64(20_261_122));
    let door = door(&town);
    let (mut right, waiting) = (0, town.row().phase);
    for number in 0..INTERACTIONS {
        if number == 0 || dice.random_ratio(1, ONE_IN) {
            let (genuine, before) = (request(&town, number), town.version());
            receive(&door, &headers(&genuine), &genuine.body).await.unwrap();
            door.desk.serve_some().await.unwrap();
            assert_eq!(town.version(), before + 1, "a genuine interaction changed nothing");
            town.renew();
            receive(&door, &headers(&genuine), &genuine.body).await.unwrap();
            right += 1;
        }
        let (name, spoil) = *WRONGS.iter().chain(OWN).choose(&mut dice).unwrap();
        let mut request = request(&town, INTERACTIONS + number);
        spoil(&mut request, &mut dice);
        let answer = receive(&door, &headers(&request), &request.body).await;
        assert_eq!(answer, Err(StatusCode::UNAUTHORIZED), "an interaction {name} got past the door");
    }
    assert_eq!(door.desk.serve_some().await.unwrap(), 0, "nothing is left in the inbox");
    assert_eq!(town.row().phase, waiting, "and nothing was decided");
    assert!(right > 10, "{right} genuine ones");
}
