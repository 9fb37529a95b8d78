//! Who may, as it is kept: what is refused, what is written, and what a running host sees of it.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use super::*;
use crate::base::Timestamp;
use crate::base::tasks::Tasks;
use crate::config::Secret;
use crate::store::fs::Disk;
use crate::store::layout;

fn store() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    layout::identify(&Disk, folder.path()).unwrap();
    folder
}

fn user(name: &str, password: &str) -> User {
    let password = Hashed::new(&Secret::new(password)).unwrap();
    let cameras = vec!["gate".to_owned()].into();
    User { name: name.into(), role: Role::Viewer, cameras, password, since: Timestamp::ZERO }
}

fn program(name: &str, token: &Token) -> Program {
    let (role, cameras) = (Role::Operator, Cameras::All);
    Program { name: name.into(), role, cameras, digest: token.digest(), since: Timestamp::ZERO }
}

#[test]
fn passwords_are_compared_and_never_shown() {
    let right = Secret::new("correct horse");
    let (one, other) = (Hashed::new(&right).unwrap(), Hashed::new(&right).unwrap());
    assert_ne!(one, other, "each has a salt of its own");
    for (offered, is) in [("correct horse", true), ("correct hors", false), ("", false)] {
        assert_eq!(one.is(&Secret::new(offered)), is, "{offered}");
    }
    assert!(!one.is(&Secret::new("x".repeat(PASSWORD_BYTES_MAX + 1))));
    let text = serde_json::to_string(&one).unwrap();
    assert!(text.starts_with("\"$argon2id$v=19$m=19456,t=2,p=1$"), "{text}");
    assert_eq!(format!("{one:?}"), "(hashed)");
    for (password, good) in [("short", false), ("8 chars!", true), (&"x".repeat(1025), false)] {
        assert_eq!(check_password(&Secret::new(password)).is_ok(), good, "{password}");
    }
}

#[test]
fn a_hash_that_would_take_all_memory_is_no_password() {
    for text in [
        "$argon2id$v=19$m=4194304,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA",
        "$argon2id$v=19$m=19456,t=4000000,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA",
        "$argon2i$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA",
        "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ",
        "hunter2",
        "",
    ] {
        let hashed: Hashed = serde_json::from_value(text.into()).unwrap();
        assert!(!hashed.is_sound() && !hashed.is(&Secret::new("hunter2")), "{text}");
    }
}

#[test]
fn tokens_are_found_by_what_is_kept_of_them() {
    let (one, other) = (Token::new().unwrap(), Token::new().unwrap());
    assert_ne!(one.reveal(), other.reveal());
    assert_eq!(Digest::of(one.reveal().as_bytes()), Some(one.digest()));
    assert_eq!(Digest::of(b"short"), None);
    let mut roll = Roll::default();
    roll.add_program(program("bell", &one)).unwrap();
    assert_eq!(roll.bearer(&one.digest()).unwrap().name, "bell");
    assert!(roll.bearer(&other.digest()).is_none());
    assert_eq!(format!("{one:?} {:?}", one.digest()), "(token) (digest)");
    let text = serde_json::to_string(&one.digest()).unwrap();
    assert_eq!(serde_json::from_str::<Digest>(&text).unwrap(), one.digest());
    for wrong in ["", "ab", &"g".repeat(64), &"ü".repeat(32)] {
        assert!(Digest::try_from(wrong.to_owned()).is_err(), "{wrong}");
    }
}

#[test]
fn names_and_rights_are_checked() {
    for (name, good) in
        [("anna", true), ("j.ö@b-c_1", true), ("", false), ("a b", false), ("a/b", false)]
    {
        assert_eq!(check_name(name).is_ok(), good, "{name}");
    }
    assert!(check_name(&"x".repeat(65)).is_err());
    let right = |role, cameras: &[&str]| {
        Right::new(role, cameras.iter().map(|name| (*name).to_owned()).collect())
    };
    assert_eq!(right(Role::Viewer, &[]).unwrap().cameras, Cameras::All);
    let gate = right(Role::Viewer, &["gate"]).unwrap().cameras;
    assert!(gate.contains("gate") && !gate.contains("yard"));
    assert!(right(Role::Operator, &["gate"]).is_err() && right(Role::Admin, &["gate"]).is_err());
    assert!(right(Role::Admin, &["*"]).is_ok());
    assert!(Role::Viewer < Role::Operator && Role::Operator < Role::Admin);
}

#[test]
fn the_file_is_private_whole_and_changed_as_one() {
    let folder = store();
    let root = folder.path();
    assert!(load(root).unwrap().is_empty());
    let anna = user("anna", "correct horse");
    change(root, |roll| roll.add_user(anna.clone())).unwrap();
    change(root, |roll| roll.add_program(program("bell", &Token::new().unwrap()))).unwrap();
    let roll = load(root).unwrap();
    assert_eq!(roll.user("anna"), Some(&anna));
    assert_eq!(roll.programs().len(), 1);
    let people = root.join(layout::PEOPLE);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&people), mode(&people.join("people.json"))), (0o700, 0o600));
    let before = std::fs::read(people.join("people.json")).unwrap();
    for wrong in [
        change(root, |roll| roll.add_user(anna.clone())).unwrap_err().chain(),
        change(root, |roll| roll.remove_user("ben")).unwrap_err().chain(),
        change(root, |roll| roll.remove_program("door")).unwrap_err().chain(),
    ] {
        assert!(wrong.contains("there is"), "{wrong}");
    }
    assert_eq!(std::fs::read(people.join("people.json")).unwrap(), before);
    let text = String::from_utf8(before).unwrap();
    assert!(!text.contains("correct horse"), "{text}");
}

#[test]
fn without_a_store_nobody_is_added() {
    let folder = tempfile::tempdir().unwrap();
    let error = change(folder.path(), |_| Ok(())).unwrap_err().chain();
    assert!(error.contains("wardline recordings init"), "{error}");
    assert!(!folder.path().join(layout::PEOPLE).exists(), "nothing is left beneath a mount point");
}

#[test]
fn a_damaged_file_lets_nobody_in() {
    let folder = store();
    let anna = user("anna", "correct horse");
    change(folder.path(), |roll| roll.add_user(anna)).unwrap();
    let path = folder.path().join(layout::PEOPLE).join("people.json");
    let good = std::fs::read_to_string(&path).unwrap();
    for wrong in [
        "",
        "{}",
        "[]",
        &good.replace("\"version\": 1", "\"version\": 2"),
        &good.replace("viewer", "operator"),
        &good.replace("viewer", "king"),
        &good.replace("argon2id", "plain"),
        &good.replace("\"name\": \"anna\"", "\"name\": \"a/b\""),
        &good.replace("\"name\": \"anna\"", "\"name\": \"anna\", \"more\": 1"),
        &good.replace("\"tokens\"", "\"programs\""),
    ] {
        std::fs::write(&path, wrong).unwrap();
        assert!(load(folder.path()).is_err(), "{wrong}");
        assert!(watch(folder.path()).is_err(), "{wrong}");
    }
}

#[test]
fn visits_are_kept_as_one_and_rather_none_than_old_ones() {
    let folder = store();
    let root = folder.path();
    assert_eq!(kept_visits(root).unwrap(), []);
    keep_visits(root, &[]).unwrap_err();
    assert!(!root.join(layout::PEOPLE).exists(), "there are no users");
    let anna = user("anna", "correct horse");
    change(root, |roll| roll.add_user(anna.clone())).unwrap();
    let visit = KeptVisit {
        token: Token::new().unwrap().digest(),
        user: "anna".into(),
        was: anna.digest().unwrap(),
        began: Timestamp::from_micros(1),
        used: Timestamp::from_micros(2),
    };
    keep_visits(root, std::slice::from_ref(&visit)).unwrap();
    assert_eq!(kept_visits(root).unwrap(), [visit]);
    let path = root.join(layout::PEOPLE).join("visits.json");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    // Nothing can be written there.
    std::fs::create_dir(root.join(layout::PEOPLE).join("visits.json.part")).unwrap();
    keep_visits(root, &[]).unwrap_err();
    assert!(!path.exists() && kept_visits(root).unwrap().is_empty());
    for wrong in ["{", "{}", "[{}]"] {
        std::fs::write(&path, wrong).unwrap();
        let error = kept_visits(root).unwrap_err().chain();
        assert!(error.contains("visits.json is damaged"), "{error}");
    }
}

#[test]
fn changes_are_told_by_name() {
    let mut before = Roll::default();
    for name in ["anna", "ben", "cleo"] {
        before.add_user(user(name, "correct horse")).unwrap();
    }
    before.add_program(program("bell", &Token::new().unwrap())).unwrap();
    let mut now = before.clone();
    assert!(now.changes(&before).is_empty());
    now.remove_user("anna").unwrap();
    let other = Hashed::new(&Secret::new("correct horse")).unwrap();
    now.set_password("ben", other, Timestamp::ZERO).unwrap();
    now.add_user(user("dora", "correct horse")).unwrap();
    now.remove_program("bell").unwrap();
    now.add_program(program("door", &Token::new().unwrap())).unwrap();
    let told = [
        "new password of ben",
        "added user dora",
        "removed user anna",
        "added token door",
        "removed token bell",
    ];
    assert_eq!(now.changes(&before), told);
}

#[tokio::test(start_paused = true)]
async fn a_running_host_sees_changes_and_survives_a_damaged_file() {
    let folder = store();
    let root = folder.path();
    let (looks, mut known) = watch(root).unwrap();
    let tasks = Tasks::new();
    tasks.spawn("file of users", looks.run(tasks.shutdown().clone()));
    assert!(known.borrow_and_update().is_empty());
    change(root, |roll| roll.add_user(user("anna", "correct horse"))).unwrap();
    known.changed().await.unwrap();
    assert!(known.borrow_and_update().user("anna").is_some());
    let path = root.join(layout::PEOPLE).join("people.json");
    let good = std::fs::read(&path).unwrap();
    std::fs::write(&path, "{").unwrap();
    tokio::time::timeout(Duration::from_secs(5), known.changed()).await.unwrap_err();
    assert!(known.borrow().user("anna").is_some(), "as before");
    std::fs::write(&path, good).unwrap();
    change(root, |roll| roll.remove_user("anna")).unwrap();
    known.changed().await.unwrap();
    assert!(known.borrow().is_empty());
    assert!(tasks.end(Duration::from_secs(1)).await.is_empty());
}
