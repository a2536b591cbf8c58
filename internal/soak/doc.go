// Package soak has the real binary used by many clients at once, with all that
// goes wrong on a long day, and then compares what is there with what they were
// told, and what the process takes of the machine with what it took.
//
// Its test runs behind a build tag: "make soak". SOAK is how long (45s; 10m, 8h).
package soak
