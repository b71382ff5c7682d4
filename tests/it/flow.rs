//! The main job, told as stories: a real engine on a real database against the sandbox GitLab over HTTP.

mod chat;
mod setup;
mod team;

mod approval;
mod happy;
mod plans;
mod twins;
