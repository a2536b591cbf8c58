// Builds elements. All text becomes text nodes: nothing from the wire is ever read as markup, and characters that
// cannot be seen, or that turn what stands around them about, are shown by their numbers.

const SVG = "http://www.w3.org/2000/svg";

// el makes an HTML element. Properties that begin with "on" are listeners, the rest are attributes;
// false, null and undefined leave an attribute out, true makes it empty.
export function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

// svg makes an SVG element in the same way.
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else set(node, name, value);
  }
  node.append(...children.flat().filter((c) => c !== null && c !== undefined && c !== false).map((c) => (c instanceof Node ? c : seen(c))));
  return node;
}

const unseen = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff]/g;

// seen is a text of which nothing is hidden.
export function seen(text) {
  return String(text).replace(unseen, (c) => `⟨U+${c.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`);
}

// set changes an attribute, and touches the document only where it differs.
export function set(node, name, value) {
  if (value === false || value === null || value === undefined) node.removeAttribute(name);
  else {
    const text = value === true ? "" : String(value);
    if (node.getAttribute(name) !== text) node.setAttribute(name, text);
  }
}

// say changes an element's text, and touches the document only where it differs.
export function say(node, text) {
  const shown = seen(text);
  if (node.textContent !== shown) node.textContent = shown;
}

export const byId = (id) => document.getElementById(id);
