//! One suite for every surface: the same stories under the issue, in Slack and in Discord, through a real engine and
//! real HTTP. What a person does and sees there is a `Bench`; the stories know nothing of buttons or comments.

mod bench;
mod decisions;
mod hostile;
mod incident;
mod issue;
mod limits;
mod scene;
mod slack;
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
    };
}
use {on_every_card, on_every_surface};
