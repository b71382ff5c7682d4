//! `[aws_secrets_manager.<name>]` and `kind = "aws_secrets_manager"` as people write them, in every build.

use super::configured::{configured, mistakes};
use rekey::store::aws_secrets_manager::Format;

const MAIN: &str = "[aws_secrets_manager.main]\nregion = \"eu-central-1\"\n";
const STORE: &str = "[[token.store]]\nkind = \"aws_secrets_manager\"\nat = \"main\"\nsecret = \"deploy/token\"\n";
const ARN: &str = "arn:aws:secretsmanager:eu-central-1:222222222222:secret:deploy/token-AbCdEf";

fn identity(connection: &str, store: &str) -> String {
    configured(connection, store).unwrap().tokens[0].1[0].id().0
}

#[test]
fn an_identity_names_account_region_and_secret_as_far_as_they_are_known() {
    let role = format!("{MAIN}role = \"arn:aws:iam::333333333333:role/rekey\"\nexternal_id = \"x\"\n");
    let profile = format!("{MAIN}profile = \"prod\"\nconfig_file = \"aws.ini\"\ntimeout = \"5s\"\n");
    assert_eq!(identity(MAIN, STORE), "aws-secret default/eu-central-1/deploy/token");
    assert_eq!(identity(&role, STORE), "aws-secret 333333333333/eu-central-1/deploy/token");
    assert_eq!(identity(&profile, STORE), "aws-secret prod/eu-central-1/deploy/token");
    let by_arn = STORE.replace("deploy/token", ARN);
    assert_eq!(identity(MAIN, &by_arn), "aws-secret 222222222222/eu-central-1/deploy/token");
}

#[test]
fn a_format_is_kept_with_the_secret() {
    let store = format!("{STORE}format = \"GitLabAccessToken\"");
    let config = configured(MAIN, &store).unwrap();
    let rekey::store::StoreSpec::AwsSecretsManager(spec) = &config.tokens[0].1[0] else { unreachable!() };
    assert_eq!(spec.format, Format::GitlabAccessToken);
}

#[test]
fn mistakes_are_named_with_the_way_out() {
    for (connection, store, words) in [
        ("[aws_secrets_manager.main]\n", STORE, "region is missing; write it, \"eu-central-1\", or set AWS_REGION"),
        (&format!("{MAIN}role = \"rekey\""), STORE, "role must be an ARN"),
        (&format!("{MAIN}external_id = \"x\""), STORE, "external_id has no meaning without role"),
        (&format!("{MAIN}url = \"http://aws.example\""), STORE, "would send secrets in clear"),
        (MAIN, &STORE.replace("deploy/token", &ARN.replace("eu-central", "us-east")), "secret is in us-east-1"),
        (MAIN, &format!("{STORE}format = \"json\""), "format must be one of \"plain\", \"GitLabAccessToken\""),
        (
            MAIN,
            &format!("{STORE}format = \"GitLabAccessToken\"\ntemplate = {{ shape = \"json\", key = \"token\" }}"),
            "template has no meaning with format",
        ),
    ] {
        let told = mistakes(connection, store);
        assert!(told.contains(words), "{told}");
    }
}

#[cfg(not(feature = "aws"))]
#[test]
fn a_build_that_does_not_know_aws_says_which_one_does() {
    use rekey::store::Context;
    let config = configured(MAIN, STORE).unwrap();
    let gitlab = std::sync::Arc::new(crate::http::api("http://127.0.0.1:9", "bot"));
    let error = Context::open(gitlab, &config.connections).err().unwrap();
    assert_eq!(
        error.to_string(),
        "[aws_secrets_manager.main]: this rekey was built without AWS; use the container image, or build with \
         --features aws"
    );
}
