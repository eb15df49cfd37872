//! What the receiver's network is made of: DeepRx (arXiv 2005.01494, table I) and smaller ones of the same kind.
//!
//! A 3×3 convolution, pre-activation residual blocks, and a 1×1 convolution to one logit for each bit. A block is twice
//! (batch norm, ReLU, dilated depthwise 3×3 with two outputs a channel, pointwise 1×1), with a shortcut around both; where
//! the width changes, the shortcut is a 1×1 convolution of the pre-activated input. Every convolution keeps the grid's size.

use serde::{Deserialize, Serialize};

/// Outputs of a depthwise convolution for each of its channels.
pub const DEPTH_MULTIPLIER: usize = 2;

/// Weights of a 3×3 kernel.
pub const TAPS: usize = 9;

/// One residual block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// Channels that it puts out.
    pub width: usize,
    /// Dilation of its depthwise convolutions, along symbols and along subcarriers.
    pub dilation: [usize; 2],
}

/// A network, up to its weights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Architecture {
    /// Channels of the input.
    pub num_inputs: usize,
    /// Channels behind the first convolution.
    pub stem_width: usize,
    /// The residual blocks.
    pub blocks: Vec<Block>,
    /// Bits of the largest constellation: channels of the output.
    pub num_bits: usize,
}

/// A size by name: (name, width of the stem, widths and dilations of the blocks).
type Size = (&'static str, usize, &'static [(usize, [usize; 2])]);

/// The sizes there are. The last one is the network of the paper.
pub const SIZES: &[Size] = &[
    ("tiny", 16, &[(16, [1, 1]), (16, [2, 3]), (16, [2, 3]), (16, [1, 1])]),
    ("small", 32, &[(32, [1, 1]), (32, [2, 3]), (32, [3, 6]), (32, [2, 3]), (32, [2, 3]), (32, [1, 1])]),
    (
        "deeprx",
        64,
        &[
            (64, [1, 1]),
            (64, [1, 1]),
            (128, [2, 3]),
            (128, [2, 3]),
            (256, [2, 3]),
            (256, [3, 6]),
            (256, [2, 3]),
            (128, [2, 3]),
            (128, [2, 3]),
            (64, [1, 1]),
            (64, [1, 1]),
        ],
    ),
];

/// A tensor of weights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Its name, as in `block3.pw1.weight`.
    pub name: String,
    /// Its shape as PyTorch and ONNX have it.
    pub shape: Vec<usize>,
}

impl Parameter {
    /// Numbers in it.
    pub fn num_values(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it is the kernel of a convolution, not a bias and not of a batch norm.
    pub fn is_kernel(&self) -> bool {
        self.shape.len() > 1
    }
}

impl Architecture {
    /// The network of the size called `size`; `None` when there is no such size.
    pub fn of_size(size: &str, num_inputs: usize, num_bits: usize) -> Option<Self> {
        let (_, stem_width, blocks) = SIZES.iter().find(|known| known.0 == size)?;
        let blocks = blocks.iter().map(|&(width, dilation)| Block { width, dilation }).collect();
        Some(Architecture { num_inputs, stem_width: *stem_width, blocks, num_bits })
    }

    /// Its weights, in the order of the network.
    pub fn parameters(&self) -> Vec<Parameter> {
        let mut list = Vec::new();
        let mut add = |name: String, shape: &[usize]| list.push(Parameter { name, shape: shape.to_vec() });
        convolution(&mut add, "conv_in", self.stem_width, &[self.num_inputs, 3, 3]);
        let mut width = self.stem_width;
        for (block, name) in self.blocks.iter().zip(self.block_names()) {
            norm(&mut add, &format!("{name}.bn1"), width);
            if block.width != width {
                convolution(&mut add, &format!("{name}.shortcut"), block.width, &[width, 1, 1]);
            }
            for (half, inner) in [(1, width), (2, block.width)] {
                if half == 2 {
                    norm(&mut add, &format!("{name}.bn2"), inner);
                }
                convolution(&mut add, &format!("{name}.dw{half}"), DEPTH_MULTIPLIER * inner, &[1, 3, 3]);
                convolution(&mut add, &format!("{name}.pw{half}"), block.width, &[DEPTH_MULTIPLIER * inner, 1, 1]);
            }
            width = block.width;
        }
        norm(&mut add, "bn_out", width);
        convolution(&mut add, "conv_out", self.num_bits, &[width, 1, 1]);
        list
    }

    /// Trainable numbers.
    pub fn num_parameters(&self) -> usize {
        self.parameters().iter().map(Parameter::num_values).sum()
    }

    /// The batch norms with their channels, in the order of the network.
    pub fn norms(&self) -> Vec<(String, usize)> {
        let mut norms = Vec::new();
        let mut width = self.stem_width;
        for (block, name) in self.blocks.iter().zip(self.block_names()) {
            norms.push((format!("{name}.bn1"), width));
            norms.push((format!("{name}.bn2"), block.width));
            width = block.width;
        }
        norms.push(("bn_out".to_owned(), width));
        norms
    }

    /// `block1`, `block2`, …
    pub fn block_names(&self) -> impl Iterator<Item = String> + use<> {
        (1..=self.blocks.len()).map(|number| format!("block{number}"))
    }
}

fn convolution(add: &mut impl FnMut(String, &[usize]), name: &str, outputs: usize, rest: &[usize]) {
    add(format!("{name}.weight"), &[&[outputs], rest].concat());
    add(format!("{name}.bias"), &[outputs]);
}

fn norm(add: &mut impl FnMut(String, &[usize]), name: &str, channels: usize) {
    add(format!("{name}.weight"), &[channels]);
    add(format!("{name}.bias"), &[channels]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_full_network_is_that_of_the_paper() {
        let full = |num_bits| Architecture::of_size("deeprx", 10, num_bits).expect("a size").num_parameters();
        assert_eq!(full(4), 1_232_516, "the paper's own count, for 16-QAM");
        assert_eq!(full(8), 1_232_776, "for 256-QAM");
    }

    #[test]
    fn names_are_unique_and_norms_are_among_them() {
        for &(size, ..) in SIZES {
            let network = Architecture::of_size(size, 19, 4).expect("a size");
            let mut names: Vec<String> = network.parameters().into_iter().map(|parameter| parameter.name).collect();
            for (norm, _) in network.norms() {
                assert!(names.contains(&format!("{norm}.weight")), "{size}: {norm}");
            }
            let count = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), count, "{size}: a name stands twice");
        }
    }
}
