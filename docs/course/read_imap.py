#!/usr/bin/env python3
"""Read the newest message by IMAP with Python's imaplib.

    python3 read_imap.py HOST PORT USER PASSWORD [--tls]

PORT is 143 (in the demo 2143), with --tls 993 (2993).
"""
import imaplib
import ssl
import sys


def main():
    args = [a for a in sys.argv[1:] if a != "--tls"]
    if len(args) != 4:
        sys.exit(__doc__)
    host, port, user, password = args
    if "--tls" in sys.argv:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        box = imaplib.IMAP4_SSL(host, int(port), ssl_context=context)
    else:
        box = imaplib.IMAP4(host, int(port))

    box.login(user, password)
    box.select("Inbox")
    kind, data = box.search(None, "ALL")
    numbers = data[0].split()
    print(kind, "messages:", len(numbers))
    if numbers:
        kind, data = box.fetch(numbers[-1], "(RFC822)")
        print(data[0][1].decode("utf-8", "replace"))
    box.close()
    box.logout()


if __name__ == "__main__":
    main()
