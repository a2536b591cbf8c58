package imapd

// command is one row of the table of commands.
type command struct {
	// in is where the command is allowed.
	in state
	// run decodes the arguments, acts, writes the untagged answers and returns
	// what became of it; reply.go makes the tagged answer of that.
	run func(*session, *decoder) error
	// numbers: the client used sequence numbers in a command that answers with
	// them, so no EXPUNGE may be sent before it ends (RFC 9051 §7.5.1).
	numbers bool
}

// commands is the table of commands, by name in capitals; UID's are named by
// both words.
func commands() map[string]command {
	return map[string]command{}
}
