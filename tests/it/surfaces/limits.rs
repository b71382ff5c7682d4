//! Texts at and beyond every limit: a strict surface takes each card and each announcement, and the buttons stay.

use super::bench::Place;
use super::scene::Scene;
use rekey::rotation::record::{Announcement, Audience, Evidence};
use rekey::rotation::view::{Action, Card, Step, Value, card};

super::on_every_card!(
    a_card_with_texts_of_any_length_is_taken_whole,
    a_card_with_any_number_of_parts_is_taken_whole,
    an_announcement_of_any_length_is_taken_whole,
);

/// Around the limits of GitLab's titles, Slack's blocks and Discord's embeds.
const LENGTHS: [usize; 15] = [1, 24, 75, 76, 80, 100, 150, 151, 255, 256, 1_024, 2_001, 3_001, 13_201, 60_000];

/// Plain, wide, and what grows when it is escaped.
const LETTERS: [&str; 4] = ["W", "漢", "&", "👩‍👩‍👧‍👦"];

async fn shown(scene: &Scene, card: &Card, what: &str) {
    let surface = &scene.team.engine.surfaces[&scene.place.surface().into()];
    let reference = scene.team.rotation().await.surfaces[&scene.place.surface().into()].reference.clone();
    let posted = surface.show(card, reference.as_deref()).await;
    assert!(posted.is_ok(), "{what}: {}", posted.unwrap_err());
    assert!(scene.offers(Action::Approve), "{what}: {}", scene.card());
}

async fn a_card_with_texts_of_any_length_is_taken_whole(place: Place) {
    let scene = Scene::open(place).await;
    let plain = card(&scene.team.rotation().await);
    for letter in LETTERS {
        for length in LENGTHS {
            let text = letter.repeat(length);
            let mut card = plain.clone();
            card.title = format!("Rotate token: {text}");
            card.status.sentence.clone_from(&text);
            card.safety.clone_from(&text);
            (card.reasons, card.warnings) = (vec![text.clone()], vec![text.clone(), text.clone()]);
            for field in &mut card.fields {
                field.value = match &field.value {
                    Value::Text(_) => Value::Text(text.clone()),
                    Value::Code(_) => Value::Code(vec![text.clone()]),
                    other => other.clone(),
                };
            }
            card.steps.iter_mut().for_each(|step| step.text.clone_from(&text));
            shown(&scene, &card, &format!("{length} × {letter}")).await;
        }
    }
}

async fn a_card_with_any_number_of_parts_is_taken_whole(place: Place) {
    let scene = Scene::open(place).await;
    let plain = card(&scene.team.rotation().await);
    for count in [1, 9, 10, 11, 25, 26, 50, 51, 400] {
        let mut card = plain.clone();
        let text = "a name of middling length, as people give it";
        (card.reasons, card.warnings) = (vec![text.into(); count], vec![text.into(); count]);
        card.fields = card.fields.iter().cycle().take(count).cloned().collect();
        let step = |step: &Step| Step { text: text.into(), ..step.clone() };
        card.steps = plain.steps.iter().cycle().take(count).map(step).collect();
        let at = scene.team.now();
        card.evidence = vec![Evidence { at, source: "gitlab".into(), what: text.into(), link: None }; count];
        card.announcements = vec![Announcement { at, to: Audience::Followers, text: text.into() }; count];
        shown(&scene, &card, &format!("{count} parts")).await;
    }
}

async fn an_announcement_of_any_length_is_taken_whole(place: Place) {
    let scene = Scene::open(place).await;
    let surface = &scene.team.engine.surfaces[&place.surface().into()];
    let reference = scene.team.rotation().await.surfaces[&place.surface().into()].reference.clone().unwrap();
    let mut card = card(&scene.team.rotation().await);
    // Few of them: Slack takes one a second.
    for letter in ["W", "&"] {
        for length in [1, 2_001, 3_001, 60_000] {
            let text = letter.repeat(length);
            let index = card.announcements.len();
            card.announcements.push(Announcement { at: scene.team.now(), to: Audience::Approvers, text });
            let said = surface.announce(&card, &reference, index).await;
            assert!(said.is_ok(), "{length} × {letter}: {}", said.unwrap_err());
        }
    }
    assert_eq!(scene.bench.replies(&scene.team).len(), card.announcements.len());
}
