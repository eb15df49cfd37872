//! The network's operations in Burn's own, for devices that none were written for by hand: a graphics card.
//!
//! The formulas are those of `depthwise.rs` and `batch_norm.rs`, and the tests here hold one against the other. A matrix
//! [channels, planes] is seen as pictures [slots, channels, symbols, subcarriers] for the convolution, and seen back after it.

use crate::architecture::DEPTH_MULTIPLIER;
use crate::batch_norm::EPSILON;
use crate::depthwise::Planes;
use burn::backend::ops::ConvOptions;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Shape, Slice, TensorMetadata};

fn num_rows<B: Backend>(matrix: &FloatTensor<B>) -> usize {
    matrix.shape()[0]
}

fn pictures<B: Backend>(matrix: FloatTensor<B>, planes: Planes) -> FloatTensor<B> {
    let channels = num_rows::<B>(&matrix);
    let stacked = Shape::new([channels, planes.count, planes.height, planes.width]);
    B::float_swap_dims(B::float_reshape(matrix, stacked), 0, 1)
}

fn matrix<B: Backend>(pictures: FloatTensor<B>, planes: Planes) -> FloatTensor<B> {
    let stacked = B::float_swap_dims(pictures, 0, 1);
    let channels = num_rows::<B>(&stacked);
    B::float_reshape(stacked, Shape::new([channels, planes.num_elements()]))
}

fn kernels<B: Backend>(weight: FloatTensor<B>) -> FloatTensor<B> {
    let outputs = num_rows::<B>(&weight);
    B::float_reshape(weight, Shape::new([outputs, 1, 3, 3]))
}

/// A convolution in as many groups as there are channels, zero beyond the edges.
fn options(outputs: usize, dilation: [usize; 2]) -> ConvOptions<2> {
    ConvOptions::new([1, 1], dilation, dilation, outputs / DEPTH_MULTIPLIER)
}

/// See [`crate::operations::NetworkOperations::depthwise`].
pub(crate) fn depthwise<B: Backend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
    planes: Planes,
    dilation: [usize; 2],
) -> FloatTensor<B> {
    let outputs = num_rows::<B>(&bias);
    let bias = B::float_reshape(bias, Shape::new([outputs]));
    let out = B::conv2d(pictures::<B>(x, planes), kernels::<B>(weight), Some(bias), options(outputs, dilation));
    matrix::<B>(out, planes)
}

/// See [`crate::operations::NetworkGradients::depthwise_backward`].
pub(crate) fn depthwise_backward<B: Backend>(
    x: &FloatTensor<B>,
    weight: &FloatTensor<B>,
    grad: &FloatTensor<B>,
    planes: Planes,
    dilation: [usize; 2],
) -> [FloatTensor<B>; 3] {
    let outputs = num_rows::<B>(weight);
    let options = options(outputs, dilation);
    let of_bias = B::float_sum_dim(grad.clone(), 1);
    let [x, grad] = [x, grad].map(|matrix| pictures::<B>(matrix.clone(), planes));
    let weight = kernels::<B>(weight.clone());
    let of_weight = B::conv2d_weight_backward(x.clone(), weight.clone(), grad.clone(), options.clone());
    let of_x = B::conv2d_x_backward(x, weight, grad, options);
    let of_weight = B::float_reshape(of_weight, Shape::new([outputs, 9]));
    [matrix::<B>(of_x, planes), of_weight, of_bias]
}

/// See [`crate::operations::NetworkOperations::moments`].
pub(crate) fn moments<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    let mean = B::float_mean_dim(x.clone(), 1);
    let centred = B::float_sub(x, mean.clone());
    let variance = B::float_mean_dim(B::float_mul(centred.clone(), centred), 1);
    B::float_cat(vec![mean, variance], 1)
}

/// (x - μ) / √(v + ε), and 1 / √(v + ε).
fn normalized<B: Backend>(x: FloatTensor<B>, moments: FloatTensor<B>) -> [FloatTensor<B>; 2] {
    let rows = num_rows::<B>(&moments);
    let column = |index: usize| B::float_slice(moments.clone(), &[Slice::from(0..rows), Slice::from(index..index + 1)]);
    let inverse = B::float_recip(B::float_sqrt(B::float_add_scalar(column(1), EPSILON.into())));
    [B::float_mul(B::float_sub(x, column(0)), inverse.clone()), inverse]
}

/// See [`crate::operations::NetworkOperations::norm_relu`].
pub(crate) fn norm_relu<B: Backend>(
    x: FloatTensor<B>,
    moments: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
) -> FloatTensor<B> {
    let [normal, _] = normalized::<B>(x, moments);
    B::relu(B::float_add(B::float_mul(normal, weight), bias))
}

/// See [`crate::operations::NetworkGradients::norm_relu_backward`].
pub(crate) fn norm_relu_backward<B: Backend>(
    x: &FloatTensor<B>,
    moments: &FloatTensor<B>,
    weight: &FloatTensor<B>,
    bias: &FloatTensor<B>,
    grad: &FloatTensor<B>,
) -> [FloatTensor<B>; 3] {
    let len = x.shape()[1] as f32;
    let [normal, inverse] = normalized::<B>(x.clone(), moments.clone());
    let out = B::relu(B::float_add(B::float_mul(normal.clone(), weight.clone()), bias.clone()));
    let passed = B::relu_backward(out, grad.clone());
    let of_bias = B::float_sum_dim(passed.clone(), 1);
    let of_weight = B::float_sum_dim(B::float_mul(passed.clone(), normal.clone()), 1);
    // The mean and the variance hang on x, too.
    let by_mean = B::float_div_scalar(of_bias.clone(), len.into());
    let by_variance = B::float_mul(normal, B::float_div_scalar(of_weight.clone(), len.into()));
    let slope = B::float_mul(weight.clone(), inverse);
    let of_x = B::float_mul(B::float_sub(B::float_sub(passed, by_mean), by_variance), slope);
    [of_x, of_weight, of_bias]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::{NetworkGradients, NetworkOperations};
    use burn::backend::Flex;
    use burn::tensor::TensorData;

    /// Largest difference allowed, relative to the largest number: sums are f64 by hand and f32 here.
    const TOLERANCE: f32 = 1e-5;

    /// Numbers that look like noise, [rows, columns].
    fn noise(rows: usize, columns: usize, seed: u32) -> FloatTensor<Flex> {
        let mix = |place: usize| (place as u32 + 1000 * seed).wrapping_mul(2_654_435_761) >> 8;
        let values = (0..rows * columns).map(|place| mix(place) as f32 / (1 << 23) as f32 - 1.0).collect::<Vec<f32>>();
        FloatTensor::<Flex>::from_data(TensorData::new(values, [rows, columns]))
    }

    fn check(what: &str, stock: &FloatTensor<Flex>, by_hand: &FloatTensor<Flex>) {
        assert_eq!(stock.shape(), by_hand.shape(), "shape of {what}");
        let [stock, by_hand] = [stock.to_contiguous(), by_hand.to_contiguous()];
        let (stock, by_hand) = (stock.storage::<f32>(), by_hand.storage::<f32>());
        let largest = by_hand.iter().fold(0f32, |most, value| most.max(value.abs()));
        for (place, (stock, by_hand)) in stock.iter().zip(by_hand).enumerate() {
            assert!((stock - by_hand).abs() <= TOLERANCE * largest, "{what} [{place}]: {stock}, by hand {by_hand}");
        }
    }

    #[test]
    fn the_convolution_is_the_one_written_by_hand() {
        let planes = Planes { count: 2, height: 5, width: 12 };
        let x = noise(3, planes.num_elements(), 0);
        let (weight, bias, grad) = (noise(6, 9, 1), noise(6, 1, 2), noise(6, planes.num_elements(), 3));
        for dilation in [[1, 1], [1, 2], [2, 3]] {
            let stock = depthwise::<Flex>(x.clone(), weight.clone(), bias.clone(), planes, dilation);
            let by_hand = Flex::depthwise(x.clone(), weight.clone(), bias.clone(), planes, dilation);
            check("the convolution", &stock, &by_hand);
            let stock = depthwise_backward::<Flex>(&x, &weight, &grad, planes, dilation);
            let by_hand = Flex::depthwise_backward(&x, &weight, &grad, planes, dilation);
            for (name, index) in [("input", 0), ("kernels", 1), ("biases", 2)] {
                check(&format!("gradient of the {name}"), &stock[index], &by_hand[index]);
            }
        }
    }

    #[test]
    fn the_norm_is_the_one_written_by_hand() {
        let (x, grad, weight, bias) = (noise(4, 120, 0), noise(4, 120, 1), noise(4, 1, 2), noise(4, 1, 3));
        let found = Flex::moments(x.clone());
        check("the moments", &moments::<Flex>(x.clone()), &found);
        let stock = norm_relu::<Flex>(x.clone(), found.clone(), weight.clone(), bias.clone());
        check("the norm", &stock, &Flex::norm_relu(x.clone(), found.clone(), weight.clone(), bias.clone()));
        let stock = norm_relu_backward::<Flex>(&x, &found, &weight, &bias, &grad);
        let by_hand = Flex::norm_relu_backward(&x, &found, &weight, &bias, &grad);
        for (name, index) in [("input", 0), ("slopes", 1), ("offsets", 2)] {
            check(&format!("gradient of the {name}"), &stock[index], &by_hand[index]);
        }
    }
}
