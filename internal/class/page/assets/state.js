// Where a session stands in its protocol, as a picture that moves with it, and the session's facts.

import { el, svg, set, say, byId } from "./dom.js";
import { t, named, moment } from "./text.js";
import { family } from "./room.js";

// The states of each protocol: where they stand (in cells), and the arrows between them.
const charts = {
  smtp: {
    states: { handshake: [0, 0], transfer: [1, 0], closure: [2, 0] },
    steps: { handshake: ["tls", "auth"], transfer: ["mail", "rcpt", "data", "done"], closure: [] },
    arrows: [["handshake", "transfer"], ["transfer", "closure"]],
  },
  pop3: {
    states: { authorization: [0, 0], transaction: [1, 0], update: [2, 0] },
    steps: { authorization: ["tls", "user", "auth"], transaction: [], update: [] },
    arrows: [["authorization", "transaction"], ["transaction", "update"]],
  },
  imap: {
    states: { "not-authenticated": [0, 0], authenticated: [1, 0], selected: [1, 1], logout: [2, 0] },
    steps: { "not-authenticated": ["tls", "auth"], authenticated: [], selected: ["idle", "append"], logout: [] },
    arrows: [["not-authenticated", "authenticated"], ["authenticated", "selected"], ["selected", "authenticated"], ["authenticated", "logout"]],
  },
};
const cell = { w: 150, h: 150, box: 128, head: 40, step: 24 };

export class StatePicture {
  #protocol = "";
  #language = "";
  #told = "";
  #boxes = new Map();

  constructor(box, room) {
    this.box = box;
    this.room = room;
    this.holder = el("div", { class: "chart" });
    this.none = el("p", { class: "quiet" });
    this.facts = byId("facts");
    box.append(this.holder, this.none);
  }

  // draw shows a session as it was at an event (null: as it is); none: says so.
  draw(s, at) {
    if (!s) {
      this.#protocol = "";
      this.holder.replaceChildren();
      this.facts.replaceChildren();
      this.#told = "";
      say(this.none, t("no-session"));
      return;
    }
    say(this.none, "");
    const protocol = family(s.protocol);
    if (protocol !== this.#protocol || document.documentElement.lang !== this.#language) this.#build(protocol);
    const state = this.room.stateOf(s, at);
    const phase = state.phase === "closed" ? this.#lastPhase(s, at) : state.phase;
    for (const [name, { group, steps }] of this.#boxes) {
      set(group, "data-now", name === phase);
      set(group, "data-over", state.phase === "closed");
      for (const [step, node] of steps) set(node, "data-now", name === phase && step === state.step);
    }
    this.#moveMarker(phase, state.phase === "closed");
    set(this.picture, "aria-label", t("state-alt", { protocol: named("protocol", protocol), state: named("phase", state.phase), step: state.step ? named("step", state.step) : "" }));
    this.#facts(s, state);
  }

  #lastPhase(s, at) {
    return s.states.findLast((x) => x.state.phase !== "closed" && (at === null || x.seq <= at))?.state.phase ?? "";
  }

  #build(protocol) {
    const chart = charts[protocol];
    this.#protocol = protocol;
    this.#language = document.documentElement.lang;
    this.#boxes.clear();
    const rows = Math.max(...Object.values(chart.states).map(([, r]) => r)) + 1;
    const tallest = Math.max(...Object.values(chart.steps).map((s) => s.length));
    const high = rows === 1 ? cell.head + tallest * cell.step + 34 : 290;
    this.picture = svg("svg", { class: `states ${protocol}`, viewBox: `0 0 ${cell.w * 3} ${high}`, role: "img" });
    for (const [from, to] of chart.arrows) this.picture.append(this.#arrow(chart, from, to));
    for (const [name, [column, row]] of Object.entries(chart.states)) this.picture.append(this.#state(name, chart.steps[name], this.#corner(column, row)));
    this.marker = svg("circle", { r: 8, class: "marker" });
    this.picture.append(this.marker);
    this.holder.replaceChildren(this.picture);
  }

  #corner(column, row) {
    return { x: column * cell.w + (cell.w - cell.box) / 2, y: 18 + row * 150 };
  }

  #state(name, steps, { x, y }) {
    const h = cell.head + steps.length * cell.step + (steps.length ? 6 : 0);
    const group = svg("g", { class: "state" }, svg("rect", { x, y, width: cell.box, height: h, rx: 9 }),
      svg("text", { x: x + cell.box / 2, y: y + 26, class: "name" }, named("phase", name)));
    const drawn = new Map();
    steps.forEach((step, i) => {
      const node = svg("g", { class: "step" },
        svg("rect", { x: x + 8, y: y + cell.head + i * cell.step, width: cell.box - 16, height: cell.step - 3, rx: 5 }),
        svg("text", { x: x + cell.box / 2, y: y + cell.head + i * cell.step + 15 }, named("step", step)));
      group.append(node);
      drawn.set(step, node);
    });
    this.#boxes.set(name, { group, steps: drawn, x, y });
    return group;
  }

  #arrow(chart, from, to) {
    const [a, b] = [this.#corner(...chart.states[from]), this.#corner(...chart.states[to])];
    if (a.y === b.y) return svg("line", { class: "edge", x1: a.x + cell.box, y1: a.y + 20, x2: b.x - 3, y2: b.y + 20, "marker-end": "url(#head)" });
    const down = a.y < b.y;
    const x = a.x + cell.box / 2 + (down ? -14 : 14);
    return svg("line", { class: "edge", x1: x, x2: x, y1: down ? a.y + cell.head : a.y, y2: down ? b.y - 3 : b.y + cell.head + 3, "marker-end": "url(#head)" });
  }

  #moveMarker(phase, over) {
    const b = this.#boxes.get(phase);
    set(this.marker, "visibility", b && !over ? "visible" : "hidden");
    if (b) this.marker.style.transform = `translate(${b.x + cell.box / 2}px, ${b.y}px)`;
  }

  #facts(s, state) {
    const rows = [
      [t("server"), s.server], [t("protocol"), named("protocol", s.protocol)], [t("session"), s.id], [t("from-address"), s.remote],
      [t("user"), s.user], [t("state"), named("phase", state.phase)],
      [t("envelope-from"), state.from], [t("envelope-to"), state.to?.join(", ")],
      [t("mailbox"), state.mailbox && (state.read_only ? t("read-only", { mailbox: state.mailbox }) : state.mailbox)],
      [t("marked"), state.deleted], [t("accepted"), state.messages],
      [t("script"), s.shown], [t("reason"), s.reason],
    ];
    const look = JSON.stringify([document.documentElement.lang, rows, s.tls]);
    if (look === this.#told) return;
    this.#told = look;
    this.facts.replaceChildren(facts(rows), s.tls ? tlsFacts(s.tls) : el("p", { class: "bad" }, t("no-tls")));
  }
}

// facts is a list of names and values; those without value are left out.
export function facts(rows) {
  const list = el("dl", { class: "facts" });
  for (const [name, value] of rows) {
    if (value !== undefined && value !== null && value !== "" && value !== false && value !== 0) list.append(el("dt", {}, name), el("dd", {}, String(value)));
  }
  return list;
}

// tlsFacts says what was agreed in the handshake.
export function tlsFacts(tls) {
  return el("details", { open: true }, el("summary", { class: "good" }, t("tls-summary", { version: tls.version })), facts([
    [t("tls-when"), t(tls.implicit ? "tls-implicit" : "tls-upgraded", { time: moment(tls.time) })],
    [t("tls-cipher"), tls.cipher], [t("tls-group"), tls.group], [t("tls-name"), tls.server_name],
    [t("tls-subject"), tls.subject || tls.names?.join(", ")], [t("tls-names"), tls.names?.join(", ")], [t("tls-issuer"), tls.issuer],
    [t("tls-until"), tls.not_after && moment(tls.not_after)], [t("tls-fingerprint"), tls.fingerprint],
  ]));
}
