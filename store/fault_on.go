//go:build faults

package store

import (
	"database/sql"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/mattn/go-sqlite3"

	"posthorn/migrations"
)

// This is the build that the crash tests run. The environment says what goes
// wrong:
//
//	POSTHORN_CRASH=POINT:N       the process is killed when it comes to the
//	                             fault of that name for the Nth time; in SQL,
//	                             crash(N) is the point "sql"
//	POSTHORN_SYNCHRONOUS=NORMAL  commits are not put on stable storage
//	POSTHORN_MIGRATION=FILE      the schema has one more step, with this SQL

const driver = "sqlite3 with faults"

func init() {
	sql.Register(driver, &sqlite3.SQLiteDriver{ConnectHook: func(c *sqlite3.SQLiteConn) error {
		return c.RegisterFunc("crash", func(n int64) int64 {
			if point, at := plannedCrash(); point == "sql" && at == n {
				die()
			}
			return n
		}, false)
	}})
}

var plannedCrash = sync.OnceValues(func() (point string, at int64) {
	plan := os.Getenv("POSTHORN_CRASH")
	colon := strings.LastIndexByte(plan, ':')
	if colon < 0 {
		return "", 0
	}
	at, _ = strconv.ParseInt(plan[colon+1:], 10, 64)
	return plan[:colon], at
})

var passages atomic.Int64

func fault(point string) {
	if planned, at := plannedCrash(); point == planned && passages.Add(1) == at {
		die()
	}
}

func die() {
	syscall.Kill(syscall.Getpid(), syscall.SIGKILL)
	select {}
}

func synchronous() (name string, level int) {
	if os.Getenv("POSTHORN_SYNCHRONOUS") == "NORMAL" {
		return "NORMAL", 1
	}
	return "FULL", 2
}

func allMigrations() ([]migrations.Migration, error) {
	all, err := migrations.All()
	file := os.Getenv("POSTHORN_MIGRATION")
	if err != nil || file == "" {
		return all, err
	}
	b, err := os.ReadFile(file)
	return append(all, migrations.Migration{Version: len(all) + 1, Name: "test", SQL: string(b)}), err
}
