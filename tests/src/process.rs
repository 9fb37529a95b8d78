//! A child process whose output is kept, and which never outlives its test.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::need::say;
use crate::wait;

/// A running child.
pub struct Process {
    name: String,
    child: Child,
    /// Both outputs, line by line; guarded because two threads read them.
    lines: Arc<Mutex<Vec<String>>>,
    readers: Vec<JoinHandle<()>>,
}

impl Process {
    /// Starts it.
    pub fn start(name: &str, command: &mut Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("start {name}: {error}"));
        let lines = Arc::new(Mutex::new(Vec::new()));
        let mut readers = Vec::new();
        if let Some(output) = child.stdout.take() {
            readers.push(read(output, lines.clone()));
        }
        if let Some(output) = child.stderr.take() {
            readers.push(read(output, lines.clone()));
        }
        Self { name: name.into(), child, lines, readers }
    }

    /// Everything it has said so far.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().expect("no panic under this lock").clone()
    }

    /// The first line in which `find` finds something.
    pub fn find<T>(&self, mut find: impl FnMut(&str) -> Option<T>) -> Option<T> {
        self.lines.lock().expect("no panic under this lock").iter().find_map(|line| find(line))
    }

    /// Waits for a line in which `find` finds something. Panics when it ends first.
    pub fn wait_for<T>(
        &mut self,
        what: &str,
        deadline: Duration,
        mut find: impl FnMut(&str) -> Option<T>,
    ) -> T {
        wait::until(&format!("{}: {what}", self.name), deadline, || {
            // Looked at first: what it said before its end is read after it.
            let ended = self.ended();
            let found = self.find(&mut find);
            if let (Some(status), None) = (ended, &found) {
                self.join_readers();
                if let Some(found) = self.find(&mut find) {
                    return Some(found);
                }
                panic!("{} ended with {status} before it said {what}", self.name);
            }
            found
        })
    }

    /// Its exit status, once it has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child of ours")
    }

    /// Sends a signal, unless it has ended.
    pub fn signal(&mut self, signal: Signal) {
        if self.ended().is_none() {
            let id = i32::try_from(self.child.id()).expect("process ids fit");
            // It may end by itself at any time.
            let _ = kill_process(Pid::from_raw(id).expect("process ids are not zero"), signal);
        }
    }

    /// Waits for its end and gives its status. All its output can be read then.
    pub fn wait(&mut self, deadline: Duration) -> ExitStatus {
        let name = self.name.clone();
        let status = wait::until(&format!("the end of {name}"), deadline, || self.ended());
        self.join_readers();
        status
    }

    fn join_readers(&mut self) {
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.join_readers();
        if std::thread::panicking() {
            let lines = self.lines();
            let skipped = lines.len().saturating_sub(200);
            say(&format!("--- last words of {} ---\n{}", self.name, lines[skipped..].join("\n")));
        }
    }
}

fn read(output: impl Read + Send + 'static, lines: Arc<Mutex<Vec<String>>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        for line in BufReader::new(output).split(b'\n') {
            let Ok(line) = line else { break };
            let line = String::from_utf8_lossy(&line).into_owned();
            lines.lock().expect("no panic under this lock").push(line);
        }
    })
}
