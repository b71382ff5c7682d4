//! Who the bot is where nothing is configured: as AWS's own programs find out. The environment belongs to a process, so
//! each way is tried in a child of its own.

use super::fake::SECRET;
use super::sts::{BASE_ROLE, WEB_IDENTITY};
use super::{spec, stage, store_by};
use rekey::store::StoreSpec;
use rekey::store::aws_secrets_manager::{Format, Settings};
use std::fs;

const CHILD: &str = "store::aws_secrets_manager::environment::a_look_by_the_environment_alone";

#[tokio::test]
#[ignore = "run by the story below, each time in another environment"]
async fn a_look_by_the_environment_alone() {
    let settings = Settings { region: "eu-central-1".into(), ..Settings::default() };
    let store = store_by(settings, StoreSpec::AwsSecretsManager(spec(SECRET, Format::Plain)));
    store.look().await.unwrap();
}

#[tokio::test]
async fn a_pod_an_instance_and_a_pair_of_keys_are_found_without_any_setting() {
    let stage = stage().await;
    stage.fake.world().secret().put("value");
    let token = stage.folder.path().join("token").display().to_string();
    assert_eq!(fs::read_to_string(&token).unwrap(), WEB_IDENTITY);
    let [key, secret, session] = stage.keys.issue("keys");
    let pod = format!("{}/v1/credentials", stage.sts);
    for (who, environment) in [
        (
            BASE_ROLE,
            vec![
                ("AWS_WEB_IDENTITY_TOKEN_FILE", token.as_str()),
                ("AWS_ROLE_ARN", BASE_ROLE),
                ("AWS_ENDPOINT_URL_STS", &stage.sts),
            ],
        ),
        (
            "pod",
            vec![
                ("AWS_CONTAINER_CREDENTIALS_FULL_URI", pod.as_str()),
                ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &token),
            ],
        ),
        ("instance", vec![("AWS_EC2_METADATA_SERVICE_ENDPOINT", stage.sts.as_str())]),
        (
            "keys",
            vec![
                ("AWS_ACCESS_KEY_ID", key.as_str()),
                ("AWS_SECRET_ACCESS_KEY", &secret),
                ("AWS_SESSION_TOKEN", &session),
            ],
        ),
    ] {
        let child = tokio::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", CHILD, "--ignored"])
            .env_clear()
            .env("AWS_CONFIG_FILE", "/nowhere/config")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/nowhere/credentials")
            .env("AWS_ENDPOINT_URL_SECRETS_MANAGER", &stage.api)
            .envs(environment)
            .output()
            .await
            .unwrap();
        let said = String::from_utf8_lossy(&child.stdout).into_owned();
        assert!(child.status.success() && said.contains("1 passed"), "{who}: {said}");
        let mut world = stage.fake.world();
        assert!(!world.calls.is_empty() && world.calls.iter().all(|(caller, _)| caller == who), "{:?}", world.calls);
        world.calls.clear();
    }
}
