"""Drive Thunderbird in a real window: the PROFILE of a running one, then HOST BASE ALICE PASSWORD FILE SHOTS.

Sets alice's account up (IMAP and SMTP with STARTTLS), sends FILE as an
attachment to alice herself under a Vietnamese subject, waits for it to arrive
in the INBOX, reads it back whole over IMAP, saves that to FILE.read, and takes
screenshots into the folder SHOTS on the way.
"""
import os
import sys
import time

from marionette import PRELUDE, SEND_NOW, SETUP, Camera, Marionette

profile, host, base, alice, password, file, shots = sys.argv[1:]
base = int(base)
SUBJECT = "Thư có tệp đính kèm: mười megabyte"


SEND = PRELUDE + """
const [subject, to, path] = args;
const fields = Cc["@mozilla.org/messengercompose/composefields;1"].createInstance(Ci.nsIMsgCompFields);
fields.to = to;
fields.subject = subject;
fields.body = "Xin chào!\\r\\n\\r\\nTệp ở dưới.\\r\\n";
const file = Cc["@mozilla.org/file/local;1"].createInstance(Ci.nsIFile);
file.initWithPath(path);
const attachment = Cc["@mozilla.org/messengercompose/attachment;1"].createInstance(Ci.nsIMsgAttachment);
attachment.url = Services.io.newFileURI(file).spec;
attachment.name = file.leafName;
fields.addAttachment(attachment);
const params = Cc["@mozilla.org/messengercompose/composeparams;1"].createInstance(Ci.nsIMsgComposeParams);
params.composeFields = fields;
params.identity = MailServices.accounts.defaultAccount.defaultIdentity;
params.format = Ci.nsIMsgCompFormat.PlainText;
MailServices.compose.OpenComposeWindowWithParams(null, params);
done(true);
"""

FIND = PRELUDE + """
const [subject] = args;
const server = MailServices.accounts.defaultAccount.incomingServer;
let inbox = null;
for (const f of server.rootFolder.descendants) {
  if (f.isSpecialFolder(Ci.nsMsgFolderFlags.Inbox)) inbox = f;
}
if (!inbox) { server.performExpand(null); done(null); return; }
inbox.updateFolder(null);
for (const m of inbox.messages) {
  if (m.mime2DecodedSubject == subject) { done(inbox.getUriForMsg(m)); return; }
}
done(null);
"""

READ = PRELUDE + """
const [uri, path] = args;
const service = MailServices.messageServiceFromURI(uri);
const file = Cc["@mozilla.org/file/local;1"].createInstance(Ci.nsIFile);
file.initWithPath(path);
await new Promise((resolve, reject) => {
  service.saveMessageToDisk(uri, file, false, {
    OnStartRunningUrl() {},
    OnStopRunningUrl(url, status) { status == 0 ? resolve() : reject("saving: " + status); },
  }, true, null);
});
done(true);
"""

SHOW = PRELUDE + """
const [uri] = args;
const header = MailServices.messageServiceFromURI(uri).messageURIToMsgHdr(uri);
const w = Services.wm.getMostRecentWindow("mail:3pane");
const about = w.document.getElementById("tabmail").currentAbout3Pane;
about.displayFolder(header.folder.URI);
await new Promise(r => w.setTimeout(r, 3000));
about.threadTree.selectedIndex = about.gDBView.findIndexOfMsgHdr(header, true);
await new Promise(r => w.setTimeout(r, 4000));
done(true);
"""


camera = Camera(shots)
until, screenshot = camera.until, camera.shoot
m = Marionette(profile)
until("the main window", lambda: m.script("done(!!Services.wm.getMostRecentWindow('mail:3pane'));"))
m.script(SETUP, host, base + 143, base + 587, alice, password)
m.script(SEND, SUBJECT, alice, file)
until("the compose window", lambda: m.script("const w = Services.wm.getMostRecentWindow('msgcompose'); done(!!(w && w.gMsgCompose && w.document.readyState == 'complete'));"))
time.sleep(3)
screenshot("compose")
until("the message is sent", lambda: m.script(SEND_NOW), 180)
uri = until("the message arrives", lambda: m.script(FIND, SUBJECT), 180)
m.script(SHOW, uri)
screenshot("inbox")
m.script(READ, uri, file + ".read")
screenshot("read")
print("sent and read back", os.path.getsize(file + ".read"), "octets")
