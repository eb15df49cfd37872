//! Bilinear resizing with antialiasing, to the bit as Pillow (and with it torchvision) does it.
//!
//! Each pass is a convolution with a triangle that is as wide as one new pixel, or one old pixel where the picture grows.
//! Weights are rounded to 22-bit fixed point, and each pass (across, then down) is rounded to 8 bits. Networks were trained on
//! these very pixels; the crate `image` resizes in floating point, which differs in the last bit and takes longer.

/// Fixed-point bits: a sum of weights times 255 just fits into an i32.
const BITS: u32 = 22;

/// Weights of the old pixels in each new one, along one axis.
struct Weights {
    /// The first old pixel of each new one, and how many there are.
    spans: Vec<(usize, usize)>,
    /// The weights of all new pixels, `widest` apart.
    weights: Vec<i32>,
    widest: usize,
}

impl Weights {
    fn new(old: usize, new: usize) -> Self {
        let scale = old as f64 / new as f64;
        let support = scale.max(1.0);
        let widest = 2 * support.ceil() as usize + 1;
        let (mut spans, mut weights) = (Vec::with_capacity(new), vec![0; new * widest]);
        for (at, row) in weights.chunks_exact_mut(widest).enumerate() {
            let center = (at as f64 + 0.5) * scale;
            let first = (center - support + 0.5).max(0.0) as usize;
            let last = ((center + support + 0.5) as usize).min(old);
            let triangle = |pixel: usize| (1.0 - ((pixel as f64 - center + 0.5) / support).abs()).max(0.0);
            let sum: f64 = (first..last).map(triangle).sum();
            for (pixel, weight) in (first..last).zip(row) {
                *weight = (triangle(pixel) / sum * f64::from(1 << BITS) + 0.5) as i32;
            }
            spans.push((first, last - first));
        }
        Weights { spans, weights, widest }
    }

    /// Span and weights of each new pixel.
    fn iter(&self) -> impl Iterator<Item = (usize, &[i32])> {
        let rows = self.weights.chunks_exact(self.widest);
        self.spans.iter().zip(rows).map(|((first, length), weights)| (*first, &weights[..*length]))
    }
}

fn to_pixel(sum: i32) -> u8 {
    (sum >> BITS).clamp(0, 255) as u8
}

/// Resizes a picture of `CHANNELS` interleaved channels from `(width, height)` to another size; both have no side of 0.
///
/// # Shapes
/// - `pixels`: `[height, width, CHANNELS]`
pub(super) fn resize<const CHANNELS: usize>(pixels: Vec<u8>, from: (usize, usize), to: (usize, usize)) -> Vec<u8> {
    let ((width, height), (new_width, new_height)) = (from, to);
    let across = match width == new_width {
        true => pixels,
        false => resize_across::<CHANNELS>(&pixels, width, new_width),
    };
    match height == new_height {
        true => across,
        false => resize_down(&across, new_width * CHANNELS, height, new_height),
    }
}

fn resize_across<const CHANNELS: usize>(pixels: &[u8], width: usize, new_width: usize) -> Vec<u8> {
    let weights = Weights::new(width, new_width);
    let mut out = Vec::with_capacity(pixels.len() / width * new_width);
    for row in pixels.chunks_exact(width * CHANNELS) {
        let row = row.as_chunks::<CHANNELS>().0;
        for (first, weights) in weights.iter() {
            let mut sums = [1 << (BITS - 1); CHANNELS];
            for (pixel, weight) in row[first..].iter().zip(weights) {
                for (sum, value) in sums.iter_mut().zip(pixel) {
                    *sum += i32::from(*value) * weight;
                }
            }
            out.extend(sums.map(to_pixel));
        }
    }
    out
}

fn resize_down(pixels: &[u8], row_len: usize, height: usize, new_height: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(row_len * new_height);
    let mut sums = vec![0; row_len];
    for (first, weights) in Weights::new(height, new_height).iter() {
        sums.fill(1 << (BITS - 1));
        for (row, weight) in pixels[first * row_len..].chunks_exact(row_len).zip(weights) {
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += i32::from(*value) * weight;
            }
        }
        out.extend(sums.iter().map(|sum| to_pixel(*sum)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flat_picture_stays_flat() {
        for (from, to) in [((1, 1), (7, 5)), ((300, 2), (3, 9)), ((7, 5), (1, 1)), ((8, 8), (8, 3))] {
            let out = resize::<3>([10, 0, 255].repeat(from.0 * from.1), from, to);
            assert_eq!(out, [10, 0, 255].repeat(to.0 * to.1), "{from:?} to {to:?}");
        }
    }

    #[test]
    fn halving_takes_the_mean_with_the_neighbours_tails() {
        // New pixel 0 sees old pixels 0, 1, 2 with triangle weights 3/4, 3/4, 1/4, divided by their sum.
        assert_eq!(resize::<1>(vec![0, 70, 140, 210], (4, 1), (2, 1)), [50, 160]);
    }
}
