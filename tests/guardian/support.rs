//! What the tests stand on: a simulated Telegram, the program under test, and a view of processes.
//!
//! Everything a test starts carries `GUARDIAN_TEST=<mark>` in its environment, so that it is found whatever becomes of
//! its parents, and ended when the test is over.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// The program under test.
pub(crate) const ASGIGRAM: &str = env!("CARGO_BIN_EXE_asgigram");
/// No wait is longer than this.
const PATIENCE: Duration = Duration::from_secs(30);

/// Looks again and again for a fact of which nobody sends news.
pub(crate) fn eventually<T>(what: &str, fact: impl FnMut() -> Option<T>) -> T {
    eventually_or(fact).unwrap_or_else(|| panic!("not in time: {what}"))
}

fn eventually_or<T>(mut fact: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if let Some(found) = fact() {
            return Some(found);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    None
}

/// A simulated Telegram with one bot.
pub(crate) struct Telegram {
    sim: Child,
    address: String,
    pub(crate) bot: u32,
}

impl Telegram {
    pub(crate) fn start() -> Telegram {
        #[expect(clippy::disallowed_methods, reason = "tests start the program under test")]
        let mut sim = Command::new(ASGIGRAM)
            .args(["sim", "--listen", "127.0.0.1:0", "-q"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(sim.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").unwrap().to_owned();
        Telegram { sim, address, bot: 1000 }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn sim_pid(&self) -> u32 {
        self.sim.id()
    }

    /// A user writes to the bot.
    pub(crate) fn says(&self, user: u32, text: &str) {
        self.post(&format!("/sim/{}/users/{user}/messages", self.bot), &format!(r#"{{"text":"{text}"}}"#));
    }

    /// Waits until the bot has sent so many messages with this text.
    pub(crate) fn hears(&self, text: &str, times: usize) {
        let path = format!("/sim/{}/calls?method=sendMessage", self.bot);
        let text = format!(r#""text":"{text}""#);
        // A call shows its parameters and its answer, which has the text as well.
        let said = |calls: &str| calls.split(r#""answer""#).filter(|call| call.contains(&text)).count();
        eventually(&text, || (said(&self.request("GET", &path, "")) > times).then_some(()));
    }

    pub(crate) fn post(&self, path: &str, body: &str) {
        self.request("POST", path, body);
    }

    fn request(&self, method: &str, path: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n{body}",
            self.address
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{method} {path}: {answer}");
        answer
    }
}

impl Drop for Telegram {
    fn drop(&mut self) {
        let _ = self.sim.kill();
        let _ = self.sim.wait();
    }
}

/// The program under test, or what starts it.
pub(crate) struct Program {
    child: Child,
    mark: String,
    log: Arc<Mutex<String>>,
}

/// How it is started.
pub(crate) struct Plan {
    command: Command,
    mark: String,
}

/// `asgigram OPTIONS -- sh -c WORKER`, with `before` (such as `unshare …`) in front.
pub(crate) fn plan(telegram: &Telegram, before: &[&str], options: &[&str], worker: &str) -> Plan {
    static USED: AtomicU32 = AtomicU32::new(0);
    let mark = format!("{}-{}", std::process::id(), USED.fetch_add(1, Ordering::Relaxed));
    let (first, rest) = match before.split_first() {
        Some((first, rest)) => (*first, [rest, &[ASGIGRAM]].concat()),
        None => (ASGIGRAM, Vec::new()),
    };
    #[expect(clippy::disallowed_methods, reason = "tests start the program under test")]
    let mut command = Command::new(first);
    command.args(rest).args(options).args(["--api-url", &telegram.url(), "--retry-delay=10ms..20ms"]);
    command.args(["--", "sh", "-c", worker]);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("ASGIGRAM_")) {
        command.env_remove(name);
    }
    command.env("TELEGRAM_BOT_TOKEN", format!("{}:aaaaaaaaaaaaaaaaaaaaaaaa", telegram.bot));
    command
        .env("ASGIGRAM_JOURNAL", "memory")
        .env("GUARDIAN_TEST", &mark)
        .env("NO_PROXY", "*")
        .process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    Plan { command, mark }
}

/// Starts it without more ado, and waits until it is ready.
pub(crate) fn start(telegram: &Telegram, options: &[&str], worker: &str) -> Program {
    plan(telegram, &[], options, worker).start()
}

impl Plan {
    pub(crate) fn env(mut self, name: &str, value: &str) -> Plan {
        self.command.env(name, value);
        self
    }

    /// Waits until the gateway is ready.
    pub(crate) fn start(self) -> Program {
        let program = self.launch();
        program.logs("ready");
        program
    }

    pub(crate) fn launch(mut self) -> Program {
        let mut child = self.command.spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (lines, into) = (BufReader::new(child.stderr.take().unwrap()).lines(), log.clone());
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                into.lock().unwrap().push_str(&(line + "\n"));
            }
        });
        Program { child, mark: self.mark, log }
    }
}

impl Program {
    /// What was started: the guardian, unless something stands before it.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Waits until its log has these words.
    pub(crate) fn logs(&self, words: &str) {
        eventually(&format!("`{words}` in the log"), || self.log().contains(words).then_some(()));
    }

    /// Waits for its end: its exit code.
    pub(crate) fn ends(&mut self) -> Option<i32> {
        self.status().code()
    }

    pub(crate) fn status(&mut self) -> ExitStatus {
        eventually("its end", || self.child.try_wait().unwrap())
    }

    /// All living processes of workers: ids and command lines.
    pub(crate) fn of_workers(&self) -> Vec<(u32, String)> {
        let marked = marked(&self.mark).into_iter();
        let workers = marked.filter(|pid| variable(*pid, "ASGIGRAM_WORKER").is_some());
        workers.map(|pid| (pid, command_line(pid))).collect()
    }

    /// Waits until the workers' processes are these, by the beginnings of their command lines, so many times each; their
    /// ids, in that order.
    pub(crate) fn has(&self, beginnings: &[&str], times: usize) -> Vec<u32> {
        let mut seen = Vec::new();
        let found = eventually_or(|| {
            seen = self.of_workers();
            let of = |beginning: &&str| {
                let begins = |(_, line): &&(u32, String)| line.starts_with(beginning);
                let pids: Vec<u32> = seen.iter().filter(begins).map(|(pid, _)| *pid).collect();
                (pids.len() == times).then_some(pids)
            };
            let pids: Vec<u32> = beginnings.iter().map(of).collect::<Option<Vec<_>>>()?.concat();
            (pids.len() == seen.len()).then_some(pids)
        });
        found.unwrap_or_else(|| panic!("not {times} × {beginnings:?} but {seen:?}"))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        for pid in marked(&self.mark) {
            signal(pid, Signal::KILL);
        }
        let _ = self.child.wait();
        if std::thread::panicking() {
            println!("--- log ---\n{}", self.log());
        }
    }
}

pub(crate) fn signal(pid: u32, signal: Signal) {
    let _ = kill_process(id(pid), signal);
}

/// As a terminal does it.
pub(crate) fn signal_group(pid: u32, signal: Signal) {
    kill_process_group(id(pid), signal).unwrap();
}

pub(crate) fn id(pid: u32) -> Pid {
    Pid::from_raw(i32::try_from(pid).unwrap()).unwrap()
}

/// The parent and the state of a process.
pub(crate) fn look(pid: u32) -> Option<(u32, char)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    let state = fields.next()?.chars().next()?;
    Some((fields.next()?.parse().ok()?, state))
}

pub(crate) fn alive(pid: u32) -> bool {
    look(pid).is_some_and(|(_, state)| !['Z', 'X'].contains(&state))
}

/// The children of a process, zombies too.
pub(crate) fn children(parent: u32) -> Vec<u32> {
    all().filter(|pid| look(*pid).is_some_and(|(its, _)| its == parent)).collect()
}

/// Waits until a process has one child.
pub(crate) fn only_child(parent: u32) -> u32 {
    eventually("one child", || <[u32; 1]>::try_from(children(parent)).ok())[0]
}

pub(crate) fn variable(pid: u32, name: &str) -> Option<String> {
    let environment = std::fs::read(format!("/proc/{pid}/environ")).ok()?;
    let environment = String::from_utf8_lossy(&environment).into_owned();
    environment
        .split('\0')
        .find_map(|variable| Some(variable.strip_prefix(name)?.strip_prefix('=')?.to_owned()))
}

/// The program without its folder, and its arguments.
fn command_line(pid: u32) -> String {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let line = String::from_utf8_lossy(&line).replace('\0', " ");
    let (program, arguments) = line.split_once(' ').unwrap_or_default();
    format!("{} {arguments}", program.rsplit('/').next().unwrap_or_default())
}

fn marked(mark: &str) -> Vec<u32> {
    all().filter(|pid| variable(*pid, "GUARDIAN_TEST").as_deref() == Some(mark)).collect()
}

fn all() -> impl Iterator<Item = u32> {
    let entries = std::fs::read_dir("/proc").unwrap();
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}
