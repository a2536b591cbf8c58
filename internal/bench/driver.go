package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// buildDriver builds the driver from its source.
func buildDriver(ctx context.Context, source, dir string) (string, error) {
	path, err := filepath.Abs(filepath.Join(dir, "mailbench"))
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-o", path, ".")
	cmd.Dir = source
	cmd.Env = append(os.Environ(), "GOFLAGS=-buildvcs=false", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the driver in %s: %w\n%s", source, err, out)
	}
	return path, nil
}

// result is the line that the driver prints.
type result struct {
	Metrics map[string]float64
	Errors  []string
}

// mostTime is the most that one measurement may take.
const mostTime = 20 * time.Minute

// drive runs one command of the driver against a server. What was lost,
// altered or doubled is an error.
func (b *bench) drive(ctx context.Context, s *server, args ...string) (result, error) {
	ctx, cancel := context.WithTimeout(ctx, mostTime)
	defer cancel()
	args = append([]string{args[0], "-profile", s.profile}, args[1:]...)
	cmd := exec.CommandContext(ctx, b.driver, args...)
	if b.table.verbose {
		cmd.Stderr = os.Stderr
	}
	out, failed := cmd.Output()
	var r result
	if err := json.Unmarshal(out, &r); err != nil {
		if failed == nil {
			failed = err
		}
		var exit *exec.ExitError
		if errors.As(failed, &exit) {
			failed = fmt.Errorf("%w: %s", failed, exit.Stderr)
		}
		return r, fmt.Errorf("%s: mailbench %v: %w", s.name, args, failed)
	}
	for _, e := range r.Errors {
		return r, fmt.Errorf("%s: mailbench %v: %s", s.name, args, e)
	}
	return r, nil
}
