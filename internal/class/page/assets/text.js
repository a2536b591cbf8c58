// All that the page says, in each language, from one catalogue (text.json).

let catalogue = {};
let lang = "en";

export async function load() {
  const answer = await fetch("/assets/text.json");
  catalogue = await answer.json();
}

export const language = () => lang;

// speak changes the language, and what stands in the document by key.
export function speak(name) {
  lang = name;
  document.documentElement.lang = name;
  for (const node of document.querySelectorAll("[data-t]")) node.textContent = t(node.dataset.t);
  for (const node of document.querySelectorAll("[data-t-label]")) node.setAttribute("aria-label", t(node.dataset.tLabel));
}

// t is the text for a key, with {names} replaced by values.
export function t(key, values = {}) {
  const entry = catalogue[key];
  if (!entry) {
    console.error(`text.json: ${key}?`);
    return key;
  }
  return entry[lang].replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

export const knows = (key) => key in catalogue;

// one of several keys that begin alike; the name itself where the catalogue has none (a later server may know more).
export function named(prefix, name) {
  return knows(`${prefix}-${name}`) ? t(`${prefix}-${name}`) : name;
}

export function octets(n) {
  return t("octets", { n: n.toLocaleString(lang) });
}

export function clock(time) {
  const d = new Date(time);
  const two = (n) => String(n).padStart(2, "0");
  return `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}.${String(d.getMilliseconds()).padStart(3, "0")}`;
}

export const moment = (time) => new Date(time).toLocaleString(lang);
