package main

import (
	"strings"

	"github.com/urfave/cli/v2"
)

// flagsFirst moves flags in front of arguments, wherever they stand: the
// library stops looking for flags at the first argument, people don't. What
// follows a "--" is left as it is.
func flagsFirst(app *cli.App, args []string) ([]string, error) {
	if len(args) == 0 {
		return args, nil
	}
	takesValue := valueFlags(app.Commands, map[string]bool{})
	var flags, rest, literal []string
	for i := 1; i < len(args); i++ {
		a := args[i]
		if a == "--" {
			literal = args[i+1:]
			break
		}
		if len(a) < 2 || a[0] != '-' {
			rest = append(rest, a)
			continue
		}
		flags = append(flags, a)
		name, _, hasValue := strings.Cut(strings.TrimLeft(a, "-"), "=")
		if !hasValue && takesValue[name] {
			if i+1 == len(args) {
				return nil, usagef("the flag %s needs a value", a)
			}
			i++
			flags = append(flags, args[i])
		}
	}
	path, rest := commandPath(app.Commands, rest)
	out := append([]string{args[0]}, path...)
	out = append(out, flags...)
	if len(rest)+len(literal) > 0 {
		out = append(append(append(out, "--"), rest...), literal...)
	}
	return out, nil
}

// commandPath parts the words that name a command from its arguments.
func commandPath(commands []*cli.Command, words []string) (path, rest []string) {
	for len(words) > 0 {
		var found *cli.Command
		for _, c := range commands {
			if c.HasName(words[0]) {
				found = c
			}
		}
		if found == nil && words[0] != "help" {
			break
		}
		path, words = append(path, words[0]), words[1:]
		if found == nil {
			return append(path, words...), nil // help COMMAND
		}
		commands = found.Subcommands
	}
	return path, words
}

// valueFlags collects the names of flags that take a value.
func valueFlags(commands []*cli.Command, into map[string]bool) map[string]bool {
	for _, c := range commands {
		for _, f := range c.Flags {
			if _, isBool := f.(*cli.BoolFlag); isBool {
				continue
			}
			for _, name := range f.Names() {
				into[name] = true
			}
		}
		valueFlags(c.Subcommands, into)
	}
	return into
}
