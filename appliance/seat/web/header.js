// The top of the page: whose panel, how the connection is, the call and its clock; and the bar for alerts below it.

import { clock, h, put, set } from "/dom.js";
import { icon, reshape } from "/icons.js";
import { callToLookAt, elapsed, freshCue, heldFor } from "/store.js";

/** How the connection is, as one word for the style sheet and one sentence for people. */
export function connectionState(store, words) {
  if (store.link === "gone") return ["gone", words.of("panel", "panel_gone")];
  if (store.link === "refused") return ["key", words.of("panel", "token_refused")];
  if (store.connection !== "connected") return [store.connection, words.of("connection", store.connection)];
  return store.stale ? ["stale", words.of("connection", "silent")] : ["connected", words.of("connection", "connected")];
}

const THEME_WORDS = { auto: "theme_auto", light: "theme_light", dark: "theme_dark" };

export function header(words, settings, choice, actions) {
  const dot = h("span", { class: "dot" });
  const connection = h("span", { class: "connection" }, dot);
  const connectionText = connection.appendChild(h("span"));
  const missed = h("span", { class: "warn", hidden: true });
  const audio = h("span", { class: "warn", hidden: true });
  const event = h("b", { class: "event" });
  const time = h("time", { class: "clock" });
  const way = h("span", { class: "way" });
  const state = h("p", { class: "call-state" }, event, time, way);
  const back = h("button", { type: "button", class: "plain back", "aria-keyshortcuts": "B", onclick: actions.board },
    icon("back"), words.of("panel", "all_calls"));
  const tabs = h("nav", { class: "calls", "aria-label": words.of("panel", "key_calls") });
  const tool = (name, title, keys, act, content) =>
    h("button", { type: "button", class: "tool", title: `${title} (${keys})`, "aria-label": title, "aria-keyshortcuts": keys, onclick: act }, content ?? icon(name));
  const node = h("header", { class: "top" },
    h("span", { class: "mark", "aria-hidden": "true" }, "Ridge"),
    back,
    h("span", { class: "whose" }, settings.supervisor ? words.of("panel", "supervisor") : words.of("label", "seat"), " ", h("b", {}, settings.seat), settings.group ? ` · ${settings.group}` : ""),
    state, tabs,
    h("span", { class: "gap" }),
    audio, missed, connection,
    h("span", { class: "tools" },
      tool("language", words.of("panel", "language"), "L", actions.language, words.locale === "zh" ? "EN" : "中"),
      tool("theme", words.pair(words.of("panel", "theme"), words.of("panel", THEME_WORDS[choice.theme])), "T", actions.theme),
      tool("ask", words.of("panel", "help"), "?", actions.help, "?")));
  return {
    node,
    update(store, call, onBoard) {
      back.hidden = !settings.supervisor || onBoard;
      const [kind, text] = connectionState(store, words);
      set(connection, { "data-state": kind, title: text });
      put(connectionText, kind === "gone" ? words.of("connection", "silent") : kind === "key" ? words.of("panel", "token_label") : text);
      missed.hidden = store.lost === 0;
      put(missed, `${words.of("label", "missed")} ${store.lost}`);
      const { lost = 0, dropped_ms: dropped = 0 } = call?.profile?.audio ?? {};
      audio.hidden = onBoard || (lost < 0.01 && dropped === 0);
      put(audio, lost >= 0.01 ? `${words.of("label", "lost_audio")} ${Math.round(lost * 100)}%` : `${words.of("panel", "dropped")} ${clock(dropped)}`);
      state.hidden = onBoard || !call;
      if (call) {
        set(state, { "data-event": call.event });
        put(event, words.of("call_event", call.event));
        put(way, `${settings.supervisor ? `${words.of("label", "seat")} ${call.seat} · ` : ""}${words.of("direction", call.direction)}`);
      }
      this.tabs(store, call, onBoard);
      this.tick(call);
    },
    tabs(store, call, onBoard) {
      const running = settings.supervisor || onBoard ? [] : [...store.calls.values()].filter((one) => one.event !== "ended");
      const wanted = running.length > 1 ? running : [];
      const key = wanted.map((one) => one.id + (one.id === call?.id)).join();
      if (tabs.dataset.key === key) return;
      tabs.dataset.key = key;
      tabs.replaceChildren(...wanted.map((one, number) =>
        h("button", { type: "button", class: "plain", "aria-current": one.id === call?.id ? "true" : null, onclick: () => actions.show(one.id) }, `${number + 1}`)));
    },
    tick(call) {
      if (!call) return;
      const held = heldFor(call);
      put(time, held ? `${clock(elapsed(call))} · ${words.of("panel", "on_hold_for")} ${clock(held)}` : clock(elapsed(call)));
    },
  };
}

/** One line for what is urgent. It is always there, so that nothing moves when something comes. */
export function alertBar(words, announce) {
  const sign = icon("alert");
  const text = h("b");
  const next = h("span", { class: "next" });
  const node = h("div", { class: "alert" }, sign, text, next);
  return {
    node,
    update(store, call) {
      const silence = store.silence;
      const broken = store.link !== "open" || store.connection === "refused" || ((store.stale || store.connection === "silent") && silence > 0);
      if (broken && store.link !== "connecting") {
        const [kind, sentence] = connectionState(store, words);
        set(node, { "data-kind": "broken" });
        reshape(sign, "alert");
        put(text, kind === "refused" ? words.of("label", "refused_hint") : kind === "gone" || kind === "key" ? sentence : `${words.of("panel", "stale")} ${clock(silence)}`);
        put(next, "");
        return;
      }
      // On the board it is the group's newest cue, with its seat.
      const noticed = call ? null : callToLookAt(store.calls);
      const cue = noticed?.cue ?? freshCue(call);
      const last = call?.cues?.at(-1);
      set(node, { "data-kind": cue?.kind ?? "none" });
      reshape(sign, cue ? (cue.kind === "objection" ? "objection" : "alert") : "close");
      if (cue) {
        const whose = noticed ? `${words.of("label", "seat")} ${noticed.seat} · ` : "";
        put(text, whose + words.pair(words.of("cue", cue.kind), words.evidence(cue.code)));
        put(next, cue.advice?.length ? `→ ${words.strategy(cue.advice[0]).title}` : "");
        const key = `${(noticed ?? call).id} ${cue.at} ${cue.code}`;
        announce(key, `${text.textContent} ${next.textContent}`);
      } else {
        put(text, last ? words.pair(words.of("panel", "last_cue"), `${words.evidence(last.code)} ${clock(last.at)}`) : words.of("panel", "no_cue"));
        put(next, "");
      }
    },
  };
}
