"""smtplib, imaplib and poplib against one server: HOST BASE ALICE BOB PASSWORD CA."""
import hashlib
import imaplib
import os
import poplib
import smtplib
import ssl
import sys
import time
from email.message import EmailMessage

host, base, alice, bob, password, ca = sys.argv[1:]
base = int(base)
context = ssl.create_default_context(cafile=ca)
context.check_hostname = True  # the certificate must be good for 127.0.0.1


def check(ok, what):
    if not ok:
        sys.exit("FAILED: " + what)


# Send a large attachment with a Vietnamese subject over STARTTLS.
blob = os.urandom(3 << 20)
m = EmailMessage()
m["From"], m["To"], m["Subject"] = alice, bob, "Xin chào từ Hà Nội"
m.set_content("Nội dung thư.\n.\n..dots\n")
m.add_attachment(blob, maintype="application", subtype="octet-stream", filename="dữ liệu.bin")
with smtplib.SMTP(host, base + 587, timeout=60) as c:
    c.starttls(context=context)
    c.login(alice, password)
    check(c.send_message(m) == {}, "a recipient was refused")
    try:
        c.sendmail("stranger@elsewhere.example", [bob], b"Subject: forged\r\n\r\n")
        check(False, "somebody else's address as sender was taken")
    except smtplib.SMTPSenderRefused as e:
        check(e.smtp_code == 553, "sender refused with %d" % e.smtp_code)
with smtplib.SMTP_SSL(host, base + 465, timeout=60, context=context) as c:
    c.login(alice, password)
    c.sendmail(alice, [bob], b"From: a\nSubject: bare line ends\n\nline one\nline two\n")
with smtplib.SMTP(host, base + 25, timeout=60) as c:
    try:
        c.sendmail("x@elsewhere.example", ["y@elsewhere.example"], b"Subject: relay me\r\n\r\n")
        check(False, "relayed for a stranger")
    except smtplib.SMTPRecipientsRefused as e:
        check(list(e.recipients.values())[0][0] == 550, "relay refused with %r" % e.recipients)

# Read it by IMAP.
box = imaplib.IMAP4_SSL(host, base + 993, ssl_context=context)
box.login(bob, password)
kind, data = box.select("INBOX")
check((kind, data) == ("OK", [b"2"]), "SELECT: %r" % data)
kind, data = box.search("UTF-8", "SUBJECT", '"HÀ NỘI"'.encode())
check(data[0].split() == [b"1"], "SEARCH SUBJECT: %r" % data)
for order, want in (("(SUBJECT)", b"2 1"), ("(REVERSE SUBJECT)", b"1 2"), ("(SIZE)", b"2 1")):
    kind, data = box.sort(order, "UTF-8", "ALL")
    check((kind, data) == ("OK", [want]), "SORT %s: %r" % (order, data))
for how in "REFERENCES", "ORDEREDSUBJECT", "REFS":
    kind, data = box.thread(how, "UTF-8", "ALL")
    check(kind == "OK" and b"(1)" in data[0] and b"(2)" in data[0], "THREAD %s: %r" % (how, data))
kind, data = box.uid("FETCH", "1:*", "(UID RFC822.SIZE BODY.PEEK[])")
whole = data[0][1]
check(b"RFC822.SIZE %d " % len(whole) in data[0][0], "RFC822.SIZE: %r" % data[0][0])
import email, email.policy
got = email.message_from_bytes(whole, policy=email.policy.default)
check(got["Subject"] == m["Subject"], "subject %r" % got["Subject"])
part = list(got.iter_attachments())[0]
check(hashlib.sha256(part.get_content()).digest() == hashlib.sha256(blob).digest(), "the attachment changed")
check(part.get_filename() == "dữ liệu.bin", "file name %r" % part.get_filename())
kind, data = box.store("1", "+FLAGS", r"(\Flagged $Important)")
check(b"Flagged" in data[0], "STORE: %r" % data)
check(box.copy("1", "Archive")[0] == "OK", "COPY")
check(box.create("Projects/2026")[0] == "OK", "CREATE")
check(box.append("Projects/2026", r"(\Seen)", imaplib.Time2Internaldate(time.time()), b"Subject: appended\r\n\r\nhello\r\n")[0] == "OK", "APPEND")
kind, data = box.status("Projects/2026", "(MESSAGES UNSEEN)")
check(b"MESSAGES 1 UNSEEN 0" in data[0], "STATUS: %r" % data)
kind, data = box.getquotaroot("Projects/2026")
check(kind == "OK" and data == [[b"Projects/2026"], [None]], "GETQUOTAROOT: %r" % data)
kind, data = box.list()
check(any(b"Projects/2026" in d for d in data), "LIST: %r" % data)
check(box.noop()[0] == "OK", "NOOP")

# POP3 sees the INBOX, and deletes at QUIT only.
pop = poplib.POP3(host, base + 110, timeout=60)
check("STLS" in pop.capa(), "CAPA")
pop.stls(context)
pop.user(bob)
pop.pass_(password)
check(pop.stat()[0] == 2, "STAT")
uids = pop.uidl()[1]
check(b"\r\n".join(pop.retr(1)[1]) + b"\r\n" == whole, "RETR and BODY[] differ")
check(b"Subject: bare line ends" in pop.top(2, 0)[1], "TOP")
pop.dele(2)
pop.rset()
pop.dele(2)
pop.quit()
pop = poplib.POP3_SSL(host, base + 995, timeout=60, context=context)
pop.user(bob)
pop.pass_(password)
check(pop.uidl()[1] == uids[:1], "UIDL changed")
pop.quit()
kind, data = box.search(None, "ALL")
check(data[0].split() == [b"1"], "after POP3's QUIT: %r" % data)
box.store("1", "+FLAGS", r"\Deleted")
box.expunge()
check(box.search(None, "ALL")[1][0] in (b"", None), "EXPUNGE")
box.close()
box.logout()
print("all as it should be")
