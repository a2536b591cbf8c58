#!/usr/bin/env python3
"""Read the newest message by POP3 with Python's poplib.

    python3 read_pop3.py HOST PORT USER PASSWORD [--tls]

PORT is 110 (in the demo 2110), with --tls 995 (2995).
"""
import poplib
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
        box = poplib.POP3_SSL(host, int(port), context=context, timeout=30)
    else:
        box = poplib.POP3(host, int(port), timeout=30)

    print("Server :", box.getwelcome().decode())
    print("Client : user", user)
    print("Server :", box.user(user).decode())
    print("Client : pass (not shown)")
    print("Server :", box.pass_(password).decode())
    print("Client : list")
    _, listing, _ = box.list()
    print("Server :", len(listing))
    if listing:
        number = len(listing)
        print("Client : retr", number)
        _, lines, _ = box.retr(number)
        print("Server :", "\n".join(line.decode("utf-8", "replace") for line in lines))
    print("Client : quit")
    print("Server :", box.quit().decode())


if __name__ == "__main__":
    main()
