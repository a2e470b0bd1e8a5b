// Runs the vectors: `node vectors.mjs vectors.json` prints how many passed, or ends with the first that did not.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { decode, encode } from "@msgpack/msgpack";
import { Order, readMessage } from "./order.mjs";

const vectors = JSON.parse(readFileSync(process.argv[2], "utf8"));
const bytes = (hex) => Buffer.from(hex, "hex");
let passed = 0;

function check(name, run) {
  try {
    run();
  } catch (error) {
    console.error(`${name}: ${error.message}`);
    process.exit(1);
  }
  passed += 1;
}

for (const { name, hex, json } of vectors.messages) {
  check(name, () => assert.deepEqual(readMessage(bytes(hex)), json));
}
for (const { name, hex } of vectors.refused) {
  check(name, () => assert.equal(readMessage(bytes(hex)), null));
}
for (const { name, hex, json } of [...vectors.requests, ...vectors.replies]) {
  check(name, () => assert.deepEqual(decode(bytes(hex)), json));
}
for (const { name, json } of vectors.requests) {
  check(name, () => assert.deepEqual(decode(encode(json)), json));
}
const { topic, lease, subscribe, take, leave } = vectors.topics;
check("topics", () => {
  assert.equal(`${topic}${lease}/`, subscribe);
  for (const frame of take) assert.ok(frame.startsWith(subscribe));
  for (const frame of leave) assert.ok(!frame.startsWith(subscribe));
});
for (const { name, steps, shown, lost } of vectors.streams) {
  check(name, () => {
    const order = new Order();
    const found = [];
    for (const step of steps) {
      if (step.asks) assert.deepEqual(order.wants(), step.asks);
      else if (step.published) order.published(bytes(step.published));
      else if (step.reply.reply === "lease") order.leased(step.reply);
      else order.replied(step.reply, step.messages.map(bytes));
      found.push(...order.take().map(({ type, seq }) => [type, seq]));
    }
    assert.deepEqual([found, order.lost], [shown, lost]);
  });
}
console.log(`${passed} vectors passed`);
