//! Who may: people by name, members of groups by what their service says of them, now; and nobody by anything else.

use super::counter::{Counter, discord, gitlab, slack};
use super::setup::Setup;
use rekey::engine::desk::Blank;
use rekey::rotation::ids::PersonId;
use rekey::rotation::record::Origin;
use rekey::rotation::view::Action;
use rekey::sandbox::gitlab::{DEVELOPER, MAINTAINER, Place};
use rekey::sandbox::slack::{Fault, Rule};

const PLATFORM: &str = "slack-group:S0PLATFORM";
const OPS: &str = "discord-role:777";
const ACME: &str = "gitlab-group:acme>=maintainer";

/// The deploy token may be decided on by these groups, and by nobody by name.
fn by_groups(groups: &[&str]) -> Setup {
    let groups = groups.iter().map(|group| group.parse().unwrap()).collect();
    Setup::new().token(|token| {
        token.approvers.clear();
        token.groups = groups;
    })
}

fn quorum(setup: Setup, needed: u32) -> Setup {
    setup.token(|token| token.quorum = needed)
}

/// The groups of the deploy token, with these accounts in the Slack group.
async fn counter_of(setup: Setup, members: &[&str]) -> Counter {
    let counter = Counter::open(setup).await;
    put_in_group(&counter, members);
    counter
}

fn put_in_group(counter: &Counter, members: &[&str]) {
    let members = members.iter().map(|id| (*id).to_owned()).collect();
    counter.slack.with(|world| world.groups.insert("S0PLATFORM".into(), members));
}

#[tokio::test]
async fn a_member_of_a_slack_group_approves_and_somebody_beside_it_does_not() {
    let counter = counter_of(by_groups(&[PLATFORM]), &["UDAN"]).await;
    counter.team.open().await;
    let told = counter.press(slack("UEVE"), Action::Approve).await;
    assert!(told.starts_with("rekey does not know you."), "{told}");
    let told = counter.press(slack("UBOB"), Action::Approve).await;
    assert_eq!(told, "Only its approvers may decide on this token; ask somebody in the Slack group S0PLATFORM.");
    assert_eq!(counter.press(slack("UDAN"), Action::Approve).await, "");
    counter.team.pass(3600).await;
    counter.team.done().await;
    assert!(counter.team.issue().contains("slack\\:UDAN approved (1 of 1)"), "{}", counter.team.issue());
}

#[tokio::test]
async fn who_leaves_the_group_between_click_and_effect_no_longer_counts() {
    let counter = counter_of(by_groups(&[PLATFORM]), &["UDAN", "UEVE"]).await;
    counter.team.open().await;
    assert_eq!(counter.press(slack("UDAN"), Action::Approve).await, "");
    put_in_group(&counter, &["UEVE"]);
    counter.team.work().await;
    assert_eq!(counter.team.phase().await, "awaiting_approval");
    assert_eq!(counter.team.live(), [counter.team.stage.old], "nothing was minted");
    let told = counter.team.comments().remove(0);
    assert!(told.contains("The approval no longer holds"), "{told}");
    assert_eq!(counter.press(slack("UEVE"), Action::Approve).await, "");
    counter.team.pass(3600).await;
    counter.team.done().await;
}

#[tokio::test]
async fn a_slack_that_does_not_answer_at_the_start_holds_an_approval_by_its_group_up_and_voids_nothing() {
    let counter = counter_of(by_groups(&[PLATFORM]), &["UDAN"]).await;
    counter.team.open().await;
    assert_eq!(counter.press(slack("UDAN"), Action::Approve).await, "");
    counter.slack.fault(Rule::new("GET", "/api/usergroups.users.list", Fault::ErrorBefore { status: 503 }).times(0));
    counter.team.work_once().await;
    assert_eq!(counter.team.phase().await, "minting");
    assert_eq!(counter.team.live(), [counter.team.stage.old], "unproven is not proven");
    counter.slack.clear_faults();
    counter.team.pass(3600).await;
    counter.team.done().await;
}

#[tokio::test]
async fn a_slack_that_does_not_answer_holds_nothing_up_that_a_named_person_approved() {
    let counter = Counter::open(Setup::new()).await;
    counter.team.open().await;
    assert_eq!(counter.press(slack("UALICE"), Action::Approve).await, "");
    counter.slack.fault(Rule::new("*", "*", Fault::ErrorBefore { status: 503 }).times(0));
    counter.team.pass(3600).await;
    assert_eq!(counter.team.phase().await, "closed");
    assert_eq!(counter.team.held(), counter.team.live().first().copied());
}

#[tokio::test]
async fn a_stop_is_decided_by_a_named_person_while_nobody_can_ask_about_who_approved() {
    let named = by_groups(&[PLATFORM]).token(|token| token.approvers = [PersonId::from("alice")].into());
    let counter = counter_of(named, &["UDAN"]).await;
    counter.team.open().await;
    counter.team.stage.state.fail_job(Some("deploy"));
    assert_eq!(counter.press(slack("UDAN"), Action::Approve).await, "");
    counter.team.pass(60).await;
    assert_eq!(counter.team.phase().await, "stuck");
    counter.slack.fault(Rule::new("GET", "/api/usergroups.users.list", Fault::ErrorBefore { status: 503 }).times(0));
    counter.team.stage.clock.advance(600);
    counter.team.click("alice", Action::Abandon).await.unwrap();
    counter.team.pass(3600).await;
    assert_eq!(counter.team.phase().await, "closed");
}

#[tokio::test]
async fn a_named_person_whose_account_is_switched_off_between_click_and_effect_no_longer_counts() {
    let counter = Counter::open(Setup::new()).await;
    counter.team.open().await;
    assert_eq!(counter.press(slack("UALICE"), Action::Approve).await, "");
    counter.slack.with(|world| world.users.get_mut("UALICE").unwrap().deleted = true);
    counter.team.work().await;
    assert_eq!(counter.team.phase().await, "awaiting_approval");
    assert_eq!(counter.team.live(), [counter.team.stage.old]);
}

#[tokio::test]
async fn guests_strangers_and_the_deactivated_are_refused_whoever_names_them() {
    let counter = counter_of(by_groups(&[PLATFORM]), &["UDAN", "UALICE"]).await;
    let before = counter.team.open().await;
    type Change = fn(&mut rekey::sandbox::slack::User);
    let refused: [(Change, &str); 4] = [
        (|user| user.is_restricted = true, "rekey does not answer to guests."),
        (|user| user.is_stranger = true, "rekey does not answer to guests."),
        (|user| user.deleted = true, "Your account is deactivated, so rekey does not answer to it."),
        (|user| user.team = "T0OTHER001".into(), "rekey answers only to people of its own workspace."),
    ];
    for (change, words) in refused {
        for account in ["UDAN", "UALICE"] {
            let as_was = counter.slack.with(|world| world.users[account].clone());
            counter.slack.with(|world| change(world.users.get_mut(account).unwrap()));
            counter.team.stage.clock.advance(200);
            assert_eq!(counter.press(slack(account), Action::Approve).await, words);
            assert_eq!(counter.types(slack(account), "list").await, words);
            counter.slack.with(|world| world.users.insert(account.into(), as_was));
        }
    }
    let elsewhere = rekey::engine::desk::Caller { place: "T0OTHER001".into(), ..slack("UDAN") };
    let told = counter.press(elsewhere, Action::Approve).await;
    assert_eq!(told, "rekey answers only to people of its own workspace.");
    assert_eq!(counter.team.rotation().await, before);
}

#[tokio::test]
async fn whoever_cannot_be_looked_up_is_told_and_a_click_of_theirs_waits() {
    let counter = counter_of(by_groups(&[PLATFORM]), &["UDAN"]).await;
    counter.team.open().await;
    counter.slack.fault(Rule::new("GET", "/api/users.info", Fault::ErrorBefore { status: 503 }).times(0));
    let told = counter.types(slack("UDAN"), "list").await;
    assert!(
        told.starts_with("rekey could not find out who you are, so it did nothing: slack is not available"),
        "{told}"
    );
    assert_eq!(counter.press(slack("UDAN"), Action::Approve).await, "", "a click that was taken waits for Slack");
    assert_eq!(counter.team.phase().await, "awaiting_approval");
    counter.slack.clear_faults();
    counter.team.stage.clock.advance(60);
    counter.serve().await;
    assert_eq!(counter.team.rotation().await.approvals.len(), 1, "and counts once Slack is back");
}

#[tokio::test]
async fn a_group_that_nobody_can_look_into_lets_nobody_in_and_blocks_with_words() {
    let counter = Counter::open(by_groups(&[PLATFORM])).await;
    counter.team.open().await;
    let issue = counter.team.issue();
    assert!(issue.contains("nobody can approve token deploy"), "{issue}");
    assert!(issue.contains("no\\_such\\_subteam; correct the id of the user group"), "{issue}");
    let told = counter.press(slack("UDAN"), Action::Approve).await;
    assert!(told.contains("no_such_subteam"), "{told}");
    let told = counter.press(slack("UALICE"), Action::Approve).await;
    assert!(told.contains("Nobody counts as a member at present"), "{told}");
    put_in_group(&counter, &[]);
    counter.team.pass(300).await;
    assert!(counter.team.issue().contains("has no members"), "{}", counter.team.issue());
    put_in_group(&counter, &["UDAN"]);
    counter.team.pass(300).await;
    assert_eq!(counter.press(slack("UDAN"), Action::Approve).await, "");
    counter.team.pass(3600).await;
    counter.team.done().await;
}

#[tokio::test]
async fn an_app_without_the_scope_proves_nobody() {
    let counter = counter_of(by_groups(&[PLATFORM]), &["UDAN"]).await;
    counter.slack.with(|world| world.settings.scopes.retain(|scope| scope != "usergroups:read"));
    counter.team.open().await;
    let told = counter.press(slack("UDAN"), Action::Approve).await;
    assert!(told.contains("add the scope usergroups:read"), "{told}");
    assert!(counter.team.issue().contains("add the scope usergroups\\:read"), "{}", counter.team.issue());
}

#[tokio::test]
async fn one_person_on_two_surfaces_is_not_two_people() {
    let counter = counter_of(quorum(by_groups(&[PLATFORM, OPS]), 2), &["UDAN", "UEVE", "UALICE"]).await;
    counter.team.open().await;
    assert_eq!(counter.press(slack("UDAN"), Action::Approve).await, "");
    let told = counter.press(slack("UDAN"), Action::Approve).await;
    assert_eq!(told, "You approved this plan already; 1 more needed.");
    let told = counter.press(discord("9", &["777"]), Action::Approve).await;
    assert_eq!(
        told,
        "Rekey cannot tell whether discord:9 and slack:UDAN are two people, so this does not count; ask its administrator \
         to add their accounts to [people]."
    );
    assert_eq!(counter.team.phase().await, "awaiting_approval");
    assert_eq!(counter.press(slack("UALICE"), Action::Approve).await, "", "another account of the same workspace");
    counter.team.pass(3600).await;
    counter.team.done().await;
}

#[tokio::test]
async fn who_asked_cannot_approve_from_another_surface() {
    let counter = counter_of(by_groups(&[PLATFORM, OPS]), &["UDAN", "UEVE"]).await;
    counter.types(slack("UDAN"), "rotate deploy").await;
    counter.team.work().await;
    let told = counter.press(slack("UDAN"), Action::Approve).await;
    assert_eq!(told, "You asked for this rotation, so somebody else has to approve it.");
    let told = counter.press(discord("9", &["777"]), Action::Approve).await;
    assert!(told.starts_with("Rekey cannot tell whether discord:9 and slack:UDAN are two people"), "{told}");
    assert_eq!(counter.press(slack("UEVE"), Action::Approve).await, "");
}

#[tokio::test]
async fn a_discord_role_is_believed_as_signed_and_no_other() {
    let counter = Counter::open(by_groups(&[OPS])).await;
    counter.team.open().await;
    let told = counter.press(discord("9", &["778"]), Action::Approve).await;
    assert!(told.starts_with("rekey does not know you."), "{told}");
    let elsewhere = rekey::engine::desk::Caller { place: "666".into(), ..discord("9", &["777"]) };
    assert_eq!(counter.press(elsewhere, Action::Approve).await, "rekey answers only to people of its own server.");
}

#[tokio::test]
async fn a_role_in_a_gitlab_group_counts_from_the_named_level_up_and_only_while_active() {
    let counter = Counter::open(by_groups(&[ACME])).await;
    let (team, stage) = (&counter.team, &counter.team.stage);
    let set = |login: &str, level: u8| {
        let id = stage.state.with(|world| world.user_named(login).unwrap());
        stage.state.with(|world| world.member(Place::Group(stage.group), id, level));
        id
    };
    let carol = set("carol", DEVELOPER);
    team.open().await;
    // Carol is known: the configuration binds her login and her Slack account to one person.
    let told = counter.press(slack("UCAROL"), Action::Approve).await;
    assert_eq!(
        told,
        "Only its approvers may decide on this token; ask somebody in the GitLab group acme (maintainer or more)."
    );
    set("carol", MAINTAINER);
    stage.clock.advance(30);
    assert_eq!(counter.press(slack("UCAROL"), Action::Approve).await, "");
    stage.state.with(|world| world.block(carol, true));
    team.work().await;
    assert_eq!(team.phase().await, "awaiting_approval", "a blocked account is no member");
    stage.state.with(|world| world.block(carol, false));
    stage.clock.advance(30);
    assert_eq!(counter.press(gitlab("carol"), Action::Approve).await, "");
    team.pass(3600).await;
    team.done().await;
}

#[tokio::test]
async fn only_people_who_are_known_may_read() {
    let counter = counter_of(by_groups(&[PLATFORM]), &["UDAN"]).await;
    counter.team.open().await;
    let lines = counter.turned_away().await;
    for text in ["list", "plan deploy", "status", "status deploy", "history deploy", "details deploy"] {
        let told = counter.types(slack("UEVE"), text).await;
        assert!(told.starts_with("rekey does not know you."), "{text}: {told}");
        let told = counter.types(slack("UDAN"), text).await;
        assert!(told.contains("deploy") || told.contains("expires on 2026-11-28"), "{text}: {told}");
    }
    assert_eq!(counter.turned_away().await, lines + 1, "six attempts of one stranger are one line");
    assert!(counter.types(slack("UDAN"), "list mine").await.contains("deploy"));
    assert!(counter.types(slack("UALICE"), "list mine").await.starts_with("There is no token"));
    assert!(counter.types(slack("UDAN"), "whoami").await.starts_with("You are slack:UDAN here"));
}

#[tokio::test]
async fn a_person_who_is_named_and_one_of_a_group_make_a_quorum_of_two() {
    let setup = quorum(by_groups(&[PLATFORM]), 2).token(|token| {
        token.approvers.insert(PersonId::from("alice"));
    });
    let counter = counter_of(setup, &["UDAN"]).await;
    counter.team.open().await;
    assert_eq!(counter.press(slack("UDAN"), Action::Approve).await, "");
    assert_eq!(counter.press(slack("UALICE"), Action::Approve).await, "");
    counter.team.pass(3600).await;
    counter.team.done().await;
}

#[tokio::test]
async fn who_leaves_the_group_can_no_longer_retry_restore_or_abandon_from_that_moment() {
    let counter = counter_of(by_groups(&[PLATFORM]), &["UDAN", "UEVE"]).await;
    counter.team.stage.state.fail_job(Some("deploy"));
    counter.team.open().await;
    counter.press(slack("UEVE"), Action::Approve).await;
    counter.team.pass(60).await;
    assert_eq!(counter.team.phase().await, "stuck");
    let seen = counter.types(slack("UDAN"), "list mine").await;
    assert!(seen.contains("deploy"), "he is in the group, as was asked just now: {seen}");
    put_in_group(&counter, &["UEVE"]);
    let before = counter.team.rotation().await;
    let told = counter.press(slack("UDAN"), Action::Retry).await;
    assert!(told.starts_with("Only its approvers may decide on this token"), "{told}");
    for action in [Action::Restore, Action::Abandon] {
        let told = counter.press(slack("UDAN"), action).await;
        assert!(told.starts_with("rekey does not know you."), "Slack was asked just now: {told}");
    }
    assert_eq!(counter.team.rotation().await, before);
    assert_eq!(counter.press(slack("UEVE"), Action::Abandon).await, "");
    assert_ne!(counter.team.phase().await, "stuck");
}

/// Three tokens of one service account: two approved by whoever is in the Slack group, one by a role in Discord.
async fn three_tokens() -> Counter {
    let mut setup = by_groups(&[OPS]);
    for name in ["mirror", "backup"] {
        let mut other = setup.tokens[0].clone();
        (other.id, other.name) = (name.into(), name.into());
        other.groups = [PLATFORM.parse().unwrap()].into();
        setup.tokens.push(other);
    }
    let counter = Counter::beside(setup, |world, _| {
        let account = world.users.values().find(|user| user.username == "deploy-bot").map(|user| user.id).unwrap();
        world.mint(rekey::sandbox::gitlab::Mint::new(account, "backup", &["read_api"]));
    })
    .await;
    put_in_group(&counter, &["UDAN"]);
    counter
}

#[tokio::test]
async fn a_member_of_a_group_sees_its_tokens_and_what_is_hidden_does_not_exist() {
    let counter = three_tokens().await;
    counter.team.engine.rotate("backup", Origin::Scan).await.unwrap();
    let hidden = counter.team.engine.rotation("backup").await.unwrap();
    counter.team.open().await;
    let nine = || discord("9", &["777"]);
    for text in ["list", "list expiring", "status"] {
        let told = counter.types(nine(), text).await;
        assert!(told.contains("deploy") && !told.contains("backup") && !told.contains("mirror"), "{text}: {told}");
        let told = counter.types(slack("UALICE"), text).await;
        assert!(told.contains("deploy") && told.contains("backup"), "whom the configuration names: {text}: {told}");
    }
    let (id, plan) = (hidden.id.as_str(), hidden.plan.hash());
    let short = plan.short();
    for command in
        ["plan", "rotate", "history", "details", "status", "incident", "decline", "snooze", "retry", "restore"]
    {
        let end = if matches!(command, "incident" | "decline") { " seen in a paste" } else { "" };
        for name in ["backup", "backuq", id] {
            let told = counter.types(nine(), &format!("{command} {name}{end}")).await;
            let of_nothing = counter.types(nine(), &format!("{command} nothing{end}")).await;
            assert_eq!(told.replace(name, "nothing"), of_nothing, "{command} {name}");
            assert!(told.starts_with("No token") || told.starts_with("No rotation"), "{command} {name}: {told}");
        }
    }
    for name in ["backup", id] {
        let told = counter.types(nine(), &format!("approve {name} {short}")).await;
        assert_eq!(told, format!("No rotation {name:?}. See /rekey status."));
    }
    // Their own is found though another begins with the same letters.
    let own = counter.team.rotation().await.id.0;
    let told = counter.types(nine(), &format!("details {}", &own[..10])).await;
    assert!(told.contains("deploy"), "{told}");
    let home = counter.desk.home(&nine()).await.unwrap().unwrap();
    let page = format!("{home:?}");
    assert!(page.contains("deploy") && !page.contains("backup") && !page.contains("mirror"), "{page}");
    for blank in [Blank::Token, Blank::Rotation(None), Blank::Rotation(Some(Action::Decline))] {
        let choices = counter.desk.complete(&nine(), &blank, "").await;
        assert!(!choices.is_empty() && choices.iter().all(|choice| choice.label.contains("deploy")), "{choices:?}");
    }
    let plan = Blank::Plan { rotation: "backup".into() };
    assert!(counter.desk.complete(&nine(), &plan, "").await.is_empty());
    assert!(!counter.desk.complete(&slack("UDAN"), &plan, "").await.is_empty(), "who may is offered it");
}

#[tokio::test]
async fn who_presses_a_card_before_them_is_told_who_may_whatever_else_is_hidden() {
    let counter = three_tokens().await;
    counter.team.open().await;
    let told = counter.press(slack("UDAN"), Action::Approve).await;
    assert!(told.starts_with("Only its approvers may decide on this token; ask somebody in"), "{told}");
}

#[tokio::test]
async fn while_a_group_cannot_be_asked_about_nothing_is_said_to_be_missing() {
    let counter = three_tokens().await;
    counter.slack.fault(Rule::new("GET", "/api/usergroups.users.list", Fault::ErrorBefore { status: 503 }).times(0));
    for name in ["backup", "nothing"] {
        let told = counter.types(slack("UALICE"), &format!("plan {name}")).await;
        assert!(!told.contains("could not be found out"), "a named person is asked about nowhere: {told}");
        let told = counter.types(discord("9", &["777"]), &format!("plan {name}")).await;
        assert!(told.starts_with("No token") || told.contains("could not be found out what you may see"), "{told}");
    }
}

#[tokio::test]
async fn whoever_is_known_by_a_role_only_is_offered_its_tokens_and_what_they_asked_for() {
    let counter = three_tokens().await;
    let of = async |who, blank| -> Vec<String> {
        let choices = counter.desk.complete(&who, &blank, "").await;
        choices.into_iter().map(|choice| choice.value).collect()
    };
    let offered = async |who| of(who, Blank::Token).await;
    assert_eq!(offered(discord("9", &["777"])).await, ["deploy"]);
    assert_eq!(offered(slack("UALICE")).await, ["backup", "deploy", "mirror"], "as the list shows them");
    assert_eq!(offered(discord("9", &[])).await, [""; 0]);
    // Asked for while that was their right.
    let asked = Origin::Person { person: PersonId::from("discord:9") };
    counter.team.engine.rotate("backup", asked).await.unwrap();
    assert_eq!(offered(discord("9", &["777"])).await, ["backup", "deploy"]);
}

#[tokio::test]
async fn whoever_asks_without_end_is_told_to_wait_and_fills_neither_the_journal_nor_gitlabs_budget() {
    let counter = counter_of(by_groups(&[PLATFORM]), &["UDAN"]).await;
    let lines = async || counter.team.engine.ledger.verify().await.unwrap().lines;
    let before = lines().await;
    for _ in 0..100 {
        counter.types(slack("UMALLORY"), "whoami").await;
    }
    assert_eq!(lines().await - before, 2, "the first, and the tenth with the number");
    let mut told = String::new();
    for _ in 0..16 {
        told = counter.types(slack("UDAN"), "list").await;
    }
    assert!(told.contains("Please try again in 12 s"), "{told}");
    counter.team.stage.clock.advance(12);
    let told = counter.types(slack("UDAN"), "list").await;
    assert!(!told.contains("Please try again"), "{told}");
}
