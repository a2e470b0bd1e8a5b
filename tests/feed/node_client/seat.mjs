// A seat: `node seat.mjs KEY_DIRECTORY` prints its messages as JSON lines. Written from PROTOCOL.md alone.
// A line `CALL ADVICE VERDICT` on standard input sends feedback; its reply is printed, too.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { encode } from "@msgpack/msgpack";
import { Dealer, Subscriber } from "zeromq";
import { Order, readMap } from "./order.mjs";

const TICK_MS = 100;
const RETRY_MS = 500;

const directory = process.argv[2];
const text = (name) => readFileSync(join(directory, name), "utf8").trim();
const { host, publish_port, control_port } = JSON.parse(text("connection.json"));
const curve = {
  curveServerKey: text("box.key"),
  curvePublicKey: text("seat.key"),
  curveSecretKey: text("seat.key_secret"),
  linger: 0,
  reconnectInterval: 250,
};
const subscriber = new Subscriber(curve);
const asker = new Dealer({ ...curve, immediate: true, sendTimeout: 0 });
const order = new Order();

let lastId = 0;
let lease = null; // the last reply to `lease`
let leaseDue = 0;
let prefix = null; // what is subscribed to
const waiting = new Map(); // id of a request to what was asked, and when

async function ask(request) {
  const id = (lastId = (lastId % 0xffffffff) + 1);
  waiting.set(id, { ask: request.ask, at: Date.now() });
  try {
    await asker.send(encode({ ...request, id }));
  } catch {
    waiting.delete(id); // not connected: it is asked again
  }
}

const asked = (kinds) => [...waiting.values()].some(({ ask }) => kinds.includes(ask));

async function tick() {
  const now = Date.now();
  for (const [id, { at }] of waiting) if (now - at > RETRY_MS) waiting.delete(id);
  if (now >= leaseDue && !asked(["lease"])) {
    await ask(lease ? { ask: "lease", lease: lease.lease } : { ask: "lease" });
  }
  const wanted = order.wants();
  if (prefix !== null && wanted !== null && !asked(["snapshot", "replay"])) await ask(wanted);
}

function leased(head) {
  lease = head;
  leaseDue = Date.now() + (head.seconds * 1000) / 3;
  order.leased(head);
  const wanted = `${head.topic}${head.lease}/`;
  if (wanted === prefix) return;
  if (prefix !== null) subscriber.unsubscribe(prefix);
  subscriber.subscribe((prefix = wanted));
}

function show() {
  for (const message of order.take()) console.log(JSON.stringify(message));
}

async function takeReplies() {
  for await (const [first, ...messages] of asker) {
    const head = readMap(first);
    if (head === null) continue;
    if (head.error === "no_lease") leaseDue = 0;
    if (head.error === "not_granted") lease = prefix = null;
    if (!waiting.has(head.id)) continue;
    const { ask: kind } = waiting.get(head.id);
    waiting.delete(head.id);
    if (head.reply === "lease") leased(head);
    else if (kind === "feedback") console.log(JSON.stringify({ type: "reply", ...head }));
    else if (head.reply === kind) order.replied(head, messages);
    show();
  }
}

async function takePublications() {
  for await (const [topic, data] of subscriber) {
    if (prefix === null || !topic.toString().startsWith(prefix)) continue;
    order.published(data);
    show();
  }
}

async function takeFeedback() {
  for await (const line of createInterface({ input: process.stdin })) {
    const [call, advice, verdict] = line.split(" ");
    await ask({ ask: "feedback", call, advice, verdict });
  }
}

// A box that was started anew does not know the lease; ask at once.
subscriber.events.on("handshake", () => (leaseDue = 0));
subscriber.connect(`tcp://${host}:${publish_port}`);
asker.connect(`tcp://${host}:${control_port}`);
for (const loop of [takeReplies, takePublications, takeFeedback]) loop();
for (;;) {
  await tick();
  await new Promise((done) => setTimeout(done, TICK_MS));
}
