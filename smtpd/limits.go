package smtpd

import "time"

// Everything that a client could make grow, and what it can cost.
const (
	// defaultMaxMessage: after encoding, as it comes over the wire.
	defaultMaxMessage = 50 << 20
	// defaultMaxRecipients: RFC 5321 §4.5.3.1.8 asks for at least 100.
	defaultMaxRecipients = 1000

	// maxLine is the longest line that is read as a command. AUTH's are the
	// longest: 12,288 octets of base64 (RFC 4954 §4.3).
	maxLine = 16 << 10
	// maxCommand is the longest of any other command: RFC 5321 §4.5.3.1.4
	// says 512, and the extensions' parameters add up to some 1,500.
	maxCommand = 4 << 10
	// maxLineRest is how much more of a line that was too long is read away.
	maxLineRest = 256 << 10

	// maxErrors are the commands that a client may get wrong before it
	// succeeds in sending something; a person at a keyboard needs a few.
	maxErrors = 25
	// maxUnknown are those among them that are no commands at all.
	maxUnknown = 12
	// maxAuthFailures: then the connection is closed.
	maxAuthFailures = 5

	// maxParam is the longest ESMTP parameter value: ORCPT's 500 octets
	// (RFC 3461 §4.2) are the longest that an RFC gives; AUTH's mailbox may be
	// as long again when it is encoded.
	maxParam = 1000
	// maxEnvelopeID and maxOriginal are RFC 3461's (§4.4, §4.2).
	maxEnvelopeID = 100
	maxOriginal   = 500

	// maxDrain is how much of a refused body is read away, so that the reply
	// comes in step; a client that sends more is cut off.
	maxDrain = 256 << 20
	// loneDotWait is how long a client that sent a lone dot with wrong line
	// ends must be silent to be told so.
	loneDotWait = 10 * time.Second

	// maxLoneDots is how many of them a client may be silent after in one
	// message: each silence begins the time for the message anew.
	maxLoneDots = 20

	// maxChunks is how long a message may take in chunks: each begins wire's
	// time for a body anew.
	maxChunks = time.Hour

	// maxReplyText keeps a reply's line within RFC 5321 §4.5.3.1.5's 512.
	maxReplyText = 480
)
