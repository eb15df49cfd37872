//! The two operations that Burn's own layers are slow at, as one operation each with its gradient.
//!
//! Burn runs everything else of the network: matrix products, sums, and the walk back through the graph. Its own
//! convolutions are three times slower than PyTorch's on this network; a pointwise convolution as a matrix product and these two
//! operations are not. They are written by hand for the `flex` backend (plain Rust on the processor); what the traits say by
//! default are the same operations in Burn's own (`stock.rs`), which a graphics card takes.

use crate::depthwise::Planes;
use crate::{batch_norm, depthwise, stock};
#[cfg(feature = "wgpu")]
use burn::backend::Cube;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, AutodiffBackend, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::{Tensor, TensorData};

/// What a backend must be able to do besides Burn's own operations. Matrices are [channels, planes].
#[backend_extension(Flex, Cube: cfg(feature = "wgpu"), Autodiff)]
pub trait NetworkOperations: Backend {
    /// Depthwise 3×3 convolution: `weight` is [2 channels, 9], `bias` [2 channels, 1].
    fn depthwise(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        planes: Planes,
        dilation: [usize; 2],
    ) -> FloatTensor<Self> {
        stock::depthwise::<Self>(x, weight, bias, planes, dilation)
    }

    /// Mean and variance of each row, [channels, 2], as constants.
    fn moments(x: FloatTensor<Self>) -> FloatTensor<Self> {
        stock::moments::<Self>(x)
    }

    /// Batch norm and ReLU with these moments, which must be those of `x` where a gradient is asked for.
    fn norm_relu(
        x: FloatTensor<Self>,
        moments: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        stock::norm_relu::<Self>(x, moments, weight, bias)
    }
}

/// The way back through them: gradients with respect to (x, weight, bias).
pub trait NetworkGradients: NetworkOperations {
    /// Through [`NetworkOperations::depthwise`].
    fn depthwise_backward(
        x: &FloatTensor<Self>,
        weight: &FloatTensor<Self>,
        grad: &FloatTensor<Self>,
        planes: Planes,
        dilation: [usize; 2],
    ) -> [FloatTensor<Self>; 3] {
        stock::depthwise_backward::<Self>(x, weight, grad, planes, dilation)
    }

    /// Through [`NetworkOperations::norm_relu`].
    fn norm_relu_backward(
        x: &FloatTensor<Self>,
        moments: &FloatTensor<Self>,
        weight: &FloatTensor<Self>,
        bias: &FloatTensor<Self>,
        grad: &FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 3] {
        stock::norm_relu_backward::<Self>(x, moments, weight, bias, grad)
    }
}

/// A graphics card takes Burn's own, whatever drives it.
#[cfg(feature = "wgpu")]
impl NetworkOperations for Cube {}
#[cfg(feature = "wgpu")]
impl NetworkGradients for Cube {}

type FlexTensor = FloatTensor<Flex>;

fn matrix(values: Vec<f32>, rows: usize) -> FlexTensor {
    let columns = values.len() / rows;
    FlexTensor::from_data(TensorData::new(values, [rows, columns]))
}

impl NetworkOperations for Flex {
    fn depthwise(
        x: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        planes: Planes,
        dilation: [usize; 2],
    ) -> FlexTensor {
        let [x, weight, bias] = [x, weight, bias].map(|tensor| tensor.to_contiguous());
        let outputs = bias.storage::<f32>().len();
        let mut out = vec![0.0; outputs * planes.num_elements()];
        depthwise::forward(x.storage(), weight.storage(), bias.storage(), planes, dilation, &mut out);
        matrix(out, outputs)
    }

    fn moments(x: FlexTensor) -> FlexTensor {
        let x = x.to_contiguous();
        let [rows, columns] = [x.layout().shape()[0], x.layout().shape()[1]];
        matrix(batch_norm::moments(x.storage(), columns), rows)
    }

    fn norm_relu(x: FlexTensor, moments: FlexTensor, weight: FlexTensor, bias: FlexTensor) -> FlexTensor {
        let [x, moments, weight, bias] = [x, moments, weight, bias].map(|tensor| tensor.to_contiguous());
        let out = batch_norm::forward(x.storage(), moments.storage(), weight.storage(), bias.storage());
        matrix(out, weight.storage::<f32>().len())
    }
}

impl NetworkGradients for Flex {
    fn depthwise_backward(
        x: &FlexTensor,
        weight: &FlexTensor,
        grad: &FlexTensor,
        planes: Planes,
        dilation: [usize; 2],
    ) -> [FlexTensor; 3] {
        let [x, weight, grad] = [x, weight, grad].map(|tensor| tensor.to_contiguous());
        let found = depthwise::backward(x.storage(), weight.storage(), grad.storage(), planes, dilation);
        let outputs = found.bias.len();
        let channels = found.x.len() / planes.num_elements();
        [matrix(found.x, channels), matrix(found.weight, outputs), matrix(found.bias, outputs)]
    }

    fn norm_relu_backward(
        x: &FlexTensor,
        moments: &FlexTensor,
        weight: &FlexTensor,
        bias: &FlexTensor,
        grad: &FlexTensor,
    ) -> [FlexTensor; 3] {
        let [x, moments, weight, bias, grad] = [x, moments, weight, bias, grad].map(|tensor| tensor.to_contiguous());
        let found =
            batch_norm::backward(x.storage(), moments.storage(), weight.storage(), bias.storage(), grad.storage());
        let channels = found.bias.len();
        [matrix(found.x, channels), matrix(found.weight, channels), matrix(found.bias, channels)]
    }
}

/// The depthwise convolution's step in Burn's graph.
#[derive(Debug)]
struct DepthwiseStep;

impl<B: NetworkGradients> Backward<B, 3> for DepthwiseStep {
    type State = ([FloatTensor<B>; 2], Planes, [usize; 2]);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let ([x, weight], planes, dilation) = ops.state;
        let grad = grads.consume::<B>(&ops.node);
        let found = B::depthwise_backward(&x, &weight, &grad, planes, dilation);
        for (parent, grad) in ops.parents.into_iter().zip(found) {
            if let Some(parent) = parent {
                grads.register::<B>(parent.id, grad);
            }
        }
    }
}

/// The batch norm's step in Burn's graph.
#[derive(Debug)]
struct NormReluStep;

impl<B: NetworkGradients> Backward<B, 3> for NormReluStep {
    type State = [FloatTensor<B>; 4];

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [x, moments, weight, bias] = ops.state;
        let grad = grads.consume::<B>(&ops.node);
        let found = B::norm_relu_backward(&x, &moments, &weight, &bias, &grad);
        for (parent, grad) in ops.parents.into_iter().zip(found) {
            if let Some(parent) = parent {
                grads.register::<B>(parent.id, grad);
            }
        }
    }
}

impl<B: NetworkGradients, C: CheckpointStrategy> NetworkOperations for Autodiff<B, C> {
    fn depthwise(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        planes: Planes,
        dilation: [usize; 2],
    ) -> FloatTensor<Self> {
        let nodes = [x.node(), weight.node(), bias.node()];
        let (x, weight, bias) = (x.into_primitive(), weight.into_primitive(), bias.into_primitive());
        let out = B::depthwise(x.clone(), weight.clone(), bias, planes, dilation);
        match DepthwiseStep.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(step) => step.finish(([x, weight], planes, dilation), out),
            OpsKind::UnTracked(step) => step.finish(out),
        }
    }

    fn moments(x: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::from_inner(B::moments(x.into_primitive()))
    }

    fn norm_relu(
        x: FloatTensor<Self>,
        moments: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let nodes = [x.node(), weight.node(), bias.node()];
        let state = [x.into_primitive(), moments.into_primitive(), weight.into_primitive(), bias.into_primitive()];
        let [x, moments, weight, bias] = state.clone();
        let out = B::norm_relu(x, moments, weight, bias);
        match NormReluStep.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(step) => step.finish(state, out),
            OpsKind::UnTracked(step) => step.finish(out),
        }
    }
}

/// [`NetworkOperations::depthwise`] of tensors.
pub fn depthwise(x: Tensor<2>, weight: Tensor<2>, bias: Tensor<2>, planes: Planes, dilation: [usize; 2]) -> Tensor<2> {
    let [x, weight, bias] = [x, weight, bias].map(Tensor::into_dispatch);
    Tensor::from_dispatch(<Dispatch as NetworkOperations>::depthwise(x, weight, bias, planes, dilation))
}

/// [`NetworkOperations::moments`] of a tensor.
pub fn moments(x: Tensor<2>) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as NetworkOperations>::moments(x.into_dispatch()))
}

/// [`NetworkOperations::norm_relu`] of tensors.
pub fn norm_relu(x: Tensor<2>, moments: Tensor<2>, weight: Tensor<2>, bias: Tensor<2>) -> Tensor<2> {
    let [x, moments, weight, bias] = [x, moments, weight, bias].map(Tensor::into_dispatch);
    Tensor::from_dispatch(<Dispatch as NetworkOperations>::norm_relu(x, moments, weight, bias))
}
