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
	// byNumber: it names messages by sequence numbers, or answers so.
	byNumber bool
	// streams: run itself reads the literals; the decoder has the first line.
	streams bool
}

// commands is the table of commands, by name in capitals; UID's are named by
// both words.
func commands(cfg Config) map[string]command {
	table := map[string]command{
		"CAPABILITY": {in: anyState, run: (*session).cmdCapability},
		"NOOP":       {in: anyState, run: (*session).cmdNoop},
		"LOGOUT":     {in: anyState, run: (*session).cmdLogout},
		"ID":         {in: anyState, run: (*session).cmdID},

		"STARTTLS":     {in: notAuthenticated, run: (*session).cmdStartTLS},
		"LOGIN":        {in: notAuthenticated, run: (*session).cmdLogin},
		"AUTHENTICATE": {in: notAuthenticated, run: (*session).cmdAuthenticate},

		"ENABLE":  {in: loggedIn, run: (*session).cmdEnable},
		"SELECT":  {in: loggedIn, run: (*session).cmdSelect},
		"EXAMINE": {in: loggedIn, run: (*session).cmdExamine},
		"APPEND":  {in: loggedIn, run: (*session).cmdAppend, streams: true},
		"IDLE":    {in: loggedIn, run: (*session).cmdIdle},

		"LIST":        {in: loggedIn, run: (*session).cmdList},
		"LSUB":        {in: loggedIn, run: (*session).cmdLsub},
		"XLIST":       {in: loggedIn, run: (*session).cmdXlist},
		"STATUS":      {in: loggedIn, run: (*session).cmdStatus},
		"NAMESPACE":   {in: loggedIn, run: (*session).cmdNamespace},
		"CREATE":      {in: loggedIn, run: (*session).cmdCreate},
		"DELETE":      {in: loggedIn, run: (*session).cmdDelete},
		"RENAME":      {in: loggedIn, run: (*session).cmdRename},
		"SUBSCRIBE":   {in: loggedIn, run: (*session).cmdSubscribe},
		"UNSUBSCRIBE": {in: loggedIn, run: (*session).cmdUnsubscribe},

		"GETQUOTA":     {in: loggedIn, run: (*session).cmdGetQuota},
		"GETQUOTAROOT": {in: loggedIn, run: (*session).cmdGetQuotaRoot},
		"SETQUOTA":     {in: loggedIn, run: (*session).cmdSetQuota},

		"GETMETADATA": {in: loggedIn, run: (*session).cmdGetMetadata},
		"SETMETADATA": {in: loggedIn, run: (*session).cmdSetMetadata},

		"CHECK":       {in: selected, run: (*session).cmdNoop},
		"CLOSE":       {in: selected, run: (*session).cmdClose},
		"UNSELECT":    {in: selected, run: (*session).cmdUnselect},
		"EXPUNGE":     {in: selected, run: (*session).cmdExpunge},
		"UID EXPUNGE": {in: selected, run: (*session).cmdUIDExpunge},
		"SEARCH":      {in: selected, run: (*session).cmdSearch, byNumber: true, numbers: true},
		"UID SEARCH":  {in: selected, run: (*session).cmdUIDSearch},
		"SORT":        {in: selected, run: (*session).cmdSort, byNumber: true, numbers: true},
		"UID SORT":    {in: selected, run: (*session).cmdUIDSort},
		"THREAD":      {in: selected, run: (*session).cmdThread, byNumber: true, numbers: true},
		"UID THREAD":  {in: selected, run: (*session).cmdUIDThread},
		"FETCH":       {in: selected, run: (*session).cmdFetch, byNumber: true, numbers: true},
		"UID FETCH":   {in: selected, run: (*session).cmdUIDFetch},
		"STORE":       {in: selected, run: (*session).cmdStore, byNumber: true, numbers: true},
		"UID STORE":   {in: selected, run: (*session).cmdUIDStore},
		"COPY":        {in: selected, run: (*session).cmdCopy, byNumber: true},
		"UID COPY":    {in: selected, run: (*session).cmdUIDCopy},
		"MOVE":        {in: selected, run: (*session).cmdMove, byNumber: true},
		"UID MOVE":    {in: selected, run: (*session).cmdUIDMove},
		"REPLACE":     {in: selected, run: (*session).cmdReplace, byNumber: true, streams: true},
		"UID REPLACE": {in: selected, run: (*session).cmdUIDReplace, streams: true},
	}
	if cfg.Compress {
		table["COMPRESS"] = command{in: loggedIn, run: (*session).cmdCompress}
	}
	if cfg.Unauthenticate {
		table["UNAUTHENTICATE"] = command{in: loggedIn, run: (*session).cmdUnauthenticate}
	}
	return table
}
