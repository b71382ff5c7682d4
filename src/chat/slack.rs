//! Slack: to be written.
