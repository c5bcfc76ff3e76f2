//! The server from outside, over real connections.

mod api;
mod client;
mod faults;
mod load;
mod streams;
mod wire;
