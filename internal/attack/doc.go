// Package attack does to the real binary what strangers and clumsy clients do
// to a mail server: it keeps thousands of connections open, trickles, floods,
// sends what grows, asks for what is slow, guesses, and tries every way in that
// should be shut. A well-behaved client beside them must not notice.
//
// Its tests run behind the build tag attack: "make attack". ATTACK=full runs
// them at full length.
package attack
