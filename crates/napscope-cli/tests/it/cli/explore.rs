//! The explorer's server: what it tells, and whom it tells nothing.

use super::harness::{command, napscope};
use super::runs::activations;
use crate::data::write::zip;
use crate::scratch::Scratch;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

/// Samples of the small run.
const SAMPLES: usize = 90;

/// A run of 90 samples in three groups and two layers; the label holds what would do harm as markup.
pub(super) fn small_run(scratch: &Scratch) -> PathBuf {
    scratch.file("act.npz", activations(&(0..SAMPLES).collect::<Vec<_>>()));
    let words = ["<b>bold</b>", "</script><script>document.title='taken'</script>", "\"><img src=x onerror=alert(1)>"];
    let rows: String = (0..SAMPLES)
        .map(|i| format!("\"{}\",{},{}.5,\"id {i}\"\n", words[i % 3].replace('"', "\"\""), i % 7, i as i64 - 40))
        .collect();
    scratch.file("meta.csv", format!("kind,day,snr,name\n{rows}"));
    let told = napscope(scratch, "analyze --data act.npz --metadata meta.csv --label kind -o run");
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    scratch.path().join("run")
}

/// A running explorer. It ends when the value is dropped.
pub(super) struct Server {
    child: Child,
    /// `http://127.0.0.1:PORT/`, with the token where there is one.
    pub(super) url: String,
}

impl Server {
    pub(super) fn start(scratch: &Scratch, arguments: &[&str]) -> Server {
        let mut child = command(scratch)
            .args(["explore", "--no-open"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program runs");
        let mut url = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut url).expect("a line");
        assert!(url.starts_with("http://"), "the address is printed, got {url:?}");
        Server { child, url: url.trim().to_owned() }
    }

    /// `ADDRESS:PORT`.
    fn place(&self) -> &str {
        self.url["http://".len()..].split('/').next().expect("a host")
    }

    /// Sends bytes as they are and returns status, head and body.
    fn raw(&self, request: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.place()).expect("the server listens");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
        // The server may close before it has read all of an oversized body.
        let _ = stream.write_all(request);
        let mut all = Vec::new();
        let _ = stream.read_to_end(&mut all);
        let end = all.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(all.len());
        let head = String::from_utf8_lossy(&all[..end]).to_lowercase();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        Answer { status, head, body: all.get(end + 4..).unwrap_or_default().to_vec() }
    }

    fn get(&self, path: &str) -> Answer {
        self.ask(path, "")
    }

    /// GET with more header lines.
    fn ask(&self, path: &str, headers: &str) -> Answer {
        let host = if headers.to_lowercase().contains("host:") {
            String::new()
        } else {
            format!("Host: {}\r\n", self.place())
        };
        self.raw(format!("GET {path} HTTP/1.1\r\n{host}{headers}Connection: close\r\n\r\n").as_bytes())
    }

    /// The most memory that it has had, in bytes, where the system tells.
    fn peak(&self) -> Option<usize> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        Some(line.trim().strip_suffix(" kB")?.parse::<usize>().ok()? << 10)
    }

    fn post(&self, path: &str, body: &[u8]) -> Answer {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            self.place(),
            body.len()
        );
        self.raw(&[head.as_bytes(), body].concat())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        assert_eq!(self.status, 200, "{}", String::from_utf8_lossy(&self.body));
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// The JSON head of a block, and the columns behind it as words of four bytes.
    fn block(&self) -> (Value, Vec<[u8; 4]>) {
        assert_eq!(self.status, 200, "{}", String::from_utf8_lossy(&self.body));
        let length = u32::from_le_bytes(self.body[..4].try_into().expect("four bytes")) as usize;
        let head = serde_json::from_slice(&self.body[4..4 + length]).expect("JSON");
        (head, self.body[4 + length..].as_chunks::<4>().0.to_vec())
    }
}

fn bits(samples: impl IntoIterator<Item = usize>) -> Vec<u8> {
    let mut bits = vec![0; SAMPLES.div_ceil(8)];
    samples.into_iter().for_each(|sample| bits[sample / 8] |= 1 << (sample % 8));
    bits
}

#[test]
fn the_page_and_everything_that_it_asks_for_are_served() {
    let scratch = Scratch::new();
    let run = small_run(&scratch);
    let server = Server::start(&scratch, &[&run.display().to_string()]);
    for (path, media) in [("/", "text/html"), ("/app.js", "text/javascript"), ("/app.css", "text/css")] {
        let answer = server.get(path);
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.head.contains(media) && answer.head.contains("default-src 'none'"), "{path}: {}", answer.head);
    }
    assert_eq!(server.get("/api/runs").json()[0]["samples"], SAMPLES);
    let told = server.get("/api/runs/0").json();
    assert_eq!(told["report"]["layers"][1]["name"], "fc");
    let columns = told["columns"].as_array().expect("columns");
    let at = |name: &str| columns.iter().position(|column| column["name"] == name).expect(name);
    for (name, kind, bytes) in
        [("kind", "category", 2), ("day", "category", 2), ("snr", "number", 4), ("name", "category", 2)]
    {
        assert_eq!(columns[at(name)]["kind"], kind, "{name}");
        assert_eq!(server.get(&format!("/api/runs/0/columns/{}", at(name))).body.len(), bytes * SAMPLES, "{name}");
    }
    let numbers = server.get(&format!("/api/runs/0/columns/{}", at("snr"))).body;
    assert_eq!(numbers[4..8], (-39.5_f32).to_le_bytes(), "snr of sample 1");

    let layer = server.get("/api/runs/0/layers/0").json();
    let written: Value =
        serde_json::from_slice(&std::fs::read(run.join("layers/000-conv.json")).expect("written")).expect("JSON");
    assert_eq!(layer["patterns"], written["patterns"]);
    let points = server.get("/api/runs/0/layers/0/projections/0").body;
    let x = |sample: usize| f32::from_le_bytes(points[4 * sample..4 * sample + 4].try_into().expect("four bytes"));
    for sample in [0, 17, 89] {
        assert_eq!(
            Some(f64::from(x(sample))),
            written["projections"][0]["x"][sample].as_f64().map(|x| f64::from(x as f32))
        );
    }
    let (head, words) = server.get("/api/runs/0/layers/0/clustering").block();
    assert_eq!((head["of_run"].as_bool(), words.len()), (Some(true), 5 * SAMPLES));
    let sizes: Vec<u64> =
        head["patterns"].as_array().expect("patterns").iter().filter_map(|one| one["size"].as_u64()).collect();
    assert_eq!(sizes, [30, 30, 30]);

    let near = server.get("/api/runs/0/layers/0/neighbors/3?k=5").json();
    assert_eq!(near["neighbors"].as_array().map(Vec::len), Some(5));
    let own = i32::from_le_bytes(words[3]);
    assert!(near["neighbors"].as_array().expect("five").iter().all(|other| other["pattern"] == own), "{near:#}");
    assert_eq!(server.get("/api/runs/0/samples/7").json()["values"][at("name")], serde_json::json!(["name", "id 7"]));
    assert_eq!(server.get("/api/runs/0/search?q=id%2042").json()["samples"], serde_json::json!([42]));
    assert_eq!(server.get("/api/runs/0/search?q=BOLD").json()["total"], 30);
    assert_eq!(server.get("/api/runs/0/search?q=17").json()["samples"][0], 17, "a number is a sample");

    let feature = server.get("/api/runs/0/layers/1/features/4").body;
    let (_, features) = napscope_cli::files::features::read(&run.join("features/001-fc.safetensors")).expect("written");
    for sample in [0, 31, 89] {
        assert_eq!(feature[4 * sample..4 * sample + 4], features.row(sample)[4].to_le_bytes(), "sample {sample}");
    }
    assert_eq!(server.get("/api/runs/0/layers/1/features/10").status, 404);

    // What sets a pattern apart: as the run's own description has it, for a mean is a column.
    let members = (0..SAMPLES).filter(|sample| i32::from_le_bytes(words[*sample]) == 1);
    let found = server.post("/api/runs/0/layers/0/channels?most=3", &bits(members)).json();
    let ours: Vec<(u64, f64)> = found
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| (one["channel"].as_u64().expect("a number"), one["effect"].as_f64().expect("a number")))
        .collect();
    let described = &written["patterns"][1]["channels"];
    for (at, (channel, effect)) in ours.iter().enumerate() {
        assert_eq!(Some(*channel), described[at]["channel"].as_u64());
        let expected = described[at]["effect"].as_f64().expect("a number");
        assert!((effect - expected).abs() <= 1e-4 * expected.abs().max(1.0), "{effect} and {expected}");
    }
}

#[test]
fn asking_the_stored_tree_is_clustering_anew() {
    let scratch = Scratch::new();
    let run = small_run(&scratch);
    let server = Server::start(&scratch, &["run"]);
    let features = run.join("features/000-conv.safetensors");
    for (size, selection, epsilon) in [
        (5, "leaf", "0"),
        (8, "leaf", "0"),
        (8, "eom", "0"),
        (20, "eom", "0.3"),
        (31, "leaf", "0"),
        (12, "leaf", "0.5"),
    ] {
        let asked =
            format!("/api/runs/0/layers/0/clustering?min_cluster_size={size}&epsilon={epsilon}&selection={selection}");
        let (head, words) = server.get(&asked).block();
        let labels: Vec<i32> = words[..SAMPLES].iter().map(|word| i32::from_le_bytes(*word)).collect();
        let membership: Vec<f32> = words[SAMPLES..2 * SAMPLES].iter().map(|word| f32::from_le_bytes(*word)).collect();
        // The command that the page offers to copy, and one that is written here.
        let offered = head["command"].as_str().expect("a command").strip_prefix("napscope ").expect("ours").to_owned();
        let written = format!(
            "cluster {} --min-cluster-size {size} --selection {selection} --cluster-selection-epsilon {epsilon}",
            features.display()
        );
        for line in [offered, written] {
            let told = napscope(&scratch, &format!("{line} --quiet"));
            assert_eq!(told.code, Some(0), "{line}: {}", told.stderr);
            let rows: Vec<Vec<&str>> = told.stdout.lines().skip(1).map(|line| line.split(',').collect()).collect();
            let expected: Vec<i32> = rows.iter().map(|row| row[0].parse().expect("a label")).collect();
            assert_eq!(labels, expected, "{line}");
            for (sample, row) in rows.iter().enumerate() {
                assert_eq!(
                    membership[sample],
                    row[1].parse::<f64>().expect("a share") as f32,
                    "{line}: sample {sample}"
                );
            }
        }
    }
    for wrong in [
        "min_cluster_size=2",
        "min_cluster_size=x",
        "epsilon=-1",
        "epsilon=NaN",
        "selection=best",
        "size=9",
        "min_cluster_size=18446744073709551616",
    ] {
        let answer = server.get(&format!("/api/runs/0/layers/0/clustering?{wrong}"));
        assert_eq!(answer.status, 400, "{wrong}");
    }
}

#[test]
fn what_is_selected_is_what_is_exported() {
    let scratch = Scratch::new();
    small_run(&scratch);
    let server = Server::start(&scratch, &["run"]);
    let chosen = [0, 5, 6, 77, 89];
    let answer = server.post("/api/runs/0/layers/1/export?format=json", &bits(chosen));
    let rows = answer.json();
    let rows = rows.as_array().expect("rows");
    let (_, words) = server.get("/api/runs/0/layers/1/clustering").block();
    assert_eq!(rows.len(), chosen.len());
    for (row, sample) in rows.iter().zip(chosen) {
        assert_eq!(
            (&row["layer"], &row["sample"], &row["name"]),
            (&"fc".into(), &sample.into(), &format!("id {sample}").into())
        );
        assert_eq!(row["cluster"], i32::from_le_bytes(words[sample]));
    }
    let csv =
        String::from_utf8(server.post("/api/runs/0/layers/1/export?format=csv", &bits(chosen)).body).expect("text");
    assert!(csv.starts_with("layer,sample,cluster,membership,outlier_score,") && csv.contains("\nfc,0,"), "{csv}");
    assert_eq!(csv.lines().count(), 1 + chosen.len());
    let parquet = server.post("/api/runs/0/layers/1/export?format=parquet", &bits(chosen)).body;
    assert!(parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"));
    assert_eq!(server.post("/api/runs/0/layers/1/export?format=exe", &bits(chosen)).status, 400);
    assert_eq!(server.post("/api/runs/0/average", &bits(chosen)).status, 404, "the run has no pictures");
}

#[test]
fn nothing_outside_of_the_run_is_told_to_anybody() {
    let scratch = Scratch::new();
    small_run(&scratch);
    scratch.file("secret.txt", "the secret");
    std::fs::write(scratch.path().join("run/secret.txt"), "the secret").expect("writable");
    let server = Server::start(&scratch, &["run"]);
    for path in [
        "/../secret.txt",
        "/..%2fsecret.txt",
        "/%2e%2e/secret.txt",
        "/%2e%2e%2fsecret.txt",
        "/..%5csecret.txt",
        "/....//secret.txt",
        "/secret.txt",
        "/report.json",
        "/samples.parquet",
        "/layers/000-conv.json",
        "//etc/passwd",
        "/%00",
        "/etc/passwd",
        "/api/runs/../../secret.txt",
        "/api/runs/0/pictures/..%2f..%2fsecret.txt",
        "/api/runs/0/pictures/%2e%2e",
        "/api/runs/0/layers/..",
        "/api/runs/0/layers/000-conv",
        "/api/runs/0/layers/-1",
        "/api/runs/0/layers/2",
        "/api/runs/1",
        "/api/runs/0/columns/40",
        "/api/runs/0/layers/0/projections/9",
        "/api/runs/0/samples/90",
        "/api/runs/0/samples/18446744073709551615",
        "/api/runs/0/layers/0/neighbors/90",
        "/api/runs/0/layers/99999999999999999999",
        "/api/runs/0/pictures/0",
    ] {
        let answer = server.get(path);
        assert!((400..500).contains(&answer.status), "{path}: {}", answer.status);
        assert!(!String::from_utf8_lossy(&answer.body).contains("the secret"), "{path}");
    }
    // Another name (DNS rebinding), another page (Origin, Sec-Fetch-Site), no name at all.
    for headers in [
        "Host: evil.example\r\n",
        "Host: evil.example:80\r\n",
        "Host: 127.0.0.1.evil.example\r\n",
        "Host: localhost.evil.example\r\n",
        "Origin: http://evil.example\r\n",
        "Origin: null\r\n",
        "Origin: https://127.0.0.1\r\n",
        "Sec-Fetch-Site: cross-site\r\n",
        "Sec-Fetch-Site: same-site\r\nSec-Fetch-Mode: no-cors\r\n",
    ] {
        for path in ["/", "/api/runs", "/api/runs/0/layers/0/clustering"] {
            let answer = server.ask(path, headers);
            assert_eq!(answer.status, 403, "{headers:?} {path}");
            assert!(answer.head.contains("content-security-policy"), "refusals bear the policy too");
        }
    }
    assert_eq!(server.raw(b"GET /api/runs HTTP/1.1\r\nConnection: close\r\n\r\n").status, 400, "no host");
    for headers in ["Host: localhost:9999\r\n", "Host: [::1]:80\r\n", "Sec-Fetch-Site: same-origin\r\n"] {
        assert_eq!(server.ask("/api/runs", headers).status, 200, "a tunnel may change the port: {headers:?}");
    }
    let own = format!("Origin: http://{}\r\n", server.place());
    assert_eq!(server.ask("/api/runs", &own).status, 200);
}

#[test]
fn malformed_and_oversized_requests_are_refused_and_the_server_goes_on() {
    let scratch = Scratch::new();
    small_run(&scratch);
    let server = Server::start(&scratch, &["run"]);
    let channels = "/api/runs/0/layers/0/channels";
    for (what, body, expected) in [
        ("no bits", vec![], 400),
        ("too few bits", vec![1; 11], 400),
        ("bits behind the last sample", vec![0xff; 12], 400),
        ("a byte too many", vec![0; 13], 400),
        ("a megabyte", vec![0; 1 << 20], 413),
    ] {
        assert_eq!(server.post(channels, &body).status, expected, "{what}");
    }
    assert_eq!(server.post("/api/runs/0", &[]).status, 405, "POST where GET is meant");
    assert_eq!(server.get(channels).status, 405, "GET where POST is meant");
    let long = format!("/api/runs/0/search?q={}", "a".repeat(300));
    assert_eq!(server.get(&long).status, 400);
    for garbage in [
        &b"\x00\x01\x02\xff\r\n\r\n"[..],
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"POST /api/runs/0/average HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
        b"POST /api/runs/0/average HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n",
    ] {
        let answer = server.raw(garbage);
        assert!(answer.status == 0 || answer.status >= 400, "{garbage:?}: {}", answer.status);
    }
    let header = format!("X-Long: {}\r\n", "a".repeat(1 << 20));
    assert!(server.ask("/api/runs", &header).status >= 400 || server.ask("/api/runs", &header).status == 0);
    assert_eq!(server.get("/api/runs").status, 200, "and still it answers");
}

#[test]
fn two_hundred_clients_at_once_get_what_one_gets() {
    let scratch = Scratch::new();
    small_run(&scratch);
    let server = Server::start(&scratch, &["run"]);
    let paths = [
        "/api/runs/0",
        "/api/runs/0/layers/0/clustering?min_cluster_size=9&selection=eom",
        "/api/runs/0/layers/1/neighbors/4",
        "/api/runs/0/layers/1/projections/0",
        "/app.js",
    ];
    let expected: Vec<Vec<u8>> = paths.iter().map(|path| server.get(path).body).collect();
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..200)
            .map(|client| {
                let (server, expected) = (&server, &expected);
                scope.spawn(move || {
                    let at = client % paths.len();
                    let answer = server.get(paths[at]);
                    assert_eq!(
                        (answer.status, answer.body == expected[at]),
                        (200, true),
                        "client {client}: {}",
                        paths[at]
                    );
                })
            })
            .collect();
        clients.into_iter().for_each(|client| client.join().expect("answered"));
    });
    // Those who say nothing keep nobody waiting, nor those who stop in the middle of a word.
    let silent: Vec<TcpStream> = (0..200)
        .map(|client| {
            let mut stream = TcpStream::connect(server.place()).expect("the server listens");
            if client % 2 == 0 {
                stream.write_all(b"POST /api/runs/0/average HTTP/1.1\r\nContent-Le").expect("it is let in");
            }
            stream
        })
        .collect();
    assert_eq!(server.get(paths[0]).body, expected[0], "{} say nothing", silent.len());
}

#[test]
fn answers_that_nobody_takes_are_bounded_and_keep_nobody_waiting_for_long() {
    const MIB: usize = 1 << 20;
    /// More than systems buffer for a connection, and in all far more than the server may take.
    const ANSWER: usize = 24 * MIB;
    const SILENT: usize = 32;
    /// 128 MiB of answers that wait, four that are being made, and what the run itself takes.
    const MOST: usize = 640 * MIB;
    let scratch = Scratch::new();
    let run = small_run(&scratch);
    edit(&run, "report.json", &|json| json["more"] = "x".repeat(ANSWER).into());
    let server = Server::start(&scratch, &["run"]);
    let ask = |path: &str| {
        let mut stream = TcpStream::connect(server.place()).expect("the server listens");
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", server.place());
        stream.write_all(request.as_bytes()).expect("it is let in");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
        stream
    };
    std::thread::scope(|scope| {
        let mut slow = ask("/api/runs/0");
        let mut piece = vec![0; 3 * MIB / 4];
        slow.read_exact(&mut piece).expect("it has room");
        // Takes longer than the server waits for those who take nothing.
        let slow = scope.spawn(move || {
            let mut taken = piece.len();
            while let Ok(read @ 1..) = slow.read(&mut piece) {
                taken += read;
                std::thread::sleep(Duration::from_secs(1).mul_f64(read as f64 / piece.len() as f64));
            }
            taken
        });
        let silent: Vec<TcpStream> = (0..SILENT).map(|_| ask("/api/runs/0")).collect();
        // Whoever asks behind all of them is answered once those before have tried the server's patience.
        std::thread::sleep(Duration::from_secs(5));
        assert_eq!(server.get("/api/runs/0/layers/0").status, 200);
        if let Some(peak) = server.peak() {
            assert!(peak < MOST, "{} MiB", peak / MIB);
        }
        assert!(slow.join().expect("read") > ANSWER, "who is slow gets all of it");
        drop(silent);
    });
    assert_eq!(server.get("/api/runs/0").json()["report"]["more"].as_str().map(str::len), Some(ANSWER));
}

/// Changes a file of a run, and tells what the program says of it.
fn spoil(run: &Path, file: &str, change: &dyn Fn(Vec<u8>) -> Vec<u8>) {
    let path = run.join(file);
    let bytes = std::fs::read(&path).expect("written");
    std::fs::write(&path, change(bytes)).expect("writable");
}

fn edit(run: &Path, file: &str, change: &dyn Fn(&mut Value)) {
    spoil(run, file, &|bytes| {
        let mut json = serde_json::from_slice(&bytes).expect("JSON");
        change(&mut json);
        serde_json::to_vec(&json).expect("JSON")
    });
}

#[test]
fn run_folders_that_are_cut_short_or_mean_harm_are_refused_at_the_door() {
    let scratch = Scratch::new();
    let run = small_run(&scratch);
    let half = |bytes: Vec<u8>| bytes[..bytes.len() / 2].to_vec();
    let saved: Vec<(&str, Vec<u8>)> =
        ["report.json", "samples.parquet"].map(|name| (name, std::fs::read(run.join(name)).expect("written"))).into();
    let cases: [(&str, &dyn Fn(), &str); 8] = [
        ("half a report", &|| spoil(&run, "report.json", &half), "cut short"),
        ("half a table", &|| spoil(&run, "samples.parquet", &half), "samples.parquet"),
        (
            "more samples than there are",
            &|| edit(&run, "report.json", &|json| json["samples"] = 1_000_000_000_000_u64.into()),
            "rows",
        ),
        (
            "a way out",
            &|| edit(&run, "report.json", &|json| json["layers"][0]["file"] = "../../secret".into()),
            "no name of a layer's file",
        ),
        (
            "another layout",
            &|| edit(&run, "report.json", &|json| json["schema"] = "napscope.run/9".into()),
            "napscope.run/9",
        ),
        (
            "no patterns",
            &|| edit(&run, "report.json", &|json| json["recipe"] = Value::Null),
            "stopped after the features",
        ),
        ("no report", &|| std::fs::remove_file(run.join("report.json")).expect("there"), "no report.json"),
        ("no table", &|| std::fs::remove_file(run.join("samples.parquet")).expect("there"), "samples.parquet"),
    ];
    for (what, spoil, expected) in cases {
        saved.iter().for_each(|(name, bytes)| std::fs::write(run.join(name), bytes).expect("writable"));
        spoil();
        let told = napscope(&scratch, "explore run --no-open");
        assert_eq!(told.code, Some(2), "{what}: {}", told.stderr);
        assert!(told.stderr.contains(expected), "{what}: {expected:?} in {:?}", told.stderr);
    }
}

#[test]
fn layers_that_are_cut_short_or_lie_are_refused_and_the_others_are_told() {
    let scratch = Scratch::new();
    let run = small_run(&scratch);
    let file = "layers/000-conv.json";
    let saved = std::fs::read(run.join(file)).expect("written");
    let cases: [(&str, &dyn Fn()); 9] = [
        ("half a layer", &|| spoil(&run, file, &|bytes| bytes[..bytes.len() / 2].to_vec())),
        ("no layer", &|| std::fs::remove_file(run.join(file)).expect("there")),
        ("a sample that is none", &|| edit(&run, file, &|json| json["patterns"][0]["typical"][0] = 90.into())),
        ("a short projection", &|| {
            edit(&run, file, &|json| _ = json["projections"][0]["x"].as_array_mut().expect("x").pop())
        }),
        ("a tree of others", &|| {
            edit(&run, file, &|json| json["condensed_tree"]["samples"] = 4_000_000_000_u32.into())
        }),
        ("a tree that does not add up", &|| {
            edit(&run, file, &|json| {
                let sizes = json["condensed_tree"]["child_size"].as_array_mut().expect("sizes");
                *sizes.iter_mut().rfind(|size| size.as_u64() > Some(1)).expect("a cluster") = 4_000_000_000_u32.into();
            })
        }),
        ("a tree in a ring", &|| edit(&run, file, &|json| json["condensed_tree"]["parent"][0] = 93.into())),
        ("a pattern that is no cluster", &|| edit(&run, file, &|json| json["pattern_nodes"][0] = 5.into())),
        ("fewer patterns than the table", &|| {
            edit(&run, file, &|json| {
                json["patterns"] = Value::Array(Vec::new());
                json["pattern_nodes"] = Value::Array(Vec::new());
            })
        }),
    ];
    for (what, spoil) in cases {
        std::fs::write(run.join(file), &saved).expect("writable");
        spoil();
        let server = Server::start(&scratch, &["run"]);
        for path in [
            "/api/runs/0/layers/0",
            "/api/runs/0/layers/0/clustering?min_cluster_size=9",
            "/api/runs/0/layers/0/neighbors/1",
            "/api/runs/0/layers/0/noise",
        ] {
            let answer = server.get(path);
            assert_eq!(answer.status, 422, "{what}: {path}: {}", String::from_utf8_lossy(&answer.body));
        }
        assert_eq!(server.get("/api/runs/0/layers/1").status, 200, "{what}: the other layer is sound");
    }
    std::fs::write(run.join(file), &saved).expect("writable");
    spoil(&run, "features/000-conv.safetensors", &|bytes| bytes[..bytes.len() - 4].to_vec());
    let server = Server::start(&scratch, &["run"]);
    assert_eq!(server.post("/api/runs/0/layers/0/channels", &bits([1])).status, 422);
    assert_eq!(server.get("/api/runs/0/layers/0").status, 200, "what needs no features is told");
}

#[test]
fn pictures_that_are_none_are_not_handed_out() {
    let scratch = Scratch::new();
    let run = small_run(&scratch);
    let png = b"\x89PNG\r\n\x1a\n and no more".to_vec();
    let page = b"<script>alert(1)</script>".to_vec();
    let members = [("0.png", page), ("1.png", png), ("../2.png", b"outside".to_vec())];
    let archive = zip(&members, false);
    std::fs::write(run.join("pictures.zip"), &archive).expect("writable");
    let server = Server::start(&scratch, &["run"]);
    assert_eq!(server.get("/api/runs/0/pictures/0").status, 404, "a page that calls itself a picture");
    let answer = server.get("/api/runs/0/pictures/1");
    assert!(answer.status == 200 && answer.head.contains("content-type: image/png") && answer.head.contains("nosniff"));
    assert_eq!(server.get("/api/runs/0/pictures/2").status, 404, "a name that leads out");
    assert_eq!(server.post("/api/runs/0/average", &bits([0, 1, 2])).status, 404, "none of them can be drawn");
    assert_eq!(server.get("/api/runs").status, 200, "and still it answers");
    drop(server);
    std::fs::write(run.join("pictures.zip"), &archive[..archive.len() / 2]).expect("writable");
    let told = napscope(&scratch, "explore run --no-open");
    assert_eq!(told.code, Some(2), "{}", told.stderr);
    assert!(told.stderr.contains("pictures.zip"), "{}", told.stderr);
}

#[test]
fn evaluations_of_detectors_are_told_unless_they_lie() {
    let scratch = Scratch::new();
    super::ood::evaluated_run(&scratch);
    let run = scratch.path().join("run");
    let server = Server::start(&scratch, &["run"]);
    let kept: Value = serde_json::from_slice(&std::fs::read(run.join("ood/a.json")).expect("written")).expect("JSON");
    assert_eq!(server.get("/api/runs/0/ood").json(), serde_json::json!([{ "name": "a", "evaluation": kept }]));
    let file = "ood/a.json";
    let saved = std::fs::read(run.join(file)).expect("written");
    let cases: [(&str, &dyn Fn()); 8] = [
        ("half of it", &|| spoil(&run, file, &|bytes| bytes[..bytes.len() / 2].to_vec())),
        ("another layout", &|| edit(&run, file, &|json| json["schema"] = "napscope.run/1".into())),
        ("a share above 1", &|| edit(&run, file, &|json| json["lines"][1]["auroc"] = 1.5.into())),
        ("a curve that falls", &|| {
            edit(&run, file, &|json| json["lines"][0]["roc"][1] = serde_json::json!([1.0, 0.0]))
        }),
        ("a set of nobody", &|| edit(&run, file, &|json| json["lines"][2]["ood"] = "other".into())),
        ("a set twice", &|| edit(&run, file, &|json| json["sets"][1]["name"] = json["sets"][0]["name"].clone())),
        ("more scores than samples", &|| {
            edit(&run, file, &|json| json["lines"][0]["scores"]["id"][3] = u64::MAX.into())
        }),
        ("no bars", &|| edit(&run, file, &|json| json["lines"][0]["scores"]["ood"] = Value::Array(Vec::new()))),
    ];
    for (what, spoil) in cases {
        std::fs::write(run.join(file), &saved).expect("writable");
        spoil();
        let answer = server.get("/api/runs/0/ood");
        assert_eq!(answer.status, 422, "{what}: {}", String::from_utf8_lossy(&answer.body));
        assert_eq!(server.get("/api/runs/0/layers/0").status, 200, "{what}: the run is told all the same");
    }
    std::fs::write(run.join(file), &saved).expect("writable");
    for copy in 0..16 {
        std::fs::write(run.join(format!("ood/{copy}.json")), &saved).expect("writable");
    }
    assert_eq!(server.get("/api/runs/0/ood").status, 422, "17 are too many");
    std::fs::remove_dir_all(run.join("ood")).expect("there");
    assert_eq!(server.get("/api/runs/0/ood").json(), serde_json::json!([]));
}

#[test]
#[cfg(unix)]
fn links_that_lead_out_of_the_run_are_not_followed() {
    let scratch = Scratch::new();
    let run = small_run(&scratch);
    for file in ["layers/000-conv.json", "features/000-conv.safetensors"] {
        let moved = scratch.path().join("moved");
        std::fs::rename(run.join(file), &moved).expect("there");
        std::os::unix::fs::symlink(&moved, run.join(file)).expect("a link");
        let server = Server::start(&scratch, &["run"]);
        let answer = server.post("/api/runs/0/layers/0/channels", &bits([1, 2]));
        let answer = if file.starts_with("layers") { server.get("/api/runs/0/layers/0") } else { answer };
        assert_eq!(answer.status, 422, "{file}");
        assert!(String::from_utf8_lossy(&answer.body).contains("leads out of the run folder"), "{file}");
        drop(server);
        std::fs::remove_file(run.join(file)).expect("the link");
        std::fs::rename(&moved, run.join(file)).expect("back");
    }
}

#[test]
fn beyond_this_machine_everybody_needs_the_token() {
    let scratch = Scratch::new();
    small_run(&scratch);
    let server = Server::start(&scratch, &["run", "--host", "0.0.0.0"]);
    let token = server.url.split("?token=").nth(1).expect("a token is printed").to_owned();
    assert_eq!(token.len(), 32);
    let wrong = "0".repeat(32);
    for (path, headers) in [
        ("/".to_owned(), String::new()),
        ("/api/runs".into(), String::new()),
        (format!("/?token={wrong}"), String::new()),
        ("/?token=".into(), String::new()),
        ("/api/runs".into(), format!("Cookie: napscope_token={wrong}\r\n")),
        ("/api/runs".into(), format!("Cookie: napscope_token={}\r\n", &token[..31])),
    ] {
        assert_eq!(server.ask(&path, &headers).status, 401, "{path} {headers}");
    }
    let page = server.get(&format!("/?token={token}"));
    assert_eq!(page.status, 200);
    assert!(page.head.contains("httponly") && page.head.contains("samesite=strict"), "{}", page.head);
    let cookie = format!("Cookie: other=1; napscope_token={token}\r\n");
    assert_eq!(server.ask("/api/runs", &cookie).status, 200);
    assert_eq!(server.ask("/api/runs", &format!("{cookie}Origin: http://evil.example\r\n")).status, 403);
}

#[test]
fn wrong_arguments_are_told() {
    let scratch = Scratch::new();
    small_run(&scratch);
    for (arguments, expected) in [
        ("explore run --port 70000 --no-open", "--port 70000"),
        ("explore run --host no.such.host.invalid --no-open", "no.such.host.invalid"),
        ("explore run --size 10x10 --no-open", "--size 10x10"),
        ("explore . --no-open", "no report.json"),
        ("explore nowhere --no-open", "nowhere"),
        ("report run --interactive -o missing/page.html", "folder does not exist"),
        ("report run -o page.html", "--interactive"),
    ] {
        let told = napscope(&scratch, arguments);
        assert_eq!(told.code, Some(2), "{arguments}: {}", told.stderr);
        assert!(told.stderr.contains(expected), "{arguments}: {expected:?} in {:?}", told.stderr);
    }
}
