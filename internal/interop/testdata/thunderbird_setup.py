"""Let Thunderbird set two accounts up from their addresses alone: the PROFILE
of a running one, then CA ALICE BOB PASSWORD SHOTS.

Goes through Thunderbird's own dialog (its Account Hub) as a person does: name
and address, what was found, the password. Alice reads by IMAP, Bob by POP3.
Alice writes to Bob, who reads it, and Bob to Alice. Prints what was found as a
line of JSON for each account.
"""
import json
import sys

from marionette import PRELUDE, SEND_NOW, Camera, Marionette

profile, ca, alice, bob, password, shots = sys.argv[1:]

TRUST = """
const [pem] = args;
const db = Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB);
db.addCertFromBase64(pem.replace(/-----[A-Z ]+-----|\\s/g, ""), "CT,,");
done(true);
"""

# One look at the dialog, and the step that it waits for. It gives the id of the
# view that shows, and what was found.
STEP = PRELUDE + """
const [address, password, kind, pictured] = args;
const w = Services.wm.getMostRecentWindow("mail:3pane");
const hub = w.document.querySelector("account-hub-container");
const email = hub?.shadowRoot?.querySelector("account-hub-email") ?? w.document.querySelector("account-hub-email") ?? hub?.modal?.querySelector("account-hub-email");
if (!email) { done({ view: "none" }); return; }
if (email.classList.contains("busy")) { done({ view: "busy" }); return; }
const view = [...email.querySelectorAll(".account-hub-step, [id$=Subview]")].find(v => !v.hidden && v.id.endsWith("Subview"));
if (!view) { done({ view: "none" }); return; }
const forward = email.querySelector("account-hub-footer #forward");
const type = (selector, text) => {
  const input = view.querySelector(selector);
  if (input.value == text) return;
  input.value = text;
  input.dispatchEvent(new w.Event("input", { bubbles: true }));
};
const answer = { view: view.id };
switch (view.id) {
  case "emailAutoConfigSubview":
    type("#realName", address.split("@")[0]);
    type("#email", address);
    break;
  case "emailConfigFoundSubview": {
    const choice = view.querySelector("#" + kind + " input");
    if (!choice.checked) choice.click();
    const { incoming, incomingAlternatives, outgoing } = view.captureState();
    const told = s => ({ type: s.type, host: s.hostname, port: s.port, tls: s.socketType, user: s.username });
    answer.found = { incoming: told(incoming), outgoing: told(outgoing) };
    answer.alternatives = incomingAlternatives.length;
    break;
  }
  case "emailPasswordSubview":
    type("#password", password);
    break;
}
answer.forward = !forward.disabled && !forward.hidden;
if (answer.forward && (view.id != "emailConfigFoundSubview" || pictured)) forward.click();
done(answer);
"""

ACCOUNT = PRELUDE + """
const [address] = args;
const account = MailServices.accounts.accounts.find(a => a.defaultIdentity?.email == address);
if (!account) { done(null); return; }
const s = account.incomingServer;
const out = MailServices.outgoingServer.getServerByKey(account.defaultIdentity.smtpServerKey).QueryInterface(Ci.nsISmtpServer);
done({
  incoming: { type: s.type, host: s.hostname, port: s.port, tls: s.socketType, user: s.username },
  outgoing: { type: "smtp", host: out.hostname, port: out.port, tls: out.socketType, user: out.username },
});
"""

SEND = PRELUDE + """
const [from, to, subject] = args;
const account = MailServices.accounts.accounts.find(a => a.defaultIdentity?.email == from);
const fields = Cc["@mozilla.org/messengercompose/composefields;1"].createInstance(Ci.nsIMsgCompFields);
fields.from = from;
fields.to = to;
fields.subject = subject;
fields.body = "Set up by itself.\\r\\n";
const params = Cc["@mozilla.org/messengercompose/composeparams;1"].createInstance(Ci.nsIMsgComposeParams);
params.composeFields = fields;
params.identity = account.defaultIdentity;
params.format = Ci.nsIMsgCompFormat.PlainText;
MailServices.compose.OpenComposeWindowWithParams(null, params);
done(true);
"""

READ = PRELUDE + """
const [address, subject] = args;
const account = MailServices.accounts.accounts.find(a => a.defaultIdentity?.email == address);
const inbox = account.incomingServer.rootFolder.getFolderWithFlags(Ci.nsMsgFolderFlags.Inbox);
if (!inbox) { account.incomingServer.performExpand(null); done(false); return; }
if (account.incomingServer.type == "pop3") account.incomingServer.getNewMessages(inbox, null, null);
else inbox.updateFolder(null);
done([...inbox.messages].some(m => m.mime2DecodedSubject == subject));
"""

camera = Camera(shots)
m = Marionette(profile)
camera.until("the main window", lambda: m.script("done(!!Services.wm.getMostRecentWindow('mail:3pane')?.openAccountHub);"))
with open(ca) as f:
    m.script(TRUST, f.read())


def set_up(address, kind):
    found, seen = {}, []
    m.script("Services.wm.getMostRecentWindow('mail:3pane').openAccountHub('MAIL'); done(true);")

    def step():
        answer = m.script(STEP, address, password, kind, bool(found))
        if not seen or seen[-1] != answer["view"]:
            seen.append(answer["view"])
        if "found" in answer and not found:
            found.update(answer["found"])
            camera.shoot("found-" + kind)
        return answer["view"] == "emailAddedSuccessSubview" and answer.get("forward")

    try:
        camera.until("%s is set up" % address, step)
    except SystemExit as e:
        sys.exit("%s: %s: %s" % (e, seen, m.script("done([...Services.wm.getMostRecentWindow('mail:3pane').document.querySelectorAll('account-hub-email')].map(e => e.innerText).join(' '));")))
    account = camera.until("the account of " + address, lambda: m.script(ACCOUNT, address))
    print(json.dumps({"address": address, "found": found, "account": account}), flush=True)


def write(sender, to, subject):
    m.script(SEND, sender, to, subject)
    camera.until("the window to write in", lambda: m.script("done(!!Services.wm.getMostRecentWindow('msgcompose'));"))
    camera.until("the message is sent", lambda: m.script(SEND_NOW))
    camera.until(to + " reads it", lambda: m.script(READ, to, subject))


set_up(alice, "imap")
set_up(bob, "pop3")
write(alice, bob, "From the one that IMAP reads")
write(bob, alice, "From the one that POP3 reads")
camera.shoot("read")
