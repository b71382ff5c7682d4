//! What `rekey init` was told: what the configuration is made from.

/// How rekey and Slack find each other without a public address.
pub(super) const SOCKET: &str = "socket";

/// What the configuration is made from. Empty means: without.
#[derive(Default)]
pub(super) struct Answers {
    pub(super) gitlab_url: String,
    pub(super) gitlab_token: String,
    pub(super) database: String,
    pub(super) issues_project: String,
    pub(super) approver: String,
    pub(super) slack_mode: String,
    pub(super) slack_team: String,
    pub(super) slack_channel: String,
    pub(super) slack_user: String,
    pub(super) discord_application: String,
    pub(super) discord_guild: String,
    pub(super) discord_channel: String,
    pub(super) discord_user: String,
    pub(super) webhook_secret: String,
    pub(super) mail_sender: String,
}

impl Answers {
    pub(super) fn with_slack(&self) -> bool {
        !self.slack_team.is_empty()
    }

    pub(super) fn with_discord(&self) -> bool {
        !self.discord_application.is_empty()
    }

    pub(super) fn with_webhook(&self) -> bool {
        !self.webhook_secret.is_empty()
    }

    pub(super) fn with_mail(&self) -> bool {
        !self.mail_sender.is_empty()
    }

    /// Answers in which nothing is wrong: put one of a person's among them, and what is wrong then is that one.
    pub(super) fn sample() -> Self {
        let id = || "123456789012345678".to_owned();
        Self {
            gitlab_url: "https://gitlab.com".into(),
            gitlab_token: "env:GITLAB_TOKEN".into(),
            database: "sqlite:rekey.db".into(),
            issues_project: "group/project".into(),
            approver: "approver".into(),
            slack_mode: SOCKET.into(),
            slack_team: "T0".into(),
            slack_channel: "C0".into(),
            slack_user: "U0".into(),
            discord_application: id(),
            discord_guild: id(),
            discord_channel: id(),
            discord_user: id(),
            webhook_secret: "env:REKEY_WEBHOOK_TOKEN".into(),
            mail_sender: "gitlab@example.com".into(),
        }
    }
}
