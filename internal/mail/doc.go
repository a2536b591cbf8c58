// Package mail is the vocabulary that every other package speaks: addresses,
// envelopes, UIDs, modification sequences, flags, and the kinds of error that
// a mail store or a pipeline can end in. It imports nothing of Posthorn.
package mail
