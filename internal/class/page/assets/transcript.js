// The transcript: a bounded window of rows on the events, with filters, that follows what happens.

import { el, byId, set, say } from "./dom.js";
import { t, named, clock } from "./text.js";
import { rows } from "./lines.js";
import { family } from "./room.js";

const window_ = 250; // rows in the document
const arrows = { client: "→", server: "←", note: "✎", tls: "◆", event: "•", skipped: "⚠" };

export class Transcript {
  filter = { protocol: "", session: "", user: "" };
  view = "programs";
  selected = ""; // a row's key
  #anchor = null; // the number of the last event in the window; null: follow
  #drawn = new Map(); // rows in the document by key
  #look = ""; // what the rows in the document were drawn for
  #ours = 0; // where we scrolled to

  constructor(room, choose) {
    this.room = room;
    this.choose = choose;
    this.box = byId("lines");
    this.box.addEventListener("click", (e) => this.#click(e));
    this.box.addEventListener("keydown", (e) => this.#key(e));
    this.box.addEventListener("scroll", () => this.#scroll());
    byId("earlier").addEventListener("click", () => this.#earlier());
    byId("later").addEventListener("click", () => this.#later());
  }

  // read is the event of the line that one reads, away from what happens now.
  get read() { return this.#anchor === null ? null : this.#drawn.get(this.selected)?.row.event ?? null; }

  // passes: an event is shown under the filters.
  passes(e) {
    const f = this.filter;
    if (f.session && e.session !== f.session) return false;
    if (f.protocol && family(e.protocol) !== f.protocol && e.kind !== "skipped") return false;
    if (f.user && this.room.sessions.get(e.session)?.user !== f.user) return false;
    return true;
  }

  // after is the first event that is shown after a number.
  after(seq) {
    return this.room.events.find((e) => e.seq > seq && this.passes(e));
  }

  // left counts the events that are shown after a number.
  left(seq) {
    return this.room.events.reduce((n, e) => n + (e.seq > seq && this.passes(e)), 0);
  }

  show(filter) {
    Object.assign(this.filter, filter);
    this.follow();
  }

  follow() { this.#anchor = null; this.draw(); }

  draw() {
    const look = `${document.documentElement.lang} ${this.view}`;
    if (look !== this.#look) {
      this.box.replaceChildren();
      this.#drawn.clear();
      this.#look = look;
    }
    const { found, earlier, later } = this.#find();
    this.#place(found);
    set(byId("earlier"), "hidden", !earlier);
    set(byId("later"), "hidden", !later);
    if (this.#anchor === null) {
      this.box.scrollTop = this.box.scrollHeight;
      this.#ours = this.box.scrollTop;
    }
  }

  // find collects the rows of the window, backwards from its end.
  #find() {
    const end = Math.min(this.#anchor ?? Infinity, this.room.now);
    const found = [];
    let earlier = false;
    let later = false;
    const events = this.room.events;
    for (let i = events.length - 1; i >= 0; i--) {
      const e = events[i];
      if (!this.passes(e)) continue;
      if (e.seq > end) {
        later ||= e.seq <= this.room.now;
        continue;
      }
      if (found.length >= window_) {
        earlier = true;
        break;
      }
      found.unshift(...rows(e, this.view));
    }
    return { found, earlier, later };
  }

  // place brings the document to the rows, and touches only what differs.
  #place(found) {
    const keys = new Set(found.map((r) => r.key));
    for (const [key, node] of this.#drawn) {
      if (!keys.has(key)) {
        node.remove();
        this.#drawn.delete(key);
      }
    }
    let next = this.box.firstChild;
    for (const r of found) {
      let node = this.#drawn.get(r.key);
      if (!node) {
        node = this.#row(r);
        this.#drawn.set(r.key, node);
      }
      if (node === next) next = next.nextSibling;
      else this.box.insertBefore(node, next);
    }
    this.#mark();
  }

  #row(r) {
    const e = r.event;
    const classes = ["line", r.kind, r.refused && "refused", r.bare && "bare", r.hidden && "hidden", r.data && "data"].filter(Boolean).join(" ");
    const node = el("div", { class: classes, role: "option", id: `line-${r.key}`, "aria-selected": "false" },
      el("span", { class: "time" }, clock(e.time)),
      el("span", { class: `who ${family(e.protocol) || ""}` }, e.protocol ? named("protocol", family(e.protocol)) : ""),
      el("span", { class: "arrow", role: "img", "aria-label": named("row", r.kind) }, arrows[r.kind] || "•"),
      el("span", { class: "what" }, r.text, r.decoded ? el("span", { class: "decoded" }, r.decoded) : null));
    node.row = r;
    return node;
  }

  #mark() {
    const chosen = this.#drawn.get(this.selected);
    for (const node of this.box.querySelectorAll("[aria-selected=true]")) if (node !== chosen) set(node, "aria-selected", "false");
    if (chosen) set(chosen, "aria-selected", "true");
    set(this.box, "aria-activedescendant", chosen ? chosen.id : null);
  }

  #select(node, explain) {
    if (!node) return;
    this.selected = node.row.key;
    this.#mark();
    node.scrollIntoView({ block: "nearest" });
    if (explain) this.choose(node.row);
  }

  #click(e) { this.#select(e.target.closest(".line"), true); }

  #key(e) {
    const nodes = [...this.box.children];
    const at = nodes.indexOf(this.#drawn.get(this.selected));
    const to = { ArrowDown: at + 1, ArrowUp: at < 0 ? nodes.length - 1 : at - 1, Home: 0, End: nodes.length - 1, PageDown: at + 10, PageUp: at - 10 }[e.key];
    if (to !== undefined) {
      const node = nodes[Math.max(0, Math.min(to, nodes.length - 1))];
      if (node && node !== nodes.at(-1)) this.#hold();
      this.#select(node, false);
    } else if (e.key === "Enter") {
      this.#select(nodes[at], true);
    } else {
      return;
    }
    e.preventDefault();
  }

  // hold keeps the window where it is while one reads.
  #hold() {
    const last = this.box.lastElementChild;
    if (this.#anchor === null && last) this.#anchor = last.row.event.seq;
  }

  #scroll() {
    const bottom = this.box.scrollHeight - this.box.clientHeight - this.box.scrollTop < 8;
    if (!bottom && this.box.scrollTop < this.#ours - 8) this.#hold();
    if (bottom && this.#anchor !== null && byId("later").hidden) this.#anchor = null;
  }

  #earlier() {
    const first = this.box.firstElementChild;
    if (first) this.#anchor = first.row.event.seq;
    this.draw();
    this.box.scrollTop = this.box.scrollHeight;
  }

  #later() {
    const last = this.box.lastElementChild;
    let left = window_ / 2;
    for (const e of this.room.events) {
      if (last && e.seq > last.row.event.seq && this.passes(e) && left-- > 0) this.#anchor = e.seq;
    }
    if (left > 0) this.#anchor = null;
    this.draw();
  }

  // text is what is shown under the filters, for a file.
  text() {
    const out = [];
    for (const e of this.room.events) {
      if (e.seq > this.room.now || !this.passes(e)) continue;
      for (const r of rows(e, this.view)) {
        const who = [e.server, e.protocol && named("protocol", e.protocol), e.session].filter(Boolean).join(" ");
        const what = e.masked ? e.text : `${r.text} ${r.decoded}`.trimEnd(); // what is masked stays so in a file
        out.push(`${clock(e.time)} ${who} ${arrows[r.kind] || "•"} ${what}\n`);
      }
    }
    return out.join("");
  }
}

// place says where in the past one looks.
export function place(room, playing) {
  const text = room.at === null ? t("place-live", { n: room.last }) : t(playing ? "place-playing" : "place-paused", { at: room.at, n: room.last });
  say(byId("place"), text);
}
