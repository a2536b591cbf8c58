// What a transcript shows of an event: the rows, in the language that is spoken.

import { t, knows, named, octets } from "./text.js";
import { family } from "./room.js";

const refusals = { smtp: /^[45]\d\d/, pop3: /^-ERR/, imap: /^(\S+ (NO|BAD)\b|\* BYE)/ };

// rows are those of an event. view is "programs" or "eavesdropper".
export function rows(e, view) {
  const out = view === "eavesdropper" ? overheard(e) : said(e);
  return out.map((r, i) => ({ decoded: "", ...r, key: `${e.seq}-${e.kind}-${i}`, event: e }));
}

function said(e) {
  switch (e.kind) {
    case "client":
    case "server":
      return [{ kind: e.kind, refused: refused(e), text: e.reveal?.raw ?? e.text ?? "", decoded: decoded(e) }];
    case "client-data":
    case "server-data":
      return data(e).map((text) => ({ kind: e.kind.slice(0, 6), data: true, text }));
    case "tls":
      return [{ kind: "tls", text: sentence(e) }];
    case "note":
    case "skipped":
      return [{ kind: e.kind, text: sentence(e) }];
    default:
      return [{ kind: "event", text: sentence(e) }];
  }
}

// overheard is what somebody on the line between the two has seen.
function overheard(e) {
  const wire = ["client", "server", "client-data", "server-data", "hidden"].includes(e.kind);
  if (wire && e.encrypted) {
    const kind = (e.kind === "hidden" ? e.from : e.kind.slice(0, 6)) || "server";
    return [{ kind, hidden: true, text: t("cipher", { n: octets(e.octets || 0) }) }];
  }
  if (wire) return said(e).map((r) => ({ ...r, bare: Boolean(e.masked || r.decoded), decoded: r.decoded || (e.masked ? t("masked-here") : "") }));
  return ["open", "close", "tls", "skipped"].includes(e.kind) ? said(e) : [];
}

const decoded = (e) => (e.reveal?.decoded ? t("decoded", { text: e.reveal.decoded }) : "");

function data(e) {
  const lines = (e.text || "").split("\n").map((l) => l.replace(/\r$/, ""));
  if (lines.length > 1 && lines.at(-1) === "") lines.pop();
  return lines;
}

export function refused(e) {
  return e.kind === "server" && Boolean(refusals[family(e.protocol)]?.test(e.text || ""));
}

// sentence says in words what happened.
export function sentence(e) {
  switch (e.kind) {
    case "open": return t(e.shown ? "event-open-shown" : "event-open", { server: e.server, protocol: named("protocol", e.protocol), remote: e.remote || "", script: e.shown || "" });
    case "close": return e.text ? t("event-close-why", { why: e.text }) : t("event-close");
    case "login": return t("event-login", { user: e.text });
    case "hidden": return t("event-hidden", { n: octets(e.octets || 0) });
    case "tls": return t(e.tls?.implicit ? "event-tls-implicit" : "event-tls", { version: e.tls?.version, cipher: e.tls?.cipher });
    case "note": return note(e.note || {});
    case "queue": return attempt(e);
    case "switch": return change(e);
    case "skipped": return t(e.unseen ? "skipped-sessions" : e.session ? "skipped-here" : "skipped", { n: e.skipped || 0, sessions: e.unseen });
    default: return e.text || e.kind;
  }
}

function note(n) {
  if (n.kind === "fault") {
    const [protocol, kind, ...rest] = (n.text || "").split(" ");
    return t("note-fault", { fault: fault({ protocol, kind, command: rest.find((w) => !/^\d+$/.test(w)), code: rest.find((w) => /^\d+$/.test(w)) }) });
  }
  if (n.kind === "other" || !knows(`note-${n.kind}`)) return n.text || n.kind;
  const text = t(`note-${n.kind}`, {
    id: n.id, queue: n.queue, account: n.account, mailbox: n.mailbox || n.account, text: n.text, tomailbox: n.to_mailbox, uids: n.uids, touids: n.to_uids,
    flags: n.flags, to: n.to, count: n.count ?? 0, octets: octets(n.octets || 0), uidvalidity: n.uidvalidity,
  }).trimEnd();
  return n.modseq ? `${text} ${t("note-modseq", { n: n.modseq })}` : text;
}

function attempt(e) {
  const a = e.queue?.attempt || {};
  const key = { relayed: "queue-relayed", later: "queue-later", failed: "queue-failed" }[a.result] || "queue-other";
  return t(key, { server: e.server, to: e.queue?.to, hop: a.hop, reply: reply(a) });
}

// reply is what the next hop said.
export const reply = (a) => [a.code || "", a.status || "", a.text || ""].filter(Boolean).join(" ");

function change(e) {
  const s = e.switch || {};
  const key = `switch-${s.kind}`;
  return knows(key) ? t(key, { server: e.server || "", fault: s.fault ? fault(s.fault) : "" }) : s.kind;
}

// fault names a fault on demand.
export function fault(f) {
  const what = f.kind === "reply" ? t("fault-reply-at", { code: f.code, command: f.command }) : named(`fault-${f.protocol}`, f.kind);
  return `${named("protocol", f.protocol)}: ${what}`;
}
