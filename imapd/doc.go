// Package imapd speaks IMAP4rev1 (RFC 3501) and IMAP4rev2 (RFC 9051): one file
// per command.
//
// go-imap's imapserver drives each connection: it accepts, greets, and reads.
// What it reads from is our front, which reads a command whole (its line and
// its literals, within limits) and runs it in the session, or hands imapserver
// LOGOUT, which is all that it must know of. The session alone knows
// the state. A handler decodes its arguments, acts, and returns an error or
// nil; reply.go alone turns that into the tagged answer.
//
//	server.go        Config, Server
//	front.go         between the connection and imapserver
//	session.go       a session's state, and the selected mailbox
//	command.go       reading a command whole, within limits
//	commands.go      which command is which, and the states that it is allowed in
//	decode*.go       its arguments, strictly: pure, and fuzzed
//	capability.go    what is offered; quirks.go to which clients less of it
//	quirks.go
//	reply.go         the tagged answer
//	writer.go        how answers are written
//	view.go          sequence numbers, as the client was told them
//	sync.go          what the client was not told yet: EXPUNGE, FETCH, EXISTS
//	upload.go        messages of APPEND and REPLACE on their way in
//	append_ahead.go  … that are stored while the next is read
//	utf7.go          mailbox names in modified UTF-7
//	note.go          what a command changed, for the transcript
//	plain.go         NOOP, CHECK, LOGOUT
//	*.go             the command or the extension of that name
package imapd
