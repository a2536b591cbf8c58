// Messages, and one of them taken apart: summary, envelope beside header, way, MIME tree, encodings.

import { el, byId, set } from "./dom.js";
import { t, knows, language, named, octets, moment } from "./text.js";
import { facts } from "./state.js";
import { Stepper } from "./steps.js";
import * as server from "./server.js";

const small = matchMedia("(width < 50rem)"); // the message stands below the list

export class Messages {
  #lists = [];
  #message = null;
  #part = null;
  #asked = "";

  constructor(room, failed) {
    Object.assign(this, { room, failed });
    byId("messages").append(this.list = el("ul", { class: "messages" }), this.none = el("p", { class: "quiet" }));
  }

  // refresh reads what lies in the mailboxes now.
  async refresh() {
    try {
      this.#lists = await Promise.all(this.room.state.servers.map(async (s) => ({ server: s.name, messages: (await server.messages(s.name)).messages || [] })));
      this.#drawList();
    } catch (problem) {
      this.failed(problem);
    }
  }

  draw() {
    this.#drawList();
    this.#drawMessage();
  }

  #drawList() {
    const focus = document.activeElement?.dataset?.message;
    const all = this.#lists.flatMap(({ server: name, messages }) => messages.map((m) => ({ ...m, server: name })))
      .sort((a, b) => Date.parse(b.arrived) - Date.parse(a.arrived));
    this.none.textContent = all.length ? "" : t("no-messages");
    this.list.replaceChildren(...all.map((m) => this.#row(m)));
    if (focus) this.list.querySelector(`[data-message="${CSS.escape(focus)}"]`)?.focus();
  }

  #row(m) {
    const key = `${m.server}/${m.id}`;
    return el("li", {}, el("button", { "data-message": key, "aria-pressed": key === this.#asked ? "true" : "false", onclick: () => this.open(m.server, m.id) },
      el("span", { class: "subject" }, m.subject || t("no-subject")),
      el("span", { class: "small quiet" }, [m.waiting ? t("message-waiting", { server: m.server, to: m.waiting.join(", ") }) : `${m.account} ${m.mailbox}`, m.uid ? `UID ${m.uid}` : "", octets(m.octets), moment(m.arrived)].filter(Boolean).join(" · "))));
  }

  async open(name, id) {
    this.#asked = `${name}/${id}`;
    for (const b of this.list.querySelectorAll("button")) set(b, "aria-pressed", b.dataset.message === this.#asked ? "true" : "false");
    try {
      const m = await server.message(name, id);
      if (this.#asked !== `${name}/${id}`) return;
      this.#message = m;
      this.#part = firstEncoded(m.tree) || m.tree;
      this.#drawMessage();
      if (small.matches) byId("message").scrollIntoView();
    } catch (problem) {
      if (problem.key === "unknown-message") await this.refresh(); // it has gone on its way
      this.failed(problem);
    }
  }

  #drawMessage() {
    const m = this.#message;
    if (!m) {
      byId("message").replaceChildren(el("section", { class: "sheet" }, el("p", { class: "quiet" }, t("choose-message"))));
      return;
    }
    this.part = el("section", { class: "sheet", id: "part" });
    byId("message").replaceChildren(original(m), envelope(m), way(m), this.#tree(m), this.part, raw(m));
    this.#drawPart();
  }

  #tree(m) {
    const node = (p) => el("li", {},
      el("button", { "aria-pressed": p === this.#part ? "true" : "false", onclick: (e) => {
        this.#part = p;
        for (const b of e.currentTarget.closest(".sheet").querySelectorAll("button")) set(b, "aria-pressed", b === e.currentTarget ? "true" : "false");
        this.#drawPart();
      } }, partTitle(p)),
      p.parts?.length ? el("ul", {}, p.parts.map(node)) : null);
    return sheet("tree-title", el("p", {}, t("tree-help")), el("ul", { class: "tree" }, node(m.tree)));
  }

  #drawPart() {
    const p = this.#part;
    const content = [el("h2", {}, t("part-title", { number: p.number || t("part-whole"), type: p.type })), facts([
      [t("encoding"), p.encoding], [t("part-octets"), octets(p.octets)], [t("part-decoded"), p.decoded >= 0 && octets(p.decoded)],
      [t("part-lines"), p.lines], [t("part-file"), p.filename], [t("part-disposition"), p.disposition],
      [t("part-parameters"), Object.entries(p.params || {}).map(([k, v]) => `${k}=${v}`).join("; ")],
    ])];
    if (knows(`encoding-${p.encoding}`)) content.push(el("p", {}, t(`encoding-${p.encoding}`)));
    const holder = el("div");
    if (p.steps) {
      content.push(el("div", { class: "pair" },
        el("div", {}, el("h3", {}, t("part-sent")), pre(p.steps.lines.join("\n"), t("part-sent"))),
        el("div", {}, el("h3", {}, t("part-means")), pre(p.steps.text || p.text || t("part-no-text"), t("part-means")))),
      el("h3", {}, t("part-steps")), holder, ...(p.steps.more ? [el("p", { class: "small quiet" }, t("part-more"))] : []));
    } else if (p.text) {
      content.push(el("h3", {}, t("part-means")), pre(p.text, t("part-means")));
    }
    this.part.replaceChildren(...content);
    if (p.steps) new Stepper(holder).show(p.steps);
  }
}

function firstEncoded(p) {
  if (p.steps) return p;
  for (const child of p.parts || []) {
    const found = firstEncoded(child);
    if (found) return found;
  }
  return null;
}

function partTitle(p) {
  const size = p.decoded >= 0 && p.decoded !== p.octets ? t("part-sizes", { n: octets(p.octets), m: octets(p.decoded) }) : octets(p.octets);
  return [p.number, p.type, p.encoding, p.filename, size].filter(Boolean).join(" · ");
}

function sheet(title, ...content) {
  return el("section", { class: "sheet" }, el("h2", {}, t(title)), content);
}

// pre is a text that may be long: it can be reached and scrolled with the keyboard.
function pre(text, label) {
  return el("pre", { class: "raw", tabindex: "0", role: "region", "aria-label": label }, text);
}

function original(m) {
  const o = m.original;
  const after = Math.abs(o.after).toLocaleString(language(), { maximumFractionDigits: 1 });
  const check = (c) => (c.result === "unchecked" ? t("unchecked") : `${c.result.toUpperCase()} ${c.detail || ""}`);
  const rows = [
    [t("o-id"), o.message_id || t("missing")],
    [t("o-created"), o.created && !o.delivered ? t("o-created-under-way", { time: moment(o.created) }) : o.created ? t(o.after < 0 ? "o-created-later" : "o-created-after", { time: moment(o.created), n: after }) : t("missing")],
    [t("o-from"), o.from || t("missing")], [t("o-to"), o.to || t("missing")], [t("o-subject"), o.subject || t("missing")],
    ["SPF", check(o.spf)], ["DKIM", check(o.dkim)], ["DMARC", check(o.dmarc)],
  ];
  return sheet("original-title", el("table", {}, el("tbody", {}, rows.map(([k, v]) => el("tr", {}, el("th", { scope: "row" }, k), el("td", {}, v))))),
    el("p", { class: "small quiet" }, t("original-help")));
}

function envelope(m) {
  const e = m.envelope;
  const headers = (m.header || []).map((f) => el("tr", {}, el("th", { scope: "row" }, f.name), el("td", {}, f.value)));
  return sheet("envelope-title", el("p", {}, t("envelope-help")), el("div", { class: "pair" },
    el("div", {}, el("h3", {}, t("envelope")), facts([[t("step-mail"), e.from ? `<${e.from}>` : t("null-path")], [t("step-rcpt"), (e.to || []).map((x) => `<${x}>`).join(" ") || t("not-kept")]]),
      (e.differs || []).length ? el("ul", {}, e.differs.map((d) => el("li", { class: "warn" }, named("differs", d)))) : el("p", { class: "good" }, t("differs-not"))),
    el("div", {}, el("h3", {}, t("header")), el("div", { class: "raw", tabindex: "0", role: "region", "aria-label": t("header") }, el("table", { class: "small" }, el("tbody", {}, headers))))));
}

function way(m) {
  if (!m.received?.length) return sheet("received-title", el("p", { class: "quiet" }, t("received-none")));
  return sheet("received-title", el("ol", {}, m.received.map((h) => el("li", {},
    t("received-hop", { from: h.from || "?", by: h.by || "?", with: h.with || "?" }), h.time ? ` · ${moment(h.time)}` : ""))));
}

function raw(m) {
  return sheet("raw-title", pre(m.raw, t("raw-title")), m.raw_total > m.raw.length ? el("p", { class: "small quiet" }, t("raw-more", { n: octets(m.raw_total) })) : "");
}
