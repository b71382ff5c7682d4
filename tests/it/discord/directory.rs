//! Who somebody is in the server, as Discord says it now: membership and roles, asked anew when it matters.

use super::house::{ALICE, BOB, EVE, api, guild};
use rekey::chat::discord::client::Client;
use rekey::engine::directory::{Age, Directory as _, DiscordDirectory, Standing, Survey, Unproven};
use rekey::rotation::group::Group;
use rekey::sandbox::discord::Settings;
use std::sync::Arc;

const OPS: &str = "1300000000000000700";

fn role(id: &str) -> Group {
    Group::Discord { role: id.to_owned() }
}

#[tokio::test]
async fn a_role_that_was_taken_away_no_longer_counts_when_the_effect_starts() {
    let (discord, clock) = guild().await;
    let state = discord.state();
    state.with(|world| world.grant(OPS, "token approvers", &[ALICE]));
    let client = Client::new(api(&discord.base_url(), &Settings::default().token));
    let people = DiscordDirectory::new(Arc::new(client), Settings::default().guild, Arc::new(clock));
    assert!(people.holds(&role(OPS), ALICE, Age::Recent).await.unwrap());
    assert!(!people.holds(&role(OPS), BOB, Age::Recent).await.unwrap());
    state.with(|world| world.users.get_mut(ALICE).unwrap().roles.clear());
    assert!(people.holds(&role(OPS), ALICE, Age::Recent).await.unwrap(), "for two minutes a click costs no call");
    assert!(!people.holds(&role(OPS), ALICE, Age::Now).await.unwrap());
}

#[tokio::test]
async fn members_count_and_bots_and_those_who_left_do_not() {
    let (discord, clock) = guild().await;
    let client = Client::new(api(&discord.base_url(), &Settings::default().token));
    let people = DiscordDirectory::new(Arc::new(client), Settings::default().guild, Arc::new(clock));
    discord.state().with(|world| world.users.get_mut(EVE).unwrap().member = false);
    let bot = Settings::default().bot_user;
    for (who, standing) in [(ALICE, Standing::Member), (EVE, Standing::Unknown), (bot.as_str(), Standing::Guest)] {
        assert_eq!(people.standing(who, Age::Now).await, Ok(standing), "{who}");
    }
}

#[tokio::test]
async fn a_role_is_known_by_its_name_and_one_that_is_not_there_is_said_to_be_so() {
    let (discord, clock) = guild().await;
    discord.state().with(|world| world.grant(OPS, "token approvers", &[ALICE]));
    let client = Client::new(api(&discord.base_url(), &Settings::default().token));
    let people = DiscordDirectory::new(Arc::new(client), Settings::default().guild, Arc::new(clock));
    let known = Survey { name: Some("token approvers".into()), people: None };
    assert_eq!(people.survey(&role(OPS)).await, Ok(known));
    let gone = people.survey(&role("1300000000000000701")).await.unwrap_err();
    assert!(matches!(&gone, Unproven::Refused(why) if why.starts_with("the server has no such role; ")), "{gone}");
}
