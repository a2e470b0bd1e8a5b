// A page that shows the panel in a frame is told of calls and cues, if its origin is one of `--embed`.
//
// The page begins: frame.contentWindow.postMessage({ridge: "hello"}, panelOrigin). Then come, to that origin only,
// {ridge: "panel" | "call" | "cue", v: 1, ...}. With {ridge: "show", call} the page chooses the call that is shown.
// A page that greeted before the panel could hear it is asked again: {ridge: "ready"} goes to each origin of `--embed`.

/** Returns `update(store)`, to be called after every change. */
export function embedding(settings, { show }) {
  let page = null;
  const calls = new Map();
  const cues = new Set();

  function tell(what) {
    window.parent.postMessage({ v: 1, ...what }, page);
  }

  function tellCall(call) {
    calls.set(call.id, call.event);
    tell({ ridge: "call", call: call.id, seat: call.seat, event: call.event, direction: call.direction, wall: call.wall });
  }

  let last = null;
  window.addEventListener("message", (event) => {
    if (event.source !== window.parent || window.parent === window || !settings.embed.includes(event.origin)) return;
    const { ridge, call } = event.data ?? {};
    if (ridge === "hello") {
      page = event.origin;
      calls.clear();
      tell({ ridge: "panel", seat: settings.seat, group: settings.group });
      if (last) update(last);
    } else if (ridge === "show" && last?.calls.has(call)) show(call);
  });

  if (window.parent !== window) {
    // A browser delivers it to the parent of that origin only.
    for (const origin of settings.embed) window.parent.postMessage({ v: 1, ridge: "ready" }, origin);
  }

  function update(store) {
    last = store;
    if (!page) return;
    for (const call of store.calls.values()) if (calls.get(call.id) !== call.event) tellCall(call);
    for (const cue of store.call?.cues ?? []) {
      const key = `${store.call.id} ${cue.at} ${cue.code}`;
      if (cues.has(key)) continue;
      cues.add(key);
      tell({ ridge: "cue", call: store.call.id, seat: store.call.seat, kind: cue.kind, code: cue.code, at: cue.at, advice: cue.advice });
    }
  }
  return update;
}
