//! What a shelf promises: limits, copies, and what can be undone.

use super::*;

const QUOTA: u64 = 1000;

#[test]
fn what_is_put_is_there_until_removed() {
    let shelf = Shelf::default();
    assert_eq!(shelf.get("a"), None);
    for (key, value) in [("b/1", "x"), ("b/2", ""), ("a", "y"), ("é", "z"), ("b", "w")] {
        shelf.put(key, value.as_bytes(), QUOTA).unwrap();
    }
    shelf.put("a", b"new", QUOTA).unwrap();
    assert_eq!(shelf.get("a").as_deref(), Some(&b"new"[..]));
    assert_eq!(shelf.get("b/2").as_deref(), Some(&b""[..]));
    assert_eq!(shelf.keys("b"), ["b", "b/1", "b/2"]);
    assert_eq!(shelf.keys(""), ["a", "b", "b/1", "b/2", "é"]);
    assert_eq!(shelf.keys("c"), [""; 0]);
    shelf.remove("b");
    shelf.remove("b");
    assert_eq!(shelf.keys("b"), ["b/1", "b/2"]);
}

#[test]
fn limits_refuse_and_change_nothing() {
    let shelf = Shelf::default();
    let long = "k".repeat(KEY_BYTES + 1);
    for (key, length, why) in [
        ("", 0, Refusal::InvalidKey),
        (&long, 0, Refusal::InvalidKey),
        ("a", VALUE_BYTES + 1, Refusal::TooLarge),
        ("a", 936, Refusal::Full),
    ] {
        assert_eq!(shelf.put(key, &vec![0; length], QUOTA), Err(why));
    }
    assert_eq!(shelf.keys(""), [""; 0]);
    shelf.put("a", &[0; 935], QUOTA).unwrap();
    assert_eq!(shelf.put("b", b"", QUOTA), Err(Refusal::Full));
    shelf.put("a", &[0; 900], 10).expect("less than before is taken, whatever the quota");
    assert_eq!(shelf.put("a", &[0; 900], 10), Err(Refusal::Full));
    shelf.remove("a");
    shelf.put("b", b"", QUOTA).expect("there is room again");
}

#[test]
fn an_overlay_reads_through_and_forgets() {
    let shelf = Shelf::kept(Entries::new());
    shelf.put("a", b"1", QUOTA).unwrap();
    let overlay = shelf.overlay();
    overlay.put("a", b"2", QUOTA).unwrap();
    overlay.put("b", b"3", QUOTA).unwrap();
    assert_eq!(overlay.keys(""), ["a", "b"]);
    assert_eq!(shelf.get("a").as_deref(), Some(&b"1"[..]));
    assert_eq!(shelf.keys(""), ["a"]);
    assert!(overlay.take_unwritten().is_none() && shelf.take_unwritten().is_some());
}

fn all(shelf: &Shelf) -> Vec<(String, Vec<u8>)> {
    shelf.entries().iter().map(|(key, value)| (key.clone(), value.to_vec())).collect()
}

#[test]
fn what_a_draft_did_once_it_landed_can_be_undone() {
    let shelf = Shelf::kept(Entries::new());
    for (key, value) in [("a", b"1"), ("b", b"1"), ("c", b"1")] {
        shelf.put(key, value, QUOTA).unwrap();
    }
    let draft = shelf.draft();
    draft.put("a", b"draft", QUOTA).unwrap();
    shelf.put("c", b"meanwhile", QUOTA).unwrap();
    let (before, used) = (all(&shelf), shelf.used_bytes());
    assert_eq!(draft.get("c").as_deref(), Some(&b"1"[..]), "as it was when it was made");
    draft.land(false);
    assert_eq!(shelf.get("a").as_deref(), Some(&b"draft"[..]));
    assert_eq!(draft.get("c").as_deref(), Some(&b"meanwhile"[..]), "it is the true one now");
    draft.remove("b");
    draft.put("d", b"new", QUOTA).unwrap();
    draft.put("d", b"newer", QUOTA).unwrap();
    // One more takes over before the first has shown that it is fit.
    let next = draft.draft();
    next.remove("a");
    next.land(true);
    next.put("e", b"next", QUOTA).unwrap();
    assert_eq!(shelf.keys(""), ["c", "d", "e"]);
    let _ = shelf.take_unwritten();
    next.undo();
    assert_eq!((all(&shelf), shelf.used_bytes()), (before.clone(), used));
    let Some(Unwritten::Some(changes)) = shelf.take_unwritten() else { panic!() };
    let keys: Vec<_> = changes.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["a", "b", "d", "e"], "it is written down");
    draft.put("a", b"2", QUOTA).unwrap();
    draft.undo();
    assert_eq!(shelf.get("a").as_deref(), Some(&b"2"[..]), "nothing is noted any more");
}

#[test]
fn what_was_settled_stays_and_a_draft_that_never_landed_changes_nothing() {
    let shelf = Shelf::kept(Entries::new());
    shelf.draft().put("a", b"1", QUOTA).unwrap();
    assert_eq!(shelf.keys(""), [""; 0]);
    let draft = shelf.draft();
    draft.land(false);
    draft.put("a", b"1", QUOTA).unwrap();
    draft.settle();
    draft.undo();
    assert_eq!(shelf.keys(""), ["a"]);
    // What is noted begins anew with the next.
    shelf.draft().land(false);
    shelf.put("b", b"1", QUOTA).unwrap();
    let last = shelf.draft();
    last.land(false);
    last.undo();
    assert_eq!(shelf.keys(""), ["a", "b"]);
}

/// However many: nothing that was removed comes back, and what was not touched is not changed.
#[test]
fn a_draft_lands_with_exactly_what_was_changed() {
    let shelf = Shelf::kept(Entries::new());
    for key in ["gone", "mine", "theirs"] {
        shelf.put(key, b"1", QUOTA).unwrap();
    }
    let draft = shelf.draft();
    draft.remove("gone");
    for number in 0..2 * CHANGES_MAX {
        draft.put(&number.to_string(), b"", u64::MAX).unwrap();
        draft.remove(&number.to_string());
    }
    draft.put("mine", b"1", QUOTA).unwrap();
    shelf.put("theirs", b"2", QUOTA).unwrap();
    shelf.put("mine", b"2", QUOTA).unwrap();
    draft.land(false);
    let expected = [("mine", b"1"), ("theirs", b"2")];
    assert_eq!(all(&shelf), expected.map(|(key, value)| (key.to_owned(), value.to_vec())));
}

/// What can be undone takes no more room than there was.
#[test]
fn what_comes_and_goes_on_probation_is_not_remembered() {
    let shelf = Shelf::kept(Entries::new());
    shelf.put("a", b"1", QUOTA).unwrap();
    let draft = shelf.draft();
    draft.land(false);
    for number in 0..1000 {
        draft.put(&number.to_string(), b"", QUOTA).unwrap();
        draft.remove(&number.to_string());
    }
    draft.put("a", b"2", QUOTA).unwrap();
    assert_eq!(shelf.lock().before.as_ref().unwrap().len(), 1);
    draft.undo();
    assert_eq!(all(&shelf), [("a".to_owned(), b"1".to_vec())]);
}

#[test]
fn lists_and_changes_are_bounded() {
    let shelf = Shelf::kept(Entries::new());
    for number in 0..2000 {
        shelf.put(&format!("{number:04}"), b"", u64::MAX).unwrap();
    }
    assert_eq!(shelf.keys("").len(), KEYS_LISTED);
    assert!(matches!(shelf.take_unwritten(), Some(Unwritten::All(all)) if all.len() == 2000));
    assert!(shelf.take_unwritten().is_none());
    shelf.remove("0007");
    let Some(Unwritten::Some(changes)) = shelf.take_unwritten() else { panic!() };
    assert_eq!(changes, [("0007".to_owned(), None)]);
}

/// For an instance that is made anew and told again what came since it was saved.
#[test]
fn what_came_after_a_mark_is_taken_back_as_often_as_wanted() {
    let shelf = Shelf::kept(Entries::new());
    shelf.put("n", b"1", QUOTA).unwrap();
    // One that was never marked is as it is, and marked from then on.
    shelf.rewind();
    for _ in 0..2 {
        shelf.put("n", b"2", QUOTA).unwrap();
        shelf.put("m", b"2", QUOTA).unwrap();
        shelf.rewind();
        assert_eq!(all(&shelf), [("n".to_owned(), b"1".to_vec())]);
    }
    shelf.put("n", b"3", QUOTA).unwrap();
    shelf.mark();
    shelf.remove("n");
    shelf.rewind();
    assert_eq!(all(&shelf), [("n".to_owned(), b"3".to_vec())]);
}

/// Who takes over is told again what came since the one before was saved, and puts it once more.
#[test]
fn a_draft_begins_where_the_true_one_was_marked() {
    let shelf = Shelf::kept(Entries::new());
    shelf.put("n", b"1", QUOTA).unwrap();
    shelf.mark();
    shelf.put("n", b"2", QUOTA).unwrap();
    shelf.put("gone", b"", QUOTA).unwrap();
    let draft = shelf.draft();
    draft.put("own", b"init", QUOTA).unwrap();
    draft.rewind_draft();
    let said = |key: &str, value: &[u8]| (key.to_owned(), value.to_vec());
    assert_eq!(all(&draft), [said("n", b"1"), said("own", b"init")]);
    draft.put("n", b"2", QUOTA).unwrap();
    draft.land(false);
    assert_eq!(all(&shelf), [said("n", b"2"), said("own", b"init")]);
}
