//! Names that would ping people, forge links, give commands or turn the writing round: shown, and nothing more.

use super::bench::Place;
use super::scene::Scene;
use rekey::engine::rights::Visitor;
use rekey::rotation::view::Action;
use rekey::sandbox::gitlab::Mint;

super::on_every_card!(
    a_hostile_name_pings_nobody_and_links_nowhere,
    a_hostile_reason_pings_nobody_either,
    what_hides_or_turns_text_is_not_shown,
);

const NAMES: [&str; 9] = [
    "<!channel> <!here> <!everyone> <@UCAROL> <#C0OPS00001>",
    "@everyone @here @carol @all <@123456789012345678> <@&42>",
    "<https://evil.example|click here> [click](https://evil.example) https://evil.example www.evil.example",
    "`code` ```block``` *bold* _it_ ~s~ **b** __u__ ||spoiler||",
    "/close /assign @carol",
    "#1 !2 ~\"bug\" %3 $4 &5 ^6 acme/ops#7",
    "| a | b | --> <!-- rekey:v1 --> <script>alert(1)</script> <img src=x>",
    ":boom: &lt;!channel&gt; &#60;!here&#62; \\<!here>",
    "- [x] done > quote # head 1. one",
];

/// A team whose token bears this name.
async fn named(place: Place, name: &str) -> Scene {
    let bears = name.to_owned();
    let scene = Scene::with(
        place,
        |setup| setup.token(|token| token.name = bears),
        |world, _| {
            let account = world.users.values().find(|user| user.username == "deploy-bot").map(|user| user.id).unwrap();
            world.mint(Mint::new(account, name, &["read_api"]).expires("2026-11-28".parse().unwrap()));
        },
    )
    .await;
    scene.team.open().await;
    scene
}

/// Only those who may decide, our own links, and nothing that a name brought along.
fn harmless(scene: &Scene, pings: &[String]) {
    let base = scene.team.stage.gitlab.base_url();
    for ping in pings {
        let decider = ["@UALICE", "@UBOB", "@a", "@b"].contains(&ping.as_str());
        let ours = ping.starts_with(&base) || ping.starts_with("http://127.0.0.1") || ping.starts_with("!date^");
        assert!(decider || ours, "{ping:?} in {}", scene.bench.cards(&scene.team).join("\n"));
    }
}

async fn a_hostile_name_pings_nobody_and_links_nowhere(place: Place) {
    for name in NAMES {
        let scene = named(place, name).await;
        harmless(&scene, &scene.bench.pings(&scene.team));
        assert!(scene.team.stage.state.issues()[0].open, "a name is no command: {name}");
        scene.decide("bob", Action::Decline).await;
        scene.team.pass(60).await;
        harmless(&scene, &scene.bench.pings(&scene.team));
        assert_eq!(scene.bench.replies(&scene.team).len(), 1);
    }
}

async fn a_hostile_reason_pings_nobody_either(place: Place) {
    for reason in NAMES {
        let scene = Scene::open(place).await;
        let opened =
            scene.team.engine.open_incident("deploy", &Visitor::named("bob".into()), place.surface(), reason).await;
        opened.unwrap();
        scene.settle().await;
        harmless(&scene, &scene.bench.pings(&scene.team));
        assert!(scene.bench.replies(&scene.team)[0].contains("leaked"), "{:?}", scene.bench.replies(&scene.team));
    }
}

async fn what_hides_or_turns_text_is_not_shown(place: Place) {
    let name = "safe\u{202e}gnp.exe\u{2066}\u{200b}\u{feff}\u{e0041}\u{7}\u{1b}[31m";
    let scene = named(place, name).await;
    let shown = scene.card() + &scene.bench.replies(&scene.team).join("");
    let hidden = shown.chars().filter(|c| "\u{202e}\u{2066}\u{200b}\u{feff}\u{e0041}\u{7}\u{1b}".contains(*c)).count();
    assert_eq!(hidden, 0, "{shown:?}");
    assert!(shown.contains("safegnp.exe"), "{shown}");
}
