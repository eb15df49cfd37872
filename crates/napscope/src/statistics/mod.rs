//! Statistics of a matrix that several stages share: the order in which rows are summed, covariances, principal
//! directions, leading eigenvectors.

mod chebyshev;
mod covariance;
mod krylov;
mod principal;
mod quadratic;
pub(crate) mod random;
mod row_order;
mod sparse;

pub(crate) use chebyshev::leading_eigenvectors;
pub(crate) use covariance::{Covariance, Shrinkage};
pub(crate) use principal::{CenteredRows, PrincipalAxes};
pub(crate) use quadratic::{Center, QuadraticForm};
pub(crate) use row_order::canonical_order;
pub(crate) use sparse::SparseSymmetric;
