package smtpd

import "time"

// Everything that a client could make grow, and what it can cost.
const (
	// defaultMaxMessage: after encoding, as it comes over the wire.
	defaultMaxMessage = 50 << 20
	// defaultMaxRecipients: RFC 5321 §4.5.3.1.8 asks for at least 100.
	defaultMaxRecipients = 1000
	// strangersRecipients are those of a message whose sender has not logged
	// in, on port 25: as many as RFC 5321 §4.5.3.1.8 wants, and in memory at most
	// strangersOctets, enough for as many with the longest local parts, or with
	// the address again in ORCPT, as relays add it. recipientOctets is what one
	// takes but for its strings.
	strangersRecipients = 100
	strangersOctets     = 16 << 10
	recipientOctets     = 72
	// strangersTogether are the octets of the recipients of all strangers who are
	// connected: of fifty messages with a hundred recipients each. When they are
	// used up a message may still have strangersShare, some ten recipients; who has
	// more sends to the others next (RFC 5321 §4.5.3.1.10).
	strangersTogether = 512 << 10
	strangersShare    = 1 << 10

	// maxLine is the longest line that is read as a command where AUTH is
	// offered: 12,288 octets of base64 (RFC 4954 §4.3).
	maxLine = 16 << 10
	// maxCommand is the longest of any other command, and line elsewhere:
	// RFC 5321 §4.5.3.1.4 says 512, and the extensions' parameters add up to some
	// 1,500.
	maxCommand = 2 << 10
	// maxLineRest is how much more of a line that was too long is read away.
	maxLineRest = 256 << 10

	// maxErrors are the commands that a client may get wrong before it
	// succeeds in sending something; a person at a keyboard needs a few.
	maxErrors = 25
	// maxUnknown are those among them that are no commands at all.
	maxUnknown = 12
	// maxRefused are the recipients that may be refused to a client before it
	// succeeds in sending something: it is asking who is there.
	maxRefused = 100
	// maxFruitless are the commands that bring no message forward (NOOP, RSET, HELP,
	// EHLO …) before it does, and maxFruitlessTime is how long it may take: somebody
	// who sends no mail is keeping others' places.
	maxFruitless     = 100
	maxFruitlessTime = time.Hour
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
