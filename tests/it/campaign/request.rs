//! A signed request before it is sent, and what can be wrong with any such request.

use axum::http::HeaderMap;
use rand::Rng as _;
use rand::rngs::StdRng;

type Sign = fn(&str, &[u8]) -> String;

pub struct Request {
    pub body: Vec<u8>,
    pub time: Option<String>,
    pub signature: Option<String>,
    sign: Sign,
}

pub type Spoil = fn(&mut Request, &mut StdRng);

/// One thing wrong.
pub const WRONGS: &[(&str, Spoil)] = &[
    ("with no signature", |request, _| request.signature = None),
    ("with no time", |request, _| request.time = None),
    ("with one digit of the signature changed", |request, dice| {
        let mut signature = request.signature.take().unwrap();
        let first = signature.find('=').map_or(0, |version| version + 1);
        let at = dice.random_range(first..signature.len());
        let other = if &signature[at..=at] == "0" { "1" } else { "0" };
        signature.replace_range(at..=at, other);
        request.signature = Some(signature);
    }),
    ("with a signature cut short", |request, dice| {
        let signature = request.signature.take().unwrap();
        request.signature = Some(signature[..dice.random_range(0..signature.len())].to_owned());
    }),
    ("with one byte changed on the way", |request, dice| {
        let at = dice.random_range(0..request.body.len());
        request.body[at] ^= 1 << dice.random_range(0..7);
    }),
    ("with the end cut off", |request, dice| request.body.truncate(dice.random_range(0..request.body.len()))),
    ("with another time than was signed", |request, dice| {
        request.time = Some((request.second() - dice.random_range(1..300)).to_string());
    }),
    ("signed long ago", |request, dice| request.sign_at(-dice.random_range(301..10_000_000))),
    ("signed in the future", |request, dice| request.sign_at(dice.random_range(301..10_000_000))),
];

impl Request {
    /// Signed as it should be.
    pub fn new(body: String, second: i64, sign: Sign) -> Self {
        let mut request = Self { body: body.into_bytes(), time: Some(second.to_string()), signature: None, sign };
        request.sign_at(0);
        request
    }

    fn second(&self) -> i64 {
        self.time.as_deref().unwrap().parse().unwrap()
    }

    /// Signed so many seconds from now.
    fn sign_at(&mut self, seconds: i64) {
        let time = (self.second() + seconds).to_string();
        self.signature = Some((self.sign)(&time, &self.body));
        self.time = Some(time);
    }

    /// With the names of its headers.
    pub fn headers(&self, time: &str, signature: &str) -> HeaderMap {
        let named = [(time, &self.time), (signature, &self.signature)];
        let given = named
            .into_iter()
            .filter_map(|(name, value)| Some((name.parse().unwrap(), value.as_ref()?.parse().unwrap())));
        given.collect()
    }
}
