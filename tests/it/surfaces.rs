//! One suite for every surface: the same stories under the issue, in Slack and in Discord, through a real engine and
//! real HTTP. What a person does and sees there is a `Bench`; the stories know nothing of buttons or comments.

pub mod bench;
mod codes;
mod decisions;
mod discord;
mod hostile;
mod incident;
mod issue;
mod limits;
mod lines;
mod overtaken;
mod reminders;
pub mod scene;
mod slack;
mod stops;
mod trouble;

/// Tells each story on each surface.
macro_rules! on_every_surface {
    ($($story:ident),+ $(,)?) => {
        mod under_the_issue {
            $(#[tokio::test] async fn $story() { super::$story(crate::surfaces::bench::Place::Issue).await; })+
        }
        mod in_slack {
            $(#[tokio::test] async fn $story() { super::$story(crate::surfaces::bench::Place::Slack).await; })+
        }
        mod in_slack_over_a_socket {
            $(#[tokio::test] async fn $story() { super::$story(crate::surfaces::bench::Place::SlackSocket).await; })+
        }
        mod in_discord {
            $(#[tokio::test] async fn $story() { super::$story(crate::surfaces::bench::Place::Discord).await; })+
        }
        mod in_discord_over_the_gateway {
            $(#[tokio::test] async fn $story() { super::$story(crate::surfaces::bench::Place::DiscordGateway).await; })+
        }
    };
}
/// What does not depend on the way by which clicks come.
macro_rules! on_every_card {
    ($($story:ident),+ $(,)?) => {
        mod under_the_issue {
            $(#[tokio::test] async fn $story() { super::$story(crate::surfaces::bench::Place::Issue).await; })+
        }
        mod in_slack {
            $(#[tokio::test] async fn $story() { super::$story(crate::surfaces::bench::Place::Slack).await; })+
        }
        mod in_discord {
            $(#[tokio::test] async fn $story() { super::$story(crate::surfaces::bench::Place::Discord).await; })+
        }
    };
}
use {on_every_card, on_every_surface};
