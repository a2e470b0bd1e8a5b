// Building and changing the page. Values are put into nodes that stay, so nothing moves while they change.

const SVG = "http://www.w3.org/2000/svg";

/** An HTML element with attributes and children (nodes or text). */
export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same in SVG. */
export function s(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(node, attributes, children) {
  set(node, attributes);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** Set attributes; null and false take one away. Functions become listeners: `onclick`. */
export function set(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name.slice(2), value);
    else if (value === null || value === undefined || value === false) node.removeAttribute(name);
    else {
      const text = value === true ? "" : String(value);
      if (node.getAttribute(name) !== text) node.setAttribute(name, text);
    }
  }
  return node;
}

/** Put text into a node, unless it is there already (screen readers would read it again). */
export function put(node, text) {
  const wanted = text === null || text === undefined ? "" : String(text);
  if (node.textContent !== wanted) node.textContent = wanted;
  return node;
}

/** Show or hide a node without taking its room away. */
export function seen(node, yes) {
  node.classList.toggle("empty", !yes);
  if (yes) node.removeAttribute("aria-hidden");
  else node.setAttribute("aria-hidden", "true");
}

/** Milliseconds as mm:ss, or h:mm:ss. */
export function clock(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const two = (number) => String(number).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const rest = `${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return hours ? `${hours}:${rest}` : rest;
}

/** A share of 0..1 as a percentage. */
export function percent(share) {
  return `${Math.round(share * 100)}%`;
}
