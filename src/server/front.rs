//! `GET /`: a few words for whoever opens the bot's address in a browser. The same for everybody; they tell neither a
//! version nor anything of the configuration.

use axum::http::header::{CONTENT_TYPE, HeaderName, X_CONTENT_TYPE_OPTIONS};

const WORDS: &str = "This is rekey, a bot that rotates GitLab access tokens.\n\n\
    There is nothing to see at this address: it takes webhooks, mails and clicks from servers that prove who they are.\n\
    People decide in Slack, in Discord or in the issue of a rotation.\n\n\
    How to set it up and run it: the README and the folder docs that come with it. Its commands: rekey --help.\n";

pub(super) async fn words() -> ([(HeaderName, &'static str); 2], &'static str) {
    ([(CONTENT_TYPE, "text/plain; charset=utf-8"), (X_CONTENT_TYPE_OPTIONS, "nosniff")], WORDS)
}
