//! What the administrator of the instance decided.

use super::bar::Bar;
use std::time::Duration;

/// When pipelines move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Only when a test says so.
    ByHand,
    /// To the end, right after the call that started them.
    Instant,
    /// One step every so often.
    Every(Duration),
}

/// Instance settings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Base URL that answers and webhooks carry; set at the start from the port.
    pub url: String,
    /// Version as `/metadata` shows it.
    pub version: String,
    /// Behaves as gitlab.com: no administrator may create tokens for users, group owners manage service accounts.
    pub gitlab_com: bool,
    /// Self-managed: group owners manage service accounts too.
    pub owners_manage_service_accounts: bool,
    /// Longest life of a new token in days.
    pub max_lifetime_days: i32,
    /// Whether personal, project and group tokens must expire.
    pub expiry_required: bool,
    /// Whether tokens of service accounts must expire.
    pub service_account_expiry_required: bool,
    /// `last_used_at` is refreshed at most this often.
    pub last_used_seconds: i64,
    /// When pipelines move.
    pub pace: Pace,
    /// The address jobs call from.
    pub runner_ip: String,
    /// In maintenance, or after a failover of its database: nothing can be written.
    pub read_only: bool,
    /// What turns calls away although their token is good.
    pub bar: Option<Bar>,
    /// Mails to it become issues and comments.
    pub takes_mail: bool,
    /// Prefix of token values, as an instance may choose it. A canary in it makes every value findable.
    pub token_prefix: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            url: "http://gitlab.example".into(),
            version: "19.6.0-ee".into(),
            gitlab_com: false,
            owners_manage_service_accounts: true,
            max_lifetime_days: 365,
            expiry_required: true,
            service_account_expiry_required: true,
            last_used_seconds: 600,
            pace: Pace::Instant,
            runner_ip: "10.20.0.7".into(),
            read_only: false,
            bar: None,
            takes_mail: false,
            token_prefix: "glpat-".into(),
        }
    }
}
