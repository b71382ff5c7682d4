//! An answer within a messenger's time, while the work goes on.

use std::future::Future;
use std::time::Duration;
use tokio::sync::oneshot;

/// The outcome of `work` if it comes in time. The work goes on in any case, and an outcome that comes late goes through
/// `late`: an abandoned request must not leave a decision half made.
pub(super) async fn in_time<T, L>(
    patience: Duration,
    work: impl Future<Output = T> + Send + 'static,
    late: impl FnOnce(T) -> L + Send + 'static,
) -> Option<T>
where
    T: Send + 'static,
    L: Future<Output = ()> + Send,
{
    let (sender, mut receiver) = oneshot::channel();
    tokio::spawn(async move {
        if let Err(outcome) = sender.send(work.await) {
            late(outcome).await;
        }
    });
    match tokio::time::timeout(patience, &mut receiver).await {
        Ok(outcome) => outcome.ok(),
        Err(_) => {
            receiver.close();
            receiver.try_recv().ok()
        }
    }
}
