//! What every program here needs.

pub mod cli;
pub mod files;
pub mod http;
