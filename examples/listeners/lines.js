#!/usr/bin/env node
// Fires EVENT once for each line of FILE, and prints how every run ended.
//
//   npm install zeromq@6 && node lines.js ENDPOINT EVENT FILE
//
// FILE may grow. FILE.told keeps how far it is told and the number of the last fact that was read.
const fs = require("fs");
const zmq = require("zeromq");

const [endpoint, event, name] = process.argv.slice(2);
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
let at = 0, last = null;

// The answer. Until there is one the same body is sent again: its key makes that harmless.
async function ask(request) {
  const body = JSON.stringify(request);
  for (;;) {
    const socket = new zmq.Request({ linger: 0, receiveTimeout: 1000 });
    socket.connect(endpoint);
    try {
      await socket.send(body);
      const answer = JSON.parse((await socket.receive())[0].toString());
      if (answer.type !== "error" || !answer.retry) return answer;
      await sleep(500); // busy, a full disk: not now
    } catch (fault) {
      if (fault.code !== "EAGAIN") throw fault;
    } finally {
      socket.close(); // one without an answer cannot be used again
    }
  }
}

const save = () => fs.writeFileSync(`${name}.told`, `${at} ${last}\n`);

async function fire(line) {
  const key = `${event}:${name}:${at}`;
  const answer = await ask({ type: "event.fire", id: key, event, key, payload: { line } });
  if (answer.type === "error") // it will never be taken: say so, and go on
    console.error(`${name}:${at}: ${answer.code}: ${answer.detail}`);
}

async function tell() {
  const file = fs.openSync(name), part = Buffer.alloc(1 << 20);
  for (;;) {
    const count = fs.readSync(file, part, 0, part.length, at);
    let begin = 0, end; // a line without end is still being written
    while ((end = part.indexOf("\n", begin)) >= 0 && end < count) {
      await fire(part.toString("utf8", begin, end));
      at += end + 1 - begin;
      begin = end + 1;
      save();
    }
    if (begin === 0) await sleep(200);
  }
}

async function read() {
  const page = await ask({ type: "event.list", topic: "run/", after: last });
  if (page.type === "error") throw new Error(`event.list: ${page.code}: ${page.detail}`);
  for (const fact of page.events ?? [])
    if (fact.type === "run.ended") console.log(fact.run, fact.workflow, fact.state);
  last = page.last ?? 0;
  save();
}

async function main() {
  const addresses = (await ask({ type: "hello" })).endpoints.events;
  const address = addresses.find((a) => a.slice(0, 3) === endpoint.slice(0, 3)) ?? addresses[0];
  const host = endpoint.replace("tcp://", "").replace(/:\d+$/, "");
  // Without heartbeats a connection that is cut without a word stays cut.
  const news = new zmq.Subscriber({ heartbeatInterval: 500, heartbeatTimeout: 2000 });
  news.subscribe("run/", "stat/"); // stat/ repeats the newest number: a lost last message shows, too
  news.connect(address.replace("*", host).replace("0.0.0.0", host));
  if (fs.existsSync(`${name}.told`))
    [at, last] = fs.readFileSync(`${name}.told`, "utf8").split(" ").map(Number);
  last ??= (await ask({ type: "event.list", after: -1 })).newest ?? 0;
  tell();
  for await (const [, body] of news) { // the bell; the record is event.list
    const message = JSON.parse(body.toString());
    while (last < (message.newest ?? message.seq ?? 0)) await read();
  }
}
main();
