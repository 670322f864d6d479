//! A chat at a terminal: a pseudo-terminal stands in for it.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::process::Child;
use std::sync::mpsc::{self, Receiver};
use std::time::Instant;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

use super::runs::{BOT, dev, end, patience};

/// A person at a terminal, and the program there.
struct Terminal {
    keys: File,
    slave: File,
    shown: Receiver<Vec<u8>>,
    screen: String,
    child: Child,
}

impl Terminal {
    fn start() -> Terminal {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let slave = OpenOptions::new().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        let mut command = dev(&BOT);
        command.stdin(slave.try_clone().unwrap()).stdout(slave.try_clone().unwrap());
        let child = command.stderr(slave.try_clone().unwrap()).spawn().unwrap();
        let (written, shown) = mpsc::channel();
        let keys = File::from(master);
        let mut screen = keys.try_clone().unwrap();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = screen.read(&mut buffer) {
                if written.send(buffer[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
        Terminal { keys, slave, shown, screen: String::new(), child }
    }

    fn types(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until this is shown, behind all that was waited for before.
    fn shows(&mut self, wanted: &str) {
        let deadline = Instant::now() + patience();
        loop {
            if let Some(at) = self.screen.find(wanted) {
                self.screen.drain(..at + wanted.len());
                return;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(more) = self.shown.recv_timeout(left) else {
                panic!("{wanted:?} is not shown: {:?}", self.screen)
            };
            self.screen.push_str(&String::from_utf8_lossy(&more));
        }
    }

    fn is_as_it_was(&self) -> bool {
        tcgetattr(&self.slave).unwrap().local_modes.contains(LocalModes::ICANON | LocalModes::ECHO)
    }
}

#[test]
fn a_person_types_while_the_bot_answers_and_leaves() {
    let mut terminal = Terminal::start();
    terminal.shows("A chat with your bot");
    terminal.shows(":help");
    terminal.shows("ann> ");
    terminal.types("hello\nhalf");
    terminal.shows("ann> hello\r\n");
    // Above the line that is being typed, which is then drawn again.
    terminal.shows("bot\x1b[0m: hello\r\n");
    terminal.shows("ann> half");
    assert!(!terminal.is_as_it_was());
    terminal.types("\x15\x04");
    terminal.shows("goodbye");
    let was = terminal.slave.try_clone().unwrap();
    let run = end(terminal.child);
    assert_eq!(run.code, Some(0));
    assert!(tcgetattr(&was).unwrap().local_modes.contains(LocalModes::ICANON | LocalModes::ECHO));
}

#[test]
fn a_paste_of_several_lines_is_one_message() {
    let mut terminal = Terminal::start();
    terminal.shows("ann> ");
    terminal.types("\x1b[200~two\nlines é漢\x1b[201~");
    terminal.shows("two⏎lines é漢");
    terminal.types("\n");
    terminal.shows("bot\x1b[0m: two\r\n     lines é漢\r\n");
    // Backspace takes a whole letter, and the line before comes back.
    terminal.types("\x1b[A\x7f\n");
    terminal.shows("     lines é\r\n");
    terminal.types(":quit\n");
    assert_eq!(end(terminal.child).code, Some(0));
}

#[test]
fn a_signal_in_mid_line_gives_the_terminal_back() {
    let mut terminal = Terminal::start();
    terminal.shows("ann> ");
    terminal.types("half");
    terminal.shows("ann> half");
    let pid = rustix::process::Pid::from_child(&terminal.child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let was = terminal.slave.try_clone().unwrap();
    assert_eq!(end(terminal.child).code, Some(0));
    assert!(tcgetattr(&was).unwrap().local_modes.contains(LocalModes::ICANON | LocalModes::ECHO));
}
