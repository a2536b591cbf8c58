// Package imapd speaks IMAP4rev1 (RFC 3501) and IMAP4rev2 (RFC 9051): one file
// per command.
//
// go-imap's imapserver drives each connection: it accepts, greets, and reads.
// What it reads from is our front, which reads a command whole (its line and
// its literals, within limits) and runs it in the session, or hands imapserver
// LOGOUT, which is all that it must know of. The session alone knows
// the state. A handler decodes its arguments, acts, and returns an error or
// nil; reply.go alone turns that into the tagged answer.
package imapd
