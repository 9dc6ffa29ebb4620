//! Fires EVENT once for each line of FILE, and prints how every run ended.
//!
//!     cargo run -- ENDPOINT EVENT FILE
//!
//! FILE may grow. FILE.told keeps how far it is told and the number of the last fact that was read.
use serde_json::{json, Value};
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::{env, error::Error, fs, thread, time::Duration};

type Done<T> = Result<T, Box<dyn Error>>;

struct Listener { context: zmq::Context, endpoint: String, event: String, name: String, at: u64, last: i64 }

impl Listener {
    /// The answer. Until there is one the same body is sent again: its key makes that harmless.
    fn ask(&self, request: Value) -> Done<Value> {
        let body = request.to_string();
        loop {
            let socket = self.context.socket(zmq::REQ)?; // one without an answer cannot be used again
            socket.set_linger(0)?;
            socket.connect(&self.endpoint)?;
            socket.send(&body, 0)?;
            if socket.poll(zmq::POLLIN, 1000)? == 0 { continue; }
            let answer: Value = serde_json::from_slice(&socket.recv_bytes(0)?)?;
            if answer["type"] != "error" || answer["retry"] != true { return Ok(answer); }
            thread::sleep(Duration::from_millis(500)); // busy, a full disk: not now
        }
    }

    fn save(&self) -> Done<()> { Ok(fs::write(format!("{}.told", self.name), format!("{} {}\n", self.at, self.last))?) }

    fn fire(&mut self, line: &[u8]) -> Done<()> {
        let key = format!("{}:{}:{}", self.event, self.name, self.at);
        let text = String::from_utf8_lossy(&line[..line.len() - 1]);
        let answer = self.ask(json!({"type": "event.fire", "id": key, "event": self.event, "key": key, "payload": {"line": text}}))?;
        if answer["type"] == "error" { // it will never be taken: say so, and go on
            eprintln!("{}:{}: {}: {}", self.name, self.at, answer["code"], answer["detail"]);
        }
        self.at += line.len() as u64;
        self.save()
    }

    fn read(&mut self) -> Done<()> {
        let page = self.ask(json!({"type": "event.list", "topic": "run/", "after": self.last}))?;
        if page["type"] == "error" { return Err(format!("event.list: {}: {}", page["code"], page["detail"]).into()); }
        for fact in page["events"].as_array().unwrap_or(&vec![]) {
            if fact["type"] == "run.ended" {
                let text = |key: &str| fact[key].as_str().unwrap_or("").to_string();
                println!("{} {} {}", text("run"), text("workflow"), text("state"));
            }
        }
        self.last = page["last"].as_i64().unwrap_or(0);
        self.save()
    }

    fn subscribe(&self) -> Done<zmq::Socket> {
        let welcome = self.ask(json!({"type": "hello"}))?;
        let addresses: Vec<&str> = welcome["endpoints"]["events"].as_array().ok_or("no events")?.iter().filter_map(Value::as_str).collect();
        let address = addresses.iter().find(|a| a[..3] == self.endpoint[..3]).or(addresses.first()).ok_or("no events")?;
        let host = self.endpoint.trim_start_matches("tcp://").rsplit_once(':').map_or("", |parts| parts.0);
        let news = self.context.socket(zmq::SUB)?;
        news.set_heartbeat_ivl(500)?; // a connection cut without a word shows
        news.set_heartbeat_timeout(2000)?;
        news.set_subscribe(b"run/")?;
        news.set_subscribe(b"stat/")?; // repeats the newest number: a lost last message shows, too
        news.connect(&address.replace('*', host).replace("0.0.0.0", host))?;
        Ok(news)
    }

    fn run(&mut self) -> Done<()> {
        let news = self.subscribe()?;
        if let Ok(told) = fs::read_to_string(format!("{}.told", self.name)) {
            let mut numbers = told.split_whitespace();
            self.at = numbers.next().map_or(Ok(0), str::parse)?;
            self.last = numbers.next().map_or(Ok(-1), str::parse)?;
        }
        if self.last < 0 {
            self.last = self.ask(json!({"type": "event.list", "after": -1}))?["newest"].as_i64().unwrap_or(0);
        }
        let mut file = BufReader::new(fs::File::open(&self.name)?);
        loop {
            file.seek(SeekFrom::Start(self.at))?;
            let mut line = Vec::new();
            while file.read_until(b'\n', &mut line)? > 0 && line.ends_with(b"\n") { // else it is still being written
                self.fire(&line)?;
                line.clear();
            }
            if news.poll(zmq::POLLIN, 500)? > 0 { // the bell; the record is event.list
                let message: Value = serde_json::from_slice(&news.recv_multipart(0)?[1])?;
                let newest = message["newest"].as_i64().or(message["seq"].as_i64()).unwrap_or(0);
                while self.last < newest { self.read()?; }
            }
        }
    }
}

fn main() -> Done<()> {
    let words: Vec<String> = env::args().skip(1).collect();
    let [endpoint, event, name] = <[String; 3]>::try_from(words).map_err(|_| "usage: lines ENDPOINT EVENT FILE")?;
    Listener { context: zmq::Context::new(), endpoint, event, name, at: 0, last: -1 }.run()
}
