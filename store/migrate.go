package store

import (
	"context"
	"fmt"

	"posthorn/migrations"
)

// applicationID marks the file as ours ("Phrn"); 0001_store.sql sets it.
const applicationID = 0x5068726e

// migrate brings the schema up to date. Each step is one transaction, which
// sets the version too: a kill leaves the schema before or after it.
func migrate(ctx context.Context, c *conn) error {
	all, err := allMigrations()
	if err != nil {
		return err
	}
	version, err := schemaVersion(ctx, c)
	if err != nil {
		return err
	}
	if newest := all[len(all)-1].Version; version > newest {
		return fmt.Errorf("the store's schema is version %d, and this program knows up to %d: use a newer Posthorn", version, newest)
	}
	for _, m := range all[version:] {
		if err := apply(ctx, c, m); err != nil {
			return fmt.Errorf("migration %04d_%s: %w", m.Version, m.Name, err)
		}
	}
	return nil
}

// schemaVersion is the version of the schema that is there, 0 of a new file.
func schemaVersion(ctx context.Context, c *conn) (int, error) {
	var id, version, tables int
	err := c.c.QueryRowContext(ctx, "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema) FROM pragma_application_id, pragma_user_version").
		Scan(&id, &version, &tables)
	if err != nil {
		return 0, err
	}
	if id == 0 && version == 0 && tables == 0 {
		return 0, nil
	}
	if id != applicationID {
		return 0, fmt.Errorf("the file is no store of Posthorn's (its application_id is %#x)", id)
	}
	return version, nil
}

func apply(ctx context.Context, c *conn, m migrations.Migration) error {
	if _, err := c.c.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	for _, sql := range []string{m.SQL, fmt.Sprintf("PRAGMA user_version = %d", m.Version), "COMMIT"} {
		if sql == "COMMIT" {
			fault("migrate: before COMMIT")
		}
		if _, err := c.c.ExecContext(ctx, sql); err != nil {
			c.c.ExecContext(ctx, "ROLLBACK")
			return err
		}
	}
	fault("migrate: after COMMIT")
	return nil
}
