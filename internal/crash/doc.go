// Package crash ends the real binary at every moment that HACKING.md's table of
// states on disk knows, cuts its power, fills its disk, damages its files, and
// then compares what is there with what was acknowledged.
//
// Its tests run behind build tags: "make crash" needs nothing, "make powercut"
// root and loop devices. CRASH=full runs them at full length.
package crash
