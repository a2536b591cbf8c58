//go:build !faults

package store

import "posthorn/migrations"

// fault marks a moment at which the crash tests end the process. Only a build
// with the tag faults does so (fault_on.go); here it is nothing.
func fault(string) {}

const driver = "sqlite3"

// synchronous is how commits are put on stable storage: the name that the DSN
// has, and the number that the pragma has.
func synchronous() (name string, level int) { return "FULL", 2 }

func allMigrations() ([]migrations.Migration, error) { return migrations.All() }
