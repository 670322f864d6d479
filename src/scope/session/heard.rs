//! What the worker says, line by line: put to the state, sent to Telegram, or skipped with a word in the log.
//!
//! Owns the judgement of lines. It never waits for Telegram: a send that finds no room is kept until there is some.

use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;

use super::Session;
use crate::outbox::{Outgoing, Reply};
use crate::scope::event::Event;
use crate::scope::sends::{self, Declined};
use crate::wire::{self, Fault, Said, SendEvent};
use crate::worker::Response;

/// So many lines of a process that are not understood are logged one by one; the rest is only counted.
const STRAY_LINES_LOGGED: u32 = 5;

impl Session {
    pub(super) async fn said(&mut self, line: &Bytes) {
        self.live.line_went();
        let is_first = !std::mem::replace(&mut self.has_spoken, true);
        self.happened(Event::Line).await;
        match wire::parse(line) {
            Ok(Said::Hello(hello)) if is_first => self.introduced(hello).await,
            Ok(Said::Hello(_)) => self.stray(line, "hello comes first, or not at all", None),
            Ok(Said::Ack { update_id, through }) => {
                self.around.program.has_acked();
                self.happened(Event::Ack { update_id, through }).await;
            }
            Ok(Said::Nack { update_id, retry }) => {
                self.around.program.has_acked();
                self.happened(Event::Nack { update_id, retry }).await;
            }
            Ok(Said::Send(send)) => self.sends(send, line),
            Ok(Said::Echo) => self.around.metrics.echoed.add(),
            Err(wire::Misunderstood::Stray) => {
                let help = "stdout is for the protocol alone; print to stderr what is meant for people";
                self.stray(line, "not a JSON object", Some(help));
            }
            Err(misunderstood) => {
                self.stray(line, &misunderstood.to_string(), None);
                if let Some(request_id) = wire::request_id(line) {
                    let line = wire::fault_response(&request_id, Fault::Invalid, &misunderstood.to_string());
                    self.answer(line);
                }
            }
        }
    }

    async fn introduced(&mut self, hello: wire::Hello) {
        let client = hello.client.as_deref().unwrap_or("unnamed");
        tracing::debug!(scope = %self.key, pid = self.worker.pid, client, acks = hello.acks, window = hello.window, "hello");
        if hello.protocol != u64::from(wire::PROTOCOL) {
            tracing::warn!(
                scope = %self.key, pid = self.worker.pid,
                "the worker speaks protocol {}, this gateway speaks {}", hello.protocol, wire::PROTOCOL
            );
        }
        for key in hello.unusable {
            tracing::warn!(scope = %self.key, pid = self.worker.pid, "`{key}` of hello is of the wrong type: ignored");
        }
        if hello.acks {
            self.around.program.has_acked();
        }
        if let Some(kinds) = hello.updates {
            self.around.program.names_kinds(kinds);
        }
        self.state.introduced(hello.window, hello.idle);
        self.happened(Event::Tick).await;
    }

    fn sends(&mut self, send: SendEvent<'_>, line: &Bytes) {
        let call = match sends::prepare(&send, &self.key, self.has_chat) {
            Ok(call) => call,
            Err(Declined::Echo) => return self.around.metrics.echoed.add(),
            Err(Declined::Fault(fault, why)) => {
                self.stray(line, &why, None);
                if let Some(request_id) = send.request_id {
                    self.answer(wire::fault_response(request_id, fault, &why));
                }
                return;
            }
        };
        let scope = self.key.clone();
        let responses = self.worker.responses();
        let request_id = send.request_id.map(ToOwned::to_owned);
        let retry = send.retry;
        let outgoing = move |slot: Option<OwnedSemaphorePermit>| Outgoing {
            scope,
            method: call.method,
            lane: call.lane,
            body: call.body,
            retry,
            reply: request_id.zip(slot).map(|(request_id, slot)| {
                Reply::new(request_id, move |line| {
                    let _ = responses.try_send(Response { line, slot: Some(slot) });
                })
            }),
        };
        let (slots, outbox) = (self.slots.clone(), self.around.outbox.clone());
        let slot = match send.request_id {
            None => Ok(None),
            Some(_) => slots.clone().try_acquire_owned().map(Some),
        };
        match slot {
            Ok(slot) => {
                if let Some(full) = outbox.try_submit(outgoing(slot)) {
                    self.waiting = Some(Box::pin(outbox.submit(full)));
                }
            }
            Err(_) => {
                self.waiting = Some(Box::pin(async move {
                    let slot = slots.acquire_owned().await.ok();
                    outbox.submit(outgoing(slot)).await;
                }));
            }
        }
    }

    /// An answer of our own, as soon as there is room for it.
    fn answer(&mut self, line: Bytes) {
        let (slots, responses) = (self.slots.clone(), self.worker.responses());
        let tell = move |slot| {
            // As many slots as places: there is room, unless the worker is gone.
            let _ = responses.try_send(Response { line, slot: Some(slot) });
        };
        match slots.clone().try_acquire_owned() {
            Ok(slot) => tell(slot),
            Err(_) => {
                self.waiting = Some(Box::pin(async move { slots.acquire_owned().await.map_or((), tell) }))
            }
        }
    }

    /// Logs a line that is not understood, with its first bytes.
    pub(super) fn stray(&mut self, line: &Bytes, why: &str, help: Option<&str>) {
        self.around.metrics.misunderstood.add();
        self.stray_lines += 1;
        if self.stray_lines > STRAY_LINES_LOGGED {
            return;
        }
        let head = String::from_utf8_lossy(&line[..line.len().min(200)]).into_owned();
        let rest = if self.stray_lines == STRAY_LINES_LOGGED {
            " (further such lines are only counted)"
        } else {
            ""
        };
        tracing::warn!(scope = %self.key, pid = self.worker.pid, line = head, help, "a line of the worker is skipped: {why}{rest}");
    }
}
