// The sessions, newest first, kept ones before them; choosing one shows only it.

import { el, byId, set, say } from "./dom.js";
import { t, named, clock } from "./text.js";
import { family } from "./room.js";

const most = 40;

export class Sessions {
  #rows = new Map();

  constructor(room, transcript, choose) {
    Object.assign(this, { room, transcript, choose });
    this.list = byId("sessions");
  }

  #shown() {
    const f = this.transcript.filter;
    const all = [...this.room.sessions.values()].filter((s) =>
      (!f.protocol || family(s.protocol) === f.protocol) && (!f.user || s.user === f.user));
    all.sort((a, b) => this.room.pinned.has(b.id) - this.room.pinned.has(a.id) || (a.opened < b.opened) - (a.opened > b.opened));
    return all.slice(0, most);
  }

  draw() {
    const shown = this.#shown();
    set(byId("no-sessions"), "hidden", shown.length > 0);
    const ids = new Set(shown.map((s) => s.id));
    for (const [id, row] of this.#rows) {
      if (!ids.has(id)) {
        row.item.remove();
        this.#rows.delete(id);
      }
    }
    let next = this.list.firstChild;
    for (const s of shown) {
      const row = this.#rows.get(s.id) ?? this.#row(s);
      this.#update(row, s);
      if (row.item === next) next = next.nextSibling;
      else this.list.insertBefore(row.item, next);
    }
  }

  #row(s) {
    const row = { chip: el("span", { class: `chip ${family(s.protocol)}` }), title: el("span"), detail: el("span", { class: "wide small quiet" }) };
    row.button = el("button", { "aria-pressed": "false", onclick: () => this.choose(this.transcript.filter.session === s.id ? "" : s.id) }, row.chip, row.title, row.detail);
    row.item = el("li", {}, row.button);
    this.#rows.set(s.id, row);
    return row;
  }

  #update(row, s) {
    const over = this.room.closedAt(s);
    say(row.chip, named("protocol", s.protocol));
    say(row.title, s.server);
    const who = this.room.peer(s) ? t("from-server", { server: this.room.peer(s) }) : s.user || s.helo || s.remote || "";
    const marks = [this.room.pinned.has(s.id) && t("pinned"), s.tls && t("in-tls"), s.shown && t("shown")].filter(Boolean);
    say(row.detail, [clock(s.opened).slice(0, 8), who, named("phase", this.room.stateOf(s).phase), ...marks].filter(Boolean).join(" · "));
    set(row.button, "aria-pressed", this.transcript.filter.session === s.id ? "true" : "false");
    row.button.classList.toggle("over", over);
  }
}

// fillFilters offers what there is to filter by.
export function fillFilters(room, filter) {
  const sessions = [...room.sessions.values()].slice(-most).reverse();
  const users = [...new Set([...room.sessions.values()].map((s) => s.user).filter(Boolean))].sort();
  offer(byId("filter-protocol"), filter.protocol, [["", t("all")], ...["smtp", "pop3", "imap"].map((p) => [p, named("protocol", p)])]);
  const listed = sessions.map((s) => [s.id, `${named("protocol", s.protocol)} ${s.server} ${s.id}`]);
  if (filter.session && !listed.some(([id]) => id === filter.session)) listed.unshift([filter.session, filter.session]);
  offer(byId("filter-session"), filter.session, [["", t("all")], ...listed]);
  offer(byId("filter-user"), filter.user, [["", t("all")], ...users.map((u) => [u, u])]);
}

// offer fills a select, unless it holds the same already or is being used.
export function offer(select, value, options) {
  const look = JSON.stringify(options);
  if (select.look !== look && document.activeElement !== select) {
    select.look = look;
    select.replaceChildren(...options.map(([v, text]) => el("option", { value: v }, text)));
  }
  if (document.activeElement !== select || select.value === "") select.value = value;
}
