//! Interactions that are not Discord's, or not any more: forged, stale, changed on the way, signed with another key.

use super::town::{GUILD, Town};
use crate::discord::house::hooks;
use axum::http::{HeaderMap, StatusCode};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rekey::clock::Clock as _;
use rekey::rotation::view::Action;
use rekey::rotation::wish::{Decision, Wish};
use rekey::server::discord::{Door, Key, PATIENCE, receive};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::json;
use std::sync::Arc;

/// Interactions that must not count. Checking one costs fifty times what it does at Slack's door.
const INTERACTIONS: u64 = 3_000;
const ONE_IN: u32 = 100;

/// An interaction before it is sent.
struct Request {
    body: Vec<u8>,
    time: Option<String>,
    signature: Option<String>,
}

type Spoil = fn(&mut Request, &mut StdRng);

/// One thing wrong.
const WRONGS: &[(&str, Spoil)] = &[
    ("with no signature", |request, _| request.signature = None),
    ("with no time", |request, _| request.time = None),
    ("signed with another key", |request, dice| request.sign(&pair(dice.random()))),
    ("signed with nothing", |request, _| request.signature = Some("00".repeat(64))),
    ("with one digit of the signature changed", |request, dice| {
        let mut signature = request.signature.take().unwrap().into_bytes();
        let at = dice.random_range(0..signature.len());
        signature[at] = if signature[at] == b'0' { b'1' } else { b'0' };
        request.signature = Some(String::from_utf8(signature).unwrap());
    }),
    ("with a signature cut short", |request, dice| {
        let signature = request.signature.take().unwrap();
        request.signature = Some(signature[..dice.random_range(0..signature.len())].to_owned());
    }),
    ("with one byte changed on the way", |request, dice| {
        let at = dice.random_range(0..request.body.len());
        request.body[at] ^= 1 << dice.random_range(0..7);
    }),
    ("with something added", |request, _| request.body.push(b' ')),
    ("with the end cut off", |request, dice| request.body.truncate(dice.random_range(0..request.body.len()))),
    ("with another time than was signed", |request, dice| {
        let time: i64 = request.time.as_deref().unwrap().parse().unwrap();
        request.time = Some((time - dice.random_range(1..300)).to_string());
    }),
    ("with a digit of the body in the time", |request, _| {
        // Time and body are signed without anything between them.
        let moved = request.body.remove(0);
        request.time.as_mut().unwrap().push(char::from(moved));
    }),
    ("signed long ago", |request, dice| request.at(-dice.random_range(301..10_000_000))),
    ("signed in the future", |request, dice| request.at(dice.random_range(301..10_000_000))),
];

fn pair(seed: [u8; 32]) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&seed).unwrap()
}

fn ours() -> Ed25519KeyPair {
    pair([7; 32])
}

impl Request {
    fn sign(&mut self, key: &Ed25519KeyPair) {
        let signed = [self.time.as_deref().unwrap().as_bytes(), &self.body].concat();
        self.signature = Some(hex::encode(key.sign(&signed).as_ref()));
    }

    /// Signed so many seconds from now.
    fn at(&mut self, seconds: i64) {
        let time: i64 = self.time.as_deref().unwrap().parse().unwrap();
        self.time = Some((time + seconds).to_string());
        self.sign(&ours());
    }

    fn headers(&self) -> HeaderMap {
        let named = [("x-signature-timestamp", &self.time), ("x-signature-ed25519", &self.signature)];
        let given = named
            .into_iter()
            .filter_map(|(name, value)| Some((name.parse().unwrap(), value.as_ref()?.parse().unwrap())));
        given.collect()
    }
}

/// A no of Alice's as Discord would send it: it needs no code, so that only the signature stands in its way.
fn request(town: &Town, number: u64) -> Request {
    let row = town.row();
    let decision = Decision {
        action: Action::Decline,
        rotation: row.id.0,
        plan: Some(row.plan.hash().0),
        snooze_seconds: None,
        stop: None,
    };
    let millis = u64::try_from(town.clock.now().as_millisecond()).unwrap();
    let body = json!({
        "id": (((millis - 1_420_070_400_000) << 22) + number).to_string(),
        "type": 3,
        "token": "token",
        "context": 0,
        "guild_id": GUILD,
        "authorizing_integration_owners": {"0": GUILD},
        "member": {"user": {"id": "1"}, "roles": []},
        "data": {"custom_id": Wish::Decide(decision).to_id()},
    });
    let time = Some(town.clock.now().as_second().to_string());
    let mut request = Request { body: body.to_string().into_bytes(), time, signature: None };
    request.sign(&ours());
    request
}

fn door(town: &Arc<Town>) -> Arc<Door> {
    Arc::new(Door {
        keys: vec![Key::from_hex(&hex::encode(ours().public_key().as_ref())).unwrap()],
        guild: GUILD.into(),
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
            let genuine = request(&town, number);
            receive(&door, &genuine.headers(), &genuine.body).await.unwrap();
            door.desk.serve_some().await.unwrap();
            assert_ne!(town.row().phase, waiting, "a genuine interaction changed nothing");
            town.renew();
            receive(&door, &genuine.headers(), &genuine.body).await.unwrap();
            right += 1;
        }
        let (name, spoil) = *WRONGS.choose(&mut dice).unwrap();
        let mut request = request(&town, INTERACTIONS + number);
        spoil(&mut request, &mut dice);
        let answer = receive(&door, &request.headers(), &request.body).await;
        assert_eq!(answer, Err(StatusCode::UNAUTHORIZED), "an interaction {name} got past the door");
    }
    assert_eq!(door.desk.serve_some().await.unwrap(), 0, "nothing is left in the inbox");
    assert_eq!(town.row().phase, waiting, "and nothing was decided");
    assert!(right > 10, "{right} genuine ones");
}
