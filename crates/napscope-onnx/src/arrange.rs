//! Puts a value's axes into the order that everything behind the tap expects: samples, channels, then the other axes.

/// The first `rows` samples of a value of shape `shape`, samples first, then channels, then the other axes in their own
/// order. Where they stand so already they are lent as they are, else they are copied into `buffer`.
pub(crate) fn arranged<'v>(
    values: &'v [f32],
    shape: &[usize],
    batch_axis: usize,
    channel_axis: Option<usize>,
    rows: usize,
    buffer: &'v mut Vec<f32>,
) -> &'v [f32] {
    let stride = |axis: usize| shape[axis + 1..].iter().product::<usize>();
    let others = (0..shape.len()).filter(|&axis| axis != batch_axis && Some(axis) != channel_axis);
    let order = [batch_axis].into_iter().chain(channel_axis).chain(others);
    let sized = order.map(|axis| (if axis == batch_axis { rows } else { shape[axis] }, stride(axis)));
    let mut runs: Vec<(usize, usize)> = Vec::with_capacity(shape.len());
    for (size, stride) in sized.filter(|&(size, _)| size != 1) {
        match runs.last_mut() {
            // Two axes that follow each other in memory are one longer axis.
            Some(outer) if outer.1 == size * stride => *outer = (outer.0 * size, stride),
            _ => runs.push((size, stride)),
        }
    }
    match runs[..] {
        [] => &values[..1],
        [(size, 1)] => &values[..size],
        _ => {
            buffer.clear();
            gather(values, 0, &runs, buffer);
            buffer
        }
    }
}

/// Appends the values at `offset` plus every combination of steps along `runs` (count, stride), the last one fastest.
fn gather(values: &[f32], offset: usize, runs: &[(usize, usize)], out: &mut Vec<f32>) {
    match *runs {
        [] => out.push(values[offset]),
        [(size, 1)] => out.extend_from_slice(&values[offset..offset + size]),
        [(size, stride)] => out.extend(values[offset..].iter().step_by(stride).take(size)),
        [(size, stride), ref inner @ ..] => {
            for step in 0..size {
                gather(values, offset + step * stride, inner, out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_layout_comes_out_channels_first() {
        // A value at (sample, channel, y, x) is the number 1000 s + 100 c + 10 y + x, in each layout of 2 × 3 × 4 × 5.
        let sizes = [2, 3, 4, 5];
        let number = |place: [usize; 4]| (1000 * place[0] + 100 * place[1] + 10 * place[2] + place[3]) as f32;
        let mut expected = Vec::new();
        for index in 0..120 {
            expected.push(number([index / 60, index / 20 % 3, index / 5 % 4, index % 5]));
        }
        for (order, what) in [
            ([0, 1, 2, 3], "NCHW"),
            ([0, 2, 3, 1], "NHWC"),
            ([0, 2, 1, 3], "NHCW"),
            ([1, 0, 2, 3], "CNHW"),
            ([2, 0, 3, 1], "HNWC"),
            ([2, 3, 1, 0], "HWCN"),
        ] {
            let shape = order.map(|axis: usize| sizes[axis]);
            let mut values = Vec::new();
            for index in 0..120 {
                let mut rest = index;
                let mut place = [0; 4];
                for (axis, size) in order.into_iter().zip(shape).rev() {
                    place[axis] = rest % size;
                    rest /= size;
                }
                values.push(number(place));
            }
            let at = |axis| order.iter().position(|&candidate| candidate == axis).expect("each axis stands once");
            for rows in [1, 2] {
                let mut buffer = Vec::new();
                let found = arranged(&values, &shape, at(0), Some(at(1)), rows, &mut buffer);
                assert_eq!(found, &expected[..rows * 60], "{what}, {rows} samples");
            }
        }
    }

    #[test]
    fn single_numbers_and_features_are_lent() {
        let values = [1.0, 2.0, 3.0, 4.0];
        let mut buffer = Vec::new();
        assert_eq!(arranged(&values, &[4], 0, None, 3, &mut buffer), [1.0, 2.0, 3.0], "(n,)");
        assert_eq!(arranged(&values, &[2, 2], 0, Some(1), 1, &mut buffer), [1.0, 2.0], "(n, features)");
        assert_eq!(arranged(&values[..1], &[1, 1], 0, Some(1), 1, &mut buffer), [1.0], "one number");
        assert!(buffer.is_empty(), "nothing was copied");
    }
}
