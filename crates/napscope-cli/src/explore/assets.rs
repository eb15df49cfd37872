//! The page itself, built from `explorer/` by `cargo xtask explorer` and held inside of the program.

/// A file of the page: its address, its media type and its bytes.
pub(super) type Asset = (&'static str, &'static str, &'static str);

pub(super) const HTML: &str = include_str!("page/index.html");
pub(super) const SCRIPT: &str = include_str!("page/app.js");
pub(super) const STYLE: &str = include_str!("page/app.css");

/// All files of the page.
pub(super) const ASSETS: [Asset; 3] = [
    ("/", "text/html; charset=utf-8", HTML),
    ("/app.js", "text/javascript; charset=utf-8", SCRIPT),
    ("/app.css", "text/css; charset=utf-8", STYLE),
];
