//! Who may: users and tokens beside a running host, TLS, and the audit trail; asked with curl.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use wardline::events::Value;
use wardline_tests::host::{Host, Place, wardline};
use wardline_tests::need::{self, Need, missing};
use wardline_tests::wait;

const WAIT: Duration = Duration::from_secs(60);

const CAMERA: &str = "[cameras.gate]\nurl = \"rtsp://127.0.0.1:9/none\"\n";

/// Runs `wardline` with a line of standard input; whether it succeeded, and all that it said.
fn say(arguments: &[&str], environment: &[(&str, &str)], input: &str) -> (bool, String) {
    let mut child = Command::new(need::wardline().unwrap())
        .args(arguments)
        .env_remove("RUST_LOG")
        .env_remove("WARDLINE_TOKEN")
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // One that has heard enough may have closed it.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.success(), text(&output.stdout) + &text(&output.stderr))
}

/// The status of an answer, and its body.
fn curl(arguments: &[&str]) -> (String, String) {
    let output = Command::new("curl")
        .args(["--silent", "--max-time", "20", "--write-out", "\n%{http_code}"])
        .args(arguments)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (body, status) = text.rsplit_once('\n').unwrap();
    (status.to_owned(), body.to_owned())
}

/// What the audit trail says: kind, and values by key.
fn audit(place: &Place, kind: &str, key: &str) -> Vec<String> {
    let all = place.events("", kind).into_iter().chain(place.events("gate", kind));
    let value = |stored: wardline::store::StoredEvent| {
        let attributes = stored.event.attributes.into_iter();
        attributes.filter(|one| one.key == key).find_map(|one| match one.value {
            Value::Text(text) => Some(text),
            _ => None,
        })
    };
    all.filter_map(value).collect()
}

#[test]
fn people_and_programs_are_let_in_and_out_beside_a_running_host() {
    if missing("who_people", &[Need::Wardline, Need::Tool("curl")]) {
        return;
    }
    let place = Place::new("who");
    let config = place.configure(CAMERA);
    let source = config.to_str().unwrap();
    let host = Host::start(&config);
    let plugins = format!("{}/api/v1/plugins", host.base());
    let session = format!("{}/api/v1/session", host.base());
    assert_eq!(curl(&[&plugins]).0, "200", "nobody is asked");

    let add = ["user", "add", "anna", "--role", "admin", "--source", source];
    let (done, said) = say(&add, &[], "short\n");
    assert!(!done && said.contains("at least 8 characters"), "{said}");
    let (done, said) = say(&add, &[], "correct horse\n");
    assert!(done && said.contains("user anna: admin of all") && said.contains("log in"), "{said}");
    let (done, said) = say(&add, &[], "correct horse\n");
    assert!(!done && said.contains("there is a user anna already"), "{said}");
    let (_, said) = say(&["user", "list", "--source", source], &[], "");
    assert!(said.contains("anna") && !said.contains("argon2"), "{said}");
    wait::until("everybody is asked", WAIT, || (curl(&[&plugins]).0 == "401").then_some(()));

    let jar = place.path("jar");
    let jar = jar.to_str().unwrap();
    let log_in = |password: &str| {
        let body = format!("{{\"user\":\"anna\",\"password\":\"{password}\"}}");
        curl(&["--cookie-jar", jar, "--data", &body, &session]).0
    };
    assert_eq!(log_in("wrong horse"), "401");
    assert_eq!(log_in("correct horse"), "204");
    assert_eq!(curl(&["--cookie", jar, &plugins]).0, "200");
    let (_, who) = curl(&["--cookie", jar, &session]);
    assert!(who.contains("\"user\":\"anna\",\"role\":\"admin\""), "{who}");
    let passwd = ["user", "passwd", "anna", "--source", source];
    assert!(say(&passwd, &[], "another horse").0);
    wait::until("the session ends with its password", WAIT, || {
        (curl(&["--cookie", jar, &plugins]).0 == "401").then_some(())
    });

    let token = ["token", "add", "bell", "--role", "operator", "--source", source];
    let (done, said) = say(&token, &[], "");
    let token = said.lines().next().unwrap().to_owned();
    assert!(done && token.len() == 43, "{said}");
    let trigger = ["trigger", "gate", "--host", host.base()];
    let ask = || say(&trigger, &[("WARDLINE_TOKEN", &token)], "");
    wait::until("the token is known", WAIT, || ask().0.then_some(()));
    let (done, said) = say(&["token", "remove", "bell", "--source", source], &[], "");
    assert!(done, "{said}");
    wait::until("the token is known no more", WAIT, || (!ask().0).then_some(()));

    let told = |kind: &str, key: &str, value: &str| {
        wait::until(&format!("{kind} {key}={value}"), WAIT, || {
            audit(&place, kind, key).iter().any(|one| one == value).then_some(())
        });
    };
    told("audit.users", "change", "added user anna");
    told("audit.users", "change", "new password of anna");
    told("audit.users", "change", "removed token bell");
    told("audit.login", "who", "anna");
    told("audit.refused", "reason", "password");
    told("audit.trigger", "who", "token bell");
    let log = host.stop();
    let index = std::fs::read(place.path("store/index.sqlite")).unwrap();
    for secret in ["correct horse", "another horse", &token] {
        assert!(!log.contains(secret), "in the log");
        assert!(!index.windows(secret.len()).any(|part| part == secret.as_bytes()), "in the index");
    }
}

#[test]
fn a_restart_logs_nobody_out_and_who_is_out_stays_out() {
    if missing("who_restart", &[Need::Wardline, Need::Tool("curl")]) {
        return;
    }
    let place = Place::new("who-restart");
    let config = place.configure(CAMERA);
    let source = config.to_str().unwrap();
    let host = Host::start(&config);
    let add = ["user", "add", "anna", "--role", "admin", "--source", source];
    assert!(say(&add, &[], "correct horse\n").0);
    let session = |host: &Host| format!("{}/api/v1/session", host.base());
    wait::until("she is known", WAIT, || (curl(&[&session(&host)]).0 == "401").then_some(()));
    let jars = ["desk", "phone"].map(|name| place.path(name).to_str().unwrap().to_owned());
    let body = "{\"user\":\"anna\",\"password\":\"correct horse\"}";
    for jar in &jars {
        assert_eq!(curl(&["--cookie-jar", jar, "--data", body, &session(&host)]).0, "204");
    }
    let asked = |host: &Host| jars.each_ref().map(|jar| curl(&["--cookie", jar, &session(host)]).0);
    host.stop();

    let host = Host::start(&config);
    assert_eq!(asked(&host), ["200", "200"]);
    let out = ["--cookie", &jars[1], "--request", "DELETE", &session(&host)];
    assert_eq!(curl(&out).0, "204");
    host.kill();

    let host = Host::start(&config);
    assert_eq!(asked(&host), ["200", "401"]);
    let kept = std::fs::read_to_string(place.path("store/people.d/visits.json")).unwrap();
    let cookie = std::fs::read_to_string(&jars[0]).unwrap();
    let token = cookie.split_whitespace().last().unwrap();
    assert!(kept.contains("anna") && token.len() == 43 && !kept.contains(token), "{kept}");
    host.stop();

    let passwd = ["user", "passwd", "anna", "--source", source];
    assert!(say(&passwd, &[], "another horse").0);
    let host = Host::start(&config);
    assert_eq!(asked(&host), ["401", "401"], "her password is another");
    host.stop();
}

#[test]
fn beyond_this_machine_somebody_must_be_known() {
    if missing("who_beyond", &[Need::Wardline]) {
        return;
    }
    let place = Place::new("who-beyond");
    let config = place.configure(CAMERA);
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("127.0.0.1:0", "0.0.0.0:0")).unwrap();
    let source = config.to_str().unwrap();
    let (done, said) = say(&["check", source], &[], "");
    assert!(!done && said.contains("users are needed") && said.contains("unprotected"), "{said}");
    let (done, said) =
        say(&["user", "add", "anna", "--role", "admin", "--source", source], &[], "");
    assert!(!done && said.contains("wardline recordings init"), "{said}");
    assert!(wardline(&["recordings", "init", source]).status.success());
    let add = ["user", "add", "anna", "--role", "admin", "--source", source];
    assert!(say(&add, &[], "correct horse").0);
    let (done, said) = say(&["check", source], &[], "");
    assert!(done, "{said}");
}

#[test]
fn tls_is_spoken_by_certificate_files() {
    if missing("who_tls", &[Need::Wardline, Need::Tool("curl")]) {
        return;
    }
    let place = Place::new("who-tls");
    let sample = |name: &str| need::workspace().join("host/src/serve/testdata").join(name);
    let take = |name: &str| {
        for ending in ["pem", "key"] {
            let file = format!("{name}.{ending}");
            std::fs::copy(sample(&file), place.path(&format!("host.{ending}"))).unwrap();
        }
    };
    take("one");
    let config = place.configure(CAMERA);
    let text = std::fs::read_to_string(&config).unwrap();
    let tls = "tls-certificate = \"host.pem\"\ntls-key = \"host.key\"\nlisten =";
    std::fs::write(&config, text.replace("listen =", tls)).unwrap();
    let host = Host::start(&config);
    let port = host.base().rsplit(':').next().unwrap().to_owned();
    let url = format!("https://localhost:{port}/healthz");
    let ask = |trusted: &Path| curl(&["--include", "--cacert", trusted.to_str().unwrap(), &url]);
    let (status, answer) = ask(&sample("one.pem"));
    assert!(status == "503" && answer.to_lowercase().contains("strict-transport-security"));
    assert_eq!(ask(&sample("two.pem")).0, "000", "another certificate than that");
    assert!(curl(&[&format!("http://localhost:{port}/")]).1.contains("https://"));

    // Commands that are told the configuration go by its certificate.
    let fixed = place.path("fixed.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&fixed, text.replace("127.0.0.1:0", &format!("127.0.0.1:{port}"))).unwrap();
    let (done, said) = say(&["reload", "--config", fixed.to_str().unwrap()], &[], "");
    assert!(done, "{said}");

    std::fs::write(place.path("host.pem"), "garbage").unwrap();
    let broken = "the TLS certificate stays as it was";
    wait::until(broken, WAIT, || host.log().contains(broken).then_some(()));
    assert_eq!(ask(&sample("one.pem")).0, "503");
    let (done, said) = say(&["check", config.to_str().unwrap()], &[], "");
    assert!(!done && said.contains("host.pem: has no certificate"), "{said}");
    take("two");
    wait::until("the other certificate", WAIT, || {
        (ask(&sample("two.pem")).0 == "503").then_some(())
    });
    host.stop();
}
