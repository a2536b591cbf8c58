// Package transcript runs protocol transcripts: text files that say what
// clients send and what a server must answer, on several connections at once.
//
// A transcript is a txtar archive: steps first, then named blocks of text
// ("-- name --"). A step is a line; empty lines and lines that begin with # are
// passed over. A connection is a number and opens when it is first named.
//
//	1 open ARGS        open a connection; ARGS goes to Fixture.Dial
//	1 -> TEXT          send TEXT and CRLF (TEXT as it stands, backslashes too)
//	1 ->| TEXT         send TEXT without a line end
//	1 ->q "TEXT"       send a Go string exactly: "a\r\nb\x00"
//	1 ->@ BLOCK        send a block, its lines ended by CRLF
//	1 ->. BLOCK        send a block as SMTP's DATA does: dots doubled, then a dot
//
//	1 <- TEXT          the next line is TEXT, ended by CRLF
//	1 <~ REGEXP        the next line matches all of REGEXP; its named groups
//	                   become variables
//	1 <* TEXT          the next line is one of the <* and <*~ steps that stand
//	1 <*~ REGEXP       together, in any order
//	1 <... TEXT        skip lines up to TEXT, which is skipped too
//	1 <...~ REGEXP     the same with a regular expression
//	1 <! REGEXP        no line from here to the next send (nor any that has come
//	                   by then) matches
//	1 <q "TEXT"        the next octets are a Go string
//	1 <@ BLOCK         the next lines are a block
//	1 <. BLOCK         the same as POP3's RETR sends it: dots doubled, then a dot
//	1 quiet            nothing has come, and the server waits
//	1 eof              the server has closed, and nothing was left to read
//
//	1 tls              shake hands as the client
//	1 deflate          compress from here on (RFC 4978)
//	1 inflate          compress no more
//	1 close            close the connection
//	1 half             close the sending side only (real sockets)
//
//	advance 29m        let time pass (pipes only: see Fixture)
//	wait               let the server finish what it can do without us
//	WORD ARGS          call Fixture.Hooks[WORD]
//	= TEXT             a line of what the last hook returned; = steps together
//	                   are all of it
//
// ${NAME} in a step stands for a variable; ${size:BLOCK} for the number of
// octets that ->@ BLOCK sends, for IMAP's literals; ${block:BLOCK} for these
// octets themselves; ${b64:TEXT} for TEXT in base64, where \x00 and its like are
// Go's escapes.
package transcript
