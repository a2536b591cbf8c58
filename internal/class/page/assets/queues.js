// The servers' switches and queues, below the picture of the way.

import { el, byId, set, say } from "./dom.js";
import { t, octets, clock } from "./text.js";
import { reply } from "./lines.js";

export class Queues {
  #switches = new Map();
  #drawn = "";

  constructor(room, act) {
    Object.assign(this, { room, act });
  }

  draw() {
    for (const s of this.room.state.servers) this.#power(s);
    const look = JSON.stringify([document.documentElement.lang, this.room.state.servers.map((s) => [s.name, s.queue])]);
    if (look === this.#drawn) return;
    this.#drawn = look;
    const focus = document.activeElement?.dataset?.queue;
    byId("queues").replaceChildren(...this.room.state.servers.filter((s) => s.queue?.length).map((s) => this.#queue(s)));
    if (focus) document.querySelector(`[data-queue="${CSS.escape(focus)}"]`)?.focus();
  }

  #power(s) {
    let button = this.#switches.get(s.name);
    if (!button) {
      button = el("button", { "data-server": s.name, onclick: () => {
        const now = this.room.state.servers.find((x) => x.name === s.name);
        this.act((server) => server.power(s.name, !now.up));
      } });
      this.#switches.set(s.name, button);
      byId("powers").append(button);
    }
    set(button, "aria-pressed", s.up ? "false" : "true");
    say(button, t(s.up ? "take-down" : "bring-up", { server: s.name }));
  }

  #queue(s) {
    return el("section", { class: "queue" },
      el("div", { class: "row spread" },
        el("h3", {}, t("queue-of", { server: s.name, n: s.queue_size })),
        el("button", { "data-queue": s.name, onclick: () => this.act((server) => server.tryNow(s.name, 0)) }, t("try-now"))),
      el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("queue-of", { server: s.name, n: s.queue_size }) },
        el("table", { class: "stacked" },
          el("thead", {}, el("tr", {}, ["queue-message", "queue-to", "queue-attempts", "queue-next"].map((k) => el("th", { scope: "col" }, t(k))))),
          el("tbody", {}, s.queue.slice(0, 20).map((q) => this.#entry(q))))));
  }

  #entry(q) {
    const attempts = q.history?.length ? q.history : q.last_reply ? [{ time: q.last_try, text: q.last_reply }] : [];
    return el("tr", {},
      el("td", {}, t("queue-entry", { from: q.from || t("nobody"), n: octets(q.octets) })),
      el("td", {}, q.to),
      el("td", {}, t("attempts", { n: q.attempts }),
        attempts.length ? el("ol", { class: "small" }, attempts.slice(-5).map((a) => el("li", {}, `${clock(a.time).slice(0, 8)} ${reply(a)}`))) : null),
      el("td", {}, q.next_try ? clock(q.next_try).slice(0, 8) : ""));
  }
}
