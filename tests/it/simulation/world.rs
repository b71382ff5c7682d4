//! The outside: GitLab's tokens and jobs, the stores, requests still on their way, and the bot's one row. Cloned at
//! every choice, so that all continuations can be tried.

use super::call::{Answer, Call, Job};
use super::invariant;
use super::mistake::Mistake;
use super::setting::{HORIZON, OLD, Setting, at};
use super::worker::Worker;
use jiff::Timestamp;
use rekey::rotation::record::Rotation;
use std::rc::Rc;

/// A token as GitLab knows it. Its number is its index plus one; its value is its number.
#[derive(Clone, Debug)]
pub struct Token {
    /// 0 for the old one.
    pub attempt: u32,
    pub alive: bool,
    pub last_used: Option<i64>,
}

/// A pipeline whose job has looked at the store.
#[derive(Clone, Debug)]
pub struct Ran {
    pub consumer: usize,
    pub value: u64,
    pub outcome: Job,
    pub passed: bool,
}

/// A request whose answer was lost and whose effect may still come.
#[derive(Clone, Debug)]
pub struct Flying {
    pub call: Call,
    pub dies: i64,
}

/// Who works in a lane, and until when. The epoch grows with every claim.
#[derive(Clone, Debug, Default)]
pub struct Lease {
    pub owner: usize,
    pub epoch: u64,
    pub until: i64,
    /// No claim before this: backoff after a fruitless try.
    pub rest: i64,
}

/// A person's click as it really happened, for checking what the machine makes of it.
#[derive(Clone, Debug)]
pub struct Click {
    pub person: &'static str,
    pub current_plan: bool,
    pub at: i64,
}

#[derive(Clone)]
pub struct World {
    pub setting: Rc<Setting>,
    /// Time that really passed.
    pub clock: i64,
    /// How far the bot's clock is off.
    pub skew: i64,
    pub tokens: Vec<Token>,
    pub stores: Vec<u64>,
    pub ran: Vec<Ran>,
    pub flying: Vec<Flying>,
    pub row: Rotation,
    /// Work, and the surface.
    pub leases: [Lease; 2],
    pub workers: [Worker; 2],
    /// How many of the setting's wishes people have made.
    pub wished: usize,
    pub quorum: u32,
    pub clicks: Vec<Click>,
    /// A person was told that their yes counts.
    pub acknowledged: bool,
    /// Creates and rotates that may have been sent, for each attempt.
    pub sent: Vec<u32>,
    /// When all consumers had passed with the new token.
    pub proven_at: Option<i64>,
    /// The revision that the card really shows.
    pub card: u64,
    pub wrong: Option<String>,
}

impl World {
    pub fn new(setting: &Rc<Setting>) -> Self {
        Self {
            setting: Rc::clone(setting),
            clock: 0,
            skew: 0,
            tokens: vec![Token { attempt: 0, alive: true, last_used: None }],
            stores: vec![OLD; setting.stores.len()],
            // The first consumer ran before, with the old token.
            ran: vec![Ran { consumer: 0, value: OLD, outcome: Job::Runs, passed: true }],
            flying: Vec::new(),
            row: setting.row(),
            leases: Default::default(),
            workers: Default::default(),
            wished: 0,
            quorum: setting.quorum,
            clicks: Vec::new(),
            acknowledged: false,
            sent: Vec::new(),
            proven_at: None,
            card: 0,
            wrong: None,
        }
    }

    pub fn has(&self, mistake: Mistake) -> bool {
        self.setting.mistakes.has(mistake)
    }

    /// What the bot's clock shows.
    pub fn now(&self) -> Timestamp {
        at(self.clock + self.skew)
    }

    pub fn token(&self, id: u64) -> Option<&Token> {
        self.tokens.get((id as usize).wrapping_sub(1))
    }

    pub fn alive(&self, id: u64) -> bool {
        self.token(id).is_some_and(|token| token.alive)
    }

    /// Tokens that we made and that live.
    pub fn ours(&self) -> Vec<u64> {
        (2..=self.tokens.len() as u64).filter(|id| self.alive(*id)).collect()
    }

    pub fn blame(&mut self, wrong: impl Into<String>) {
        self.wrong.get_or_insert_with(|| wrong.into());
    }

    /// The request takes effect now.
    pub fn land(&mut self, call: &Call) -> Answer {
        let answer = self.effect(call);
        invariant::stores_live(self);
        answer
    }

    fn effect(&mut self, call: &Call) -> Answer {
        match *call {
            Call::List { attempt } => Answer::Tokens(self.list(attempt)),
            Call::Create { attempt } => Answer::Token(self.make(attempt)),
            Call::Rotate { token, attempt } | Call::SelfRotate { value: token, attempt } => self.rotate(token, attempt),
            Call::ReadStore { store } => Answer::Value(self.stores[store]),
            Call::Write { store, value } => {
                self.stores[store] = value;
                Answer::Done
            }
            Call::FindRun { consumer, after } => Answer::Run(self.find_run(consumer, after)),
            Call::StartRun { consumer, outcome } => Answer::Run(Some(self.run(consumer, outcome))),
            Call::ReadRun { run } => {
                let ran = &self.ran[run];
                let skipped = ran.outcome == Job::Skipped && self.has(Mistake::SkippedPasses);
                Answer::Passed(ran.passed || skipped)
            }
            Call::ReadToken { token } => {
                let token = self.token(token);
                Answer::Seen {
                    alive: token.is_some_and(|token| token.alive),
                    last_used: token.and_then(|token| token.last_used),
                }
            }
            Call::Delete { token } => {
                self.delete(token);
                Answer::Done
            }
            Call::Publish { revision, .. } => {
                self.card = revision;
                Answer::Done
            }
        }
    }

    fn list(&self, attempt: Option<u32>) -> Vec<u64> {
        let mut found = self.ours();
        found.retain(|id| attempt.is_none_or(|wanted| self.tokens[*id as usize - 1].attempt == wanted));
        found
    }

    fn make(&mut self, attempt: u32) -> u64 {
        self.tokens.push(Token { attempt, alive: true, last_used: None });
        self.tokens.len() as u64
    }

    /// A rotate of a dead token is taken for reuse: the family dies.
    fn rotate(&mut self, token: u64, attempt: u32) -> Answer {
        if self.alive(token) {
            self.tokens[token as usize - 1].alive = false;
            return Answer::Token(self.make(attempt));
        }
        self.tokens.iter_mut().for_each(|token| token.alive = false);
        Answer::Refused
    }

    fn find_run(&self, consumer: usize, after: u64) -> Option<usize> {
        let any = self.has(Mistake::AnyRunCounts);
        let earlier = if any { 0 } else { usize::try_from(after).unwrap_or(usize::MAX) };
        let ours = |(number, ran): (usize, &Ran)| (ran.consumer == consumer && number >= earlier).then_some(number);
        self.ran.iter().enumerate().filter_map(ours).next_back()
    }

    fn run(&mut self, consumer: usize, outcome: Job) -> usize {
        let value = self.stores[self.setting.consumers[consumer]];
        let passed = outcome == Job::Runs && self.alive(value);
        if outcome == Job::Runs {
            self.uses(value);
        }
        self.ran.push(Ran { consumer, value, outcome, passed });
        self.ran.len() - 1
    }

    /// Somebody presents a value to GitLab.
    pub fn uses(&mut self, value: u64) {
        let now = self.clock;
        if let Some(token) = self.tokens.get_mut(value as usize - 1)
            && token.alive
        {
            token.last_used = Some(now);
        }
    }

    fn delete(&mut self, token: u64) {
        if self.alive(token) {
            self.tokens[token as usize - 1].alive = false;
        }
    }

    /// The `index`th request on its way arrives.
    pub fn arrive(&mut self, index: usize) {
        let flying = self.flying.remove(index);
        self.land(&flying.call);
    }

    /// Time passes; what is on its way too long never arrives.
    pub fn pass(&mut self, seconds: i64) {
        self.clock += seconds;
        let clock = self.clock;
        self.flying.retain(|flying| flying.dies > clock);
    }

    /// The request is on its way and nobody knows when it arrives.
    pub fn fly(&mut self, call: &Call) {
        self.flying.push(Flying { call: call.clone(), dies: self.clock + HORIZON });
    }
}
