//! On whose behalf a call is made. A host's budget is shared: what rotations need is never taken by people who look
//! things up, and never by the inventory either.

use tokio::task_local;

task_local! {
    static WORK: ();
}

/// Whose call it is, and so how much of a host's budget may be gone before it waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hurry {
    /// A step of a rotation: all of it.
    Work,
    /// A person, or a notice: three quarters.
    Asked,
    /// The inventory: five eighths.
    Background,
}

impl Hurry {
    /// Of a call made here and now.
    pub(super) fn now(in_background: bool) -> Self {
        match in_background {
            true => Self::Background,
            false if WORK.try_with(|()| ()).is_ok() => Self::Work,
            false => Self::Asked,
        }
    }
}

/// Everything that is called in there is a step of a rotation. What it spawns is not.
pub async fn as_work<F: Future>(step: F) -> F::Output {
    WORK.scope((), step).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_what_is_done_as_work_is_work() {
        assert_eq!(Hurry::now(false), Hurry::Asked);
        let inside = as_work(async { (Hurry::now(false), Hurry::now(true)) }).await;
        assert_eq!(inside, (Hurry::Work, Hurry::Background));
    }
}
