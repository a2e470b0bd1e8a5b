// Shapes beside every colour, so that nothing rests on colour alone. 24 units square, drawn with the text's colour.

import { s } from "/dom.js";

const PATHS = {
  hold: "M8 5v14M16 5v14",
  build: "M4 19h4v-4h4v-4h4V7h4",
  advance: "M4 12h15M13 6l6 6-6 6",
  close: "M4 13l5 5L20 6",
  up: "M12 19V6M6 11l6-6 6 6",
  down: "M12 5v13M6 13l6 6 6-6",
  flat: "M5 12h14M14 7l5 5-5 5",
  alert: "M12 4 2.5 20h19zM12 10v5M12 17.6v.4",
  objection: "M4 5h16v11h-9l-4 4v-4H4zM12 8v3.5M12 13.6v.2",
  helpful: "M7 11v9H4v-9zM7 11l4-7c2 0 2.6 1.4 2 3.4L12.400 10H19c1.200 0 1.800 1 1.500 2.200l-1.600 6.300c-.3 1-1 1.500-2 1.500H7",
  wrong: "M7 13V4H4v9zM7 13l4 7c2 0 2.600-1.400 2-3.400l-.6-2.600H19c1.200 0 1.800-1 1.500-2.200l-1.600-6.300c-.3-1-1-1.500-2-1.500H7",
  pin: "M9 4h6l-1 6 4 4H6l4-4zM12 14v6",
  ask: "M9 9a3 3 0 1 1 4.200 2.700c-.8.4-1.200 1-1.200 2.300M12 17.500v.3",
  language: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M3 12h18M12 3c3 3 3 15 0 18M12 3c-3 3-3 15 0 18",
  theme: "M20 14.500A8.500 8.500 0 0 1 9.500 4 8.500 8.500 0 1 0 20 14.500z",
  back: "M15 5l-7 7 7 7",
  avoid: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M5.700 5.700l12.600 12.600",
  evidence: "M5 4h14v16H5zM8 9h8M8 13h8M8 17h5",
};

/** An icon by name; unknown names give the warning sign. */
export function icon(name) {
  const path = s("path", { d: PATHS[name] ?? PATHS.alert });
  return s("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true", "data-icon": name }, path);
}

/** Change an icon's shape in its place. */
export function reshape(node, name) {
  if (node.dataset.icon === name) return;
  node.dataset.icon = name;
  node.firstChild.setAttribute("d", PATHS[name] ?? PATHS.alert);
}
