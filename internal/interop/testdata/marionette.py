"""Thunderbird's remote control, as far as the tests need it."""
import json
import os
import socket
import subprocess
import sys
import time


class Marionette:
    """The little of the Marionette protocol that is needed."""

    def __init__(self, profile):
        for _ in range(240):
            try:
                with open(os.path.join(profile, "MarionetteActivePort"), encoding="ascii") as f:
                    self.sock = socket.create_connection(("127.0.0.1", int(f.read())), timeout=240)
                break
            except (OSError, ValueError):
                time.sleep(0.5)
        else:
            sys.exit("Thunderbird does not listen")
        self.number = 0
        self._read()
        self.call("WebDriver:NewSession", {})
        self.call("Marionette:SetContext", {"value": "chrome"})
        self.call("WebDriver:SetTimeouts", {"script": 180000})

    def _read(self):
        length = b""
        while not length.endswith(b":"):
            c = self.sock.recv(1)
            if not c:
                sys.exit("Thunderbird closed the connection")
            length += c
        n, data = int(length[:-1]), b""
        while len(data) < n:
            data += self.sock.recv(n - len(data))
        return json.loads(data)

    def call(self, command, params):
        self.number += 1
        message = json.dumps([0, self.number, command, params]).encode()
        self.sock.sendall(b"%d:%s" % (len(message), message))
        _, _, error, result = self._read()
        if error:
            sys.exit("%s: %s" % (command, json.dumps(error)[:2000]))
        return result

    def script(self, text, *args):
        """Run JavaScript that ends by calling done(value)."""
        wrapped = (
            "const done = arguments[arguments.length - 1]; const args = Array.from(arguments).slice(0, -1);"
            "(async () => {" + text + "})().catch(e => done({error: String(e) + ' ' + e.stack}));"
        )
        value = self.call("WebDriver:ExecuteAsyncScript", {"script": wrapped, "args": list(args), "newSandbox": False})["value"]
        if isinstance(value, dict) and value.get("error"):
            sys.exit(value["error"])
        return value


PRELUDE = """
const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
"""

# Sets an account up (IMAP and SMTP with STARTTLS), and returns its server's key.
SETUP = PRELUDE + """
const [host, imapPort, smtpPort, user, password] = args;
// the server's own certificate, accepted once as a person would
for (const port of [imapPort, smtpPort]) {
  const service = Cc["@mozilla.org/security/certoverride;1"].getService(Ci.nsICertOverrideService);
  service.setDisableAllSecurityChecksAndLetAttackersInterceptMyData(true);
}
const login = (origin) => {
  const info = Cc["@mozilla.org/login-manager/loginInfo;1"].createInstance(Ci.nsILoginInfo);
  info.init(origin, null, origin, user, password, "", "");
  return Services.logins.addLoginAsync(info);
};
await login("imap://" + host);
await login("smtp://" + host);
const server = MailServices.accounts.createIncomingServer(user, host, "imap");
server.port = imapPort;
server.socketType = Ci.nsMsgSocketType.alwaysSTARTTLS;
server.authMethod = Ci.nsMsgAuthMethod.passwordCleartext;
server.prettyName = user;
server.password = password;
const identity = MailServices.accounts.createIdentity();
identity.email = user;
identity.fullName = "Alice";
identity.composeHtml = false;
const account = MailServices.accounts.createAccount();
account.incomingServer = server;
account.addIdentity(identity);
MailServices.accounts.defaultAccount = account;
const out = MailServices.outgoingServer.createServer("smtp");
const smtp = out.QueryInterface(Ci.nsISmtpServer);
smtp.hostname = host;
smtp.port = smtpPort;
out.username = user;
out.authMethod = Ci.nsMsgAuthMethod.passwordCleartext;
out.socketType = Ci.nsMsgSocketType.alwaysSTARTTLS;
MailServices.outgoingServer.defaultServer = out;
identity.smtpServerKey = out.key;
MailServices.accounts.saveAccountInfo();
server.performExpand(null);
done(server.key);
"""

# Press "send" in the window where a message is written, once that has all of
# it; done when it is closed. It may be pressed again only if nothing began: a
# second press while Thunderbird prepares the message sends it twice.
SEND_NOW = """
const w = Services.wm.getMostRecentWindow("msgcompose");
const written = w?.gLoadingComplete && w.document.getElementById("messageEditor").contentDocument?.body?.textContent.trim();
if (written && !w.sendingBegan) {
  w.addEventListener("compose-prepare-message-start", () => { w.sendingBegan = true; }, { once: true });
  w.addEventListener("compose-prepare-message-completed", e => { w.sendingBegan = !e.detail?.exception; }, { once: true });
  w.goDoCommand("cmd_sendNow");
}
done(!w);
"""


class Camera:
    """Takes pictures of the whole screen into a folder."""

    def __init__(self, folder):
        self.folder = folder

    def shoot(self, name):
        subprocess.run(["import", "-window", "root", os.path.join(self.folder, name + ".png")], check=False, timeout=60)

    def until(self, what, attempt, seconds=120):
        """Wait until attempt gives something true, and return that."""
        end = time.time() + seconds
        while time.time() < end:
            value = attempt()
            if value:
                return value
            time.sleep(0.5)
        self.shoot("failed")
        sys.exit("gave up waiting: " + what)
