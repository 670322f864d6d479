//! asgigram.
