// What the page knows: the server's last State, the events of a bounded past, and where in them one looks.

const kept = 20000; // events; those of pinned sessions stay
const quiet = { phase: "", step: "" };

export class Room {
  state = { servers: [], sessions: [], faults: [], fault_kinds: [], scripts: [], reveal: false, can_reveal: false };
  events = [];
  sessions = new Map(); // by id
  pinned = new Set(); // ids of sessions
  last = 0; // the number of the newest event
  at = null; // the number of the event up to which one looks; null: live

  // learn takes a State. Events may have come already that are newer than it.
  learn(state) {
    this.state = state;
    for (const s of state.sessions) {
      const known = this.sessions.get(s.id) ?? { states: [] };
      const newer = known.states.at(-1)?.seq > state.seq;
      this.sessions.set(s.id, { ...known, ...s, state: newer ? known.state : s.state, closed: known.closed ?? s.closed });
    }
  }

  // add takes an event, and reports whether it was new.
  add(e) {
    if (e.seq <= this.last) return false;
    this.last = e.seq;
    e.time ??= new Date().toISOString();
    this.events.push(e);
    if (e.session) this.#meet(e);
    if (this.events.length > kept * 1.25) this.#forget();
    return true;
  }

  // miss notes that events were lost between the last one and the next.
  miss(n) {
    if (n > 0) this.events.push({ seq: this.last, kind: "skipped", skipped: n, time: new Date().toISOString() });
  }

  #meet(e) {
    let s = this.sessions.get(e.session);
    if (!s) {
      s = { id: e.session, server: e.server, protocol: e.protocol, remote: e.remote, opened: e.time, states: [], state: quiet };
      this.sessions.set(s.id, s);
    }
    if (e.state) {
      s.states.push({ seq: e.seq, state: e.state });
      s.state = e.state;
    }
    if (e.kind === "tls") s.tls = e.tls;
    if (e.kind === "login") s.user = e.text;
    if (e.kind === "close") s.closed = e.time;
    if (e.kind === "open") s.shown = e.shown;
    const hello = e.kind === "client" && /^(?:EHLO|HELO) +(\S+)/i.exec(e.text);
    if (hello) s.helo = hello[1];
  }

  #forget() {
    const cut = this.events.length - kept;
    this.events = this.events.filter((e, i) => i >= cut || this.pinned.has(e.session));
    const oldest = this.events[0]?.seq ?? 0;
    for (const [id, s] of this.sessions) {
      if (s.closed && !this.pinned.has(id) && s.states.every((x) => x.seq < oldest)) this.sessions.delete(id);
    }
    if (this.at !== null) this.at = Math.max(this.at, oldest);
  }

  // now is the number of the event up to which one looks.
  get now() { return this.at ?? this.last; }

  // stateOf is a session's state at an event.
  stateOf(s, at = this.at) {
    if (at === null) return s.state;
    let found = quiet;
    for (const x of s.states) if (x.seq <= at) found = x.state;
    return found;
  }

  // openAt: the session was open at that event.
  closedAt(s) {
    if (this.at === null) return Boolean(s.closed) || s.state.phase === "closed";
    return this.stateOf(s).phase === "closed";
  }

  // peer is who speaks to a server: another server's relay, which says its name, or a program (empty).
  peer(s) {
    if (s.protocol !== "smtp" || !s.helo) return "";
    const other = this.state.servers.find((x) => x.name === s.helo);
    return other && other.name !== s.server ? other.name : "";
  }

  side(name) { return this.state.servers.findIndex((x) => x.name === name); }
}

// family is the protocol as the catalogue of explanations names it.
export const family = (protocol) => (protocol === "submission" ? "smtp" : protocol);
