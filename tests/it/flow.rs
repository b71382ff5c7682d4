//! The main job, told as stories: a real engine on a real database against the sandbox GitLab over HTTP.

mod team;

mod happy;
