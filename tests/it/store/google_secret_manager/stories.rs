//! What Google Secret Manager is besides a store like any other.

use super::super::configured::{configured, mistakes};
use super::super::contract::{FOREIGN, NEW, OLD, tag, write};
use super::super::refusal;
use super::identity::{SUBJECT, external_account, key_file};
use super::{Stage, stage};
use crate::python;
use rekey::rotation::store::Undo;
use rekey::secret::Secret;
use rekey::store::google_secret_manager::{Credentials, OldVersions, Spec};
use rekey::store::{StoreError, StoreSpec, Written};
use serde_json::json;
use std::fs;

async fn with_old(alias: Option<&str>) -> Stage {
    let stage = stage(alias, None).await;
    let mut world = stage.fake.world();
    let number = world.secret().add(OLD);
    if let Some(alias) = alias {
        world.secret().aliases.insert(alias.to_owned(), number);
    }
    drop(world);
    stage
}

#[tokio::test]
async fn every_kind_of_identity_gets_a_token() {
    let stage = with_old(None).await;
    let (base, subject) = (&stage.identity, stage.folder.path().join("subject"));
    let account = format!("/v1/projects/-/serviceAccounts/{}:generateAccessToken", super::identity::ACCOUNT);
    let answer = stage.folder.path().join("answer");
    fs::write(&answer, json!({ "id_token": SUBJECT }).to_string()).unwrap();
    let in_json = json!({ "file": answer, "format": { "type": "json", "subject_token_field_name": "id_token" } });
    let azure = json!({
        "url": format!("{base}/metadata/identity/oauth2/token?api-version=2018-02-01&resource=api%3A%2F%2Fpool"),
        "headers": { "Metadata": "True" },
        "format": { "type": "json", "subject_token_field_name": "access_token" },
    });
    let metadata = "/computeMetadata/v1/instance/service-accounts/default/token";
    let mut expected = Vec::new();
    for (text, paths) in [
        (None, vec![metadata]),
        (Some(key_file(base)), vec!["/token"]),
        (Some(external_account(base, json!({ "file": subject }), false)), vec!["/v1/token"]),
        (Some(external_account(base, in_json, true)), vec!["/v1/token", &account]),
        (Some(external_account(base, azure, true)), vec!["/metadata/identity/oauth2/token", "/v1/token", &account]),
    ] {
        let credentials = text.map_or_else(|| stage.metadata(), |text| stage.file(&text));
        let store = stage.store(credentials);
        store.preflight().await.unwrap();
        store.look().await.unwrap();
        expected.extend(paths);
        assert_eq!(stage.tokens.paths(), expected, "one login is enough for several calls");
    }
}

#[tokio::test]
async fn credentials_that_cannot_be_used_are_refused_with_the_way_out() {
    let stage = with_old(None).await;
    let base = stage.identity.clone();
    let sourced = |source| external_account(&base, source, false);
    for (text, why) in [
        ("{}".to_owned(), "lack something"),
        (json!({ "type": "authorized_user" }).to_string(), "neither a service account's key nor"),
        (key_file(&base).replace("BEGIN PRIVATE", "BEGIN PUBLIC"), "no RSA key"),
        (key_file("http://elsewhere.example"), "must begin with https"),
        (sourced(json!({ "environment_id": "aws1" })), "neither a file nor an address"),
        (sourced(json!({ "file": "/nowhere/at/all" })), "/nowhere/at/all cannot be read"),
        (sourced(json!({ "url": base, "headers": { "X-Odd": "1" } })), "header that is not known: X-Odd"),
        (key_file(&base).replace("rekey@", "other@"), "POST /token was answered 400: invalid_grant: no"),
    ] {
        let told = refusal(stage.store(stage.file(&text)).preflight().await);
        assert!(told.contains(why) && told.contains("credentials.json made by Google"), "{told}");
        assert!(!told.contains("sparrow") && !told.contains("PRIVATE"), "{told}");
    }
    let missing = Credentials::File("/nowhere/credentials.json".into());
    assert!(refusal(stage.store(missing).preflight().await).contains("cannot be read (entity not found)"));
    let nobody = stage.store(Credentials::Metadata("http://127.0.0.1:9".into())).preflight().await.unwrap_err();
    assert!(nobody.to_string().contains("outside Google Cloud there is no metadata server"), "{nobody}");
}

#[tokio::test]
async fn a_missing_permission_is_named_before_approval() {
    let mut stage = with_old(Some("current")).await;
    stage.spec.old_versions = OldVersions::Destroy;
    let store = stage.store(stage.metadata());
    store.preflight().await.unwrap();
    for permission in [
        "secretmanager.versions.access",
        "secretmanager.versions.add",
        "secretmanager.versions.destroy",
        "secretmanager.secrets.get",
        "secretmanager.secrets.update",
    ] {
        stage.fake.world().granted.remove(permission);
        let told = refusal(store.preflight().await);
        assert_eq!(
            told,
            format!(
                "the bot lacks {permission} | grant the role of docs/stores/google_secret_manager.md on deploy-token \
                 to the bot"
            )
        );
        stage.fake.world().calm_down();
    }
    stage.fake.world().granted.remove("secretmanager.versions.add");
    let told = refusal(write(&*store, NEW).await);
    assert!(told.contains("PERMISSION_DENIED: Permission 'secretmanager.versions.add' denied"), "{told}");
    assert!(told.ends_with("(it lacks secretmanager.versions.add)"), "{told}");
    stage.spec.old_versions = OldVersions::Keep;
    stage.spec.alias = None;
    stage.fake.world().granted = ["secretmanager.versions.access", "secretmanager.versions.add"].into();
    let store = stage.store(stage.metadata());
    store.preflight().await.unwrap();
    assert_eq!(write(&*store, NEW).await, Ok(Written::Done), "two permissions are enough for latest");
}

#[tokio::test]
async fn a_secret_that_ends_by_itself_says_so_before_anybody_approves() {
    for alias in [None, Some("prod")] {
        let stage = with_old(alias).await;
        let store = stage.store(stage.metadata());
        store.preflight().await.unwrap();
        assert!(store.cautions().is_empty(), "{:?}", store.cautions());
        stage.fake.world().secret().expires = Some("2026-12-24T08:00:00.5Z");
        store.preflight().await.unwrap();
        let found = store.cautions();
        let told = "is deleted as a whole at 2026-12-24 08:00 UTC (expireTime), the new value with it";
        assert!(found.len() == 1 && found[0].what == told, "{found:?}");
        assert!(found[0].mend.contains("--remove-expiration"), "{found:?}");
        stage.fake.world().secret().expires = None;
        store.preflight().await.unwrap();
        assert!(store.cautions().is_empty());
    }
}

#[tokio::test]
async fn a_secret_whose_end_the_bot_may_not_see_is_written_all_the_same() {
    let stage = with_old(None).await;
    stage.fake.world().granted.remove("secretmanager.secrets.get");
    stage.fake.world().secret().expires = Some("2026-12-24T08:00:00Z");
    let store = stage.store(stage.metadata());
    store.preflight().await.unwrap();
    assert!(store.cautions().is_empty());
}

#[tokio::test]
async fn a_payload_that_was_damaged_on_its_way_is_not_believed() {
    let stage = with_old(None).await;
    stage.fake.world().damaged = true;
    let error = stage.store(stage.metadata()).look().await.err().unwrap();
    assert!(matches!(&error, StoreError::Unavailable { why, .. } if why.contains("CRC32C")), "{error}");
}

#[tokio::test]
async fn readers_that_lag_behind_are_waited_for_and_a_repeat_adds_no_second_version() {
    for alias in [None, Some("current")] {
        let stage = with_old(alias).await;
        let store = stage.store(stage.metadata());
        stage.fake.world().lag = 2;
        let base = store.look().await.unwrap().base;
        let value = super::super::contract::secret(NEW);
        assert_eq!(store.write(&value, &base, &tag(8)).await, Ok(Written::Done));
        assert_eq!(store.read().await.unwrap().unwrap().expose(), NEW, "whoever reads now gets it");
        assert_eq!(stage.fake.world().secret().versions.len(), 2);
    }
}

#[tokio::test]
async fn a_version_that_readers_never_get_is_left_open_and_found_again() {
    let stage = with_old(None).await;
    let store = stage.store(stage.metadata());
    stage.fake.world().lag = u32::MAX;
    let base = store.look().await.unwrap().base;
    let value = super::super::contract::secret(NEW);
    let ours = tag(8);
    let error = store.write(&value, &base, &ours).await.unwrap_err();
    assert!(matches!(&error, StoreError::Unknown { why, .. } if why.contains("do not get it yet")), "{error}");
    let before = stage.fake.world().secret().versions.len();
    let undo = Undo("1".into());
    let (again, back) = tokio::join!(store.write(&value, &base, &ours), store.roll_back(&undo, &base, &ours));
    assert!(matches!(again, Err(StoreError::Unknown { .. })), "{again:?}");
    assert!(matches!(back, Err(StoreError::Conflict { .. })), "what readers still get is not believed: {back:?}");
    assert_eq!(stage.fake.world().secret().versions.len(), before, "it is found by its number");
}

#[tokio::test]
async fn a_version_that_somebody_has_just_added_is_seen_although_latest_lags() {
    let stage = with_old(None).await;
    let store = stage.store(stage.metadata());
    let base = store.look().await.unwrap().base;
    stage.fake.world().lag_from(1);
    stage.fake.world().secret().add(FOREIGN);
    let value = super::super::contract::secret(NEW);
    let error = store.write(&value, &base, &tag(8)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "google-secret acme-prod/deploy-token (latest) was changed by somebody else meanwhile: readers get version 2 \
         now, which was not the one before"
    );
}

#[tokio::test]
async fn an_alias_is_moved_although_something_else_of_the_secret_changes_and_nothing_of_that_is_lost() {
    for stale in [(409, "ABORTED"), (400, "FAILED_PRECONDITION")] {
        let stage = with_old(Some("current")).await;
        let store = stage.store(stage.metadata());
        let base = store.look().await.unwrap().base;
        stage.fake.world().stale = stale;
        stage.fake.world().before_patch = Some(|secret| {
            secret.aliases.insert("pinned".into(), 1);
        });
        let value = super::super::contract::secret(NEW);
        assert_eq!(store.write(&value, &base, &tag(8)).await, Ok(Written::Done));
        let aliases = stage.fake.world().secret().aliases.clone();
        assert_eq!(aliases.into_iter().collect::<Vec<_>>(), [("current".into(), 2), ("pinned".into(), 1)]);
    }
}

#[tokio::test]
async fn an_alias_that_somebody_else_moves_in_that_instant_stays_theirs() {
    let stage = with_old(Some("current")).await;
    let store = stage.store(stage.metadata());
    stage.fake.world().secret().add(FOREIGN);
    stage.fake.world().before_patch = Some(|secret| {
        secret.aliases.insert("current".into(), 2);
    });
    let error = write(&*store, NEW).await.unwrap_err();
    assert!(matches!(&error, StoreError::Conflict { why, .. } if why.contains("moved the alias")), "{error}");
    assert_eq!(stage.fake.world().secret().aliases["current"], 2);
}

#[tokio::test]
async fn a_precondition_that_is_no_race_is_refused() {
    let stage = with_old(Some("current")).await;
    let store = stage.store(stage.metadata());
    stage.fake.world().secret().aliases.insert("broken".into(), 99);
    assert!(refusal(write(&*store, NEW).await).contains("INVALID_ARGUMENT: Invalid alias broken"));
}

#[tokio::test]
async fn the_version_that_was_replaced_is_kept_disabled_or_destroyed_at_the_end() {
    for (old_versions, state) in
        [(OldVersions::Keep, "ENABLED"), (OldVersions::Disable, "DISABLED"), (OldVersions::Destroy, "DESTROYED")]
    {
        let mut stage = with_old(None).await;
        stage.spec.old_versions = old_versions;
        stage.fake.world().secret().add("what another alias may go back to");
        stage.fake.world().secret().add(OLD);
        let store = stage.store(stage.metadata());
        let undo = store.look().await.unwrap().undo;
        write(&*store, NEW).await.unwrap();
        for _ in 0..2 {
            store.finish(&tag(8), undo.as_ref()).await.unwrap();
        }
        let mut world = stage.fake.world();
        let seen: Vec<&str> = world.secret().versions.iter().map(|version| version.state).collect();
        assert_eq!(seen, ["ENABLED", "ENABLED", state, "ENABLED"], "{old_versions:?}");
    }
}

#[tokio::test]
async fn a_version_that_an_alias_means_or_that_is_read_again_is_not_retired() {
    let mut stage = with_old(None).await;
    stage.spec.old_versions = OldVersions::Destroy;
    let store = stage.store(stage.metadata());
    let undo = store.look().await.unwrap().undo;
    store.finish(&tag(8), undo.as_ref()).await.unwrap();
    write(&*store, NEW).await.unwrap();
    stage.fake.world().secret().aliases.insert("pinned".into(), 1);
    store.finish(&tag(8), undo.as_ref()).await.unwrap();
    assert_eq!(stage.fake.world().secret().versions[0].state, "ENABLED");
}

#[tokio::test]
async fn a_version_that_somebody_adds_in_the_same_instant_is_told() {
    let stage = with_old(None).await;
    let store = stage.store(stage.metadata());
    let base = store.look().await.unwrap().base;
    stage.fake.world().before_add = Some(|secret| _ = secret.add("somebody else's"));
    let error = store.write(&Secret::new(NEW.into()), &base, &tag(8)).await.unwrap_err();
    assert!(matches!(&error, StoreError::Overwrote { why, .. } if why.contains("ours is 3")), "{error}");
}

#[tokio::test]
async fn what_cannot_be_read_or_brought_back_is_said_in_words() {
    let stage = with_old(None).await;
    let store = stage.store(stage.metadata());
    let undo = store.look().await.unwrap().undo.unwrap();
    write(&*store, NEW).await.unwrap();
    stage.fake.world().secret().versions[0].state = "DISABLED";
    let base = store.look().await.unwrap().base;
    assert!(refusal(store.roll_back(&undo, &base, &tag(7)).await).contains("version 1 is gone or disabled"));
    assert!(refusal(store.roll_back(&Undo("77".into()), &base, &tag(7)).await).contains("version 77 is gone"));
    stage.fake.world().secret().versions[1].state = "DISABLED";
    assert!(refusal(store.look().await.map(drop)).starts_with("its latest version is disabled or destroyed"));
    stage.fake.world().secret().versions.clear();
    let told = refusal(store.look().await.map(drop));
    assert!(told.starts_with("there is no such secret, or it has no version yet | correct project"), "{told}");
    let stage = self::with_old(Some("current")).await;
    stage.fake.world().secret().aliases.clear();
    let told = refusal(stage.store(stage.metadata()).preflight().await);
    let mend = "gcloud secrets update deploy-token --update-version-aliases=current=NUMBER, once";
    assert_eq!(told, format!("the secret has no such alias | {mend}"));
}

#[test]
fn an_alias_is_a_place_of_its_own_beside_other_aliases_but_not_beside_latest() {
    let at = |alias: Option<&str>, location: Option<&str>| {
        let spec = Spec {
            at: "main".into(),
            project: "acme".into(),
            location: location.map(str::to_owned),
            secret: "deploy".into(),
            alias: alias.map(str::to_owned),
            old_versions: OldVersions::Keep,
        };
        StoreSpec::GoogleSecretManager(spec)
    };
    assert_eq!(at(None, None).id().0, "google-secret acme/deploy (latest)");
    assert_eq!(at(Some("a"), Some("europe-west3")).id().0, "google-secret acme/europe-west3/deploy (a)");
    assert!(!at(Some("a"), None).place().clashes(&at(Some("b"), None).place()));
    assert!(at(Some("a"), None).place().clashes(&at(None, None).place()));
    assert!(!at(None, Some("europe-west3")).place().clashes(&at(None, None).place()));
}

const MAIN: &str = "[google_secret_manager.main]\nproject = \"acme-prod\"\n";
const STORE: &str = "[[token.store]]\nkind = \"google_secret_manager\"\nat = \"main\"\nsecret = \"deploy-token\"\n";

#[test]
fn a_connection_needs_a_project_and_finds_the_rest_as_googles_own_programs_do() {
    let config = configured(MAIN, STORE).unwrap();
    let settings = &config.connections.google_secret_manager["main"];
    assert_eq!(settings.link.url, "https://secretmanager.googleapis.com");
    assert_eq!(settings.credentials, Credentials::Metadata("http://169.254.169.254".into()));
    let regional = format!("{MAIN}location = \"europe-west3\"\ncredentials_file = \"/etc/rekey/google.json\"");
    let config = configured(&regional, &format!("{STORE}alias = \"current\"\nold_versions = \"disable\"")).unwrap();
    let settings = &config.connections.google_secret_manager["main"];
    assert_eq!(settings.link.url, "https://secretmanager.europe-west3.rep.googleapis.com");
    assert_eq!(settings.credentials, Credentials::File("/etc/rekey/google.json".into()));
    assert_eq!(config.tokens[0].1[0].id().0, "google-secret acme-prod/europe-west3/deploy-token (current)");
}

#[test]
fn mistakes_in_the_configuration_are_named() {
    for (connection, store, words) in [
        ("[google_secret_manager.main]\n", STORE, "project is missing; write the project's id"),
        (&MAIN.replace("acme-prod", "projects/acme-prod"), STORE, "project is a name and not a path"),
        (MAIN, &STORE.replace("deploy-token", "a/b"), "secret is a name and not a path"),
        (MAIN, &format!("{STORE}alias = \"latest\""), "alias must be an alias of versions"),
        (MAIN, &format!("{STORE}alias = \"3\""), "alias must be an alias of versions"),
        (MAIN, &format!("{STORE}old_versions = \"shred\""), "old_versions must be one of \"keep\""),
        (MAIN, &STORE.replace("\"main\"", "\"mian\""), "there is no connection [google_secret_manager.mian]"),
    ] {
        let told = mistakes(connection, store);
        assert!(told.contains(words), "{told}");
    }
}

#[tokio::test]
async fn googles_own_client_accepts_the_fake() {
    let stage = with_old(Some("current")).await;
    let subject = stage.folder.path().join("subject");
    let external = external_account(&stage.identity, json!({ "file": subject }), true);
    let key_file = key_file(&stage.identity);
    let variables = [
        ("API", stage.api.as_str()),
        ("IDENTITY", &stage.identity),
        ("GCE_METADATA_HOST", stage.identity.trim_start_matches("http://")),
        ("KEY_FILE", &key_file),
        ("EXTERNAL", &external),
    ];
    let modules = "google.cloud.secretmanager, google.auth, requests";
    let said = python::runs(modules, "google_secret_manager_client.py", &variables).await;
    assert!(said.is_none_or(|said| said == "accepted"));
}
