// Package queue decides when outbound mail is tried, when it is given up, and
// who is told. It does not know how mail is carried: a Transport does.
package queue
