//! The methods of the Web API that we call. Slack counts every method apart, so a pause that one was told to make holds
//! back no other.

use crate::http::Call;

/// A method by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Method(&'static str);

pub(super) const AUTH_TEST: Method = Method("auth.test");
pub(super) const OPEN_SOCKET: Method = Method("apps.connections.open");
pub(super) const POST: Method = Method("chat.postMessage");
pub(super) const UPDATE: Method = Method("chat.update");
pub(super) const DELETE: Method = Method("chat.delete");
pub(super) const POST_EPHEMERAL: Method = Method("chat.postEphemeral");
pub(super) const PERMALINK: Method = Method("chat.getPermalink");
pub(super) const HISTORY: Method = Method("conversations.history");
pub(super) const REPLIES: Method = Method("conversations.replies");
pub(super) const INFO: Method = Method("conversations.info");
pub(super) const OPEN_DIRECT: Method = Method("conversations.open");
pub(super) const USER: Method = Method("users.info");
pub(super) const GROUP: Method = Method("usergroups.users.list");
pub(super) const OPEN_VIEW: Method = Method("views.open");
pub(super) const UPDATE_VIEW: Method = Method("views.update");
pub(super) const PUBLISH_VIEW: Method = Method("views.publish");

impl Method {
    /// A call that changes something, or asks with a body.
    pub fn post(self) -> Call<'static> {
        Call::post(format!("/{}", self.0)).bucket(self.0)
    }

    /// A call that asks with a query.
    pub fn get(self) -> Call<'static> {
        Call::get(format!("/{}", self.0)).bucket(self.0)
    }
}
