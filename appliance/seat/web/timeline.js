// The whole call at a glance: the relationship with its interval, valence and arousal, the emotion's name, and the cues.

import { clock, h, put, s, set } from "/dom.js";

const HEIGHT = 196;
const LEFT = 26;
const RIGHT = 8;
const SCORE = { top: 8, bottom: 70 };
const MOOD = { top: 82, bottom: 138 };
const STRIP = { top: 146, bottom: 168 };
const SHORTEST_MS = 60_000;
const STEPS_S = [10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600];

export function timelineCard(words) {
  const chart = s("svg", { class: "timeline", height: HEIGHT, role: "img", "aria-label": words.of("panel", "through_call") });
  const legend = h("p", { class: "legend", "aria-hidden": "true" },
    ...[["score", words.of("label", "relationship")], ["valence", words.of("panel", "valence")], ["arousal", words.of("panel", "arousal")]]
      .map(([name, text]) => h("span", { class: `key-${name}` }, text)));
  const mood = h("b", { class: "mood" });
  const sure = h("span", { class: "sure" });
  const now = h("p", { class: "emotion-now" }, h("span", { class: "of" }, words.of("label", "emotion")), mood, sure);
  const node = h(
    "section", { class: "card through", "aria-label": words.of("panel", "through_call") },
    h("div", { class: "through-head" }, h("h2", {}, words.of("panel", "through_call")), now, legend), chart,
  );
  let width = 0;
  let call = null;
  let at = 0;
  new ResizeObserver(([entry]) => {
    const wide = Math.floor(entry.contentRect.width);
    if (wide === width) return;
    width = wide;
    draw();
  }).observe(chart);

  function draw() {
    if (!call?.points || width < 60) return;
    set(chart, { viewBox: `0 0 ${width} ${HEIGHT}` });
    const span = Math.max(SHORTEST_MS, at);
    const x = (ms) => LEFT + ((width - LEFT - RIGHT) * Math.min(ms, span)) / span;
    chart.replaceChildren(...holds(call, x, at), ...frame(x, span), ...(call.points.length ? lines(call.points, x, at) : []),
      ...(call.points.length ? strip(call.points, x, at, words) : []), ...cues(call.cues, x, words));
  }

  return {
    node,
    update(next, ms) {
      call = next;
      at = Math.max(ms, next.points.at(-1)?.[0] ?? 0);
      const emotion = next.profile?.influence.emotion;
      if (emotion) {
        const unmeasured = next.policy?.off.includes("emotion");
        put(mood, unmeasured ? words.of("label", "not_measured") : words.of("emotion", emotion.label));
        put(sure, emotion.label === "uncertain" ? "" : `${Math.round(emotion.confidence * 100)}%`);
        set(now, { "data-emotion": emotion.label, "data-alert": emotion.alert });
      }
      draw();
    },
    tick(ms) {
      if (call && ms - at >= 1000) {
        at = ms;
        draw();
      }
    },
  };
}

function between(value, low, high, { top, bottom }) {
  return bottom - ((value - low) / (high - low)) * (bottom - top);
}

function frame(x, span) {
  const step = STEPS_S.find((seconds) => span / seconds / 1000 <= 8) ?? Math.ceil(span / 8 / 3_600_000) * 3600;
  const marks = [];
  for (let ms = step * 1000; ms < span; ms += step * 1000) {
    marks.push(s("path", { class: "grid", d: `M${x(ms)} ${SCORE.top}V${STRIP.bottom}` }));
    marks.push(s("text", { class: "axis", x: x(ms), y: HEIGHT - 12, "text-anchor": "middle" }, clock(ms)));
  }
  const zero = between(0, -1, 1, MOOD);
  const rule = (y) => s("path", { class: "grid", d: `M${x(0)} ${y}H${x(span)}` });
  const scale = [["100", SCORE.top + 4], ["0", SCORE.bottom + 4], ["+", MOOD.top + 10], ["−", MOOD.bottom + 2]]
    .map(([text, y]) => s("text", { class: "axis", x: LEFT - 5, y, "text-anchor": "end" }, text));
  return [...marks, ...scale, rule(SCORE.top), rule(SCORE.bottom), rule(zero)];
}

function lines(points, x, at) {
  const steps = [...points, [at, ...points.at(-1).slice(1)]];
  const path = (column, low, high, box) =>
    steps.map((p, n) => `${n ? "L" : "M"}${x(p[0]).toFixed(1)} ${between(p[column], low, high, box).toFixed(1)}`).join("");
  const back = [...steps].reverse().map((p) => `L${x(p[0]).toFixed(1)} ${between(p[2], 0, 100, SCORE).toFixed(1)}`).join("");
  const zero = between(0, -1, 1, MOOD);
  const area = (keep) =>
    `M${x(steps[0][0]).toFixed(1)} ${zero}` +
    steps.map((p) => `L${x(p[0]).toFixed(1)} ${between(keep(p[4]), -1, 1, MOOD).toFixed(1)}`).join("") +
    `L${x(at).toFixed(1)} ${zero}Z`;
  const last = steps.at(-1);
  return [
    s("path", { class: "band", d: `${path(3, 0, 100, SCORE)}${back}Z` }),
    s("path", { class: "score-line", d: path(1, 0, 100, SCORE) }),
    s("circle", { class: "score-now", cx: x(last[0]), cy: between(last[1], 0, 100, SCORE), r: 3.5 }),
    s("path", { class: "pleasant", d: area((v) => Math.max(0, v)) }),
    s("path", { class: "unpleasant", d: area((v) => Math.min(0, v)) }),
    s("path", { class: "valence-line", d: path(4, -1, 1, MOOD) }),
    s("path", { class: "arousal-line", d: path(5, -1, 1, MOOD) }),
  ];
}

function strip(points, x, at, words) {
  const runs = [];
  for (const point of points) {
    if (runs.at(-1)?.label !== point[7]) {
      if (runs.length) runs.at(-1).to = point[0];
      runs.push({ label: point[7], from: point[0], to: at });
    }
  }
  return runs.flatMap(({ label, from, to }) => {
    const left = x(from);
    const room = x(to) - left;
    const text = words.of("emotion", label);
    const needed = text.length * (words.locale === "zh" ? 14 : 7.500) + 8;
    const bar = s("rect", {
      class: "mood-bar", "data-emotion": label, x: left, y: STRIP.top, width: Math.max(1, room - 1), height: STRIP.bottom - STRIP.top, rx: 2,
    });
    if (room < needed) return [bar];
    return [bar, s("text", { class: "mood-name", x: left + 5, y: STRIP.bottom - 6.500, "data-emotion": label }, text)];
  });
}

function holds(call, x, at) {
  return call.holds.map(([from, to]) =>
    s("rect", { class: "on-hold", x: x(from), y: SCORE.top, width: Math.max(1, x(to ?? at) - x(from)), height: STRIP.bottom - SCORE.top }));
}

function cues(list, x, words) {
  return list.map((cue) => {
    const left = x(cue.at);
    const mark = s("path", { class: "cue-mark", "data-kind": cue.kind, d: `M${left} ${SCORE.bottom + 9}l-5 -8h10z` });
    mark.append(s("title", {}, `${words.evidence(cue.code)} ${clock(cue.at)}`));
    return mark;
  });
}
