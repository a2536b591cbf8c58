package imapd

// quotaRootArg decodes the name of a quota root from the space before it on.
func (d *decoder) quotaRootArg() string {
	d.sp()
	return d.astring(`a quota root, mostly ""`)
}

// setQuotaArgs decodes SETQUOTA's arguments (RFC 9208 §7) and returns the root;
// the limits are held to the grammar, and used by nobody.
func (d *decoder) setQuotaArgs() (root string) {
	root = d.quotaRootArg()
	d.sp()
	d.list(func() {
		d.atom("a resource such as STORAGE")
		d.sp()
		d.number64()
	})
	return root
}
