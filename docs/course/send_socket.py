#!/usr/bin/env python3
"""Send a message by SMTP with nothing but a socket.

    python3 send_socket.py HOST PORT USER PASSWORD RECIPIENT [--tls]

prints the session as it goes: HELO, AUTH LOGIN, MAIL, RCPT, DATA, QUIT.
PORT is the submission port (587, in the demo 2587). With --tls the
connection is in TLS from the start (465, in the demo 2465); without it the
server must allow passwords in clear, as the demo does on loopback.
The message has no header at all: the server adds Message-ID, Date and From.
"""
import base64
import socket
import ssl
import sys


def main():
    args = [a for a in sys.argv[1:] if a != "--tls"]
    if len(args) != 5:
        sys.exit(__doc__)
    host, port, user, password, recipient = args

    sock = socket.create_connection((host, int(port)), timeout=30)
    if "--tls" in sys.argv:
        # The class's server has a certificate of its own making.
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        sock = context.wrap_socket(sock, server_hostname=host)
    replies = sock.makefile("r", encoding="utf-8", newline="\r\n")

    def expect(code):
        """Read one reply, of one or more lines, and demand its code."""
        while True:
            line = replies.readline().rstrip("\r\n")
            print("Server :", line)
            if line[3:4] != "-":
                break
        if line[:3] != code:
            sys.exit("expected %s" % code)

    def say(text, code, shown=None):
        print("Client :", shown or text)
        sock.sendall((text + "\r\n").encode())
        expect(code)

    def b64(text):
        return base64.b64encode(text.encode()).decode()

    expect("220")
    say("HELO ComputerNetwork", "250")
    say("AUTH Login", "334")
    say(b64(user), "334")
    say(b64(password), "235", shown="(the password in base64)")
    say("MAIL FROM: <%s>" % user, "250")
    say("RCPT TO: <%s>" % recipient, "250")
    say("DATA", "354")
    say("I love Computer Network\r\n.", "250")
    say("QUIT", "221")
    sock.close()


if __name__ == "__main__":
    main()
