//! Plain loops compiled once for each instruction set and chosen at run time, as in `napscope-ofdm`.
//!
//! Nothing fuses a multiplication with an addition and no sum depends on the width of a vector, so every path gives the
//! same bytes. (The matrix products between these loops are Burn's.)

/// Runs `kernel(argument: Type, …) -> Result` compiled for the best instruction set that this machine has. The kernel is a
/// free function, and it and all that it calls must be `#[inline(always)]` to profit.
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
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
        {
            // SAFETY: the four features that `avx512` is compiled with were found just now.
            return unsafe { avx512($($argument),+) };
        } else if is_x86_feature_detected!("avx2") {
            // SAFETY: the feature that `avx2` is compiled with was found just now.
            return unsafe { avx2($($argument),+) };
        }
        $kernel($($argument),+)
    }};
}
pub(crate) use dispatch;
