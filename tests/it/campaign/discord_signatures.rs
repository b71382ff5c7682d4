//! Requests that are not Discord's, or not any more: forged, stale, changed on the way, signed with another key.

use super::town::{GUILD, Town};
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
use std::collections::BTreeMap;
use std::sync::Arc;

/// Requests that must not count; each costs a verification, which is slow in a build for tests.
const REQUESTS: u64 = 1_500;
const ONE_IN: u32 = 20;
const OURS: [u8; 32] = [7; 32];
const OTHER: [u8; 32] = [8; 32];

/// A request before it is sent.
struct Request {
    body: Vec<u8>,
    time: Option<String>,
    signature: Option<String>,
}

/// What is wrong with it, on the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Unsigned,
    Forged,
    Changed,
    Stale,
}

type Spoil = fn(&mut Request, &mut StdRng);

/// One thing wrong.
const WRONGS: &[(Kind, &str, Spoil)] = &[
    (Kind::Unsigned, "with no signature", |request, _| request.signature = None),
    (Kind::Unsigned, "with no time", |request, _| request.time = None),
    (Kind::Unsigned, "with a time that is none", |request, dice| {
        request.time = Some(["", "now", "-1", "1e9", "99999999999999999999"].choose(dice).unwrap().to_string());
    }),
    (Kind::Forged, "signed with another key", |request, _| {
        request.signature = Some(sign(&OTHER, request.time.as_deref().unwrap(), &request.body));
    }),
    (Kind::Forged, "with a signature of noughts", |request, _| request.signature = Some("00".repeat(64))),
    (Kind::Forged, "with one digit of the signature changed", |request, dice| {
        let mut signature = request.signature.take().unwrap().into_bytes();
        let at = dice.random_range(0..signature.len());
        signature[at] = if signature[at] == b'0' { b'1' } else { b'0' };
        request.signature = Some(String::from_utf8(signature).unwrap());
    }),
    (Kind::Forged, "with a signature cut short", |request, dice| {
        let signature = request.signature.take().unwrap();
        request.signature = Some(signature[..dice.random_range(0..signature.len())].to_owned());
    }),
    (Kind::Changed, "with one byte changed on the way", |request, dice| {
        let at = dice.random_range(0..request.body.len());
        request.body[at] ^= 1 << dice.random_range(0..7);
    }),
    (Kind::Changed, "with something added", |request, _| request.body.push(b' ')),
    (Kind::Changed, "with the end cut off", |request, dice| {
        request.body.truncate(dice.random_range(0..request.body.len()));
    }),
    (Kind::Changed, "with another time than was signed", |request, dice| {
        let time: i64 = request.time.as_deref().unwrap().parse().unwrap();
        request.time = Some((time - dice.random_range(1..300)).to_string());
    }),
    (Kind::Stale, "signed long ago", |request, dice| stale(request, -dice.random_range(301..10_000_000))),
    (Kind::Stale, "signed in the future", |request, dice| stale(request, dice.random_range(301..10_000_000))),
];

fn stale(request: &mut Request, seconds: i64) {
    let time: i64 = request.time.as_deref().unwrap().parse().unwrap();
    let time = (time + seconds).to_string();
    request.signature = Some(sign(&OURS, &time, &request.body));
    request.time = Some(time);
}

fn sign(seed: &[u8; 32], time: &str, body: &[u8]) -> String {
    let pair = Ed25519KeyPair::from_seed_unchecked(seed).unwrap();
    hex::encode(pair.sign(&[time.as_bytes(), body].concat()).as_ref())
}

fn door(town: &Arc<Town>) -> Arc<Door> {
    let public = hex::encode(Ed25519KeyPair::from_seed_unchecked(&OURS).unwrap().public_key().as_ref());
    Arc::new(Door {
        keys: vec![Key::from_hex(&public).unwrap()],
        guild: GUILD.into(),
        desk: town.desk(),
        hooks: crate::discord::house::hooks("http://127.0.0.1:1"),
        clock: Arc::new(town.clock.clone()),
        patience: PATIENCE,
    })
}

/// A press of Alice's as Discord would send it.
fn request(town: &Town, number: u64, action: Action) -> Request {
    let row = town.row();
    let (rotation, plan) = (row.id.0, Some(row.plan.hash().0));
    let wish = Wish::Decide(Decision { action, rotation, plan, snooze_seconds: None, stop: None });
    let body = json!({
        "id": (1_000_000 + number).to_string(),
        "type": 3,
        "token": "token",
        "guild_id": GUILD,
        "channel_id": "500",
        "context": 0,
        "authorizing_integration_owners": {"0": GUILD},
        "member": {"user": {"id": "1"}, "roles": []},
        "message": {"id": "600", "flags": 0},
        "data": {"component_type": 2, "custom_id": wish.to_id()},
    })
    .to_string();
    let time = town.clock.now().as_second().to_string();
    let signature = Some(sign(&OURS, &time, body.as_bytes()));
    Request { body: body.into_bytes(), time: Some(time), signature }
}

async fn deliver(door: &Arc<Door>, request: &Request) -> Result<serde_json::Value, StatusCode> {
    let named = [("x-signature-timestamp", &request.time), ("x-signature-ed25519", &request.signature)];
    let given =
        named.into_iter().filter_map(|(name, value)| Some((name.parse().unwrap(), value.as_ref()?.parse().unwrap())));
    receive(door, &given.collect::<HeaderMap>(), &request.body).await
}

/// A genuine press that needs no code counts once, however often it is delivered.
async fn must_count(town: &Arc<Town>, door: &Arc<Door>, number: u64, action: Action) {
    let (genuine, before) = (request(town, number, action), town.version());
    assert_eq!(deliver(door, &genuine).await, Ok(json!({"type": 6})));
    door.desk.serve_some().await.unwrap();
    assert_eq!(town.version(), before + 1, "a genuine {} changed nothing", action.word());
    town.renew();
    let renewed = town.version();
    assert_eq!(deliver(door, &genuine).await, Ok(json!({"type": 6})), "a repeated delivery is acknowledged");
    assert_eq!((door.desk.serve_some().await.unwrap(), town.version()), (0, renewed), "a replay had an effect");
}

#[tokio::test]
async fn of_many_requests_that_are_not_discords_none_gets_past_the_door() {
    let (town, mut dice) = (Town::new(), StdRng::seed_from_u64(20_261_122));
    let (door, waiting) = (door(&town), town.row().phase);
    let (mut right, mut refused): (u64, BTreeMap<Kind, u64>) = (0, BTreeMap::new());
    for number in 0..REQUESTS {
        if number == 0 || dice.random_ratio(1, ONE_IN) {
            let action = *[Action::Decline, Action::Snooze].choose(&mut dice).unwrap();
            must_count(&town, &door, number, action).await;
            right += 1;
        }
        let (kind, name, spoil) = *WRONGS.choose(&mut dice).unwrap();
        let mut request = request(&town, REQUESTS + number, *Action::ALL.choose(&mut dice).unwrap());
        spoil(&mut request, &mut dice);
        assert_eq!(deliver(&door, &request).await, Err(StatusCode::UNAUTHORIZED), "a request {name} got past the door");
        *refused.entry(kind).or_default() += 1;
    }
    assert_eq!(door.desk.serve_some().await.unwrap(), 0, "nothing is left in the inbox");
    assert_eq!(town.row().phase, waiting, "and nothing was decided");
    assert!(right > 50, "{right} genuine ones");
    assert!(refused.len() == 4 && refused.values().all(|times| *times > REQUESTS / 10), "{refused:?}");
}
