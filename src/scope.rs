//! stub
mod event;
mod state;
pub use event::{Carry, Rules};
