//! Credentials that run out: got by logging in, renewed before they end, got anew once when the host refuses them.

use super::StoreError;
use crate::http::{Api, Call, CallError, Reply};
use crate::rotation::ids::StoreId;
use crate::secret::Secret;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How a host gives a credential.
#[async_trait::async_trait]
pub trait Login: Send + Sync {
    /// A new credential. Reads whatever file it needs anew, because such files are replaced from outside.
    async fn log_in(&self) -> Result<Granted, NoLogin>;

    /// The same credential for longer, where the host offers that and it is cheaper than logging in.
    async fn renew(&self, present: &Secret) -> Result<Granted, NoLogin> {
        let _unused = present;
        self.log_in().await
    }
}

/// A credential, and for how long.
pub struct Granted {
    /// What goes into the header.
    pub credential: Secret,
    /// `None`: it does not end by itself.
    pub good_for: Option<Duration>,
}

/// Why there is no credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoLogin {
    /// A person must act.
    Refused {
        /// What happened.
        why: String,
        /// What to do.
        mend: String,
    },
    /// It may go well later.
    Passing {
        /// What happened.
        why: String,
        /// How long the host asked to wait, if it did.
        retry_after: Option<Duration>,
    },
}

impl NoLogin {
    /// What a refused or lost login call means.
    pub fn of_call(error: &CallError, mend: impl FnOnce(u16) -> String) -> Self {
        match error {
            CallError::Status { status, .. } => Self::Refused { why: error.to_string(), mend: mend(*status) },
            CallError::RateLimited { retry_after, .. } => {
                Self::Passing { why: error.to_string(), retry_after: Some(*retry_after) }
            }
            _ => Self::Passing { why: error.to_string(), retry_after: None },
        }
    }

    /// As the trouble of a store that needs the login. Nothing was changed.
    pub fn of(self, store: &StoreId) -> StoreError {
        match self {
            Self::Refused { why, mend } => StoreError::refused(store, why, mend),
            Self::Passing { why, retry_after } => StoreError::Unavailable { store: store.clone(), retry_after, why },
        }
    }
}

/// One login, shared by all stores behind it.
pub struct Session<L> {
    login: L,
    held: Mutex<Option<Held>>,
}

struct Held {
    credential: Arc<Secret>,
    /// From when it should be renewed, and until when it is good.
    ends: Option<(Instant, Instant)>,
}

impl<L: Login> Session<L> {
    /// Nobody is called yet.
    pub fn new(login: L) -> Self {
        Self { login, held: Mutex::new(None) }
    }

    /// How it logs in.
    pub fn login(&self) -> &L {
        &self.login
    }

    /// A credential that is good for now. Callers at the same time share one login.
    pub async fn credential(&self) -> Result<Arc<Secret>, NoLogin> {
        let mut held = self.held.lock().await;
        let now = Instant::now();
        let granted = match held.as_ref() {
            Some(Held { credential, ends }) => match ends {
                Some((_, end)) if *end <= now => self.login.log_in().await?,
                Some((soon, _)) if *soon <= now => match self.login.renew(credential).await {
                    Ok(granted) => granted,
                    // It is still good; the next call tries again.
                    Err(NoLogin::Passing { .. }) => return Ok(credential.clone()),
                    Err(NoLogin::Refused { .. }) => self.login.log_in().await?,
                },
                _ => return Ok(credential.clone()),
            },
            None => self.login.log_in().await?,
        };
        let credential = Arc::new(granted.credential);
        let ends = granted.good_for.map(|good| (now + good * 2 / 3, now + good));
        *held = Some(Held { credential: credential.clone(), ends });
        Ok(credential)
    }

    /// The host refused it: it is given up, unless somebody else has replaced it already.
    pub async fn refused(&self, credential: &Secret) {
        let mut held = self.held.lock().await;
        if held.as_ref().is_some_and(|held| held.credential.digest() == credential.digest()) {
            *held = None;
        }
    }

    /// Makes a call with the session's credential; once more, with a new one, if `ended` says that the host refused the
    /// credential, in which case the call had no effect. The outer error: there is no credential.
    pub async fn call(
        &self,
        store: &StoreId,
        api: &Api,
        call: &Call<'_>,
        ended: fn(&CallError) -> bool,
    ) -> Result<Result<Reply, CallError>, StoreError> {
        let credential = self.credential().await.map_err(|error| error.of(store))?;
        match api.call(&call.clone().credential(&credential)).await {
            Err(error) if ended(&error) => self.refused(&credential).await,
            outcome => return Ok(outcome),
        }
        let credential = self.credential().await.map_err(|error| error.of(store))?;
        Ok(api.call(&call.clone().credential(&credential)).await)
    }

    /// The same for a call that changes nothing: it is repeated while the trouble is a passing one.
    pub async fn read(
        &self,
        store: &StoreId,
        api: &Api,
        call: &Call<'_>,
        ended: fn(&CallError) -> bool,
    ) -> Result<Result<Reply, CallError>, StoreError> {
        let credential = self.credential().await.map_err(|error| error.of(store))?;
        match api.read(&call.clone().credential(&credential)).await {
            Err(error) if ended(&error) => self.refused(&credential).await,
            outcome => return Ok(outcome),
        }
        let credential = self.credential().await.map_err(|error| error.of(store))?;
        Ok(api.read(&call.clone().credential(&credential)).await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// Hands out numbers that are good for 90 seconds.
    #[derive(Default)]
    struct Numbers {
        logins: AtomicU64,
        renewals: AtomicU64,
    }

    #[async_trait::async_trait]
    impl Login for Numbers {
        async fn log_in(&self) -> Result<Granted, NoLogin> {
            let number = self.logins.fetch_add(1, Ordering::SeqCst);
            Ok(Granted { credential: Secret::new(format!("login {number}")), good_for: Some(Duration::from_secs(90)) })
        }

        async fn renew(&self, present: &Secret) -> Result<Granted, NoLogin> {
            self.renewals.fetch_add(1, Ordering::SeqCst);
            Ok(Granted { credential: present.duplicate(), good_for: Some(Duration::from_secs(90)) })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_credential_is_shared_renewed_before_it_ends_and_got_anew_after_that() {
        let session = Session::new(Numbers::default());
        let seen = async || session.credential().await.unwrap().expose().to_owned();
        assert_eq!([seen().await, seen().await], ["login 0", "login 0"]);
        tokio::time::advance(Duration::from_secs(70)).await;
        assert_eq!(seen().await, "login 0");
        assert_eq!(session.login().renewals.load(Ordering::SeqCst), 1);
        tokio::time::advance(Duration::from_secs(91)).await;
        assert_eq!(seen().await, "login 1");
    }

    #[tokio::test(start_paused = true)]
    async fn of_many_who_are_refused_one_logs_in() {
        let session = Session::new(Numbers::default());
        let first = session.credential().await.unwrap();
        for _ in 0..3 {
            session.refused(&first).await;
            assert_eq!(session.credential().await.unwrap().expose(), "login 1");
        }
    }
}
