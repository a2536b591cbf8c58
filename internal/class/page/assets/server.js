// Requests to the server. Those that change something carry the token.

import { token } from "./prefs.js";

export class Refused extends Error {
  constructor(key, detail) {
    super(key);
    Object.assign(this, { key, detail });
  }
}

async function ask(path, options) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Refused("offline", "");
  }
  if (answer.ok) return answer.json();
  let body = {};
  try { body = await answer.json(); } catch { /* not from our server's page */ }
  throw new Refused(body.error || "internal", body.detail || "");
}

const query = (values) => new URLSearchParams(values).toString();

// state leaves the sessions out where events have told of them.
export const state = (sessions = true) => ask(sessions ? "/state" : "/state?sessions=no");
export const messages = (server) => ask(`/messages?${query({ server })}`);
export const message = (server, id) => ask(`/message?${query({ server, id })}`);
export const catalogue = (lang) => ask(`/explain?${query({ lang })}`);
export const explainLine = (protocol, from, text) => ask(`/explain/line?${query({ protocol, from, text })}`);

const post = (path, body) => ask(path, {
  method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json", "X-Posthorn-Token": token() },
});

export const power = (server, up) => post("/server", { server, up });
export const armFault = (fault) => post("/fault", { arm: fault });
export const removeFault = (id) => post("/fault", { remove: id });
export const clearFaults = () => post("/fault", { clear: true });
export const reveal = (on) => post("/reveal", { on });
export const tryNow = (server, id) => post("/queue", { server, id });
export const show = (script) => post("/show", { script });
