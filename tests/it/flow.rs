//! The main job, told as stories: a real engine on a real database against the sandbox GitLab over HTTP.

mod approval;
mod canary;
pub mod chat;
mod codes;
mod comments;
mod counter;
mod fanout;
mod happy;
mod late;
mod lost;
mod nine;
mod notices;
mod owners;
mod patience;
mod plans;
mod proof;
mod quorum;
mod reminders;
mod restart;
pub mod setup;
mod slack;
mod stores;
mod stuck;
mod surfaces;
pub mod team;
mod twins;
mod who;
