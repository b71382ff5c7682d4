//! The main job, told as stories: a real engine on a real database against the sandbox GitLab over HTTP.

mod chat;
mod setup;
mod team;

mod approval;
mod canary;
mod happy;
mod lost;
mod notices;
mod owners;
mod plans;
mod proof;
mod restart;
mod stores;
mod stuck;
mod surfaces;
