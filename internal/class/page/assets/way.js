// The way of a message, as a picture: from one person's program over two servers to the other's, in both directions,
// with what really happens moving on it.

import { svg, say, set } from "./dom.js";
import { t } from "./text.js";
import { family } from "./room.js";

const narrow = matchMedia("(width < 50rem)");
const still = matchMedia("(prefers-reduced-motion: reduce)");
const most = 40; // things that move at once
const trip = { dot: 700, letter: 1400 }; // milliseconds

// Places by the person's side: along the way (0 to 1200) and across it (0 to 230). A narrow picture goes down instead.
const paper = { along: 1200, across: 230, shown: 212 };
const down = { width: 330, along: 0.68, across: 1.435, head: 26 };
const places = {
  program: { along: 84, across: 115, w: 164, h: 104 },
  server: { along: 400, across: 115, w: 292, h: 204 },
  gate: { along: 323, across: 73, w: 112, h: 44 },
  queue: { along: 475, across: 73, w: 122, h: 60 },
  mailbox: { along: 323, across: 157, w: 122, h: 60 },
  inbound: { along: 475, across: 157, w: 112, h: 44 },
};

// The edges: from, to, and how they are called.
const edges = {
  submit: { from: "program", to: "gate", bend: "along", label: "SMTP" },
  enqueue: { from: "gate", to: "queue" },
  keep: { from: "gate", to: "mailbox" },
  relay: { from: "queue", to: "inbound", across: true, label: "SMTP" },
  deliver: { from: "inbound", to: "mailbox" },
  fetch: { from: "mailbox", to: "program", bend: "along", label: "POP3, IMAP" },
};

export class Way {
  #moving = new Set();
  #parts = {};

  constructor(box, room) {
    this.box = box;
    this.room = room;
    narrow.addEventListener("change", () => this.build());
    this.build();
  }

  // at is a place's middle on the paper. The second side is the first one turned by half a turn.
  at(side, name) {
    const p = places[name];
    let along = p.along;
    let across = p.across;
    if (side === 1) [along, across] = [paper.along - along, paper.across - across];
    if (narrow.matches) return { x: down.width - across * down.across, y: along * down.along - (name === "server" ? down.head / 2 : 0) };
    return { x: along, y: name === "server" ? across - 9 : across }; // there is nothing below what a server has in it
  }

  sizeOf(name) {
    const { w, h } = places[name];
    if (!narrow.matches) return { w, h };
    return name === "server" ? { w: 316, h: w * down.along + down.head } : { w: name === "program" ? 210 : Math.min(w, 104), h: Math.min(h, 56) };
  }

  build() {
    for (const m of this.#moving) m.stop();
    this.#parts = {};
    const people = this.room.state.servers.slice(0, 2).map((_, side) => side);
    this.picture = svg("svg", { class: "wayout", viewBox: narrow.matches ? `0 24 ${down.width} ${paper.along * down.along - 48}` : `0 0 ${paper.along} ${paper.shown}`, role: "img" }, arrowHead());
    for (const side of people) this.#box(side, "server");
    this.tracks = svg("g");
    this.picture.append(this.tracks);
    for (const side of people) for (const name of Object.keys(edges)) this.#edge(side, name, people.length);
    for (const side of people) this.picture.append(this.#parts[`${side}server`].words);
    for (const side of people) for (const name of ["program", "gate", "queue", "mailbox", "inbound"]) this.#box(side, name);
    this.traffic = svg("g", { class: "traffic", "aria-hidden": "true" });
    this.picture.append(this.traffic);
    this.box.replaceChildren(this.picture);
    this.draw();
  }

  #box(side, name) {
    const { x, y } = this.at(side, name);
    const { w, h } = this.sizeOf(name);
    const plain = name === "gate" || name === "inbound";
    const top = name === "server" ? y - h / 2 + 20 : plain ? y + 5 : y - 4;
    const title = svg("text", { x, y: top, class: "name" });
    const detail = svg("text", { x, y: name === "server" ? y + h / 2 - 7 : y + 16, class: "detail" });
    const group = svg("g", { class: `place ${name}` }, svg("rect", { x: x - w / 2, y: y - h / 2, width: w, height: h, rx: plain ? h / 2 : 10 }));
    const words = svg("g", { class: `words ${name}` }, title, detail);
    if (name !== "server") group.append(words); // a server's words stand above the lines that cross it
    this.picture.append(group);
    this.#parts[`${side}${name}`] = { group, words, title, detail };
  }

  #edge(side, name, sides) {
    const e = edges[name];
    if (e.across && sides < 2) return;
    const line = this.#line(side, name);
    const path = svg("polyline", { points: line.map((p) => `${p.x},${p.y}`).join(" "), class: `edge ${name}`, "marker-end": "url(#head)" });
    this.tracks.append(path);
    this.#parts[`${side}${name}`] = { path, line };
    if (e.label) {
      const [a, b] = [line.at(-2), line.at(-1)];
      const middle = { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
      const label = narrow.matches ? { x: middle.x + (middle.x < 165 ? -44 : 44), y: middle.y + 4 } : { x: middle.x, y: middle.y + (this.at(side, "program").y < middle.y ? 18 : -8) };
      this.tracks.append(svg("text", { ...label, class: "label" }, e.label));
    }
  }

  // line is the way between the borders of an edge's two places.
  #line(side, name) {
    const e = edges[name];
    const from = this.at(side, e.from);
    const to = this.at(e.across ? 1 - side : side, e.to);
    const a = { ...from };
    const b = { ...to };
    if (e.bend) { // leaves and reaches the program's wall straight
      const key = narrow.matches ? "x" : "y";
      if (e.from === "program") a[key] = b[key]; else b[key] = a[key];
    }
    return [this.#border(a, b, from, e.from), this.#border(b, a, to, e.to)];
  }

  #border(a, b, middle, name) {
    const { w, h } = this.sizeOf(name);
    const gap = 4;
    if (Math.abs(b.x - a.x) > Math.abs(b.y - a.y)) return { x: middle.x + Math.sign(b.x - a.x) * (w / 2 + gap), y: a.y };
    return { x: a.x, y: middle.y + Math.sign(b.y - a.y) * (h / 2 + gap) };
  }

  // draw brings names, counts and switches up to date.
  draw() {
    const { servers } = this.room.state;
    const told = [];
    servers.slice(0, 2).forEach((s, side) => {
      const account = s.accounts?.[0];
      const inbox = account?.mailboxes?.find((m) => m.name === "INBOX");
      const person = personOf(account?.address || s.name);
      this.#say(side, "program", t("way-program", { name: person }), account?.address || "");
      this.#say(side, "server", s.name, s.up ? "" : t("way-down"));
      this.#say(side, "gate", t("way-in"), "");
      this.#say(side, "inbound", t("way-from-servers"), "");
      this.#say(side, "queue", t("way-queue"), t("way-waiting", { n: s.queue_size ?? s.queue?.length ?? 0 }));
      this.#say(side, "mailbox", t("way-mailbox"), inbox ? t("way-messages", { n: inbox.messages }) : "");
      set(this.#parts[`${side}server`]?.group ?? this.box, "data-down", !s.up);
      set(this.#parts[`${side}server`]?.words ?? this.box, "data-down", !s.up);
      set(this.#parts[`${side}inbound`]?.group ?? this.box, "data-down", !s.up);
      set(this.#parts[`${side}queue`]?.group ?? this.box, "data-full", (s.queue_size || 0) > 0);
      told.push(t(s.up ? "way-told" : "way-told-down", { server: s.name, queue: s.queue_size || 0, messages: inbox?.messages ?? 0 }));
    });
    set(this.picture, "aria-label", [t("way-alt"), ...told].join(" "));
  }

  #say(side, name, title, detail) {
    const part = this.#parts[`${side}${name}`];
    if (!part) return;
    say(part.title, title);
    say(part.detail, detail);
  }

  // happen moves what an event stands for.
  happen(e) {
    const side = this.room.side(e.server);
    if (side < 0 || side > 1) return;
    const s = this.room.sessions.get(e.session);
    if (e.kind === "queue") return this.#queue(side, e.queue.attempt);
    if (!s || (s.protocol === "smtp" && !s.helo)) return; // nobody knows yet who speaks
    const peer = this.room.peer(s);
    const edge = peer ? ["relay", 1 - side] : [s.protocol === "pop3" || s.protocol === "imap" ? "fetch" : "submit", side];
    const fromServer = e.kind === "server" || e.kind === "server-data";
    const back = (edge[0] === "fetch") !== fromServer;
    switch (e.kind) {
      case "client": case "server":
        return this.#move(edge[1], edge[0], `dot ${family(s.protocol)}`, edge[0] === "fetch" ? back : fromServer);
      case "client-data": return this.#move(edge[1], edge[0], "letter", edge[0] === "fetch");
      case "server-data": return this.#move(edge[1], edge[0], "letter", false);
      case "note": return this.#note(side, peer, e.note || {});
    }
  }

  #note(side, peer, n) {
    if (n.kind === "queued") this.#move(side, "enqueue", "letter");
    if (n.kind === "delivered") this.#move(side, peer ? "deliver" : "keep", "letter");
  }

  #queue(side, a) {
    if (!a) return;
    const path = this.#parts[`${side}relay`]?.path;
    if (a.result !== "relayed") flash(path, "refused");
  }

  // move sends a thing along an edge once.
  #move(side, name, look, back = false) {
    const part = this.#parts[`${side}${name}`];
    if (!part || document.hidden) return;
    flash(part.path, "busy");
    if (still.matches || this.#moving.size >= most) return;
    const [a, b] = back ? part.line.toReversed() : part.line;
    const letter = look === "letter";
    const thing = letter ? envelope() : svg("circle", { r: 5, class: look });
    this.traffic.append(thing);
    const begin = performance.now();
    const moving = { stop: () => { thing.remove(); this.#moving.delete(moving); } };
    const frame = (now) => {
      const f = Math.min(Math.max((now - begin) / (letter ? trip.letter : trip.dot), 0), 1);
      const smooth = f * f * (3 - 2 * f);
      set(thing, "transform", `translate(${a.x + (b.x - a.x) * smooth} ${a.y + (b.y - a.y) * smooth})`);
      if (f < 1 && this.#moving.has(moving)) requestAnimationFrame(frame);
      else moving.stop();
    };
    this.#moving.add(moving);
    requestAnimationFrame(frame);
  }
}

// personOf makes a name of an address: "alice@crepes.fr" is Alice's.
export function personOf(address) {
  const local = address.split("@")[0];
  return local.charAt(0).toUpperCase() + local.slice(1);
}

function flash(node, what) {
  if (!node) return;
  node.classList.add(what);
  clearTimeout(node.flashing);
  node.flashing = setTimeout(() => node.classList.remove("busy", "refused"), 900);
}

function arrowHead() {
  return svg("defs", {}, svg("marker", { id: "head", viewBox: "0 0 10 10", refX: 9, refY: 5, markerWidth: 13, markerHeight: 13, markerUnits: "userSpaceOnUse", orient: "auto-start-reverse" },
    svg("path", { d: "M0 0L10 5L0 10z", class: "head" })));
}

function envelope() {
  return svg("g", { class: "letter" }, svg("rect", { x: -15, y: -10, width: 30, height: 20, rx: 2 }), svg("path", { d: "M-15-9L0 3L15-9", fill: "none" }));
}
