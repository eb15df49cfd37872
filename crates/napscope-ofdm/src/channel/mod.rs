//! What happens between transmitter and receiver: power-delay profiles, fading in time, and the response over the grid.
//!
//! A channel is a tapped delay line: tap `l` lies at delay `tau_secs[l]` and has the complex gain `a[l](t)`. [`ChannelModel`]
//! gives delays and mean powers, [`Fading`] the gains of one slot at any time, [`FrequencyResponse`] what they add up to
//! on each resource element. The mean power of a channel is one: E Σ |a_l|² = 1 at each receive antenna.

mod fading;
mod frequency_response;
mod profile;
mod time_domain;

pub(crate) use fading::SPECULAR_DOPPLER;
pub use fading::{DEFAULT_NUM_SINUSOIDS, Fading, MAX_NUM_RX_ANT};
pub use frequency_response::FrequencyResponse;
pub use profile::{CHANNEL_MODELS, ChannelModel, PowerDelayProfile, Tdl};
pub(crate) use time_domain::TimeDomainChannel;

/// Speed of light [m/s].
pub const SPEED_OF_LIGHT_MPS: f64 = 299_792_458.0;

/// The largest Doppler shift of a terminal at `speed_mps` [m/s] and `carrier_frequency_hz` [Hz], v f / c.
pub fn max_doppler_hz(speed_mps: f64, carrier_frequency_hz: f64) -> f64 {
    speed_mps * carrier_frequency_hz / SPEED_OF_LIGHT_MPS
}
