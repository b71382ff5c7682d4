//! The methods of the Web API that we call, and how often Slack lets one app call each. Slack counts every method
//! apart, so a pause that one was told to make holds back no other.

use crate::http::{Api, Budget, Call};
use std::collections::BTreeMap;
use std::time::Duration;

/// Calls of one method on the way at once.
const IN_FLIGHT: usize = 8;

/// A method and its limit.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Method {
    name: &'static str,
    per_minute: usize,
}

macro_rules! methods {
    ($($constant:ident $name:literal $per_minute:literal),* $(,)?) => {
        $(pub(super) const $constant: Method = Method { name: $name, per_minute: $per_minute };)*
        const ALL: &[Method] = &[$($constant),*];
    };
}

// Slack's tiers: 20 a minute in the second, 50 in the third, 100 in the fourth; some methods stand outside them.
methods! {
    AUTH_TEST "auth.test" 100,
    OPEN_SOCKET "apps.connections.open" 10,
    POST "chat.postMessage" 100,
    UPDATE "chat.update" 50,
    POST_EPHEMERAL "chat.postEphemeral" 100,
    PERMALINK "chat.getPermalink" 100,
    HISTORY "conversations.history" 50,
    REPLIES "conversations.replies" 50,
    OPEN_DIRECT "conversations.open" 50,
    USER "users.info" 100,
    GROUP "usergroups.users.list" 20,
    OPEN_VIEW "views.open" 100,
    UPDATE_VIEW "views.update" 100,
    PUBLISH_VIEW "views.publish" 100,
}

impl Method {
    /// As Slack calls it.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// A call that changes or asks with a body.
    pub fn post(&self) -> Call<'static> {
        Call::post(format!("/{}", self.name))
    }

    /// A call that asks with a query.
    pub fn get(&self) -> Call<'static> {
        Call::get(format!("/{}", self.name))
    }
}

/// One way to Slack for each method, each with a limit of its own.
pub(super) struct Ways(BTreeMap<&'static str, Api>);

impl Ways {
    pub fn new(api: &Api) -> Self {
        let minute = |requests| Budget { requests, window: Duration::from_secs(60) };
        Self(ALL.iter().map(|method| (method.name, api.apart(IN_FLIGHT, Some(minute(method.per_minute))))).collect())
    }

    pub fn of(&self, method: &Method) -> &Api {
        self.0.get(method.name).expect("every method has a way")
    }
}
