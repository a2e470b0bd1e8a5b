// Messages of a topic in order, each once, as "Order, gaps and the state at the start" in PROTOCOL.md says. No I/O.

import { decode } from "@msgpack/msgpack";

const LIMIT = 4096;
const TYPES = new Set(["call", "profile", "cue", "opportunity", "beat"]);

/** The message in these bytes, or null where they are none of version 1. */
export function readMessage(bytes) {
  const message = readMap(bytes);
  if (message?.v !== 1 || !TYPES.has(message.type)) return null;
  return Number.isInteger(message.seq) && message.seq >= 0 ? message : null;
}

/** The msgpack map in these bytes, or null. */
export function readMap(bytes) {
  if (bytes.length > LIMIT) return null;
  try {
    const value = decode(bytes);
    return value !== null && typeof value === "object" && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

export class Order {
  lost = 0;
  #epoch = null;
  #last = null; // the last number that was shown; null before the snapshot
  #base = 0; // the number of the snapshot
  #known = 0; // the highest number that the feed is known to have given
  #held = new Map();
  #early = new Set();
  #shown = [];

  /** A reply to `lease`: begins, or goes on with, the numbers of its epoch. */
  leased({ epoch, seq }) {
    if (epoch !== this.#epoch) {
      this.#epoch = epoch;
      this.#last = null;
      this.#base = this.#known = 0;
      this.#held.clear();
      this.#early.clear();
    }
    this.#known = Math.max(this.#known, seq);
  }

  /** A publication under our lease. */
  published(bytes) {
    const message = readMessage(bytes);
    if (message === null) return;
    this.#known = Math.max(this.#known, message.seq);
    if (message.type === "beat") this.#shown.push(message);
    else if (this.#last === null || message.seq > this.#last) this.#held.set(message.seq, message);
    else if (message.seq <= this.#base && message.type !== "profile" && !this.#early.has(message.seq)) {
      this.#early.add(message.seq);
      this.#shown.push(message);
    }
    this.#goOn();
  }

  /** What to ask the control socket for now, or null. */
  wants() {
    if (this.#epoch === null) return null;
    if (this.#last === null) return { ask: "snapshot" };
    return this.#known > this.#last ? { ask: "replay", after: this.#last } : null;
  }

  /** A reply to `snapshot` or `replay`: its head, and the frames after it. */
  replied(head, frames) {
    if (head.epoch !== this.#epoch) return;
    this.#known = Math.max(this.#known, head.seq);
    const messages = frames.map(readMessage).filter((message) => message !== null);
    for (const message of messages) {
      if (this.#last === null || message.seq > this.#last) this.#held.set(message.seq, message);
    }
    if (head.reply === "snapshot" && this.#last === null) {
      for (const seq of this.#show(head.seq)) this.#early.add(seq);
      this.#last = this.#base = head.seq;
    } else if (head.reply === "replay") {
      const upTo = head.more && messages.length ? Math.min(...messages.map(({ seq }) => seq)) - 1 : head.seq;
      const missing = upTo - this.#last;
      this.lost += Math.max(0, missing - this.#show(upTo).length);
      this.#last = Math.max(this.#last, upTo);
    }
    this.#goOn();
  }

  /** The messages that are to be shown, in order. */
  take() {
    return this.#shown.splice(0);
  }

  #show(upTo) {
    const seqs = [...this.#held.keys()].filter((seq) => seq <= upTo).sort((a, b) => a - b);
    for (const seq of seqs) {
      this.#shown.push(this.#held.get(seq));
      this.#held.delete(seq);
    }
    return seqs;
  }

  #goOn() {
    while (this.#last !== null && this.#held.has(this.#last + 1)) this.#show(++this.#last);
  }
}
