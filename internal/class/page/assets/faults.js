// Faults on demand: what to break, where, and how often.

import { el, byId, set } from "./dom.js";
import { t, named } from "./text.js";
import { fault } from "./lines.js";
import { offer } from "./sessions.js";

export class Faults {
  #drawn = "";

  constructor(room, act) {
    Object.assign(this, { room, act });
    const pick = (id) => el("select", { id: `fault-${id}`, onchange: () => this.#offer() });
    this.fields = { server: pick("server"), protocol: pick("protocol"), kind: pick("kind"), command: pick("command"), code: pick("code"), times: pick("times") };
    this.labels = {};
    const rows = Object.entries(this.fields).map(([name, field]) => (this.labels[name] = el("label", {}, el("span"), field)));
    this.arm = el("button", { class: "main", id: "fault-arm", onclick: () => this.#arm() });
    this.help = el("p", { class: "quiet", role: "status" });
    this.title = el("h3");
    this.armed = el("ul", { id: "faults-armed" });
    this.clear = el("button", { onclick: () => this.act((server) => server.clearFaults()) });
    byId("faults").append(el("div", { class: "row" }, rows, this.arm), this.help, this.title, this.armed, this.clear);
  }

  draw() {
    const look = JSON.stringify([document.documentElement.lang, this.room.state.faults, this.room.state.fault_kinds, this.room.state.servers.map((s) => s.name)]);
    if (look === this.#drawn) return;
    this.#drawn = look;
    for (const [name, label] of Object.entries(this.labels)) label.firstChild.textContent = t(`fault-${name}`);
    this.arm.textContent = t("fault-arm");
    this.clear.textContent = t("fault-clear");
    this.title.textContent = t("fault-armed");
    this.#offer();
    const { faults } = this.room.state;
    set(this.clear, "hidden", faults.length === 0);
    this.armed.replaceChildren(...(faults.length ? faults.map((f) => this.#row(f)) : [el("li", { class: "quiet" }, t("fault-none"))]));
  }

  #row(f) {
    const text = t("fault-row", { fault: fault(f), server: f.server || t("fault-each"), times: f.next_session ? t("fault-next") : f.times ? t("fault-times-left", { n: f.times }) : t("fault-always") });
    return el("li", {}, text, " ", el("button", { onclick: () => this.act((server) => server.removeFault(f.id)), "aria-label": t("fault-remove-this", { fault: fault(f) }) }, t("fault-remove")));
  }

  // offer fills the fields from what can be armed here, each from those before it.
  #offer() {
    const f = this.fields;
    const kinds = this.room.state.fault_kinds || [];
    const options = (field, list) => offer(field, list.some(([v]) => v === field.value) ? field.value : list[0]?.[0] ?? "", list);
    options(f.server, [["", t("fault-each")], ...this.room.state.servers.map((s) => [s.name, s.name])]);
    options(f.protocol, [...new Set(kinds.map((k) => k.protocol))].map((p) => [p, named("protocol", p)]));
    options(f.kind, kinds.filter((k) => k.protocol === f.protocol.value).map((k) => [k.kind, named(`fault-${k.protocol}`, k.kind)]));
    const kind = kinds.find((k) => k.protocol === f.protocol.value && k.kind === f.kind.value);
    options(f.command, (kind?.commands || []).map((c) => [c, c === "." ? t("fault-dot") : c]));
    options(f.code, (kind?.replies?.[f.command.value] || kind?.codes || []).map((c) => [String(c), String(c)]));
    options(f.times, [["next", t("fault-next")], ["1", t("fault-once")], ["3", t("fault-thrice")], ["0", t("fault-always")]]);
    set(this.labels.command, "hidden", !kind?.commands?.length);
    set(this.labels.code, "hidden", !kind?.codes?.length);
    this.help.textContent = kind ? named(`fault-help-${kind.protocol}`, kind.kind) : "";
  }

  #arm() {
    const f = this.fields;
    const out = { protocol: f.protocol.value, kind: f.kind.value };
    if (f.times.value === "next") out.next_session = true;
    else out.times = Number(f.times.value);
    if (f.server.value) out.server = f.server.value;
    if (!this.labels.command.hidden) out.command = f.command.value;
    if (!this.labels.code.hidden) out.code = Number(f.code.value);
    this.act((server) => server.armFault(out));
  }
}
