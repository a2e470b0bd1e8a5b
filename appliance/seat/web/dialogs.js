// What lies over the page: help with the shortcuts, and the key of a link that is not valid any more.

import { h, set } from "/dom.js";

export function helpDialog(words, { shortcuts, onShortcuts }) {
  const rows = [
    ["1 – 4", words.of("panel", "key_choose")],
    ["H", words.of("panel", "helpful")],
    ["W", words.of("panel", "wrong")],
    ["P", words.of("panel", "pin")],
    ["E", words.of("panel", "open_evidence")],
    ["B", words.of("panel", "all_calls")],
    ["[  ]", words.of("panel", "key_calls")],
    ["L", words.of("panel", "language")],
    ["T", words.of("panel", "theme")],
    ["?", words.of("panel", "help")],
    ["Esc", words.of("panel", "close")],
  ];
  const box = h("input", { type: "checkbox", onchange: () => onShortcuts(box.checked) });
  box.checked = shortcuts;
  const node = h("dialog", { class: "help", "aria-label": words.of("panel", "help") },
    h("h2", {}, words.of("panel", "help")),
    h("table", {}, h("tbody", {}, ...rows.map(([key, text]) => h("tr", {}, h("th", { scope: "row" }, h("kbd", {}, key)), h("td", {}, text))))),
    h("label", {}, box, words.of("panel", "shortcuts_on")),
    h("button", { type: "button", onclick: () => node.close() }, words.of("panel", "close")));
  return node;
}

export function keyDialog(words, onKey) {
  const input = h("input", { type: "text", name: "key", autocomplete: "off", spellcheck: "false", size: 44, "aria-label": words.of("panel", "token_label") });
  const go = () => {
    const token = /([A-Za-z0-9_-]{43})\s*$/.exec(input.value)?.[1];
    set(input, { "aria-invalid": token ? null : "true" });
    if (!token) return;
    node.close();
    onKey(token);
  };
  const node = h("dialog", { class: "key", "aria-label": words.of("panel", "token_label"), oncancel: (event) => event.preventDefault() },
    h("h2", {}, words.of("panel", "token_label")),
    h("p", {}, words.of("panel", "token_refused")),
    h("form", { onsubmit: (event) => { event.preventDefault(); go(); } }, input, h("button", {}, words.of("panel", "token_go"))));
  return node;
}
