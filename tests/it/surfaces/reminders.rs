//! Reminders as they are read: in the thread, with a mention, by one more person, in a second channel. The token expires
//! on Saturday, 2026-11-28; the stage is set a week before.

use super::bench::Place;
use super::scene::Scene;
use crate::flow::setup::Setup;
use rekey::rotation::ids::{PersonId, SurfaceName};
use rekey::rotation::record::Audience;
use rekey::rotation::remind::Step;
use rekey::rotation::view::Action;
use rekey::sandbox::gitlab::Fault;

const DAY: i64 = 86_400;
const WORDS: &str = "Still waiting for approval: rotate deploy.";

super::on_every_card!(
    each_reminder_mentions_those_for_whom_it_is_and_nobody_else,
    a_reminder_goes_to_the_second_channel_once_with_the_way_to_the_card,
    a_second_channel_that_cannot_be_written_costs_no_reminder,
    nobody_is_reminded_of_what_was_decided,
);

fn reminding(steps: Vec<(u16, Audience)>) -> impl FnOnce(Setup) -> Setup {
    let steps = steps.into_iter().map(|(days_left, to)| Step { days_left, to }).collect();
    |setup| setup.settings(|settings| settings.reminders.steps = steps)
}

async fn opened(place: Place, steps: Vec<(u16, Audience)>) -> Scene {
    let scene = Scene::with(place, reminding(steps), |_, _| {}).await;
    scene.team.open().await;
    scene
}

async fn each_reminder_mentions_those_for_whom_it_is_and_nobody_else(place: Place) {
    let carol = Audience::Person { person: PersonId::from("carol") };
    let scene = opened(place, vec![(5, Audience::Followers), (3, Audience::Approvers), (2, carol)]).await;
    scene.team.pass(5 * DAY).await;
    let replies = scene.bench.replies(&scene.team);
    assert_eq!(replies.len(), 3, "{replies:#?}");
    for (reply, asked) in replies.iter().zip([&[][..], &["alice", "bob"], &["carol"]]) {
        assert!(reply.contains(WORDS), "{reply}");
        for who in ["alice", "bob", "carol"] {
            let mentioned = reply.contains(&scene.bench.mention(who));
            assert_eq!(mentioned, asked.contains(&who), "{who} in {reply}");
        }
        for all in ["<!channel>", "<!here>", "<!everyone>", "@everyone", "@here", "@all"] {
            assert!(!reply.contains(all), "{reply}");
        }
    }
}

/// Whom the surface's second channel is.
fn there(place: Place) -> Audience {
    let channel = match place {
        Place::Slack | Place::SlackSocket => "C0LOUD0001",
        _ => "1300000000000000501",
    };
    Audience::Channel { surface: SurfaceName::from(place.surface()), channel: channel.into() }
}

async fn a_reminder_goes_to_the_second_channel_once_with_the_way_to_the_card(place: Place) {
    for fault in [None, Some(Fault::CutAfter), Some(Fault::ErrorAfter { status: 503 })] {
        let scene = opened(place, vec![(4, there(place))]).await;
        let Some(_channel) = scene.bench.open_channel() else {
            // A surface without channels says it where it can.
            scene.team.pass(3 * DAY).await;
            return assert_eq!(scene.bench.replies(&scene.team).len(), 1);
        };
        if let Some(fault) = fault {
            scene.bench.trouble_there(fault);
        }
        scene.team.pass(3 * DAY).await;
        let said = scene.bench.said_there();
        assert_eq!(said.len(), 1, "{said:#?}");
        assert!(said[0].contains(WORDS) && said[0].contains("Card") && said[0].contains("Issue"), "{said:#?}");
        assert_eq!(scene.bench.replies(&scene.team), [""; 0], "and not in the thread");
    }
}

async fn a_second_channel_that_cannot_be_written_costs_no_reminder(place: Place) {
    let scene = opened(place, vec![(4, there(place))]).await;
    if scene.bench.open_channel().is_some() {
        scene.bench.close_channel();
        scene.team.pass(3 * DAY).await;
        let replies = scene.bench.replies(&scene.team);
        assert_eq!(replies.len(), 1, "{replies:#?}");
        assert!(replies[0].contains(&scene.bench.mention("alice")), "it grows louder all the same: {replies:#?}");
        assert_eq!(scene.bench.said_there(), [""; 0]);
    }
}

async fn nobody_is_reminded_of_what_was_decided(place: Place) {
    let scene = opened(place, vec![(5, Audience::Followers), (3, Audience::Approvers)]).await;
    scene.decide("alice", Action::Approve).await;
    scene.team.pass(6 * DAY).await;
    let replies = scene.bench.replies(&scene.team);
    assert!(replies.iter().all(|reply| !reply.contains("Still waiting")), "{replies:#?}");
}
