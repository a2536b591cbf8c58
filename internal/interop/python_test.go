//go:build interop

package interop

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// TestCourse runs the programs of docs/course as a class would: send with a
// bare socket, read with poplib and imaplib, in clear and in TLS.
func TestCourse(t *testing.T) {
	s := start(t, "alice", "bob")
	program := func(name string) string {
		path, err := filepath.Abs("../../docs/course/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	alice, bob := "alice@"+domain, "bob@"+domain

	out := run(t, "", "python3", program("send_socket.py"), "127.0.0.1", s.Port("submission"), alice, password, bob)
	wantAll(t, out, "334 VXNlcm5hbWU6", "Server : 220 ", "Server : 235 ", "Server : 354 ", "Server : 221 ")
	run(t, "", "python3", program("send_socket.py"), "127.0.0.1", s.Port("submissions"), alice, password, bob, "--tls")
	s.wantMessage("bob", "INBOX", 2, "I love Computer Network", "Message-ID: <", "Date: ", "From: ", "Received: from ComputerNetwork ([127.0.0.1])",
		"Return-Path: <"+alice+">", "for <"+bob+">")

	for _, tls := range []struct {
		flag       []string
		pop3, imap string
	}{{nil, "pop3", "imap"}, {[]string{"--tls"}, "pop3s", "imaps"}} {
		args := append([]string{program("read_pop3.py"), "127.0.0.1", s.Port(tls.pop3), bob, password}, tls.flag...)
		out = run(t, "", "python3", args...)
		wantAll(t, out, "Server : +OK", "Server : 2\n", "I love Computer Network", "Return-Path: <"+alice+">")
		args = append([]string{program("read_imap.py"), "127.0.0.1", s.Port(tls.imap), bob, password}, tls.flag...)
		out = run(t, "", "python3", args...)
		wantAll(t, out, "OK messages: 2", "I love Computer Network", "Return-Path: <"+alice+">")
	}
}

// TestPythonLibraries uses smtplib, imaplib and poplib widely.
func TestPythonLibraries(t *testing.T) {
	s := start(t, "alice", "bob")
	out := run(t, "", "python3", abs(t, "testdata/libraries.py"), "127.0.0.1", fmt.Sprint(s.Base()), "alice@"+domain, "bob@"+domain, password, s.Dir+"/ca.pem")
	if !strings.Contains(out, "all as it should be") {
		t.Error(out)
	}
}

func abs(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func wantAll(t *testing.T, out string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(out, w) {
			t.Errorf("no %q in:\n%s", w, out)
		}
	}
}
