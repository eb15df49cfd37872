//! How many information bits a slot carries: TS 38.214, 5.1.3.2.

/// Table 5.1.3.2-1: the sizes up to 3824 bits.
#[rustfmt::skip]
const SIZES: [usize; 93] = [
    24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 104, 112, 120, 128, 136, 144, 152, 160, 168, 176, 184, 192, 208, 224, 240, 256,
    272, 288, 304, 320, 336, 352, 368, 384, 408, 432, 456, 480, 504, 528, 552, 576, 608, 640, 672, 704, 736, 768, 808, 848,
    888, 928, 984, 1032, 1064, 1128, 1160, 1192, 1224, 1256, 1288, 1320, 1352, 1416, 1480, 1544, 1608, 1672, 1736, 1800,
    1864, 1928, 2024, 2088, 2152, 2216, 2280, 2408, 2472, 2536, 2600, 2664, 2728, 2792, 2856, 2976, 3104, 3240, 3368, 3496,
    3624, 3752, 3824,
];

/// The size of the transport block [bits] for room for `num_coded_bits` coded bits at the code rate `target_coderate`.
pub fn transport_block_size(num_coded_bits: usize, target_coderate: f64) -> usize {
    let wanted = num_coded_bits as f64 * target_coderate;
    if wanted <= 3824.0 {
        let step = 2f64.powi((wanted.max(1.0).log2().floor() as i32 - 6).max(3));
        let quantised = (step * (wanted / step).floor()).max(24.0);
        return SIZES.into_iter().find(|&size| size as f64 >= quantised).unwrap_or(3824);
    }
    let step = 2f64.powi((wanted - 24.0).log2().floor() as i32 - 5);
    let quantised = (step * ((wanted - 24.0) / step + 0.5).floor()).max(3840.0) as usize;
    let num_blocks = match quantised {
        _ if target_coderate <= 0.25 => (quantised + 24).div_ceil(3816),
        8425.. => (quantised + 24).div_ceil(8424),
        _ => 1,
    };
    8 * num_blocks * (quantised + 24).div_ceil(8 * num_blocks) - 24
}
