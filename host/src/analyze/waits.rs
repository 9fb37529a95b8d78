//! What a stage waits for: for ever, where it asked for nothing of the kind.

use tokio::sync::mpsc;

use super::hearing::Hearing;
use super::mailbox;
use super::pictures::Frame;
use crate::wasm;

pub(super) async fn take(pictures: Option<&mailbox::Receiver<Frame>>) -> Option<(Frame, u32)> {
    match pictures {
        Some(pictures) => pictures.take().await,
        None => std::future::pending().await,
    }
}

pub(super) async fn something(hearing: Option<&mut Hearing>) {
    match hearing {
        Some(hearing) => hearing.some().await,
        None => std::future::pending().await,
    }
}

pub(super) async fn next_units(
    units: Option<&mut mpsc::Receiver<Vec<wasm::Unit>>>,
) -> Option<Vec<wasm::Unit>> {
    match units {
        Some(units) => units.recv().await,
        None => std::future::pending().await,
    }
}

/// Takes what nobody will look at. For ever, where there is nothing.
pub(super) async fn pass_over(units: Option<&mut mpsc::Receiver<Vec<wasm::Unit>>>) {
    if next_units(units).await.is_none() {
        std::future::pending().await
    }
}
