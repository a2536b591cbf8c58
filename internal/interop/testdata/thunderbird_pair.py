"""Drive two Thunderbirds on one account: PROFILE HOME of each, then HOST BASE ALICE PASSWORD.

What one does to a message the other must come to see, while it does nothing
but keep INBOX open. For each step it prints how long that took. HOME has
Thunderbird's own log of IMAP.
"""
import glob
import json
import os
import re
import sys
import time

from marionette import PRELUDE, SETUP, Marionette

profile_a, home_a, profile_b, home_b, host, base, alice, password = sys.argv[1:]
base = int(base)
PATIENCE = 60  # seconds for a step, on a machine that does other things too

OPEN = PRELUDE + """
const server = MailServices.accounts.defaultAccount.incomingServer;
const inbox = [...server.rootFolder.descendants].find(f => f.isSpecialFolder(Ci.nsMsgFolderFlags.Inbox));
const projects = [...server.rootFolder.descendants].find(f => f.name == "Projects");
if (!inbox || !projects) { server.performExpand(null); done(false); return; }
const w = Services.wm.getMostRecentWindow("mail:3pane");
const about = w.document.getElementById("tabmail").currentAbout3Pane;
if (!about || !about.displayFolder) { done(false); return; }
about.displayFolder(inbox.URI);
done(true);
"""

# The messages as the profile has them. With look, it looks into the folders but
# INBOX, which it watches.
STATE = PRELUDE + """
const [look] = args;
const server = MailServices.accounts.defaultAccount.incomingServer;
const state = {};
for (const f of server.rootFolder.descendants) {
  const inbox = f.isSpecialFolder(Ci.nsMsgFolderFlags.Inbox);
  if (!inbox && f.name != "Projects" && !f.isSpecialFolder(Ci.nsMsgFolderFlags.Trash)) continue;
  if (look && !inbox) f.updateFolder(null);
  const name = inbox ? "INBOX" : f.name == "Projects" ? "Projects" : "Trash";
  for (const m of f.messages) {
    if (m.flags & Ci.nsMsgMessageFlags.IMAPDeleted) continue;
    const marks = [m.isRead ? "read" : "", m.isFlagged ? "starred" : "",
      m.getStringProperty("keywords").split(" ").filter(k => k == "$label1").join("")];
    (state[name] ||= {})[m.mime2DecodedSubject] = marks.filter(x => x).join(" ");
  }
}
done(state);
"""

ACT = PRELUDE + """
const [what, subject] = args;
const server = MailServices.accounts.defaultAccount.incomingServer;
const folders = [...server.rootFolder.descendants];
const inbox = folders.find(f => f.isSpecialFolder(Ci.nsMsgFolderFlags.Inbox));
const m = [...inbox.messages].find(m => m.mime2DecodedSubject == subject);
const w = Services.wm.getMostRecentWindow("mail:3pane");
switch (what) {
  case "read": inbox.markMessagesRead([m], true); break;
  case "unread": inbox.markMessagesRead([m], false); break;
  case "star": inbox.markMessagesFlagged([m], true); break;
  case "tag": inbox.addKeywordsToMessages([m], "$label1"); break;
  case "delete": inbox.deleteMessages([m], w.msgWindow, false, false, null, false); break;
  case "move":
    MailServices.copy.copyMessages(inbox, [m], folders.find(f => f.name == "Projects"), true, null, w.msgWindow, false);
    break;
}
done(true);
"""


def idles(home):
    """Whether INBOX's connection, and any other that has a mailbox open, waits for news.

    Thunderbird reads no more than is there when it looks: of compressed octets
    it may leave some lying until the next come (nsMsgCompressIStream's
    Available counts octets that are not inflated). So nothing is done while it
    is about to wait, as a person would hardly hit that moment either.
    """
    waits = {}  # by connection: its mailbox, and whether it waits
    for name in glob.glob(os.path.join(home, "imap.log*")):
        with open(name, encoding="utf-8", errors="replace") as log:
            for line in log:
                said = re.search(r"I/IMAP ([0-9a-f]+):127\.0\.0\.1:(NA|A|S-[^:]*):(.*)", line)
                if not said or "CreateNewLine" in line:
                    continue
                connection, state, what = said.groups()
                if not state.startswith("S-"):
                    waits.pop(connection, None)
                else:
                    waits[connection] = (state, "idle mode async waiting" in what)
    return ("S-INBOX", True) in waits.values() and all(w for _, w in waits.values())


def until(what, attempt):
    end = time.monotonic() + PATIENCE
    while True:
        value = attempt()
        if value:
            return value
        if time.monotonic() > end:
            sys.exit("gave up waiting: %s; A has %s, B %s" % (what, json.dumps(a.script(STATE, False)), json.dumps(b.script(STATE, False))))
        time.sleep(0.2)


a, b = Marionette(profile_a), Marionette(profile_b)
for m in a, b:
    until("the main window", lambda: m.script("done(!!Services.wm.getMostRecentWindow('mail:3pane'));"))
    m.script(SETUP, host, base + 143, base + 587, alice, password)
for m in a, b:
    until("INBOX", lambda: m.script(OPEN))


def both_idle():
    until("both idle", lambda: idles(home_a) and idles(home_b))


want = {"INBOX": dict.fromkeys(["one", "two", "three", "four", "five"], "")}


def both_have(what, mailboxes):
    """Wait until both profiles have what is wanted of these mailboxes."""
    began = time.monotonic()
    for m in a, b:
        until(what, lambda: all(m.script(STATE, False).get(box) == want.get(box) for box in mailboxes))
    print("%s: %.1f s" % (what, time.monotonic() - began), flush=True)


def act(who, what, subject):
    both_idle()
    who.script(ACT, what, subject)
    if what == "delete":
        want.setdefault("Trash", {})[subject] = want["INBOX"].pop(subject)
    elif what == "move":
        want.setdefault("Projects", {})[subject] = want["INBOX"].pop(subject)
    else:
        mark = {"read": "read", "unread": "", "star": "starred", "tag": "$label1"}[what]
        want["INBOX"][subject] = mark
    both_have("%s %s" % (what, subject), ["INBOX"])


both_have("both see the mailbox", ["INBOX"])
act(a, "read", "one")
act(b, "star", "two")
act(a, "tag", "three")
act(b, "unread", "one")
act(a, "move", "two")
act(b, "delete", "four")
act(b, "move", "three")
act(a, "delete", "five")
both_idle()
for m in a, b:
    m.script(STATE, True)
both_have("both have all of it", ["INBOX", "Projects", "Trash"])
print(json.dumps(want))
