"""Ask a running server for everything that mail programs set themselves up with,
as they do, and use what it says: BASE CA ALICE ALIAS PASSWORD.

Each file is asked for on plain HTTP and on HTTPS; then the ports that it names
are logged in to with the user name that it gives.
"""
import imaplib
import json
import plistlib
import poplib
import re
import smtplib
import ssl
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ET

base, ca, alice, alias, password = int(sys.argv[1]), *sys.argv[2:]
domain = alice.split("@")[1]
tls = ssl.create_default_context(cafile=ca)
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=tls))
PLACES = ["http://localhost:%d" % (base + 80), "https://localhost:%d" % (base + 443)]


def ask(url, data=None, host=None, **headers):
    """Give status, headers and body. No redirect is followed: there are none."""
    if host:
        headers["Host"] = host
    try:
        with opener.open(urllib.request.Request(url, data, headers)) as r:
            assert r.geturl() == url, "%s leads to %s" % (url, r.geturl())
            return r.status, r.headers, r.read()
    except urllib.error.HTTPError as e:
        return e.code, e.headers, e.read()


def log_in(kind, host, port, secure, user):
    if kind == "imap":
        c = imaplib.IMAP4_SSL(host, port, ssl_context=tls) if secure == "SSL" else imaplib.IMAP4(host, port)
        if secure == "STARTTLS":
            c.starttls(tls)
        c.login(user, password)
        c.logout()
    elif kind == "pop3":
        c = poplib.POP3_SSL(host, port, context=tls) if secure == "SSL" else poplib.POP3(host, port)
        if secure == "STARTTLS":
            c.stls(tls)
        c.user(user)
        c.pass_(password)
        c.quit()
    else:
        c = smtplib.SMTP_SSL(host, port, context=tls) if secure == "SSL" else smtplib.SMTP(host, port)
        if secure == "STARTTLS":
            c.starttls(context=tls)
        c.user, c.password = user, password
        c.ehlo()
        c.auth("PLAIN", c.auth_plain)
        c.sendmail(user, [alice], "Subject: by %s %d\r\n\r\nfrom what was found\r\n" % (user, port))
        c.quit()


def quote(s):
    return urllib.parse.quote(s, safe="")


# Thunderbird's autoconfig.
for place in PLACES:
    for path in ["/mail/config-v1.1.xml", "/.well-known/autoconfig/mail/config-v1.1.xml"]:
        for address in [alice, alias, "nobody@" + domain]:
            status, headers, body = ask("%s%s?emailaddress=%s" % (place, path, quote(address)), host="whatever.example")
            assert status == 200 and headers["Content-Type"].startswith("text/xml"), (status, body)
            servers = ET.fromstring(body).findall("./emailProvider/*[hostname]")
            assert len(servers) == 6, body
            for s in servers:
                assert s.findtext("username") == address
                if path.startswith("/mail") and place.startswith("https") and not address.startswith("nobody"):
                    log_in(s.get("type"), s.findtext("hostname"), int(s.findtext("port")), s.findtext("socketType"), address)
        assert ask("%s%s?emailaddress=x%%40foreign.example" % (place, path))[0] == 404
        status, _, body = ask(place + path, host="autoconfig." + domain)
        assert status == 200 and b"%EMAILADDRESS%" in body and domain.encode() in body

# Outlook's Autodiscover.
REQUEST = """<?xml version="1.0" encoding="utf-8"?><Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006">
<Request><EMailAddress>%s</EMailAddress><AcceptableResponseSchema>http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a</AcceptableResponseSchema></Request></Autodiscover>"""
NS = "{http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a}"
for place in PLACES:
    status, _, body = ask("%s/AutoDiscover/autodiscover.json?Email=%s&Protocol=Autodiscoverv1" % (place, quote(alice)))
    url = json.loads(body)["Url"]
    assert status == 200 and url.startswith("https://"), body
    for path in {place + "/Autodiscover/Autodiscover.xml", place + "/autodiscover/autodiscover.xml", url}:
        for address in [alias, "nobody@" + domain]:
            status, _, body = ask(path, (REQUEST % address).encode(), **{"Content-Type": "text/xml"})
            assert status == 200, body
            protocols = ET.fromstring(body).findall(".//%sProtocol" % NS)
            assert [p.findtext(NS + "Type") for p in protocols] == ["IMAP", "POP3", "SMTP"], body
            for p in protocols:
                assert p.findtext(NS + "LoginName") == address
                if path == url and address == alias:
                    log_in(p.findtext(NS + "Type").lower(), p.findtext(NS + "Server"), int(p.findtext(NS + "Port")), "SSL", address)
    assert ask(place + "/autodiscover/autodiscover.xml", (REQUEST % "x@foreign.example").encode())[0] == 404
    assert ask(place + "/autodiscover/autodiscover.xml", b"x" * 100_000)[0] == 413

def signed(body):
    """What the server signed, after openssl has held the signature to its CA."""
    verify = ["openssl", "cms", "-verify", "-inform", "DER", "-purpose", "any", "-CAfile", ca]
    return subprocess.run(verify, input=body, capture_output=True, check=True).stdout


# Apple's profile, with and without a password in it.
for place in PLACES:
    status, headers, body = ask("%s/setup/mail.mobileconfig?emailaddress=%s" % (place, quote(alice)))
    account = plistlib.loads(signed(body))["PayloadContent"][0]
    assert status == 200 and headers["Content-Type"] == "application/x-apple-aspen-config" and "IncomingPassword" not in account
    assert (account["IncomingMailServerPortNumber"], account["OutgoingMailServerPortNumber"]) == (base + 993, base + 465)
form = {"emailaddress": alias, "password": password, "protocol": "imap"}
status, _, body = ask(PLACES[1] + "/setup/mail.mobileconfig", urllib.parse.urlencode(form).encode())
account = plistlib.loads(signed(body))["PayloadContent"][0]
assert status == 200 and account["IncomingPassword"] != password
right, password = password, account["IncomingPassword"]
log_in("imap", account["IncomingMailServerHostName"], account["IncomingMailServerPortNumber"], "SSL", account["IncomingMailServerUsername"])
password = right
form["password"] = "wrong"
assert ask(PLACES[1] + "/setup/mail.mobileconfig", urllib.parse.urlencode(form).encode())[0] == 403

# PACC: on these ports it can tell nothing, and says so. The digest is tested
# where it can (internal/clientconf).
assert ask(PLACES[1] + "/.well-known/user-agent-configuration.json")[0] == 404

# The page, and what watches over the server.
for place in PLACES:
    status, headers, body = ask("%s/setup?emailaddress=%s&lang=vi" % (place, quote(alias)))
    assert status == 200 and str(base + 993).encode() in body and "default-src 'none'" in headers["Content-Security-Policy"]
    assert ask("%s/setup?emailaddress=x%%40foreign.example" % place)[0] == 404
    assert ask(place + "/metrics")[0] == 404 and ask(place + "/healthz")[0] == 404
watch = "http://localhost:%d" % (base + 90)
assert ask(watch + "/healthz")[0] == 200 and ask(watch + "/setup")[0] == 404
text = ask(watch + "/metrics")[2].decode()
for metric in ['logins_total{protocol="imap",result="ok"}', 'logins_total{protocol="http",result="failed"}', 'messages_accepted_total{protocol="submission"}']:
    value = re.search("^posthorn_%s ([0-9]+)$" % re.escape(metric), text, re.M)
    assert value and int(value[1]) > 0, metric
print("all as it should be")
