//! `napscope link` from the outside: data sets, error rates, and what is refused.

mod bad_input;
mod ber;
mod neural;
mod simulate;
