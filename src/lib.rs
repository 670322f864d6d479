//! asgigram.

pub mod sim;
