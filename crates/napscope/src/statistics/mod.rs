//! Statistics of a matrix that several stages share: the order in which rows are summed, covariances, principal
//! directions.

mod covariance;
mod krylov;
mod principal;
mod row_order;

pub(crate) use covariance::{Covariance, Shrinkage};
pub(crate) use principal::{CenteredRows, PrincipalAxes};
pub(crate) use row_order::canonical_order;
