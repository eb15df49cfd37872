//! Contracts of the link: theory, and agreement with Sionna (the oracles of `oracles/link_*.json`).

mod bad_input;
mod ber_oracle;
mod channel_theory;
mod grid_oracle;
mod link_theory;
mod propagation;
mod receivers;
mod support;
