//! A 5G-NR-like uplink.
