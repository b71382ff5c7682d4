//! What says that a token needs attention: MIME bytes or webhook JSON in, a [`Notice`] out. Pure: no IO, no clock.
//! A notice is always a hint, never the truth; GitLab's API is the truth.

pub mod email;
pub mod mention;
pub mod name;
pub mod signature;
pub mod webhook;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// One thing we were told. Holds no variables of a pipeline and no secrets, so it can be kept in an inbox row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Notice {
    /// A mail about tokens. It carries names only: no id, no date, no scopes.
    Tokens {
        /// What happened to them, by the subject line.
        change: Change,
        /// Whose they are.
        subject: Subject,
        /// Host (and port, unless it is the scheme's own) of the instance, from the allow list.
        host: String,
        /// Names in the order of the mail, through [`name::plain`]; may be empty, may repeat, is never authority.
        names: Vec<String>,
        /// Upper bound of the days left, as in "7 days or less".
        days: Option<u32>,
        /// Where we have it from.
        source: Source,
    },
    /// A webhook about one project or group access token.
    TokenExpiring {
        /// Host of the instance.
        host: String,
        /// The project or group that the token belongs to.
        owner: Resource,
        /// The token.
        token_id: u64,
        /// Its name, through [`name::plain`].
        name: String,
        /// The UTC date from which it is unusable.
        expires_at: Date,
    },
    /// A pipeline changed state.
    Pipeline {
        /// Host of the instance.
        host: String,
        /// The project's number.
        project_id: u64,
        /// The project's full path.
        project: String,
        /// The pipeline's number, unique on the instance.
        pipeline_id: u64,
        /// GitLab's word for the state; new ones appear over time.
        status: String,
        /// Branch or tag.
        git_ref: String,
        /// What started it, such as `api` or `schedule`.
        source: String,
    },
    /// A job changed state.
    Job {
        /// Host of the instance.
        host: String,
        /// The project's number.
        project_id: u64,
        /// The pipeline that it belongs to.
        pipeline_id: u64,
        /// The job's number; a retried job has a new one.
        job_id: u64,
        /// The job's name as in the CI configuration.
        name: String,
        /// GitLab's word for the state.
        status: String,
    },
    /// Somebody wrote under an issue.
    Comment {
        /// Host of the instance.
        host: String,
        /// The project's number.
        project_id: u64,
        /// The project's full path.
        project: String,
        /// The issue's number within the project.
        issue_iid: u64,
        /// The comment's number.
        note_id: u64,
        /// Who did this; for an edit the editor, not the first author.
        author_id: u64,
        /// Login of the same person.
        author_username: String,
        /// The text, with everything masked that looks like a token.
        body: String,
        /// A new comment, not an edit.
        created: bool,
        /// Written by GitLab itself ("closed", "changed the due date").
        system: bool,
    },
    /// Valid, and of no use to us.
    Ignored {
        /// Why, for the log.
        why: String,
    },
}

/// What a mail says happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Will expire within the given days.
    AboutToExpire,
    /// Is expired.
    Expired,
    /// Was created; our own minting causes these.
    Created,
    /// Was rotated; our own rotating causes these.
    Rotated,
    /// Was revoked, by its owner, by us, or by GitLab because it leaked.
    Revoked,
}

/// Whose tokens a mail is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// Tokens of the receiving user.
    Personal {
        /// The name in the greeting (not the login), if it could be read.
        display_name: Option<String>,
    },
    /// A project access token.
    Project {
        /// Full path, from the link.
        path: String,
    },
    /// A group access token.
    Group {
        /// Full path, from the link.
        path: String,
    },
}

/// A project or group as webhooks name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// A project.
    Project {
        /// Its number.
        id: u64,
        /// Its full path.
        path: String,
    },
    /// A group.
    Group {
        /// Its number.
        id: u64,
        /// Its full path; before GitLab 17.4 only the last part of it.
        path: String,
    },
}

/// Where a notice about tokens comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// An email.
    Mail {
        /// Its `Message-ID` without brackets. The sender's word: good for a log, not for finding duplicates alone.
        message_id: Option<String>,
        /// The address in `From`: GitLab's, or the person's who forwarded it.
        from: String,
        /// A person passed it on.
        forwarded: bool,
    },
}
