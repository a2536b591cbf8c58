// The table of reply codes, and which of them each command may be answered with.

import { el, byId, set } from "./dom.js";
import { t } from "./text.js";
import { rowList } from "./explanation.js";

export class Codes {
  constructor(room, catalogue, show) {
    Object.assign(this, { room, catalogue, show });
    this.label = el("span");
    this.search = el("input", { type: "search", id: "codes-search", oninput: () => this.#filter() });
    this.rows = el("tbody");
    this.head = el("tr");
    this.commands = el("div", { class: "pair" });
    this.title = el("h3");
    this.help = el("p");
    byId("codes").append(el("label", {}, this.label, this.search),
      el("table", { class: "codes stacked" }, el("thead", {}, this.head), this.rows), this.title, this.help, this.commands);
  }

  draw() {
    this.label.textContent = t("codes-search");
    this.title.textContent = t("rows-title");
    this.help.textContent = t("rows-help");
    this.head.replaceChildren(...["code", "code-meaning", "code-where", "code-show"].map((k) => el("th", { scope: "col" }, t(k))));
    this.rows.replaceChildren(...this.catalogue.codes.map((c) => this.#row(c)));
    this.commands.replaceChildren(...this.catalogue.rows.map((r) => this.#command(r)));
    this.#filter();
  }

  #row(c) {
    const entry = this.catalogue.entry(c.key) || {};
    const shows = (c.shows || []).filter((s) => this.room.state.scripts.includes(s.id));
    return el("tr", { "data-code": c.code },
      el("td", {}, String(c.code)),
      el("td", {}, el("strong", {}, entry.title || ""), el("div", {}, entry.meaning || ""), entry.here ? el("div", { class: "quiet" }, entry.here) : null),
      el("td", {}, el("span", { class: `chip ${c.standard ? "good" : "warn"}` }, t(c.standard ? "standard" : "folklore-chip")), " ", entry.rfc || "",
        c.origin ? el("div", { class: "small" }, c.origin) : null,
        c.instead?.length ? el("div", { class: "small" }, t("code-instead", { codes: c.instead.join(", ") })) : null,
        el("div", { class: "small quiet" }, t(c.given ? "code-given" : "code-met"))),
      el("td", {}, shows.map((s) => el("button", { "data-show": s.id, onclick: () => this.show(s.id), "aria-label": `${t("show-me")}: ${c.code}, ${s.title}` }, `▶ ${s.title || t("show-me")}`)),
        shows.length ? null : el("span", { class: "quiet small" }, t("code-no-show"))));
  }

  #command(r) {
    return el("div", { class: "command" }, el("h4", {}, r.command || t("row-greeting")), rowList(r, this.catalogue.any),
      r.exceptions?.length ? el("ul", { class: "small" }, r.exceptions.map((x) => el("li", {}, `${x.code}: ${x.why} (${x.rfc})`))) : null);
  }

  #filter() {
    const words = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of this.rows.children) {
      const text = row.textContent.toLowerCase();
      set(row, "hidden", !words.every((w) => text.includes(w)));
    }
  }
}
