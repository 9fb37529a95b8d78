//! The roll: all users and tokens, and what is done with it. Pure: keeping it is `file`'s affair.

use serde::{Deserialize, Serialize};

use super::{Cameras, Digest, Hashed, Right, Role, check_name};
use crate::base::{Error, Result, Timestamp};

/// Users and tokens of one host, each: no house has more.
const ENTRIES_MAX: usize = 1000;

/// The form of the file.
const VERSION: u32 = 1;

/// A person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// Unique among users.
    pub name: String,
    /// What.
    pub role: Role,
    /// Where.
    pub cameras: Cameras,
    /// The password.
    pub password: Hashed,
    /// When the password was set.
    pub since: Timestamp,
}

/// A program that shows a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// Unique among tokens.
    pub name: String,
    /// What.
    pub role: Role,
    /// Where.
    pub cameras: Cameras,
    /// Of its token.
    pub digest: Digest,
    /// When it was made.
    pub since: Timestamp,
}

impl User {
    /// What may be done.
    pub fn right(&self) -> Right {
        Right { role: self.role, cameras: self.cameras.clone() }
    }

    /// Another where anything about him is.
    pub fn digest(&self) -> Result<Digest> {
        let text = serde_json::to_vec(self)
            .map_err(|error| Error::bug("make the JSON of a user").with(error))?;
        Ok(Digest::sum(&text))
    }
}

impl Program {
    /// What may be done.
    pub fn right(&self) -> Right {
        Right { role: self.role, cameras: self.cameras.clone() }
    }
}

/// All users and tokens, in the order in which they came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Roll {
    version: u32,
    users: Vec<User>,
    #[serde(rename = "tokens")]
    programs: Vec<Program>,
}

impl Default for Roll {
    fn default() -> Self {
        Self { version: VERSION, users: Vec::new(), programs: Vec::new() }
    }
}

impl Roll {
    /// From the text of its file.
    ///
    /// # Errors
    /// Refuses what is damaged, of a later version, or asks for more than there can be.
    pub(super) fn parse(text: &[u8]) -> Result<Self> {
        let roll: Self = serde_json::from_slice(text)
            .map_err(|error| Error::refuse("the file of users is damaged").with(error))?;
        let refuse = |why: String| Err(Error::refuse(format!("the file of users: {why}")));
        if roll.version != VERSION {
            return refuse(format!("has form {}, this program knows {VERSION}", roll.version));
        }
        if roll.users.len() > ENTRIES_MAX || roll.programs.len() > ENTRIES_MAX {
            return refuse(format!("has more than {ENTRIES_MAX} users or tokens"));
        }
        for (index, user) in roll.users.iter().enumerate() {
            check_name(&user.name)?;
            Right::new(user.role, user.cameras.clone().into())?;
            if !user.password.is_sound() {
                return refuse(format!("user {}: the password is no argon2id", user.name));
            }
            if roll.users[..index].iter().any(|other| other.name == user.name) {
                return refuse(format!("user {} stands there twice", user.name));
            }
        }
        for (index, program) in roll.programs.iter().enumerate() {
            check_name(&program.name)?;
            Right::new(program.role, program.cameras.clone().into())?;
            if roll.programs[..index].iter().any(|other| other.name == program.name) {
                return refuse(format!("token {} stands there twice", program.name));
            }
        }
        Ok(roll)
    }

    /// Nobody is on it.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty() && self.programs.is_empty()
    }

    /// All users.
    pub fn users(&self) -> &[User] {
        &self.users
    }

    /// All programs with a token.
    pub fn programs(&self) -> &[Program] {
        &self.programs
    }

    /// The user of that name.
    pub fn user(&self, name: &str) -> Option<&User> {
        self.users.iter().find(|user| user.name == name)
    }

    /// The program of that name.
    pub fn program(&self, name: &str) -> Option<&Program> {
        self.programs.iter().find(|program| program.name == name)
    }

    /// The program with that token. How long it takes tells nothing: digests can't be chosen.
    pub fn bearer(&self, digest: &Digest) -> Option<&Program> {
        self.programs.iter().find(|program| program.digest == *digest)
    }

    /// Checks that no user has a name.
    ///
    /// # Errors
    /// Says what to do with the one who has it.
    pub fn check_free(&self, name: &str) -> Result<()> {
        match self.user(name) {
            None => Ok(()),
            Some(_) => Err(Error::refuse(format!(
                "there is a user {name} already: `wardline user passwd` gives another password, \
                 `wardline user remove` makes room for another role"
            ))),
        }
    }

    /// Checks that a user has a name.
    ///
    /// # Errors
    /// Says which users there are.
    pub fn check_user(&self, name: &str) -> Result<()> {
        self.user(name).map(drop).ok_or_else(|| self.no_user(name))
    }

    /// One more user.
    ///
    /// # Errors
    /// The name is none, or taken; there are too many.
    pub fn add_user(&mut self, user: User) -> Result<()> {
        check_name(&user.name)?;
        self.check_free(&user.name)?;
        self.users.push(user);
        bounded(self.users.len(), "users")
    }

    /// Another password: all sessions of the user end.
    ///
    /// # Errors
    /// There is no such user.
    pub fn set_password(&mut self, name: &str, password: Hashed, now: Timestamp) -> Result<()> {
        let found = self.users.iter_mut().find(|user| user.name == name);
        let Some(user) = found else { return Err(self.no_user(name)) };
        (user.password, user.since) = (password, now);
        Ok(())
    }

    /// One user less.
    ///
    /// # Errors
    /// There is no such user.
    pub fn remove_user(&mut self, name: &str) -> Result<()> {
        let at = self.users.iter().position(|user| user.name == name);
        self.users.remove(at.ok_or_else(|| self.no_user(name))?);
        Ok(())
    }

    /// One more program.
    ///
    /// # Errors
    /// The name is none, or taken; there are too many.
    pub fn add_program(&mut self, program: Program) -> Result<()> {
        check_name(&program.name)?;
        if self.program(&program.name).is_some() {
            return Err(Error::refuse(format!(
                "there is a token {} already: remove it first, or take another name",
                program.name
            )));
        }
        self.programs.push(program);
        bounded(self.programs.len(), "tokens")
    }

    /// One program less.
    ///
    /// # Errors
    /// There is no such token.
    pub fn remove_program(&mut self, name: &str) -> Result<()> {
        let at = self.programs.iter().position(|program| program.name == name);
        let known = || {
            let names = self.programs.iter().map(|program| program.name.as_str());
            unknown("token", name, names)
        };
        self.programs.remove(at.ok_or_else(known)?);
        Ok(())
    }

    fn no_user(&self, name: &str) -> Error {
        unknown("user", name, self.users.iter().map(|user| user.name.as_str()))
    }

    /// Who has come, gone or changed since `before`: for the audit trail.
    pub fn changes(&self, before: &Self) -> Vec<String> {
        let mut said = Vec::new();
        let mut say = |what: &str, name: &str| said.push(format!("{what} {name}"));
        for user in &self.users {
            match before.user(&user.name) {
                None => say("added user", &user.name),
                Some(old) if old.password != user.password => say("new password of", &user.name),
                Some(old) if old != user => say("changed user", &user.name),
                Some(_) => {}
            }
        }
        before.users.iter().filter(|old| self.user(&old.name).is_none()).for_each(|old| {
            say("removed user", &old.name);
        });
        for program in &self.programs {
            match before.program(&program.name) {
                None => say("added token", &program.name),
                Some(old) if old != program => say("changed token", &program.name),
                Some(_) => {}
            }
        }
        before.programs.iter().filter(|old| self.program(&old.name).is_none()).for_each(|old| {
            say("removed token", &old.name);
        });
        said
    }
}

fn bounded(count: usize, what: &str) -> Result<()> {
    if count > ENTRIES_MAX {
        return Err(Error::refuse(format!("there are {ENTRIES_MAX} {what} already: remove some")));
    }
    Ok(())
}

fn unknown<'n>(what: &str, name: &str, known: impl Iterator<Item = &'n str>) -> Error {
    let known: Vec<&str> = known.collect();
    let there = match known.is_empty() {
        true => "there are none".into(),
        false => format!("there are {}", known.join(", ")),
    };
    Error::refuse(format!("there is no {what} {name}: {there}"))
}
