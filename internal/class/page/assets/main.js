// The class page: reads what there is, follows what happens, and draws it.

import { byId, el, set, say } from "./dom.js";
import * as text from "./text.js";
import * as prefs from "./prefs.js";
import * as feed from "./feed.js";
import * as server from "./server.js";
import { Room } from "./room.js";
import { Transcript, place } from "./transcript.js";
import { Player } from "./player.js";
import { Way } from "./way.js";
import { StatePicture } from "./state.js";
import { Explanation } from "./explanation.js";
import { Sessions, fillFilters, offer } from "./sessions.js";
import { Queues } from "./queues.js";
import { Messages } from "./message.js";
import { Coder } from "./coder.js";
import { Faults } from "./faults.js";
import { Codes } from "./codes.js";
import { Catalogue } from "./catalogue.js";

const { t } = text;
const frame = 100; // milliseconds between drawings, however much happens
const stateful = ["note", "queue", "switch", "login", "close"]; // kinds of events after which the servers' state is read
const small = matchMedia("(width < 50rem)"); // what a line means stands below the lines
const keys = [["tab", "tab"], ["arrows", "arrows"], ["enter", "enter"], ["space", "space"], ["escape", "escape"]]; // and what they do
const tabs = ["live", "messages", "faults", "codes"];

class Page {
  room = new Room();
  catalogue = new Catalogue();
  #dirty = false;
  #connection = "connecting";
  #buffer = []; // what comes before the past has been read; null afterwards
  #stateTimer = 0;
  #tab = "live";

  async start() {
    prefs.takeTokenFromAddress();
    await text.load();
    text.speak(prefs.language());
    this.room.learn(await server.state());
    await this.catalogue.load();
    this.#build();
    this.#notice(prefs.takeNotice());
    this.#listen();
    this.#speak();
    feed.open((events, skipped) => this.#receive(events, skipped), (status) => this.#connected(status));
  }

  #build() {
    const act = (what) => this.#act(what);
    this.transcript = new Transcript(this.room, (row) => this.#explain(row));
    this.player = new Player(this.room, {
      next: (seq) => this.transcript.after(seq), left: (seq) => this.transcript.left(seq),
      passed: (e) => this.way.happen(e), moved: () => this.#moved(),
    });
    this.way = new Way(byId("way"), this.room);
    this.picture = new StatePicture(byId("state"), this.room);
    this.explanation = new Explanation(this.catalogue);
    this.sessions = new Sessions(this.room, this.transcript, (id) => this.#choose(id));
    this.queues = new Queues(this.room, act);
    this.messages = new Messages(this.room, (problem) => this.#trouble(problem));
    this.coder = new Coder();
    this.faults = new Faults(this.room, act);
    this.codes = new Codes(this.room, this.catalogue, (script) => this.#show(script));
  }

  #listen() {
    const press = (id, what) => byId(id).addEventListener("click", what);
    const change = (id, what) => byId(id).addEventListener("change", what);
    for (const name of tabs) press(`tab-${name}`, () => this.#open(name));
    document.querySelector("[role=tablist]").addEventListener("keydown", (e) => this.#tabKey(e));
    press("language", () => this.#switchLanguage());
    press("theme", () => prefs.keepTheme(prefs.theme() === "dark" ? "light" : "dark"));
    press("size", () => { prefs.keepSize(prefs.size() === "large" ? "normal" : "large"); this.#drawSwitches(); });
    press("pause", () => (this.player.paused ? this.player.resume() : this.player.pause()));
    press("step", () => this.player.step());
    press("replay", () => this.player.replay());
    press("live", () => this.player.live());
    press("pin", () => this.#pin());
    press("download", () => this.#download());
    for (const name of ["protocol", "session", "user"]) change(`filter-${name}`, (e) => this.#filter({ [name]: e.target.value }));
    change("view", (e) => this.#view(e.target.value));
    press("notice-close", () => this.#notice(""));
    press("unlock-button", () => this.#unlock());
    press("unlock-open", () => this.#askForToken(byId("unlock").hidden));
    byId("token").addEventListener("keydown", (e) => {
      if (e.key !== "Enter") return;
      e.preventDefault();
      this.#unlock();
    });
    this.transcript.box.addEventListener("keydown", (e) => {
      const button = { " ": "pause", Escape: "live" }[e.key];
      if (!button) return;
      e.preventDefault();
      byId(button).click();
    });
    document.addEventListener("visibilitychange", () => this.#touch());
  }

  // ---- what comes

  #connected(status) {
    if (status === "open") this.#catchUp();
    this.#connection = status;
    this.#touch();
  }

  // catchUp reads what happened before the stream began, or while it was broken.
  async #catchUp() {
    this.#buffer ??= [];
    try {
      const state = await server.state();
      if (!this.#learn(state)) return;
      await feed.history(this.room.last, (events) => events.forEach((e) => this.room.add(e)));
      const waited = this.#buffer ?? [];
      this.#buffer = null;
      for (const [events, skipped] of waited) this.#receive(events, skipped);
      this.#trouble(null);
      this.#touch();
    } catch (problem) {
      this.#trouble(problem);
      setTimeout(() => this.#catchUp(), 2000);
    }
  }

  #receive(events, skipped) {
    if (this.#buffer) {
      this.#buffer.push([events, skipped]);
      return;
    }
    if (skipped) this.room.miss(skipped);
    let asks = false;
    for (const raw of events) {
      const e = JSON.parse(raw);
      if (!this.room.add(e)) continue;
      asks ||= stateful.includes(e.kind);
      if (this.room.at === null) this.way.happen(e);
    }
    if (asks) this.#readStateSoon();
    this.#touch();
  }

  // learn takes a State; one of another life of the server has the page start over, since all that it has counts
  // differently there.
  #learn(state) {
    if (state.epoch !== this.room.state.epoch) {
      prefs.keepNotice("began-anew");
      location.reload();
      return false;
    }
    this.room.learn(state);
    return true;
  }

  #readStateSoon() {
    this.#stateTimer ||= setTimeout(async () => {
      try {
        this.#learn(await server.state(false));
        if (this.#tab === "messages") await this.messages.refresh();
      } catch {
        // the stream's status says that the server is gone
      }
      this.#stateTimer = 0;
      this.#touch();
    }, 700);
  }

  // ---- what is drawn

  // touch has the page drawn soon, and no more often than a person can see.
  #touch() {
    if (this.#dirty) return;
    this.#dirty = true;
    setTimeout(() => requestAnimationFrame(() => {
      this.#dirty = false;
      this.#draw();
    }), frame);
  }

  #draw() {
    this.#drawSwitches();
    if (this.#tab === "faults") this.faults.draw();
    if (this.#tab !== "live") return;
    this.way.draw();
    this.queues.draw();
    this.sessions.draw();
    fillFilters(this.room, this.transcript.filter);
    this.transcript.draw();
    const read = this.transcript.read;
    const shown = this.#shownSession();
    set(byId("session-text"), "hidden", !shown);
    set(byId("session-text"), "href", shown && `/session/${encodeURIComponent(shown.id)}.txt`);
    this.picture.draw(shown, read?.session ? read.seq : this.room.at);
    place(this.room, this.player.playing);
  }

  #drawSwitches() {
    say(byId("connection"), t(`connection-${this.#connection}`));
    byId("connection").className = `chip ${this.#connection === "open" ? "good" : "warn"}`;
    say(byId("pause"), t(this.player.paused ? "resume" : "pause"));
    set(byId("pause"), "aria-pressed", String(this.player.paused));
    set(byId("live"), "aria-pressed", String(this.room.at === null));
    set(byId("size"), "aria-pressed", String(prefs.size() === "large"));
    const { session } = this.transcript.filter;
    set(byId("pin"), "disabled", !session);
    set(byId("pin"), "aria-pressed", String(this.room.pinned.has(session)));
    set(byId("unlock-open"), "hidden", Boolean(prefs.token()));
    const views = [["programs", t("view-programs")], ["eavesdropper", t("view-eavesdropper")]];
    if (this.room.state.can_reveal) views.splice(1, 0, ["reveal", t("view-reveal")]);
    offer(byId("view"), this.transcript.view === "eavesdropper" ? "eavesdropper" : this.room.state.reveal ? "reveal" : "programs", views);
    say(byId("view-help"), t(`view-help-${byId("view").value || "programs"}`));
  }

  // shownSession is the one whose state is drawn: the one whose line is read, the chosen one, or the one in which
  // something was said last.
  #shownSession() {
    const { filter, read } = this.transcript;
    if (read?.session) return this.room.sessions.get(read.session);
    if (filter.session) return this.room.sessions.get(filter.session);
    for (let i = this.room.events.length - 1; i >= 0; i--) {
      const e = this.room.events[i];
      if (e.seq <= this.room.now && e.session && this.transcript.passes(e)) return this.room.sessions.get(e.session);
    }
    return undefined;
  }

  #moved() {
    this.transcript.follow();
    this.#touch();
  }

  // ---- what is asked for

  #open(name) {
    this.#tab = name;
    for (const other of tabs) {
      const tab = byId(`tab-${other}`);
      set(tab, "aria-selected", String(other === name));
      set(tab, "tabindex", other === name ? "0" : "-1");
      set(byId(`panel-${other}`), "hidden", other !== name);
    }
    if (name === "messages") this.messages.refresh();
    this.#draw();
  }

  #tabKey(e) {
    const at = tabs.indexOf(this.#tab);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[e.key];
    if (to === undefined) return;
    e.preventDefault();
    const name = tabs[(to + tabs.length) % tabs.length];
    this.#open(name);
    byId(`tab-${name}`).focus();
  }

  async #switchLanguage() {
    const next = prefs.languages[(prefs.languages.indexOf(text.language()) + 1) % prefs.languages.length];
    prefs.keepLanguage(next);
    text.speak(next);
    try {
      await this.catalogue.load();
    } catch (problem) {
      this.#trouble(problem);
    }
    this.#speak();
  }

  // speak draws everything in the language that is spoken now.
  #speak() {
    const other = prefs.languages.find((l) => l !== text.language());
    say(byId("language"), text.t("other-language"));
    set(byId("language"), "lang", other);
    set(byId("setup"), "href", `/setup?lang=${text.language()}`);
    byId("view").look = "";
    if (this.noticed) this.#notice(this.noticed);
    byId("keys").replaceChildren(...keys.flatMap(([key, what]) => [el("dt", {}, el("kbd", {}, t(`key-${key}`))), el("dd", {}, t(`keys-${what}`))]));
    for (const view of [this.explanation, this.messages, this.coder, this.codes]) view.draw();
    this.#open(this.#tab);
  }

  #filter(change) {
    this.transcript.show(change);
    this.#touch();
  }

  #choose(id) { this.#filter({ session: id }); }

  #explain(row) {
    this.#touch();
    this.explanation.explain(row).then(() => {
      if (small.matches) byId("explanation").scrollIntoView({ block: "nearest" });
    }, (problem) => this.#trouble(problem));
  }

  #view(name) {
    this.transcript.view = name === "eavesdropper" ? "eavesdropper" : "programs";
    this.transcript.draw();
    this.#drawSwitches();
    if (name !== "eavesdropper" && this.room.state.can_reveal && this.room.state.reveal !== (name === "reveal")) this.#act((s) => s.reveal(name === "reveal"));
    this.#touch();
  }

  #pin() {
    const { session } = this.transcript.filter;
    if (this.room.pinned.has(session)) this.room.pinned.delete(session);
    else this.room.pinned.add(session);
    this.#touch();
  }

  #download() {
    const { session } = this.transcript.filter;
    const link = document.createElement("a");
    link.download = `${session || "posthorn"}.txt`;
    link.href = URL.createObjectURL(new Blob([this.transcript.text()], { type: "text/plain;charset=utf-8" }));
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  #askForToken(open) {
    set(byId("unlock"), "hidden", !open);
    set(byId("unlock-open"), "aria-expanded", String(open));
    if (open) byId("token").focus();
  }

  #unlock() {
    prefs.keepToken(byId("token").value.trim());
    byId("token").value = "";
    this.#askForToken(!prefs.token());
    this.#trouble(null);
    this.#drawSwitches();
    if (prefs.token()) byId("main").focus();
  }

  // act has the server change something, and learns what came of it.
  async #act(what) {
    try {
      const answer = await what(server);
      if (answer.servers && !this.#learn(answer)) return null;
      this.#trouble(null);
      this.#touch();
      return answer;
    } catch (problem) {
      if (problem.key === "token") {
        prefs.keepToken("");
        this.#drawSwitches();
        this.#askForToken(true);
      }
      this.#trouble(problem);
      byId("view").look = "";
      this.#touch();
      return null;
    }
  }

  async #show(script) {
    const shown = await this.#act((s) => s.show(script));
    if (!shown) return;
    this.player.live();
    this.transcript.show({ protocol: "", user: "", session: shown.session });
    this.#open("live");
    byId("lines").focus();
  }

  #notice(key) {
    set(byId("notice"), "hidden", !key);
    this.noticed = key;
    if (key) say(byId("notice").firstElementChild, t(`notice-${key}`));
  }

  #trouble(problem) {
    set(byId("trouble"), "hidden", !problem);
    say(byId("trouble"), problem ? text.named("trouble", problem.key || "internal") : "");
    if (problem && !problem.key) console.error(problem);
  }
}

new Page().start();
