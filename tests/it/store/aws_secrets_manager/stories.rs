//! What AWS Secrets Manager is besides a store like any other.

use super::super::contract::{FOREIGN, NEW, OLD, secret, tag, write};
use super::super::refusal;
use super::fake::{ARN, SECRET};
use super::moto::Moto;
use super::sts::{BASE_ROLE, TARGET_ROLE};
use super::{Stage, spec, stage, store_by};
use crate::python;
use rekey::rotation::store::{Tag, Undo};
use rekey::store::aws_secrets_manager::{Format, Settings};
use rekey::store::{StoreError, StoreSpec, Written};
use serde_json::{Value, json};
use std::fs;

async fn with_old() -> Stage {
    let stage = stage().await;
    stage.fake.world().secret().put(OLD);
    stage
}

fn labels(stage: &Stage) -> Vec<(String, Vec<String>)> {
    let mut world = stage.fake.world();
    let versions = world.secret().versions.iter();
    versions.map(|version| (version.text.clone(), version.labels.clone())).collect()
}

#[tokio::test]
async fn a_value_is_staged_then_made_current_and_the_labels_are_gone_in_the_end() {
    let stage = with_old().await;
    let store = stage.store(Format::Plain);
    write(&*store, NEW).await.unwrap();
    let kept = format!("rekey-{}", tag(8).rotation);
    assert_eq!(
        labels(&stage),
        [
            (OLD.to_owned(), vec![kept, "AWSPREVIOUS".to_owned()]),
            (NEW.to_owned(), ["AWSPENDING", "rekey", "AWSCURRENT"].map(str::to_owned).to_vec()),
        ]
    );
    store.finish(&tag(8), None).await.unwrap();
    let bare = [(OLD.to_owned(), vec!["AWSPREVIOUS".to_owned()]), (NEW.to_owned(), vec!["AWSCURRENT".to_owned()])];
    assert_eq!(labels(&stage), bare);
    let actions: Vec<String> = stage.fake.world().calls.iter().map(|(_, action)| action.clone()).collect();
    assert_eq!(actions.iter().filter(|action| *action == "PutSecretValue").count(), 1);
    assert!(stage.fake.world().calls.iter().all(|(who, _)| who == TARGET_ROLE), "by the role of the target");
}

#[tokio::test]
async fn what_was_there_at_first_comes_back_after_several_attempts_too() {
    let stage = with_old().await;
    let store = stage.store(Format::Plain);
    let undo = store.look().await.unwrap().undo.unwrap();
    for (attempt, value) in [(1, NEW), (2, "canary-second"), (3, "canary-third")] {
        let base = store.look().await.unwrap().base;
        let attempt = Tag { attempt, ..tag(8 + u64::from(attempt)) };
        assert_eq!(store.write(&secret(value), &base, &attempt).await, Ok(Written::Done));
    }
    stage.fake.world().secret().versions.retain(|version| !version.labels.is_empty());
    let base = store.look().await.unwrap().base;
    assert_eq!(store.roll_back(&undo, &base, &tag(7)).await, Ok(Written::Done));
    assert_eq!(store.read().await.unwrap().unwrap().expose(), OLD);
    store.finish(&tag(7), None).await.unwrap();
    assert_eq!(stage.fake.world().secret().labelled(), 2, "the current one and the one before");
}

#[tokio::test]
async fn the_shape_of_awss_own_gitlab_secrets_gets_token_and_number_and_keeps_the_rest() {
    let stage = stage().await;
    let text =
        "{\"tokenId\":\"7\", \"token\":\"canary-old-0123456789\",\n \"gitlabUrl\":\"https://gitlab.example.com\"}";
    stage.fake.world().secret().put(text);
    let store = stage.store(Format::GitlabAccessToken);
    write(&*store, NEW).await.unwrap();
    let now = stage.fake.world().secret().with("AWSCURRENT").unwrap().text.clone();
    assert_eq!(now, text.replace("\"7\"", "\"8\"").replace(OLD, NEW));
    for (text, why) in [
        ("{\"token\":\"x\"}", "there is no key tokenId in it"),
        ("{\"token\":\"x\",\"tokenId\":7}", "tokenId is not a text"),
        ("just-a-token", "it is not JSON"),
    ] {
        stage.fake.world().secret().put(text);
        for told in [refusal(store.preflight().await), refusal(write(&*store, NEW).await)] {
            assert!(told.contains(why), "{text}: {told}");
        }
    }
}

#[tokio::test]
async fn a_secret_that_aws_or_somebody_else_rotates_is_refused_before_approval() {
    let stage = with_old().await;
    let store = stage.store(Format::Plain);
    store.preflight().await.unwrap();
    for (key, value, why) in [
        ("RotationEnabled", json!(true), "AWS rotates it by itself | aws secretsmanager cancel-rotate-secret"),
        ("OwningService", json!("rds"), "it belongs to rds, which rotates it"),
        ("Type", json!("GitLabAccessToken"), "AWS manages it as GitLabAccessToken and rotates it by itself"),
        ("DeletedDate", json!(1_800_000_000), "it is scheduled for deletion | aws secretsmanager restore-secret"),
        ("PrimaryRegion", json!("us-east-1"), "it is a replica of the one in us-east-1"),
    ] {
        stage.fake.world().secret().about.insert(key.to_owned(), value);
        for told in [refusal(store.preflight().await), refusal(write(&*store, NEW).await)] {
            assert!(told.starts_with(why), "{told}");
        }
        stage.fake.world().secret().about.clear();
    }
    stage.fake.world().secret().about.insert("PrimaryRegion".into(), json!("eu-central-1"));
    store.preflight().await.unwrap();
    assert_eq!(labels(&stage), [(OLD.to_owned(), vec!["AWSCURRENT".to_owned()])]);
}

#[tokio::test]
async fn a_version_that_another_rotation_has_waiting_is_not_pushed_aside() {
    let stage = with_old().await;
    let store = stage.store(Format::Plain);
    let theirs = stage.fake.world().secret().put(FOREIGN);
    let ours = stage.fake.world().secret().versions[0].id.clone();
    stage.fake.world().secret().shift("AWSCURRENT", Some(&theirs), Some(&ours));
    stage.fake.world().secret().shift("AWSPENDING", None, Some(&theirs));
    for told in [refusal(store.preflight().await), refusal(write(&*store, NEW).await)] {
        assert!(told.starts_with("somebody else's rotation has a version waiting in it"), "{told}");
    }
    stage.fake.world().secret().shift("AWSPENDING", Some(&theirs), None);
    assert_eq!(write(&*store, NEW).await, Ok(Written::Done));
}

#[tokio::test]
async fn whoever_makes_another_version_current_in_that_instant_wins() {
    let stage = with_old().await;
    let store = stage.store(Format::Plain);
    stage.fake.world().before_switch = Some(|secret| drop(secret.put(FOREIGN)));
    let error = write(&*store, NEW).await.unwrap_err();
    assert!(matches!(&error, StoreError::Conflict { why, .. } if why.contains("another version current")), "{error}");
    assert_eq!(store.read().await.unwrap().unwrap().expose(), FOREIGN);
    assert_eq!(write(&*store, NEW).await, Ok(Written::Done), "after another look, under a name of its own");
}

#[tokio::test]
async fn a_name_that_is_taken_by_another_text_is_refused_and_nothing_becomes_current() {
    let stage = with_old().await;
    let store = stage.store(Format::Plain);
    let base = store.look().await.unwrap().base;
    let written = stage.fake.world().secret().with("AWSCURRENT").unwrap().clone();
    store.write(&secret(NEW), &base, &tag(8)).await.unwrap();
    let made = stage.fake.world().secret().with("AWSCURRENT").unwrap().id.clone();
    stage.fake.world().secret().shift("AWSCURRENT", Some(&made), Some(&written.id));
    let told = refusal(store.write(&secret("canary-other"), &base, &tag(8)).await);
    assert!(told.starts_with(&format!("it has a version {made} with another text")), "{told}");
    assert_eq!(store.write(&secret(NEW), &base, &tag(8)).await, Ok(Written::Done), "the same text is the same write");
    assert_eq!(stage.fake.world().secret().versions.len(), 2);
}

#[tokio::test]
async fn a_write_is_done_only_when_both_kinds_of_answers_show_it() {
    for lag in [(2, 0), (0, 2), (3, 2)] {
        let stage = with_old().await;
        let store = stage.store(Format::Plain);
        stage.fake.world().lag = lag;
        assert_eq!(write(&*store, NEW).await, Ok(Written::Done));
        stage.fake.world().lag = (0, 0);
        assert_eq!(store.read().await.unwrap().unwrap().expose(), NEW, "whoever reads now gets it");
        let actions: Vec<String> = stage.fake.world().calls.iter().map(|(_, action)| action.clone()).collect();
        let switches = actions.iter().filter(|action| *action == "UpdateSecretVersionStage").count();
        assert_eq!(switches, 2, "one to keep the version of before, one to make ours current");
    }
}

#[tokio::test]
async fn a_switch_that_answers_do_not_show_is_left_open_and_no_old_answer_is_believed() {
    let stage = with_old().await;
    let (store, another) = (stage.store(Format::Plain), stage.store(Format::Plain));
    let seen = store.look().await.unwrap();
    stage.fake.world().lag = (u32::MAX, 0);
    let value = secret(NEW);
    let error = store.write(&value, &seen.base, &tag(8)).await.unwrap_err();
    assert!(matches!(&error, StoreError::Unknown { why, .. } if why.contains("readers do not get it yet")), "{error}");
    // Reading alone would say that the old value is back already, or still there.
    let undo = seen.undo.unwrap();
    let (back, old, ours) = (secret(OLD), tag(7), tag(8));
    let (repeated, rolled, rewritten, looked) = tokio::join!(
        store.write(&value, &seen.base, &ours),
        another.roll_back(&undo, &seen.base, &old),
        another.write(&back, &seen.base, &old),
        another.look(),
    );
    for error in [repeated.unwrap_err(), rolled.unwrap_err(), rewritten.unwrap_err(), looked.err().unwrap()] {
        let told = error.to_string();
        assert!(matches!(error, StoreError::Unavailable { .. }) && told.contains("agree with itself"), "{told}");
    }
    stage.fake.world().catch_up();
    let versions = stage.fake.world().secret().versions.len();
    assert_eq!(store.write(&value, &seen.base, &tag(8)).await, Ok(Written::Done));
    assert_eq!(stage.fake.world().secret().versions.len(), versions, "it is the same version");
    assert_eq!(store.read().await.unwrap().unwrap().expose(), NEW);
}

#[tokio::test]
async fn a_switch_that_nothing_shows_yet_is_repeated_without_harm() {
    let stage = with_old().await;
    let store = stage.store(Format::Plain);
    let base = store.look().await.unwrap().base;
    stage.fake.world().lag = (u32::MAX, u32::MAX);
    let error = store.write(&secret(NEW), &base, &tag(8)).await.unwrap_err();
    assert!(matches!(&error, StoreError::Unknown { .. }), "{error}");
    let error = store.write(&secret(NEW), &base, &tag(8)).await.unwrap_err();
    assert!(matches!(&error, StoreError::Unknown { why, .. } if why.contains("did not make")), "{error}");
    stage.fake.world().catch_up();
    assert_eq!(store.write(&secret(NEW), &base, &tag(8)).await, Ok(Written::Done));
    assert_eq!(stage.fake.world().secret().versions.len(), 2);
}

#[tokio::test]
async fn a_version_of_before_that_is_gone_cannot_come_back_and_is_told() {
    let stage = with_old().await;
    let store = stage.store(Format::Plain);
    write(&*store, NEW).await.unwrap();
    let base = store.look().await.unwrap().base;
    let told = refusal(store.roll_back(&Undo("00000000-0000-4000-8000-000000000077".into()), &base, &tag(7)).await);
    let gone = "its version 00000000-0000-4000-8000-000000000077 is gone | put the previous value there by hand";
    assert_eq!(told, gone);
}

#[tokio::test]
async fn every_refusal_names_the_action_and_the_way_out() {
    let stage = with_old().await;
    let store = stage.store(Format::Plain);
    store.preflight().await.unwrap();
    for action in ["DescribeSecret", "GetSecretValue", "PutSecretValue", "UpdateSecretVersionStage"] {
        stage.fake.world().allowed.remove(action);
        let told = refusal(store.preflight().await);
        assert!(told.contains(&format!("is not authorized to perform: secretsmanager:{action}")), "{told}");
        let mend =
            format!("allow secretsmanager:{action} on the secret to the bot (docs/stores/aws_secrets_manager.md)");
        assert!(told.ends_with(&mend), "{told}");
        stage.fake.world().calm_down();
    }
    for (code, message, mend) in [
        ("AccessDeniedException", "Access to KMS is not allowed", "allow kms:Decrypt and kms:GenerateDataKey"),
        ("DecryptionFailure", "can't decrypt", "enable the secret's KMS key"),
        ("LimitExceededException", "too many", "remove versions or labels"),
        ("InvalidSignatureException", "Signature expired", "check the credentials of [aws_secrets_manager.main]"),
    ] {
        // Some are asked again with new credentials, and some by the SDK with another clock.
        stage.fake.world().refusals = vec![(400, code, message); 9];
        let told = refusal(store.look().await.map(drop));
        assert!(told.contains(&format!("{code}: {message} | {mend}")), "{told}");
        stage.fake.world().refusals.clear();
    }
}

#[tokio::test]
async fn throttling_and_faults_of_aws_pass() {
    let stage = with_old().await;
    let store = stage.store(Format::Plain);
    for (status, code) in [(400, "ThrottlingException"), (500, "InternalServiceError")] {
        stage.fake.world().refusals = vec![(status, code, "slow down"); 2];
        store.look().await.unwrap();
        stage.fake.world().refusals = vec![(status, code, "slow down"); 3];
        let error = store.look().await.err().unwrap();
        assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn credentials_that_cannot_be_had_are_told_with_the_way_out() {
    let stage = with_old().await;
    let plain = |settings: Settings| store_by(settings, StoreSpec::AwsSecretsManager(spec(SECRET, Format::Plain)));
    let good = stage.settings(&stage.api);
    fs::write(stage.folder.path().join("token"), "of another cluster").unwrap();
    let told = refusal(plain(good.clone()).preflight().await);
    assert!(told.contains("InvalidIdentityToken") && told.contains("check the credentials of"), "{told}");
    assert!(!told.contains("of another cluster"), "{told}");
    fs::write(stage.folder.path().join("token"), super::WEB_IDENTITY).unwrap();
    plain(good.clone()).preflight().await.unwrap();
    for (settings, why) in [
        (Settings { external_id: Some("of-somebody-else".into()), ..good.clone() }, "not authorized"),
        (Settings { profile: Some("nobody".into()), ..good.clone() }, "nobody"),
        (Settings { config_file: Some("/nowhere/aws.ini".into()), ..good.clone() }, "/nowhere/aws.ini"),
    ] {
        let told = refusal(plain(settings).preflight().await);
        assert!(told.contains(why) && told.contains("check the credentials of [aws_secrets_manager.main]"), "{told}");
    }
    assert_eq!(stage.keys.holder("ASIAFAKE00000001", "sparrow-session-1").as_deref(), Some(BASE_ROLE));
}

#[tokio::test]
async fn a_secret_is_found_by_its_arn_too() {
    let stage = with_old().await;
    let settings = stage.settings(&stage.api);
    let by_arn = StoreSpec::AwsSecretsManager(spec(ARN, Format::Plain));
    let by_name = StoreSpec::AwsSecretsManager(spec(SECRET, Format::Plain));
    assert_eq!(by_arn.id().0, "aws-secret 222222222222/eu-central-1/deploy/token");
    assert!(by_arn.place().clashes(&by_name.place()));
    assert_eq!(write(&*store_by(settings, by_arn), NEW).await, Ok(Written::Done));
}

#[tokio::test]
async fn a_document_that_would_grow_too_long_is_refused_before_it_is_sent() {
    let stage = stage().await;
    let more = "x".repeat(65_400);
    let text = format!("{{\"token\":\"t\",\"tokenId\":\"7\",\"more\":\"{more}\"}}");
    stage.fake.world().secret().put(&text);
    let store = stage.store(Format::GitlabAccessToken);
    let told = refusal(write(&*store, &"y".repeat(200)).await);
    assert!(told.contains("AWS takes 1 to 65536"), "{told}");
    assert!(stage.fake.world().calls.iter().all(|(_, action)| action != "PutSecretValue"));
}

#[tokio::test]
async fn moto_agrees_on_labels_roll_back_and_tidying_up() {
    let Some(moto) = Moto::start().await else { return };
    moto.create("deploy/labels", OLD).await;
    let folder = tempfile::tempdir().unwrap();
    super::profile(folder.path(), "arn:aws:iam::222222222222:role/rekey", &moto.url);
    let settings = super::settings(folder.path(), &moto.url);
    let store = store_by(settings, StoreSpec::AwsSecretsManager(spec("deploy/labels", Format::Plain)));
    let undo = store.look().await.unwrap().undo.unwrap();
    write(&*store, NEW).await.unwrap();
    let base = store.look().await.unwrap().base;
    assert_eq!(store.roll_back(&undo, &base, &tag(7)).await, Ok(Written::Done));
    store.finish(&tag(7), None).await.unwrap();
    let described = moto.call("DescribeSecret", json!({ "SecretId": "deploy/labels" })).await.unwrap();
    let stages: Value = described["VersionIdsToStages"].clone();
    assert_eq!(stages[&undo.0], json!(["AWSCURRENT"]));
    let all: Vec<&Value> = stages.as_object().unwrap().values().flat_map(|l| l.as_array().unwrap()).collect();
    assert_eq!(all.len(), 2, "{stages}");
}

#[tokio::test]
async fn awss_own_client_accepts_the_fake() {
    let stage = with_old().await;
    let config = stage.folder.path().join("aws.ini").display().to_string();
    let variables = [
        ("AWS_CONFIG_FILE", config.as_str()),
        ("AWS_SHARED_CREDENTIALS_FILE", "/nowhere/credentials"),
        ("AWS_PROFILE", "rekey"),
        ("API", &stage.api),
        ("STS", &stage.sts),
        ("TARGET_ROLE", TARGET_ROLE),
        ("EXTERNAL_ID", super::EXTERNAL_ID),
    ];
    let said = python::runs("boto3", "aws_secrets_manager_client.py", &variables).await;
    assert!(said.is_none_or(|said| said == "accepted"));
}
