// Base64 and quoted-printable, taken apart step by step: three octets are 24 bits are four characters.

import { el } from "./dom.js";
import { t } from "./text.js";

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const bits = (n, width) => n.toString(2).padStart(width, "0");
const hex = (n) => n.toString(16).toUpperCase().padStart(2, "0");

// Stepper walks over groups of base64, or tokens of quoted-printable.
export class Stepper {
  #at = 0;
  #items = [];
  #draw = groupFigure;

  constructor(box) {
    this.box = box;
    this.back = el("button", { onclick: () => this.#go(-1) });
    this.next = el("button", { onclick: () => this.#go(1) });
    this.place = el("span", { role: "status", class: "small quiet" });
    this.figure = el("div", { class: "steps" });
    box.append(el("div", { class: "row" }, this.back, this.next, this.place), this.figure);
  }

  // show takes Steps, as the server or encode makes them.
  show(steps) {
    this.#items = steps.groups || steps.tokens || [];
    this.#draw = steps.groups ? groupFigure : tokenFigure;
    this.#at = 0;
    this.draw();
  }

  #go(by) {
    this.#at = Math.max(0, Math.min(this.#at + by, this.#items.length - 1));
    const held = document.activeElement;
    this.draw();
    if (held === this.next && this.next.disabled) this.back.focus(); // a button that is off would lose the keyboard's place
    if (held === this.back && this.back.disabled) this.next.focus();
  }

  draw() {
    this.back.textContent = t("step-back");
    this.next.textContent = t("step-next");
    this.back.disabled = this.#at === 0;
    this.next.disabled = this.#at >= this.#items.length - 1;
    this.place.textContent = this.#items.length ? t("step-place", { at: this.#at + 1, n: this.#items.length }) : "";
    this.figure.replaceChildren(...(this.#items.length ? this.#draw(this.#items[this.#at], this.#items, this.#at) : []));
  }
}

function cells(label, list) {
  return el("div", {}, el("div", { class: "small quiet" }, label), el("div", { class: "cells" }, list));
}

const arrow = (text) => el("div", { class: "arrow" }, `↓ ${text}`);

// groupFigure draws one group: characters, places in the alphabet, 24 bits, octets, text.
function groupFigure(g) {
  const characters = [...g.chars];
  const sextets = g.sextets.map((n, i) => el("div", { class: "cell" }, el("b", {}, String(n)), el("small", {}, characters[i])));
  const all = [...g.bits].map((b, i) => el("span", { class: `bit${Math.floor(i / 8)}` }, (i % 6 === 0 && i > 0 ? " " : "") + b));
  const octets = g.octets.map((n, i) => el("div", { class: `cell b${i}` }, el("b", {}, printable(n)), el("small", {}, `${bits(n, 8)} = ${n}`)));
  return [
    cells(t("steps-characters"), characters.map((c) => el("div", { class: "cell" }, el("b", {}, c)))),
    arrow(t("steps-alphabet")),
    cells(t("steps-sextets"), sextets),
    arrow(t("steps-binary")),
    el("div", {}, el("div", { class: "small quiet" }, t("steps-bits", { n: g.bits.length })), el("div", { class: "cell mono" }, all)),
    arrow(t("steps-regroup")),
    cells(t("steps-octets", { n: g.octets.length }), octets),
    g.pad ? el("p", {}, t("steps-padding", { n: g.pad })) : null,
  ].filter(Boolean);
}

const printable = (n) => (n > 32 && n < 127 ? String.fromCharCode(n) : n === 32 ? "␠" : hex(n));

function tokenFigure(token, all, at) {
  const line = all.map((x, i) => el(i === at ? "mark" : "span", {}, x.what === "line-break" ? "⏎\n" : x.what === "soft-break" ? "=⏎\n" : x.raw));
  const out = [el("pre", { class: "cell" }, line)];
  if (token.what === "escape") {
    out.push(cells(t("steps-escape"), (token.octets || []).map((n) => el("div", { class: "cell" }, el("b", {}, `=${hex(n)}`), el("small", {}, `${bits(n, 8)} = ${n}`)))),
      arrow(t("steps-utf8")), cells(t("steps-character"), [el("div", { class: "cell" }, el("b", {}, token.text))]));
  } else {
    out.push(el("p", {}, t(`steps-${token.what}`)));
  }
  return out;
}

// encode makes the Steps of a text.
export function encode(text, encoding) {
  const octets = [...new TextEncoder().encode(text)];
  return encoding === "base64" ? base64(octets) : quotedPrintable(text);
}

function base64(octets) {
  const groups = [];
  for (let i = 0; i < octets.length; i += 3) {
    const three = octets.slice(i, i + 3);
    const pad = 3 - three.length;
    const raw = three.map((n) => bits(n, 8)).join("");
    const padded = raw.padEnd(Math.ceil(raw.length / 6) * 6, "0");
    const sextets = padded.match(/.{6}/g).map((b) => parseInt(b, 2));
    groups.push({ chars: sextets.map((n) => alphabet[n]).join("") + "=".repeat(pad), sextets, bits: raw, octets: three, pad });
  }
  return { encoding: "base64", groups, encoded: groups.map((g) => g.chars).join("") };
}

function quotedPrintable(text) {
  const tokens = [];
  for (const c of text) {
    const octets = [...new TextEncoder().encode(c)];
    const plain = octets.length === 1 && octets[0] >= 32 && octets[0] < 127 && c !== "=";
    if (plain) tokens.push({ raw: c, what: "literal", text: c });
    else tokens.push({ raw: octets.map((n) => `=${hex(n)}`).join(""), what: "escape", octets, text: c });
  }
  return { encoding: "quoted-printable", tokens, encoded: tokens.map((x) => x.raw).join("") };
}
