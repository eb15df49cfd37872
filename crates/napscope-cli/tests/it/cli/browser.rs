//! A headless Chromium, driven through a pair of pipes in its own protocol: no driver, no port, no library.
//!
//! `--remote-debugging-pipe` reads commands from descriptor 3 and writes answers and events to 4, as JSON that ends in a zero byte.
//! A shell ties both to named pipes.

use crate::scratch::Scratch;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// What a loaded machine may need to start a browser, or to answer.
const PATIENCE: Duration = Duration::from_secs(120);

const FLAGS: &str = "--headless --no-sandbox --disable-gpu --enable-unsafe-swiftshader --disable-quic --no-first-run --disable-background-networking \
                     --disable-component-update --disable-sync --disable-dev-shm-usage --force-device-scale-factor=1";

/// A browser with one open page. It ends when the value is dropped.
pub(super) struct Browser {
    child: Child,
    commands: File,
    answers: Receiver<Value>,
    /// Events of the page so far: requests, exceptions, messages of the console.
    events: Vec<Value>,
    session: Option<String>,
    sent: u64,
    _home: Scratch,
}

impl Browser {
    /// Starts a browser, if this machine has one called `chromium`. Where `CI` is set it must.
    #[allow(clippy::print_stderr, reason = "whoever runs the tests should know what was not tested")]
    pub(super) fn start() -> Option<Browser> {
        if Command::new("chromium").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
            assert!(std::env::var_os("CI").is_none(), "no `chromium` on this machine: the page cannot be tested");
            eprintln!("note: no `chromium` on this machine: report.html is not opened");
            return None;
        }
        let home = Scratch::new();
        let made = Command::new("mkfifo").args(["commands", "answers"]).current_dir(home.path()).status();
        assert!(made.expect("mkfifo").success());
        let profile = home.path().join("profile").display().to_string();
        let line =
            format!("exec chromium {FLAGS} --user-data-dir='{profile}' --remote-debugging-pipe 3<commands 4>answers");
        let child = Command::new("sh").args(["-c", &line]).current_dir(home.path()).stderr(Stdio::null()).spawn();
        let child = child.expect("a shell");
        // In the order in which the shell opens them: each waits for the other side.
        let commands = File::options().write(true).open(home.path().join("commands")).expect("a pipe");
        let answers = listen(File::open(home.path().join("answers")).expect("a pipe"));
        let mut browser = Browser { child, commands, answers, events: Vec::new(), session: None, sent: 0, _home: home };
        let target = browser.send("Target.createTarget", json!({ "url": "about:blank" }))["targetId"].clone();
        let attached = browser.send("Target.attachToTarget", json!({ "targetId": target, "flatten": true }));
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.send(&format!("{domain}.enable"), json!({}));
        }
        Some(browser)
    }

    /// Opens a file in a window of this size and waits until it is loaded.
    pub(super) fn open(&mut self, file: &Path, [width, height]: [u32; 2]) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.send("Emulation.setDeviceMetricsOverride", size);
        self.events.clear();
        self.send("Page.navigate", json!({ "url": format!("file://{}", file.display()) }));
        self.wait_for("document.readyState === 'complete' && location.protocol === 'file:'");
    }

    /// Opens an address in a window of this size and waits until an expression on the page is true.
    pub(super) fn visit(&mut self, url: &str, [width, height]: [u32; 2], ready: &str) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.send("Emulation.setDeviceMetricsOverride", size);
        // An address that differs behind the # only would not load the page anew.
        self.send("Page.navigate", json!({ "url": "about:blank" }));
        self.wait_for("location.href === 'about:blank'");
        self.events.clear();
        self.send("Page.navigate", json!({ "url": url }));
        self.wait_for(ready);
    }

    /// Presses the mouse at the first place, moves it over the others and lets it go.
    pub(super) fn drag(&mut self, places: &[[f64; 2]]) {
        let last = places.len() - 1;
        for (at, [x, y]) in places.iter().enumerate() {
            let kinds: &[&str] = match at {
                0 => &["mouseMoved", "mousePressed"],
                at if at == last => &["mouseMoved", "mouseReleased"],
                _ => &["mouseMoved"],
            };
            for kind in kinds {
                // A move that bears a button would count as its press.
                let button = if at == 0 && *kind == "mouseMoved" { "none" } else { "left" };
                let buttons = i32::from(*kind == "mousePressed" || at > 0 && *kind == "mouseMoved");
                let event =
                    json!({ "type": kind, "x": x, "y": y, "button": button, "buttons": buttons, "clickCount": 1 });
                self.send("Input.dispatchMouseEvent", event);
            }
        }
    }

    /// Presses a key as a keyboard does: with the text it types and the code by which buttons and links know it.
    pub(super) fn strike(&mut self, key: &str) {
        let (code, text) = match key {
            "Enter" => (13, Some("\r")),
            "Tab" => (9, None),
            "Escape" => (27, None),
            " " => (32, Some(" ")),
            "ArrowLeft" => (37, None),
            "ArrowUp" => (38, None),
            "ArrowRight" => (39, None),
            "ArrowDown" => (40, None),
            letter => (letter.to_ascii_uppercase().bytes().next().map_or(0, i32::from), Some(letter)),
        };
        let mut event = json!({ "type": "keyDown", "key": key, "code": key, "windowsVirtualKeyCode": code });
        if let Some(text) = text {
            event["text"] = text.into();
        }
        self.send("Input.dispatchKeyEvent", event);
        self.send(
            "Input.dispatchKeyEvent",
            json!({ "type": "keyUp", "key": key, "code": key, "windowsVirtualKeyCode": code }),
        );
    }

    /// What an expression on the page promises.
    pub(super) fn awaited(&mut self, expression: &str) -> Value {
        let answer = self
            .send("Runtime.evaluate", json!({ "expression": expression, "returnByValue": true, "awaitPromise": true }));
        assert!(answer["exceptionDetails"].is_null(), "`{expression}`: {:#}", answer["exceptionDetails"]);
        answer["result"]["value"].clone()
    }

    /// Puts what the page saves into a folder.
    pub(super) fn save_to(&mut self, folder: &Path) {
        self.send("Browser.setDownloadBehavior", json!({ "behavior": "allow", "downloadPath": folder }));
    }

    /// The value of an expression on the page.
    pub(super) fn value(&mut self, expression: &str) -> Value {
        let answer = self.send("Runtime.evaluate", json!({ "expression": expression, "returnByValue": true }));
        assert!(answer["exceptionDetails"].is_null(), "`{expression}`: {:#}", answer["exceptionDetails"]);
        answer["result"]["value"].clone()
    }

    /// Waits until an expression on the page is true.
    pub(super) fn wait_for(&mut self, expression: &str) {
        let end = Instant::now() + PATIENCE;
        while self.value(expression) != true {
            assert!(Instant::now() < end, "`{expression}` does not come true");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Moves the mouse to a place of the window.
    pub(super) fn point(&mut self, [x, y]: [f64; 2]) {
        self.send("Input.dispatchMouseEvent", json!({ "type": "mouseMoved", "x": x, "y": y }));
    }

    /// Presses a key.
    pub(super) fn press(&mut self, key: &str) {
        for kind in ["keyDown", "keyUp"] {
            self.send("Input.dispatchKeyEvent", json!({ "type": kind, "key": key, "code": key }));
        }
    }

    /// Everything that the page asked for, by address.
    pub(super) fn requests(&self) -> Vec<&str> {
        let asked = self.events.iter().filter(|event| event["method"] == "Network.requestWillBeSent");
        asked.filter_map(|event| event["params"]["request"]["url"].as_str()).collect()
    }

    /// Everything that went wrong on the page: exceptions, errors and warnings on the console, violations of its policy.
    pub(super) fn complaints(&self) -> Vec<&Value> {
        let bad = |event: &&Value| match event["method"].as_str() {
            Some("Runtime.exceptionThrown" | "Runtime.consoleAPICalled") => true,
            Some("Log.entryAdded") => {
                let entry = &event["params"]["entry"];
                // How fast this machine draws is no fault of the page.
                let of_driver = entry["text"].as_str().is_some_and(|text| text.contains("GL Driver Message"));
                entry["level"] != "verbose" && !of_driver
            }
            _ => false,
        };
        self.events.iter().filter(bad).collect()
    }

    /// Sends a command and waits for its answer; events that come meanwhile are kept.
    fn send(&mut self, method: &str, params: Value) -> Value {
        self.sent += 1;
        let mut command = json!({ "id": self.sent, "method": method, "params": params });
        if let Some(session) = &self.session {
            command["sessionId"] = session.as_str().into();
        }
        self.commands.write_all(format!("{command}\0").as_bytes()).expect("the browser listens");
        loop {
            let message = self.answers.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no answer to {method}"));
            if message["id"] == self.sent {
                assert!(message["error"].is_null(), "{method}: {}", message["error"]);
                return message["result"].clone();
            }
            self.events.push(message);
        }
    }
}

/// Hands on what comes through the pipe, so that waiting for it can be given up.
fn listen(pipe: File) -> Receiver<Value> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for message in BufReader::new(pipe).split(0).map_while(Result::ok) {
            let message = serde_json::from_slice(&message).expect("the browser writes JSON");
            if sender.send(message).is_err() {
                return;
            }
        }
    });
    receiver
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Both may have ended already, and then there is nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
