// Package interop holds tests that run real mail programs against the real
// binary: "make interop". Each is judged by what arrived, never by the
// program's exit status alone. A program that is not installed fails its test:
// .ci/run says which Debian packages are needed.
package interop
