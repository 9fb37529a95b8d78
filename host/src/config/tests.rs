//! The configuration as an operator meets it: what is accepted, and what is said of mistakes.

mod chains;

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;

use super::*;

/// Surroundings with what the tests need.
struct Sample;

impl Surroundings for Sample {
    fn variable(&self, name: &str) -> Option<String> {
        let known = BTreeMap::from([("GATE_PASSWORD", "s3cr3t/x"), ("TOKEN", "0123456789abcdef")]);
        known.get(name).map(|value| value.to_string())
    }

    fn secret_file(&self, path: &Path) -> std::io::Result<String> {
        match path.to_str() {
            Some("etc/gate.password") => Ok("from-file\n".into()),
            _ => Err(std::io::ErrorKind::NotFound.into()),
        }
    }

    fn is_file(&self, path: &Path) -> bool {
        ["etc/door.mp4", "etc/plugins/mine.wasm"].contains(&path.to_str().unwrap_or(""))
    }
}

fn read(text: &str) -> Result<Config, Mistakes> {
    parse(text, Path::new("etc/wardline.toml"), &Sample)
}

/// `text` beneath a store and a camera that are right.
fn with_base(text: &str) -> String {
    format!("store.path = \"rec\"\ncameras.base.url = \"rtsp://base/\"\n{text}")
}

#[test]
fn everything_is_resolved() {
    let config = read(
        r#"
[store]
path = "rec"
free-floor = "2GiB"
[http]
listen = "0.0.0.0:80"
token = "${TOKEN}"
[plugins.motion]
component = "analyzer-motion"
params = { sensitivity = "high", key = "${TOKEN}", zones = [[[0.1, 0], [1, 1]]] }
[plugins.mine]
component = "plugins/mine.wasm"
grant = ["kv:4MiB", "http:POST https://Plates.example.com"]
[plugins.doors]
component = "source-webhook"
cameras = ["gate"]
[templates.outdoor]
username = "admin"
password = "${GATE_PASSWORD}"
keep = "7d"
analyzers = ["motion"]
[cameras.gate]
template = "outdoor"
url = "rtsp://10.0.0.5/main"
analysis-url = "rtsp://10.0.0.5/sub"
keep = "30d"
policies = ["mine"]
timezone = "Europe/Berlin"
[cameras.door]
url = "door.mp4"
pace = "fast"
loop = true
"#,
    )
    .unwrap();
    assert_eq!(config.store.path, Path::new("etc/rec"));
    assert_eq!(config.store.free_floor_bytes, Some(2 << 30));
    assert_eq!(
        config.plugin("mine").unwrap().component,
        Component::File("etc/plugins/mine.wasm".into())
    );
    assert_eq!(
        config.plugin("motion").unwrap().params.json(),
        r#"{"key":"0123456789abcdef","sensitivity":"high","zones":[[[0.1,0],[1,1]]]}"#
    );
    let grants: Vec<_> =
        config.plugin("mine").unwrap().grant.iter().map(ToString::to_string).collect();
    assert_eq!(grants, ["kv:4MiB", "http:POST https://plates.example.com"]);
    let names: Vec<_> = config.cameras.iter().map(|camera| camera.name.as_str()).collect();
    assert_eq!(names, ["gate", "door"], "in the order of the file");
    let gate = config.camera("gate").unwrap();
    assert_eq!((gate.keep, gate.mode), (Duration::from_secs(30 * 86_400), Mode::Both));
    assert_eq!(
        (&gate.analyzers[..], &gate.policies[..]),
        (&["motion".into()][..], &["mine".into()][..])
    );
    for source in [&gate.source, gate.analysis.as_ref().unwrap()] {
        let Source::Rtsp { login, transport, .. } = source else { panic!("{source:?}") };
        let login = login.as_ref().unwrap();
        assert_eq!((login.username.as_str(), login.password.reveal()), ("admin", "s3cr3t/x"));
        assert_eq!(*transport, Transport::Tcp);
    }
    let door = config.camera("door").unwrap();
    assert_eq!(door.mode, Mode::Continuous);
    assert!(matches!(&door.source, Source::File { pace: Pace::Fast, repeat: true, .. }));
    let shown = format!("{config:?}");
    assert!(!shown.contains("s3cr3t") && !shown.contains("0123456789abcdef"), "{shown}");
}

#[test]
fn the_longest_that_policies_can_ask_for_may_stand_in_a_template() {
    let text = "store.path = \"r\"\n[templates.t]\nkeep = \"90d\"\nkeep-max = \"30d\"\n\
                [cameras.gate]\ntemplate = \"t\"\nkeep = \"30d\"\nurl = \"rtsp://gate/\"\n\
                [cameras.door]\nurl = \"rtsp://door/\"\n";
    let config = read(text).unwrap();
    let gate = config.camera("gate").unwrap();
    assert_eq!(gate.keep_max, Some(gate.keep));
    assert_eq!(config.camera("door").unwrap().keep_max, None, "no limit");
}

#[test]
fn credentials_move_out_of_the_url() {
    let config =
        read("store.path = \"r\"\n[cameras.gate]\nurl = \"rtsp://me:a%2Fb@cam:8554/x?y=1\"\n")
            .unwrap();
    let Source::Rtsp { url, login, .. } = &config.cameras[0].source else { panic!() };
    assert_eq!(url.as_str(), "rtsp://cam:8554/x?y=1");
    assert_eq!(login, &Some(Login { username: "me".into(), password: Secret::new("a/b") }));
}

/// The mistakes of a text, as `line: message`.
fn check(text: &str, expected: &[&str]) {
    let got: Vec<String> = match read(text) {
        Ok(_) => Vec::new(),
        Err(mistakes) => {
            mistakes.list.iter().map(|it| format!("{}: {}", it.line, it.message)).collect()
        }
    };
    let matches = got.len() == expected.len()
        && got.iter().zip(expected).all(|(got, expected)| got.contains(expected));
    assert!(matches, "for\n{text}\ngot {got:#?}\nexpected {expected:#?}");
}

#[test]
fn all_mistakes_come_at_once_with_their_lines() {
    check(
        r#"[store]
pth = "rec"
[http]
tls-key = "key.pem"
[templates.outdoor]
keep = "7 days"
[cameras.Gate]
template = "outdoor"
url = "http://x/"
[cameras.door]
template = "outdor"
url = "rtsp://x/"
[cameras.hall]
mode = "event"
url = "rtsp://x/"
stall = 10
analyzers = ["motoin", "motoin"]
[plugins.motion]
component = "analyzer-motion"
"#,
        &[
            "1: there is no `path` in `[store]`",
            "2: unknown key `pth` in `[store]`: did you mean `path`?",
            "4: `tls-key` in `[http]` needs `tls-certificate` beside it",
            "4: `tls-key`: there is no file",
            "6: `keep`: `7 days` is not a duration: write whole numbers with units, for example `30s`",
            "7: camera name `Gate`: use lower case letters",
            "9: `url`: only `rtsp://` and paths of .mp4 files",
            "11: there is no template `outdor`: did you mean `outdoor`?",
            "14: `mode` is `event`, and must be one of `continuous`, `events`, `both`, `off`",
            "16: `stall` in `[cameras.hall]` must be a text in quotes, not an integer",
            "17: `motoin` stands twice in `analyzers`",
            "17: there is no plugin `motoin`: did you mean `motion`?",
        ],
    );
}

#[test]
fn mistakes_of_cameras_say_what_to_do() {
    for (text, expected) in [
        (
            "",
            &[
                "1: there is no `path` in `[store]`",
                "1: there is no camera: write `[cameras.NAME]`",
            ][..],
        ),
        (
            &with_base("camera.gate.url = \"rtsp://x/\""),
            &["3: unknown key `camera` at the top of the file: did you mean `cameras`?"],
        ),
        (&with_base("[cameras.gate]"), &["3: `[cameras.gate]` has no `url`"]),
        (
            &with_base("[cameras.gate]\nurl = \"nowhere.mp4\""),
            &["4: `url`: there is no file etc/nowhere.mp4"],
        ),
        (
            &with_base("[cameras.gate]\nurl = \"rtsps://x/\""),
            &["4: `url`: TLS (`rtsps://`) is not supported yet"],
        ),
        (
            &with_base("[cameras.gate]\nurl = \"rtsp://a:hunter2@:99999/\""),
            &["4: `url`: not a valid URL"],
        ),
        (
            &with_base("[cameras.gate]\nurl = \"rtsp://x/\"\npassword = \"hunter2\""),
            &["5: `[cameras.gate]` has a password but no `username`"],
        ),
        (
            &with_base(
                "[cameras.gate]\nurl = \"rtsp://x/\"\nusername = \"a\"\npassword-file = \"none\"",
            ),
            &["6: `password-file`: can't read etc/none"],
        ),
        (
            &with_base(
                "[cameras.gate]\nurl = \"rtsp://x/\"\nusername = \"a\"\npassword = \"${NONE}\"",
            ),
            &["6: the environment has no variable `NONE`"],
        ),
        (
            &with_base("[cameras.gate]\nurl = \"rtsp://x/\"\nloop = true"),
            &["5: `loop` in `[cameras.gate]` is for files"],
        ),
        (
            &with_base("[cameras.gate]\nurl = \"door.mp4\"\ntransport = \"udp\""),
            &["5: `transport` in `[cameras.gate]` is for RTSP"],
        ),
        (
            &with_base("[cameras.gate]\nurl = \"rtsp://x/\"\nsegment = \"2h\""),
            &["5: `segment` is 2h, and must be between 1s and 1h"],
        ),
        (
            &with_base("[cameras.gate]\nurl = \"rtsp://x/\"\nmode = \"events\""),
            &["3: camera `gate` has mode `events` but no policy"],
        ),
        (
            &with_base("[cameras.gate]\nurl = \"rtsp://x/\"\ntimezone = \"Mars/Base\""),
            &["5: `timezone`: `Mars/Base` is not a known time zone"],
        ),
        (
            &with_base("[cameras.gate]\nurl = \"rtsp://x/\"\nkeep-max = \"6d\""),
            &["5: `keep-max` in `[cameras.gate]` is less than its `keep` (7d): raise it"],
        ),
    ] {
        check(text, expected);
    }
}

#[test]
fn slips_in_urls_show_no_password() {
    for (url, said) in [
        ("admin:hunter2@10.0.0.5", "there is no file etc/(not shown)"),
        ("rtsp//admin:hunter2/x", "there is no file etc/(not shown)"),
        ("rtsp://admin:12/34@10.0.0.5/x", "an `@` in the path: a `/` or `@` in a password needs"),
    ] {
        let text = with_base(&format!("[cameras.gate]\nurl = \"{url}\""));
        check(&text, &[&format!("4: `url`: {said}")]);
    }
}

#[test]
fn mistakes_elsewhere_say_what_to_do() {
    for (text, expected) in [
        (
            with_base("[plugins.x]\ncomponent = \"x.wasm\""),
            &["4: `component`: there is no file etc/x.wasm"][..],
        ),
        (
            with_base("[plugins.x]\ncomponent = \"b\"\ncameras = [\"bsae\"]"),
            &["5: there is no camera `bsae`: did you mean `base`?"],
        ),
        (
            with_base(
                "[plugins.x]\ncomponent = \"b\"\ngrant = [\"kv\", \"disk\", \"http:GET *\", \"topic:mqtt\"]",
            ),
            &[
                "5: `grant`: `disk`: there is no such capability",
                "5: `grant`: `http:GET *`: name the host",
                "5: `grant`: `topic:mqtt`: topics of `mqtt` are reserved",
            ],
        ),
        (
            with_base(
                "[trust]\nrequire-signature = true\n[plugins.x]\ncomponent = \"b\"\nrequire-signature = false\ndigest = \"sha256:12\"",
            ),
            &[
                "3: `[trust]` has `require-signature` and no `trusted-keys`",
                "7: `require-signature` in `[plugins.x]` is false",
                "8: `digest`: write `sha256:` and 64 hexadecimal digits",
            ][..],
        ),
        (
            with_base("[trust]\ntrusted-keys = [\"seed: hunter2\"]"),
            &["4: `trusted-keys`: not a public key"],
        ),
        (
            with_base("[plugins.x]\ncomponent = \"b\"\nrequire-signature = true"),
            &["3: `[plugins.x]` has `require-signature` and there are no `trusted-keys`"],
        ),
        (with_base("[plugins.x]"), &["3: `[plugins.x]` has no `component`"]),
        (
            with_base("[http]\nproxies = [\"10.0.0.0/8\"]"),
            &["4: `proxies`: `10.0.0.0/8` is not an address"],
        ),
        (with_base("[http]\ntoken = \"short\""), &["4: `token` has fewer than 8 characters"]),
        (
            with_base("[http]\ntls-certificate = \"missing.pem\""),
            &["4: `tls-certificate` in `[http]` needs", "4: `tls-certificate`: there is no file"],
        ),
        (
            with_base("[http]\ntoken = \"long enough\"\ntoken-file = \"gate.password\""),
            &["5: `token` and `token-file` in `[http]` say the same"],
        ),
        (with_base("[store.path]"), &["3: duplicate key"]),
        ("a = \nb = \"".into(), &["1: ", "2: "]),
        (
            with_base(
                "[plugins.p]\ncomponent = \"policy-pre-post\"\nparams = { before = \"90s\" }\n[cameras.gate]\nurl = \"rtsp://x/\"\nmode = \"events\"\npolicies = [\"p\"]",
            ),
            &[
                "3: policy `p` wants video from 1m30s before an event, and camera `gate` remembers 1m of it: set its `preroll` to `1m30s`",
            ],
        ),
    ] {
        check(&text, expected);
    }
}

#[test]
fn no_mistake_quotes_a_secret() {
    let text = "[store]\npath = \"r\"\n[http]\ntoken = \"${TOKEN}\"\nlisten = \"${TOKEN}\"\n[cameras.g]\nurl = \"${GATE_PASSWORD}://x\"\nmode = \"${TOKEN}\"\nkeep = \"${TOKEN}\"\nanalyzers = [\"${TOKEN}\"]\n";
    let said = read(text).unwrap_err().to_string();
    assert!(!said.contains("s3cr3t") && !said.contains("0123456789abcdef"), "{said}");
}

#[test]
fn an_unreadable_file_is_named() {
    let said = load(Path::new("no/such.toml")).unwrap_err().to_string();
    assert!(said.starts_with("no/such.toml: can't read the configuration: "), "{said}");
}

proptest! {
    #[test]
    fn any_text_is_survived(text in "(\\PC|\n|[a-z\\[\\]=\".${}]){0,200}") {
        let _ = read(&text);
        let _ = read(&with_base(&text));
    }
}

/// A plugin is never trusted more than `[trust]` allows.
#[test]
fn trust_is_narrowed_by_a_plugin() {
    let key = || crate::trust::SecretKey::fresh().unwrap().public();
    let (anna, bert) = (key(), key());
    let digest = crate::trust::ComponentDigest::of(b"x");
    let config = read(&with_base(&format!(
        "[trust]\ntrusted-keys = [\"{anna}\"]\n[plugins.a]\ncomponent = \"a\"\n[plugins.b]\n\
         component = \"b\"\nrequire-signature = true\ntrusted-keys = [\"{bert}\"]\n\
         digest = \"{digest}\"\n"
    )))
    .unwrap();
    let trust = |name| config.plugin(name).unwrap().trust.clone();
    assert_eq!((trust("a").keys, trust("a").require_signature), (vec![anna], false));
    assert_eq!((trust("b").keys, trust("b").require_signature), (vec![bert], true));
    assert_eq!((trust("a").digest, trust("b").digest), (None, Some(digest)));
}
