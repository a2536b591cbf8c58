// Package store keeps accounts, mailboxes, messages and the outbound queue in
// one SQLite file. It is the only package that knows that there is SQLite.
package store
