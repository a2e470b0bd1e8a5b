// What the page knows: the connection, the calls, and the call that is shown, with its whole history.

/** How long a cue stands out. */
const FRESH_MS = 8000;

export class Store {
  constructor() {
    this.link = "connecting";
    this.connection = "connecting";
    this.stale = false;
    this.silentMs = null;
    this.lost = 0;
    /** the group of a supervisor; null: a seat */
    this.group = null;
    this.at = performance.now();
    /** @type {Map<string, object>} */
    this.calls = new Map();
    /** ids by urgency */
    this.order = [];
    /** the call that is shown, with profile, cues, marks, points and holds; null: none */
    this.call = null;
  }

  /** Take in one message of the panel program. */
  take(told) {
    const now = performance.now();
    Object.assign(this, {
      connection: told.connection, group: told.group, stale: told.stale, silentMs: told.silent_ms, lost: told.lost, at: now,
    });
    for (const call of told.calls) this.calls.set(call.id, { ...call, toldAt: now });
    if (told.order) this.reorder(told.order);
    if (told.call !== undefined) this.show(told.call, now);
  }

  reorder(order) {
    this.order = order.map(([id]) => id);
    const known = new Set(this.order);
    for (const id of this.calls.keys()) if (!known.has(id)) this.calls.delete(id);
    for (const [id, urgency, reasons] of order) Object.assign(this.calls.get(id) ?? {}, { urgency, reasons });
  }

  show(call, now) {
    if (call === null) {
      this.call = null;
      return;
    }
    const before = this.call?.id === call.id && call.from > 0 ? this.call.points.slice(0, call.from) : [];
    this.call = { ...call, points: [...before, ...call.points], toldAt: now };
  }

  /** Whether what is shown is as it is now. */
  get live() {
    return this.link === "open" && this.connection === "connected" && !this.stale;
  }

  /** How long nothing has come from the box, ms; 0 where something has just come or nothing ever has. */
  get silence() {
    return this.silentMs === null ? 0 : this.silentMs + performance.now() - this.at;
  }
}

/** A call's clock now, ms. */
export function elapsed(call) {
  const running = call.event === "started" || call.event === "resumed";
  return call.elapsed_ms + (running ? performance.now() - call.toldAt : 0);
}

/** How long a call has been on hold, ms. */
export function heldFor(call) {
  return call.event === "held" ? call.held_ms + performance.now() - call.toldAt : 0;
}

/** The cue of a call that is still new, or null. */
export function freshCue(call) {
  const cue = call?.cues?.at(-1);
  return cue && cueAge(call, cue) < FRESH_MS ? cue : null;
}

/** The call of the group with the newest cue, while it is new, or null. */
export function callToLookAt(calls) {
  const going = [...calls.values()].filter((call) => call.cue && call.event !== "ended");
  const newest = going.sort((a, b) => cueAge(a, a.cue) - cueAge(b, b.cue))[0];
  return newest && cueAge(newest, newest.cue) < FRESH_MS ? newest : null;
}

function cueAge(call, cue) {
  return cue.age_ms + performance.now() - call.toldAt;
}
