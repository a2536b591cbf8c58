// What a line means: asked of the server's catalogue, shown in the language that is spoken.

import { el, byId } from "./dom.js";
import { t, named, moment, octets } from "./text.js";
import { sentence, reply } from "./lines.js";
import { family } from "./room.js";
import { tlsFacts } from "./state.js";
import * as server from "./server.js";

const most = 1500; // characters of a line that are asked about

export class Explanation {
  #row = null;
  #keys = []; // of what the catalogue has on the row

  constructor(catalogue) {
    this.box = byId("explanation");
    this.catalogue = catalogue;
    this.draw();
  }

  async explain(row) {
    this.#row = row;
    this.#keys = [];
    const e = row.event;
    if ((e.kind === "client" || e.kind === "server") && !row.hidden) {
      const found = await server.explainLine(family(e.protocol), e.kind, (e.text || "").slice(0, most));
      if (this.#row === row) this.#keys = found.keys;
    }
    if (this.#row === row) this.draw();
  }

  draw() {
    const row = this.#row;
    if (!row) {
      this.box.replaceChildren(el("p", { class: "quiet" }, t("explain-hint")));
      return;
    }
    const e = row.event;
    this.box.replaceChildren(
      el("p", { class: "small quiet" }, [e.protocol && named("protocol", e.protocol), e.session, e.time && moment(e.time)].filter(Boolean).join(" · ")),
      el("pre", { class: "said" }, row.text),
      ...(row.decoded ? [el("p", { class: "bad" }, row.decoded), el("p", {}, t("base64-is-no-secret"))] : []),
      ...this.#body(row, e));
  }

  #body(row, e) {
    if (row.hidden) return [el("p", {}, t("explain-cipher"))];
    if (row.kind === "skipped") return [el("p", {}, t("explain-skipped"))];
    switch (e.kind) {
      case "client": case "server": return this.#line(row, e);
      case "client-data": case "server-data": return [el("p", {}, t("explain-data", { n: octets(e.octets || 0) })), this.#secrecy(e)];
      case "tls": return [el("p", {}, t("explain-tls")), tlsFacts(e.tls || {})];
      case "note": return [el("p", {}, t("explain-note")), el("p", { class: "small quiet" }, t("explain-note-numbers"))];
      case "queue": return [el("p", {}, t(`explain-queue-${e.queue?.attempt?.result === "relayed" ? "relayed" : e.queue?.attempt?.result === "failed" ? "failed" : "later"}`)), el("pre", { class: "said" }, reply(e.queue?.attempt || {}))];
      default: return [el("p", {}, sentence(e))];
    }
  }

  #line(row, e) {
    const out = [];
    const entries = this.#keys.map((k) => this.catalogue.entry(k)).filter(Boolean);
    if (e.masked) out.push(el("p", { class: "warn" }, t("explain-masked")));
    if (entries.length) out.push(...describe(entries[0]), ...entries.slice(1).map((x) => el("div", { class: "part" }, describe(x, true))));
    else out.push(el("p", {}, t(e.kind === "client" ? "explain-unknown-command" : "explain-unknown-reply")));
    if (e.kind === "server" && family(e.protocol) === "smtp") out.push(...this.#commandRow(e));
    out.push(this.#secrecy(e));
    return out;
  }

  #secrecy(e) {
    return el("p", { class: `small ${e.encrypted ? "good" : "bad"}` }, t(e.encrypted ? "went-encrypted" : "went-plain"));
  }

  // commandRow shows which codes the command may be answered with, and which it was.
  #commandRow(e) {
    const row = this.catalogue.row(e.command || "");
    const code = Number((e.text || "").slice(0, 3));
    if (!row || !code) return [];
    const exception = row.exceptions?.find((x) => x.code === code);
    return [el("h3", {}, t("row-title", { command: e.command || t("row-greeting") })), rowList(row, this.catalogue.any, code),
      exception ? el("p", { class: "small" }, `${exception.why} (${exception.rfc})`) : null].filter(Boolean);
  }
}

// describe shows an entry of the catalogue; a part has its name before its title.
export function describe(entry, part = false) {
  return [
    el("h3", {}, part ? `${entry.name}: ${entry.title}` : entry.title),
    entry.syntax && el("pre", { class: "mono small" }, entry.syntax),
    entry.meaning && el("p", {}, entry.meaning),
    entry.here && el("p", {}, entry.here),
    el("p", { class: "small quiet" }, entry.rfc || t("folklore")),
  ].filter(Boolean);
}

// rowList lists the codes of a command's row; the one that was given stands out.
export function rowList(row, any, code = 0) {
  const codes = (list) => list.flatMap((c) => [el(c === code ? "mark" : "span", { class: "code" }, String(c)), " "]);
  return el("dl", { class: "facts" },
    el("dt", {}, t("row-positive")), el("dd", {}, codes(row.positive || [])),
    el("dt", {}, t("row-negative")), el("dd", {}, codes(row.negative || [])),
    el("dt", {}, t("row-any")), el("dd", {}, codes(any)),
    row.exceptions?.length ? [el("dt", {}, t("row-exceptions")), el("dd", {}, codes(row.exceptions.map((x) => x.code)))] : []);
}
