//! Plain loops, compiled once for each instruction set and chosen at run time.
//!
//! The hot loops are ordinary Rust over arrays of [`LANES`] numbers, which a compiler turns into vector instructions when it
//! has leave to use them ([`dispatch`]). Nothing fuses a multiplication with an addition and no sum depends on the width of a
//! vector, so every path gives the same bytes.
//!
//! [`dispatch`] is a macro because its three callers must each have the kernel inlined: a closure handed to three generic
//! functions is compiled once, for the baseline, and called from all of them.

/// Numbers that are worked on side by side.
pub(crate) const LANES: usize = 16;

/// The instruction sets that kernels are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InstructionSet {
    /// What every processor of the target has (on ARM this includes NEON).
    Baseline,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl InstructionSet {
    /// The best one that this machine has.
    pub(crate) fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl")
            {
                return InstructionSet::Avx512;
            }
            if is_x86_feature_detected!("avx2") {
                return InstructionSet::Avx2;
            }
        }
        InstructionSet::Baseline
    }
}

/// Runs `kernel(argument: Type, …) -> Result` compiled for the best instruction set that this machine has. The kernel is a free
/// function, and it and all that it calls must be `#[inline(always)]` to profit.
macro_rules! dispatch {
    ($kernel:ident($($argument:ident: $type:ty),+ $(,)?) $(-> $result:ty)?) => {{
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
        fn avx512($($argument: $type),+) $(-> $result)? {
            $kernel($($argument),+)
        }
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2")]
        fn avx2($($argument: $type),+) $(-> $result)? {
            $kernel($($argument),+)
        }
        match $crate::simd::InstructionSet::best() {
            // SAFETY: `best` found the four features that `avx512` is compiled with.
            #[cfg(target_arch = "x86_64")]
            $crate::simd::InstructionSet::Avx512 => unsafe { avx512($($argument),+) },
            // SAFETY: `best` found the feature that `avx2` is compiled with.
            #[cfg(target_arch = "x86_64")]
            $crate::simd::InstructionSet::Avx2 => unsafe { avx2($($argument),+) },
            $crate::simd::InstructionSet::Baseline => $kernel($($argument),+),
        }
    }};
}
pub(crate) use dispatch;
