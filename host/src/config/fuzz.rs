//! Target: any text as a configuration.

use std::io;
use std::path::Path;

use super::{Surroundings, parse};

/// A machine without variables and files.
struct Nowhere;

impl Surroundings for Nowhere {
    fn variable(&self, name: &str) -> Option<String> {
        (name.len() == 1).then(|| "value".into())
    }

    fn secret_file(&self, _: &Path) -> io::Result<String> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn is_file(&self, path: &Path) -> bool {
        path.as_os_str().len().is_multiple_of(2)
    }
}

/// Is taken, or refused with words.
pub(crate) fn text(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Err(mistakes) = parse(&text, Path::new("etc/wardline.toml"), &Nowhere) {
        assert!(!mistakes.to_string().is_empty());
    }
}

/// What is right, as a configuration.
pub(crate) fn parsed(text: &str) -> super::Config {
    parse(text, Path::new("etc/wardline.toml"), &Nowhere).expect("a right configuration")
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let small = "[store]\npath = \"rec\"\n[cameras.gate]\nurl = \"rtsp://gate/\"\n";
    let large = r#"mode = "both"
keep = "7d"
keep-max = "90d"
[http]
listen = "127.0.0.1:8090"
[store]
path = "rec"
sync = "2s"
free-floor = "5GiB"
size-max = "2TB"
event-keep = "90d"
check-rate = "8MiB"
move-to = "large"
move-after = "1d"
[stores.large]
path = "/mnt/large"
[plugins.motion]
use = "analyzer-motion"
[plugins.evr]
use = "policy-pre-post"
before = "5s"
after = "10s"
[cameras.gate]
url = "rtsp://gate/main"
user = "viewer"
password = "secret"
zone = "Europe/Berlin"
segment = "60s"
analyzers = ["motion"]
policies = ["evr"]
"#;
    vec![small.into(), large.into(), format!("{small}[clips]\npath = \"clips\"\n").into()]
}
