//! `wardline recordings delete`: deletes what a person names, after a question.

use std::io::{BufRead, IsTerminal, Write};

use tokio::sync::oneshot;

use super::super::{Process, output};
use super::keeper::Keeper;
use super::named;
use crate::base::{Error, Result};
use crate::cli::DeleteArguments;
use crate::config::show_size;
use crate::store::{Deletion, Extent, Named, Remained, Why};

pub(super) async fn delete(arguments: &DeleteArguments, process: &Process) -> Result<()> {
    let what = named(&arguments.what, process)?;
    if !arguments.yes && !std::io::stdin().is_terminal() {
        return Err(Error::refuse("to delete without a terminal that can be asked, give --yes"));
    }
    let keeper = Keeper::of(&arguments.whose, process).await?;
    let deleted = delete_with(&keeper, what, arguments, process).await;
    keeper.end().await;
    let Some(deletion) = deleted? else { return output::line("nothing deleted") };
    if arguments.whose.json {
        return output::json(&deletion);
    }
    output::line(format!("deleted {}", amount(&deletion)))?;
    deletion.remained.iter().try_for_each(|remained| output::line(left(remained)))
}

/// `None`: the person does not want it.
async fn delete_with(
    keeper: &Keeper,
    what: Named,
    arguments: &DeleteArguments,
    process: &Process,
) -> Result<Option<Deletion>> {
    if !arguments.yes {
        let would = keeper.delete(what.clone(), Extent::Look, process).await?;
        let question = format!("delete {} of {what} for ever? [y/N] ", amount(&would));
        if !is_confirmed(question, process).await? {
            return Ok(None);
        }
    }
    keeper.delete(what, Extent::Do, process).await.map(Some)
}

fn amount(deletion: &Deletion) -> String {
    format!("{} files, {}", deletion.segments, show_size(deletion.bytes))
}

/// One line for what is still there.
fn left(remained: &Remained) -> String {
    let why = match remained.why {
        Why::Edge => "they reach beyond the edges: name whole files to delete them",
        Why::Pinned => "pinned: unpin them first",
        Why::Open => "still being written",
        Why::Held => "something else keeps them",
        Why::Read => "being exported: delete them when that is done",
    };
    let Remained { segments, start, end, .. } = remained;
    format!("left: {segments} files from {start} to {end}: {why}")
}

/// Asks on the terminal. Ends with the process: a thread that waits for a line can't be called back.
async fn is_confirmed(question: String, process: &Process) -> Result<bool> {
    let (sender, answer) = oneshot::channel();
    let ask = move || {
        let mut line = String::new();
        let mut terminal = std::io::stderr();
        let asked = write!(terminal, "{question}").and_then(|()| terminal.flush());
        let read = asked.and_then(|()| std::io::stdin().lock().read_line(&mut line));
        // Who asked may have been told to end.
        let _ = sender.send(read.map(|_| matches!(line.trim(), "y" | "Y" | "yes")));
    };
    let failed = |error| Error::stop("ask on the terminal").with(error);
    std::thread::Builder::new().name("question".into()).spawn(ask).map_err(failed)?;
    tokio::select! {
        biased;
        () = process.shutdown.cancelled() => Ok(false),
        answer = answer => answer.unwrap_or(Ok(false)).map_err(failed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Timestamp;

    #[test]
    fn what_is_left_is_told_with_what_to_do() {
        for (why, word) in [
            (Why::Edge, "beyond the edges"),
            (Why::Pinned, "unpin"),
            (Why::Open, "written"),
            (Why::Held, "keeps"),
            (Why::Read, "exported"),
        ] {
            let end = Timestamp::from_millis(1000);
            let text = left(&Remained { why, segments: 2, start: Timestamp::ZERO, end });
            assert!(text.starts_with("left: 2 files from 1970") && text.contains(word), "{text}");
        }
    }
}
