package store

import (
	"slices"

	"posthorn/internal/mail"
)

// directory verifies accounts, aliases and domains: each address stands under
// its key, in a domain of ours, and is one thing only.
func (c *checker) directory() error {
	domains, err := c.s.Domains(c.ctx)
	if err != nil {
		return err
	}
	for _, table := range []struct {
		what, query string
		ours        bool
	}{
		{"account", "SELECT key, local, domain FROM accounts", true},
		{"alias", "SELECT key, local, domain FROM aliases", true},
		{"target", "SELECT key, local, domain FROM alias_targets", false},
	} {
		var key string
		var a mail.Address
		err := c.rows(table.query, []any{&key, &a.Local, &a.Domain}, func() {
			if a.Key() != key {
				c.problem("directory: %s %s stands under %q", table.what, a, key)
			}
			if table.ours && !slices.Contains(domains, mail.DomainKey(a.Domain)) {
				c.problem("directory: %s %s is in no domain of ours", table.what, a)
			}
		})
		if err != nil {
			return err
		}
	}
	return c.strings(`
		SELECT format('%s is an account and an alias', key) FROM accounts WHERE key IN (SELECT key FROM aliases)
		UNION ALL
		SELECT format('alias %s has no targets', key) FROM aliases WHERE key NOT IN (SELECT alias FROM alias_targets)`,
		func(line string) { c.problem("directory: %s", line) })
}
