//! The journal keeps up with the index, whatever the disk does, and does not grow for ever.

use std::fs;

use super::super::fs::Disk;
use super::super::journal::{Key, Note, files};
use super::super::{Health, Named};
use super::furnished::span;
use super::*;

/// What the journal says of spans: their ends, `None` where they are gone.
fn spans_in(root: &Path) -> Vec<(String, Option<Timestamp>)> {
    let (notes, _) =
        files::last_notes(&Disk, root, |_, error| panic!("{}", error.chain())).unwrap();
    let span = |(key, note)| match (key, note) {
        (Key::Span(id), Note::Span { span, .. }) => Some((id, Some(span.end))),
        (Key::Span(id), _) => Some((id, None)),
        _ => None,
    };
    let mut all: Vec<_> = notes.into_iter().filter_map(span).collect();
    all.sort();
    all
}

fn outbox(root: &Path) -> i64 {
    let c = index::open_read_only(&super::super::layout::index(root)).unwrap();
    c.query_row("SELECT count(*) FROM outbox", [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn what_changes_is_in_the_journal_at_the_end() {
    let folder = temporary();
    let root = folder.path();
    let clock = Hands::at(0);
    let (store, _) = open(root, &clock);
    let _sink = gate(&store, None);
    store.span(span("a", 1, 5)).await.unwrap();
    store.span(span("a", 1, 9)).await.unwrap();
    store.span(span("b", 1, 5)).await.unwrap();
    clock.set(1000);
    store.delete(Named::Id("gate/evr/1/b".into()), super::super::Extent::Do).await.unwrap();
    store.shutdown().await;
    let known = [("gate/evr/1/a".to_owned(), Some(at(9))), ("gate/evr/1/b".to_owned(), None)];
    assert_eq!(spans_in(root), known);
    assert_eq!(outbox(root), 0);
}

#[tokio::test]
async fn what_a_crash_left_is_brought_later() {
    let folder = temporary();
    let root = folder.path();
    let (store, _) = open(root, &Hands::at(0));
    let _sink = gate(&store, None);
    store.span(span("a", 1, 5)).await.unwrap();
    drop(store);
    assert!(spans_in(root).is_empty() && outbox(root) > 0);
    let (store, _) = open(root, &Hands::at(10));
    store.shutdown().await;
    assert_eq!(spans_in(root), [("gate/evr/1/a".to_owned(), Some(at(5)))]);
}

#[tokio::test]
async fn a_disk_that_refuses_the_journal_is_an_alarm_and_no_loss() {
    let folder = temporary();
    let root = folder.path();
    let folder_of_it = super::super::layout::journal(root);
    fs::write(&folder_of_it, b"in the way").unwrap();
    let (store, _) = open(root, &Hands::at(0));
    let _sink = gate(&store, None);
    let mut health = store.health();
    store.span(span("a", 1, 5)).await.unwrap();
    let failing =
        |health: &Health| matches!(health, Health::Failing(why) if why.contains("journal"));
    health.wait_for(failing).await.unwrap();
    fs::remove_file(&folder_of_it).unwrap();
    health.wait_for(|health| *health == Health::Good).await.unwrap();
    assert_eq!(spans_in(root), [("gate/evr/1/a".to_owned(), Some(at(5)))]);
    store.shutdown().await;
}

#[tokio::test]
async fn an_old_day_goes_and_what_counts_of_it_stays() {
    let folder = temporary();
    let root = folder.path();
    let clock = Hands::at(0);
    let (store, _) = open(root, &clock);
    let _sink = gate(&store, None);
    store.span(span("a", 1, 5)).await.unwrap();
    store.span(span("b", 1, 5)).await.unwrap();
    clock.set(1000);
    store.delete(Named::Id("gate/evr/1/b".into()), super::super::Extent::Do).await.unwrap();
    store.shutdown().await;
    let old = files::days(&Disk, root).unwrap();
    assert_eq!(old.len(), 1);
    // Torn, as a crash leaves it.
    let text = fs::read_to_string(&old[0]).unwrap();
    fs::write(&old[0], format!("{text}{}", &text[..30])).unwrap();
    clock.set(40 * 86_400);
    let (store, _) = open(root, &clock);
    // The thread looks by itself; the file's end is what is waited for.
    while old[0].exists() {
        store.earliest("gate").await.unwrap();
        tokio::task::yield_now().await;
    }
    store.shutdown().await;
    assert_eq!(spans_in(root), [("gate/evr/1/a".to_owned(), Some(at(5)))]);
    assert_eq!(files::days(&Disk, root).unwrap().len(), 1);
}

/// A clock that was a year ahead when something was noted; and one that is behind all that was.
#[tokio::test]
async fn what_was_decided_last_counts_whatever_the_clock_showed() {
    for (name, before, after) in [("ahead", 365 * 86_400, 10), ("behind", 10, -30 * 365 * 86_400)] {
        let folder = temporary();
        let root = folder.path();
        let (store, _) = open(root, &Hands::at(before));
        let _sink = gate(&store, None);
        store.span(span("a", before + 1, before + 5)).await.unwrap();
        store.shutdown().await;
        let (store, _) = open(root, &Hands::at(after));
        store.span(span("a", before + 1, before + 9)).await.unwrap();
        store.shutdown().await;
        let known = [("gate/evr/1/a".to_owned(), Some(at(before + 9)))];
        assert_eq!(spans_in(root), known, "{name}");
        assert_eq!(files::days(&Disk, root).unwrap().len(), 1, "{name}");
    }
}
