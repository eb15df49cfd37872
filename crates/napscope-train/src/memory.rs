//! Keeps freed memory for the next step.
//!
//! A step takes and frees hundreds of tensors of megabytes. The C library of Linux gives blocks as large as these back to the
//! kernel at once, which then hands out new ones page by page, each cleared and under one lock for all threads.

/// Makes freed blocks stay with this program. Where the C library is another one than glibc nothing is done.
pub fn keep() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // SAFETY: mallopt only sets numbers that later calls of malloc and free read.
        unsafe {
            // No block is a mapping of its own, the end of the heap is never given back, and threads share the one heap that
            // grows at its end: theirs are made of pieces that are given back as soon as they are empty.
            libc::mallopt(libc::M_MMAP_MAX, 0);
            libc::mallopt(libc::M_TRIM_THRESHOLD, libc::c_int::MAX);
            libc::mallopt(libc::M_ARENA_MAX, 1);
        }
    }
}
