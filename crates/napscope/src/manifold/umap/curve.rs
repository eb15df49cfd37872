//! How near two samples of the picture count as, by their distance.

/// 1 / (1 + a d^2b): the smooth stand-in for "near up to `min_dist`, then falling as e^−d".
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Curve {
    pub(super) a: f64,
    pub(super) b: f64,
}

/// Distances at which the curve is fitted lie evenly from 0 to this.
const REACH: f64 = 3.0;
/// How many they are.
const PLACES: usize = 300;
/// Steps of the fit; it takes about ten.
const STEPS: usize = 200;

impl Curve {
    /// The curve of least squares (Levenberg & Marquardt's method).
    pub(super) fn fit(min_dist: f64) -> Curve {
        let (mut curve, mut damping) = (Curve { a: 1.0, b: 1.0 }, 1e-3);
        let mut squares = curve.misfit(min_dist).squares;
        for _ in 0..STEPS {
            let Misfit { slope: [p, q], bend: [aa, ab, bb], .. } = curve.misfit(min_dist);
            let (aa, bb) = (aa * (1.0 + damping), bb * (1.0 + damping));
            let determinant = aa * bb - ab * ab;
            let next =
                Curve { a: curve.a - (bb * p - ab * q) / determinant, b: curve.b - (aa * q - ab * p) / determinant };
            let next_squares = next.misfit(min_dist).squares;
            if next_squares < squares {
                (curve, squares, damping) = (next, next_squares, damping * 0.1);
            } else {
                damping *= 10.0;
            }
        }
        curve
    }

    fn misfit(self, min_dist: f64) -> Misfit {
        let mut sum = Misfit { squares: 0.0, slope: [0.0; 2], bend: [0.0; 3] };
        for place in 0..PLACES {
            let distance = REACH * place as f64 / (PLACES - 1) as f64;
            let wanted = if distance < min_dist { 1.0 } else { (min_dist - distance).exp() };
            let power = distance.powf(2.0 * self.b);
            let near = 1.0 / (1.0 + self.a * power);
            let over = near - wanted;
            let by_a = -power * near * near;
            let by_b = if distance > 0.0 { 2.0 * self.a * distance.ln() * by_a } else { 0.0 };
            sum.squares += over * over;
            sum.slope = [sum.slope[0] + by_a * over, sum.slope[1] + by_b * over];
            sum.bend = [sum.bend[0] + by_a * by_a, sum.bend[1] + by_a * by_b, sum.bend[2] + by_b * by_b];
        }
        sum
    }
}

/// The sum of squares, half of its gradient, and half of its curvature (aa, ab, bb) as Gauss and Newton take it.
struct Misfit {
    squares: f64,
    slope: [f64; 2],
    bend: [f64; 3],
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifold::oracle;

    #[test]
    fn the_curve_is_that_of_umap_learn() {
        for case in oracle::read()["curves"].as_array().expect("a list") {
            let number = |key: &str| case[key].as_f64().expect(key);
            let Curve { a, b } = Curve::fit(number("min_dist"));
            for (name, got, expected) in [("a", a, number("a")), ("b", b, number("b"))] {
                assert!((got / expected - 1.0).abs() < 1e-5, "{name} at {}: {got}, not {expected}", number("min_dist"));
            }
        }
    }
}
