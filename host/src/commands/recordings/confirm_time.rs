//! `wardline recordings confirm-time`: says that the host's clock is right, so that what is old goes
//! by it again.

use super::super::{Process, output};
use super::keeper::Keeper;
use crate::base::Result;
use crate::cli::ConfirmTimeArguments;
use crate::config::show_duration;

pub(super) async fn confirm_time(
    arguments: &ConfirmTimeArguments,
    process: &Process,
) -> Result<()> {
    let now = process.clock.wall();
    let keeper = Keeper::of(&arguments.whose, process).await?;
    let confirmed = keeper.confirm_time().await;
    keeper.end().await;
    let confirmed = confirmed?;
    if arguments.whose.json {
        return output::json(&confirmed);
    }
    output::line(match confirmed.guarded {
        Some(guarded) => format!(
            "confirmed: it is {now}; recordings were judged by a time {} behind",
            show_duration(guarded.behind)
        ),
        None => format!("confirmed: it is {now}; nothing was guarded"),
    })
}
