//! Contracts of the link: theory, and agreement with Sionna (the oracles of `oracles/link_*.json`).

mod allocations;
mod bad_input;
mod ber_oracle;
mod bler_oracle;
mod channel_theory;
mod coding_oracle;
mod grid_oracle;
mod link_theory;
mod propagation;
mod receivers;
mod support;
