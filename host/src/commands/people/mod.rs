//! `wardline user` and `wardline token`: who may, beside a running host or without one.

mod password;

use std::path::Path;

use serde_json::json;

use super::{Process, output};
use crate::base::{Result, Timestamp};
use crate::cli::{AddToken, AddUser, Granted, ListPeople, Passwd, RemovePerson, Token, User};
use crate::commands::recordings::store;
use crate::config::Secret;
use crate::people::{self, Hashed, Program, Right};

/// Does what the arguments of `wardline user` say.
pub(super) async fn user(arguments: User, process: &Process) -> Result<()> {
    match arguments {
        User::Add(arguments) => add_user(arguments, process).await,
        User::List(arguments) => list_users(&arguments),
        User::Remove(arguments) => remove_user(&arguments),
        User::Passwd(arguments) => passwd(arguments, process).await,
    }
}

/// Does what the arguments of `wardline token` say.
pub(super) fn token(arguments: &Token, process: &Process) -> Result<()> {
    match arguments {
        Token::Add(arguments) => add_token(arguments, process),
        Token::List(arguments) => list_tokens(arguments),
        Token::Remove(arguments) => remove_token(arguments),
    }
}

fn right(granted: &Granted) -> Result<Right> {
    Right::new(granted.role.into(), granted.cameras.clone())
}

/// Notes a role on cameras that are not there: probably mistyped.
fn warn_of_unknown(granted: &Granted) -> Result<()> {
    let Ok(config) = crate::config::load(&granted.source) else { return Ok(()) };
    for name in granted.cameras.iter().filter(|name| config.camera(name).is_none()) {
        output::note(format!("warning: {} has no camera {name}", granted.source.display()))?;
    }
    Ok(())
}

async fn add_user(arguments: AddUser, process: &Process) -> Result<()> {
    let AddUser { name, granted } = arguments;
    people::check_name(&name)?;
    let right = right(&granted)?;
    let root = store(&granted.source)?;
    // Before somebody types a password in vain.
    people::check_store(&root)?;
    people::load(&root)?.check_free(&name)?;
    warn_of_unknown(&granted)?;
    let password = password::ask(&format!("Password for {name}: "), process).await?;
    let first = change_off_thread(root, password, process.clock.wall(), {
        let (name, right) = (name.clone(), right.clone());
        move |roll, password, since| {
            let first = roll.is_empty();
            let people::Right { role, cameras } = right;
            roll.add_user(people::User { name, role, cameras, password, since })?;
            Ok(first)
        }
    })
    .await?;
    output::line(format!("user {name}: {} of {}", right.role, right.cameras))?;
    if first {
        output::note("from now on everybody has to log in or show a token, on this machine too")?;
    }
    Ok(())
}

async fn passwd(arguments: Passwd, process: &Process) -> Result<()> {
    let Passwd { name, source } = arguments;
    let root = store(&source)?;
    people::load(&root)?.check_user(&name)?;
    let password = password::ask(&format!("New password for {name}: "), process).await?;
    let changed = name.clone();
    change_off_thread(root, password, process.clock.wall(), move |roll, password, now| {
        roll.set_password(&changed, password, now)
    })
    .await?;
    output::line(format!("user {name}: has another password, and is logged out everywhere"))
}

/// Hashes, then changes the roll.
async fn change_off_thread<T: Send + 'static>(
    root: std::path::PathBuf,
    password: Secret,
    now: Timestamp,
    change: impl FnOnce(&mut people::Roll, Hashed, Timestamp) -> Result<T> + Send + 'static,
) -> Result<T> {
    let work = move || {
        let password = Hashed::new(&password)?;
        people::change(&root, |roll| change(roll, password, now))
    };
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| crate::base::Error::bug("change the users").with(error))?
}

fn list_users(arguments: &ListPeople) -> Result<()> {
    let roll = people::load(&store(&arguments.source)?)?;
    let rows = roll.users().iter().map(|user| (&user.name, user.right(), user.since));
    list(arguments, "users", "password set", rows.collect())
}

fn list_tokens(arguments: &ListPeople) -> Result<()> {
    let roll = people::load(&store(&arguments.source)?)?;
    let rows =
        roll.programs().iter().map(|program| (&program.name, program.right(), program.since));
    list(arguments, "tokens", "made", rows.collect())
}

fn list(
    arguments: &ListPeople,
    what: &str,
    since: &str,
    rows: Vec<(&String, Right, Timestamp)>,
) -> Result<()> {
    if arguments.json {
        let rows: Vec<_> = rows
            .iter()
            .map(|(name, right, since)| {
                json!({ "name": name, "role": right.role, "cameras": right.cameras, "since": since })
            })
            .collect();
        return output::json(&json!({ what: rows }));
    }
    if rows.is_empty() {
        return output::line(format!("there are no {what}"));
    }
    let rows: Vec<Vec<String>> = rows
        .into_iter()
        .map(|(name, right, since)| {
            let day = since.civil().strftime("%F").to_string();
            vec![name.clone(), right.role.to_string(), right.cameras.to_string(), day]
        })
        .collect();
    output::line(output::table(&["name", "role", "cameras", since], &rows))
}

fn remove_user(arguments: &RemovePerson) -> Result<()> {
    let left = people::change(&store(&arguments.source)?, |roll| {
        roll.remove_user(&arguments.name)?;
        Ok(!roll.is_empty())
    })?;
    output::line(format!("user {}: is no more, and is logged out everywhere", arguments.name))?;
    tell_open(left)
}

fn remove_token(arguments: &RemovePerson) -> Result<()> {
    let left = people::change(&store(&arguments.source)?, |roll| {
        roll.remove_program(&arguments.name)?;
        Ok(!roll.is_empty())
    })?;
    output::line(format!("token {}: is no more", arguments.name))?;
    tell_open(left)
}

fn tell_open(left: bool) -> Result<()> {
    match left {
        true => Ok(()),
        false => output::note(
            "there are no users and tokens any more: a host that listens on this machine only asks nobody",
        ),
    }
}

fn add_token(arguments: &AddToken, process: &Process) -> Result<()> {
    let AddToken { name, granted } = arguments;
    let Right { role, cameras } = right(granted)?;
    let token = people::Token::new()?;
    let (digest, since) = (token.digest(), process.clock.wall());
    warn_of_unknown(granted)?;
    let shown = format!("token {name}: {role} of {cameras}; it is shown only now");
    let root: &Path = &store(&granted.source)?;
    let program = Program { name: name.clone(), role, cameras, digest, since };
    people::change(root, |roll| roll.add_program(program))?;
    output::note(shown)?;
    output::line(token.reveal())
}
