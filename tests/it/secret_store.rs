//! Stories of the secret stores: the contract of all of them, run for each adapter by one line, and what is special to
//! each in a file of its own.

#[cfg(feature = "aws")]
mod aws_secrets_manager;
mod aws_settings;
pub mod command;
mod configured;
#[macro_use]
pub mod contract;
mod azure_key_vault;
mod docs;
mod file;
pub mod fortanix;
mod gitlab_secure_file;
mod gitlab_variable;
mod google_secret_manager;
mod http;
pub mod jwt;
mod kubernetes;
mod onepassword;
pub mod openbao;
pub mod proxy;
mod template;
pub mod tls;
mod vault;

use crate::http::api;
use rekey::secret_store::{Connections, Context, SecretStore, StoreError, StoreSpec, VariableScope, build};
use std::sync::Arc;

contract! {
    project_variable: gitlab_variable::of(VariableScope::Project("acme/deploy".into()));
    group_variable: gitlab_variable::of(VariableScope::Group("acme".into()));
    instance_variable: gitlab_variable::of(VariableScope::Instance);
    hidden_variable: gitlab_variable::hidden();
    project_variable_in_the_sandbox: gitlab_variable::in_the_sandbox("project");
    group_variable_in_the_sandbox: gitlab_variable::in_the_sandbox("group");
    instance_variable_in_the_sandbox: gitlab_variable::in_the_sandbox("instance");
    gitlab_secure_file_in_the_sandbox: gitlab_secure_file::in_the_sandbox();
    file_alone: file::with("", "");
    file_with_line_end: file::with("", "\n");
    kubernetes_secret: kubernetes::alone();
    kubernetes_secret_that_keeps_the_previous_value: kubernetes::with_previous();
    kubernetes_secret_with_template: kubernetes::templated();
    file_with_template: file::templated();
    google_latest: google_secret_manager::latest();
    google_alias: google_secret_manager::alias();
    google_latest_with_template: google_secret_manager::templated();
    command_of_the_docs: command::of_the_docs();
    command_with_versions: command::with_versions();
    azure_key_vault_on_the_fake: azure_key_vault::on_the_fake();
    fortanix_readable: fortanix::readable();
    fortanix_unreadable: fortanix::unreadable();
    http_that_can_be_read: http::readable();
    http_that_cannot_be_read: http::blind();
    onepassword_by_id: onepassword::by_id();
    onepassword_with_previous: onepassword::with_previous();
    vault_version_2: vault::on(vault::Kind::V2);
    vault_version_1: vault::on(vault::Kind::V1);
    vault_with_template: vault::on(vault::Kind::Document);
}

#[cfg(feature = "aws")]
contract! {
    aws_plain: aws_secrets_manager::plain();
    aws_gitlab_format: aws_secrets_manager::gitlab_format();
    aws_json_key: aws_secrets_manager::json_key();
    aws_on_moto: aws_secrets_manager::on_moto();
}

/// One place of each of eight kinds that need nothing installed besides Python, each with a world of its own.
pub async fn eight_kinds() -> Vec<Box<dyn contract::Bench>> {
    let sites: [Box<dyn contract::Site>; 8] = [
        Box::new(gitlab_secure_file::in_the_sandbox().await),
        Box::new(command::with_versions().await),
        Box::new(azure_key_vault::on_the_fake().await),
        Box::new(kubernetes::with_previous().await),
        Box::new(onepassword::with_previous().await),
        Box::new(google_secret_manager::latest().await),
        Box::new(fortanix::readable().await),
        Box::new(http::readable().await),
    ];
    let mut furnished = Vec::new();
    for site in &sites {
        furnished.push(site.furnish().await.expect("it is made of fakes"));
    }
    furnished
}

/// The adapter for a specification that needs no GitLab.
pub fn built(spec: &StoreSpec, connections: &Connections) -> Arc<dyn SecretStore> {
    let nobody = Arc::new(api("http://127.0.0.1:9", "bot"));
    build(spec, &Context::open(nobody, connections).unwrap()).unwrap()
}

/// The words of a refusal and of its mend.
pub fn refusal<T>(outcome: Result<T, StoreError>) -> String {
    let Some(error) = outcome.err() else { return "not refused".to_owned() };
    let StoreError::Refused { why, mend, .. } = error else { return format!("not refused: {error}") };
    format!("{why} | {mend}")
}

#[test]
fn different_places_have_different_identities() {
    let variable = |scope, environment: &str| {
        let (key, environment_scope) = ("KEY".to_owned(), environment.to_owned());
        let spec = rekey::secret_store::CiVariable { scope, key, environment_scope, create: None };
        StoreSpec::GitlabVariable(spec).id().0
    };
    let ids = [
        variable(VariableScope::Project("acme".into()), "*"),
        variable(VariableScope::Project("acme".into()), "production"),
        variable(VariableScope::Group("acme".into()), "*"),
        variable(VariableScope::Instance, "*"),
        StoreSpec::File(rekey::secret_store::file::Spec { path: "/run/token".into() }).id().0,
    ];
    assert_eq!(ids.iter().collect::<std::collections::BTreeSet<_>>().len(), ids.len());
    assert_eq!(ids[0], "gitlab-variable acme KEY (scope *)");
}
