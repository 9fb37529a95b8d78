//! Arguments of `wardline user` and `wardline token`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::people::Role;

/// `wardline user`.
#[derive(Debug, Subcommand)]
pub enum User {
    /// Let a person in, with a name and a password
    Add(AddUser),
    /// Show who may what
    List(ListPeople),
    /// Let a person in no longer
    Remove(RemovePerson),
    /// Give a person another password; who is logged in with the old one is out
    Passwd(Passwd),
}

/// `wardline token`.
#[derive(Debug, Subcommand)]
pub enum Token {
    /// Let a program in: makes a token, and shows it once
    Add(AddToken),
    /// Show which programs may what
    List(ListPeople),
    /// Let a program in no longer
    Remove(RemovePerson),
}

/// What somebody may.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum RoleChoice {
    /// Looks at cameras, live and recorded
    Viewer,
    /// Looks at all, triggers, pins, exports, sends hooks, reloads plugins
    Operator,
    /// Everything
    Admin,
}

impl From<RoleChoice> for Role {
    fn from(choice: RoleChoice) -> Self {
        match choice {
            RoleChoice::Viewer => Self::Viewer,
            RoleChoice::Operator => Self::Operator,
            RoleChoice::Admin => Self::Admin,
        }
    }
}

/// What may be done, and whose file says so.
#[derive(Args, Debug)]
pub struct Granted {
    /// What may be done
    #[arg(long, value_name = "ROLE")]
    pub role: RoleChoice,
    /// Of a viewer: only this camera; may be given several times
    #[arg(long = "camera", value_name = "NAME")]
    pub cameras: Vec<String>,
    /// A configuration, or a store's directory: users are kept in the store
    #[arg(long, default_value = "wardline.toml", value_name = "CONFIG or STORE")]
    pub source: PathBuf,
}

/// `wardline user add`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wardline user add anna --role admin
  wardline user add ben --role viewer --camera gate --camera yard --source /etc/wardline.toml
  pwgen 20 1 | wardline user add cleo --role operator

The password is asked for on a terminal, and read from standard input otherwise; it is never an
argument. It has at least 8 characters. A host that runs knows within two seconds. Once there is a
user or token, everybody has to say who he is, on this machine too.")]
pub struct AddUser {
    /// The name to log in with
    pub name: String,
    /// What, and where
    #[command(flatten)]
    pub granted: Granted,
}

/// `wardline user list` and `wardline token list`.
#[derive(Args, Debug)]
pub struct ListPeople {
    /// A configuration, or a store's directory
    #[arg(long, default_value = "wardline.toml", value_name = "CONFIG or STORE")]
    pub source: PathBuf,
    /// Print one JSON document; times are UTC
    #[arg(long)]
    pub json: bool,
}

/// `wardline user remove` and `wardline token remove`.
#[derive(Args, Debug)]
pub struct RemovePerson {
    /// The name
    pub name: String,
    /// A configuration, or a store's directory
    #[arg(long, default_value = "wardline.toml", value_name = "CONFIG or STORE")]
    pub source: PathBuf,
}

/// `wardline user passwd`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wardline user passwd anna
  pwgen 20 1 | wardline user passwd anna --source /var/lib/wardline")]
pub struct Passwd {
    /// The name
    pub name: String,
    /// A configuration, or a store's directory
    #[arg(long, default_value = "wardline.toml", value_name = "CONFIG or STORE")]
    pub source: PathBuf,
}

/// `wardline token add`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wardline token add doorbell --role operator
  wardline token add grafana --role viewer
  curl -H \"authorization: Bearer $TOKEN\" http://127.0.0.1:8086/metrics

The token is printed on standard output, and kept as a hash only: it can't be shown again.")]
pub struct AddToken {
    /// What it is for
    pub name: String,
    /// What, and where
    #[command(flatten)]
    pub granted: Granted,
}
