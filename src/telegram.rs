//! The Bot API over HTTP: how the gateway speaks with Telegram.
//!
//! Owns the token, the HTTP client, the meaning of Telegram's errors, the envelope of updates and the few facts about
//! methods that the gateway needs. It imports nothing of ours, decides nothing about retries or pace, and never looks
//! into a payload: what Telegram wrote is passed on byte for byte.

mod address;
mod answer;
mod client;
mod error;
mod method;
mod method_facts;
#[cfg(test)]
pub(crate) mod scripted;
mod token;
mod transport;
mod update;

pub use address::ClientError;
pub use answer::Answer;
pub use client::{Client, ClientConfig, Poll};
pub use error::{ApiError, TransportFault};
pub use method::{Method, MethodFault};
pub use token::{Token, TokenError};
pub use update::{Batch, Element, NotABatch, UPDATE_KINDS, split};
