//! Plays a transcript: the test is Telegram, the operator and the worker's mind, the gateway is real.

use serde_json::Value;

use super::BOT;
use crate::support::protocol_md::matching::{equals, shows};
use crate::support::protocol_md::step::{Act, Happening, Step};
use crate::support::remote::{Remote, RemoteProcess};
use crate::support::telegram::Call;
use crate::support::{ANN, Gateway, Telegram};

struct Stage {
    telegram: Telegram,
    gateway: Gateway,
    remote: Remote,
    process: Option<RemoteProcess>,
    /// The calls that no step has shown yet begin behind this number.
    calls_seen: u64,
}

/// Plays all steps, and sees that nothing more was sent than they show.
pub(super) async fn play(steps: &[Step]) {
    let telegram = Telegram::with_bot(BOT).await;
    telegram.knows_user(ANN, "Ann").await;
    let remote = Remote::new();
    let plan = Gateway::with(&remote.worker).arg("--drain=100ms").arg("--grace=1s");
    let gateway = plan.start(&telegram).await;
    let mut stage = Stage { telegram, gateway, remote, process: None, calls_seen: 0 };
    for Step { line, act } in steps {
        stage.perform(*line, act).await;
    }
    stage.process = None;
    stage.gateway.stop().await;
    let unseen = stage.unseen_calls().await;
    assert!(
        unseen.is_empty(),
        "after protocol.md:{} this was called: {unseen:?}",
        steps.last().unwrap().line
    );
}

impl Stage {
    async fn perform(&mut self, line: usize, act: &Act) {
        match act {
            Act::Update(update) => self.telegram.pushes_many(&update.text).await,
            Act::Gateway(shown) => {
                let seen = self.process().await.reads().await;
                assert!(shows(&shown.value, &seen), "protocol.md:{line}: {}\nis in truth {seen}", shown.text);
            }
            Act::Worker(written) => self.process().await.writes(&written.text).await,
            Act::Telegram { method, params } => self.telegram_receives(line, method, params).await,
            Act::Happens(happening) => self.happens(line, happening).await,
        }
    }

    async fn happens(&mut self, line: usize, happening: &Happening) {
        match happening {
            Happening::WorkerExits(status) => {
                let process = self.process.take();
                process
                    .unwrap_or_else(|| panic!("protocol.md:{line}: no process lives"))
                    .exits(*status)
                    .await;
            }
            Happening::WorkerInputEnds => assert_eq!(self.process().await.reads_line().await, None, "{line}"),
            Happening::WorkerWrites(text) => self.process().await.writes(text).await,
            Happening::ProcessStarts => {
                assert!(self.process.is_none(), "protocol.md:{line}: a process lives already");
                self.process().await;
            }
            Happening::GatewayToldToStop => self.gateway.signal(rustix::process::Signal::TERM),
            Happening::GatewayExits(status) => {
                let exit = self.gateway.exits().await;
                assert_eq!(exit.code(), Some(i32::from(*status)), "protocol.md:{line}");
            }
        }
    }

    /// The process that lives, or the next one.
    async fn process(&mut self) -> &mut RemoteProcess {
        if self.process.is_none() {
            self.process = Some(self.remote.starts().await);
        }
        self.process.as_mut().unwrap()
    }

    async fn telegram_receives(&mut self, line: usize, method: &str, params: &Value) {
        let seen = self.calls_seen;
        let call = self.telegram.expects_call(method, |call| call.n > seen && is_a_workers(call)).await;
        self.calls_seen = call.n;
        assert!(
            call.method == method && equals(params, &call.params),
            "protocol.md:{line}: {method} {params}\nis in truth {} {}",
            call.method,
            call.params
        );
    }

    async fn unseen_calls(&self) -> Vec<Call> {
        let calls = self.telegram.calls("").await.into_iter();
        calls.filter(|call| call.n > self.calls_seen && is_a_workers(call)).collect()
    }
}

/// Whether it is none of the gateway's own calls.
fn is_a_workers(call: &Call) -> bool {
    !["getMe", "getWebhookInfo"].contains(&call.method.as_str())
}
