//! Who we are on an instance and what we may do there: asked by `doctor`, by plans and by policy.

use super::survey::Place;
use super::wire::RawToken;
use super::{Client, Result, may_be_hidden, none_if};
use crate::http::{Call, segment};
use crate::rotation::token::{LiveToken, Owner};
use serde::Deserialize;

/// What an instance says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Metadata {
    /// Its version, such as `18.11.0-ee`.
    pub version: String,
    /// The commit it was built from.
    #[serde(default)]
    pub revision: String,
    /// Whether it is the Enterprise Edition; unknown before 15.2.
    #[serde(default)]
    pub enterprise: Option<bool>,
}

/// The bot's own account and token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Me {
    /// Number of the account.
    pub user_id: u64,
    /// Login of the account.
    pub username: String,
    /// Whether it is an administrator.
    pub admin: bool,
    /// The token by which it calls; its scopes and expiry are the bot's own.
    pub token: LiveToken,
}

impl Me {
    /// Whether GitLab shows us this owner's tokens as a matter of principle; the role in a group or project is another.
    pub fn sees_tokens_of(&self, owner: &Owner) -> bool {
        match owner {
            Owner::User { username } | Owner::InstanceServiceAccount { username } => {
                self.admin || self.username.eq_ignore_ascii_case(username)
            }
            _ => true,
        }
    }
}

impl Role {
    /// Whether it is certainly less than that.
    pub fn is_below(self, needed: u8) -> bool {
        matches!(self, Self::Level(level) if level < needed)
    }
}

impl Metadata {
    /// Whether the version is at least that one; one that cannot be read is taken for new enough.
    pub fn is_at_least(&self, major: u32, minor: u32) -> bool {
        let mut parts = self.version.split(['.', '-']).map_while(|part| part.parse::<u32>().ok());
        parts.next().is_none_or(|own| (own, parts.next().unwrap_or_default()) >= (major, minor))
    }
}

/// Who we are: asked once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Number of the account.
    pub id: u64,
    /// Its login.
    pub login: String,
}

/// A project and our role in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// Its number.
    pub id: u64,
    /// Its full path.
    pub path: String,
    /// Its page.
    pub web_url: String,
    /// The branch that pipelines run on unless told.
    pub default_branch: Option<String>,
    /// Read-only: nothing in it can be changed or run.
    pub archived: bool,
    /// Its service desk is on, so this GitLab takes mail.
    pub takes_mail: bool,
    /// Our role.
    pub role: Role,
}

/// A group and our role in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its number.
    pub id: u64,
    /// Its full path.
    pub path: String,
    /// Its page.
    pub web_url: String,
    /// Our role.
    pub role: Role,
}

/// Our role in a project or group, inherited ones counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// From 10 to 50; 0 if we are no member.
    Level(u8),
    /// Our fine-grained token may not see it.
    Hidden,
}

#[derive(Deserialize)]
struct RawUser {
    id: u64,
    username: String,
    #[serde(default)]
    is_admin: Option<bool>,
}

#[derive(Deserialize)]
struct RawPlace {
    id: u64,
    #[serde(alias = "path_with_namespace")]
    full_path: String,
    #[serde(default)]
    web_url: String,
    #[serde(default)]
    default_branch: Option<String>,
    #[serde(default)]
    archived: Option<bool>,
    #[serde(default)]
    service_desk_enabled: Option<bool>,
}

#[derive(Deserialize)]
struct JobTokenScope {
    inbound_enabled: bool,
}

#[derive(Deserialize)]
struct Member {
    access_level: u8,
}

impl Client {
    /// Version and edition.
    pub async fn metadata(&self) -> Result<Metadata> {
        match none_if(&[404], self.get(Call::get("/metadata")).await)? {
            Some(metadata) => Ok(metadata),
            None => self.get(Call::get("/version")).await,
        }
    }

    /// The account and token by which the bot calls.
    pub async fn me(&self) -> Result<Me> {
        let user: RawUser = self.get(Call::get("/user")).await?;
        let token: RawToken = self.get(Call::get("/personal_access_tokens/self")).await?;
        let (user_id, username, admin) = (user.id, user.username, user.is_admin.unwrap_or(false));
        Ok(Me { user_id, username, admin, token: token.into() })
    }

    /// The token by which the bot calls.
    pub(super) async fn me_token(&self) -> Result<LiveToken> {
        self.get::<RawToken>(Call::get("/personal_access_tokens/self")).await.map(LiveToken::from)
    }

    /// The account by which the bot calls, remembered from the first answer on.
    pub async fn account(&self) -> Result<&Account> {
        self.account
            .get_or_try_init(|| async {
                let user: RawUser = self.get(Call::get("/user")).await?;
                Ok(Account { id: user.id, login: user.username })
            })
            .await
    }

    /// A project by full path, with the role that user `me` has in it. `None`: there is none that we can see.
    pub async fn project(&self, path: &str, me: u64) -> Result<Option<Project>> {
        self.project_known_as(path, None, me).await
    }

    /// The same for a project that had the number `known` when it was seen last: it is found under another path too.
    pub async fn project_known_as(&self, path: &str, known: Option<u64>, me: u64) -> Result<Option<Project>> {
        let Some(raw) = self.lookup::<RawPlace>(Place::Project(path), known).await? else { return Ok(None) };
        let role = self.role(&format!("/projects/{}", raw.id), me).await?;
        let RawPlace { id, full_path, web_url, default_branch, archived, service_desk_enabled } = raw;
        let (archived, takes_mail) = (archived.unwrap_or(false), service_desk_enabled.unwrap_or(false));
        Ok(Some(Project { id, path: full_path, web_url, default_branch, archived, takes_mail, role }))
    }

    /// Whether jobs of any other project may reach this one by their job token, with the rights of whoever started them.
    /// `None`: GitLab does not tell us, who are no maintainer there.
    pub async fn is_open_to_job_tokens(&self, path: &str) -> Result<Option<bool>> {
        let call = Call::get(format!("/projects/{}/job_token_scope", segment(path)));
        let scope = none_if(&[403, 404], self.get::<JobTokenScope>(call).await)?;
        Ok(scope.map(|scope| !scope.inbound_enabled))
    }

    /// A group by full path, with the role that user `me` has in it. `None`: there is none that we can see.
    pub async fn group(&self, path: &str, me: u64) -> Result<Option<Group>> {
        let Some(raw) = self.lookup::<RawPlace>(Place::Group(path), None).await? else { return Ok(None) };
        let role = self.role(&format!("/groups/{}", raw.id), me).await?;
        Ok(Some(Group { id: raw.id, path: raw.full_path, web_url: raw.web_url, role }))
    }

    /// The role of any user in a project, inherited ones counted: read at the click that an approval hangs on.
    pub async fn project_role(&self, path: &str, user: u64) -> Result<Option<u8>> {
        self.member_level(&format!("/projects/{}", segment(path)), user).await
    }

    /// The role of any user in a group, inherited ones counted.
    pub async fn group_role(&self, path: &str, user: u64) -> Result<Option<u8>> {
        self.member_level(&format!("/groups/{}", segment(path)), user).await
    }

    async fn member_level(&self, at: &str, user: u64) -> Result<Option<u8>> {
        let member = self.get::<Member>(Call::get(format!("{at}/members/all/{user}"))).await;
        Ok(self.if_there(member).await?.map(|member| member.access_level))
    }

    async fn role(&self, at: &str, me: u64) -> Result<Role> {
        match self.member_level(at, me).await {
            // The other is said where not even our own token is shown to us.
            Err(error) if may_be_hidden(&error) || error.status() == Some(404) => Ok(Role::Hidden),
            level => Ok(Role::Level(level?.unwrap_or_default())),
        }
    }
}
