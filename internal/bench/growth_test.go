package main

import (
	"strings"
	"testing"
)

// What takes more than a fifth longer fails the run, and so does what was not
// measured: the median of the rounds counts.
func TestSlowed(t *testing.T) {
	s := &server{name: "posthorn"}
	for _, tt := range []struct {
		values []float64
		slowed bool
	}{
		{[]float64{1}, false},
		{[]float64{1.2}, false},
		{[]float64{1.21}, true},
		{[]float64{0.9, 1.3, 1.1}, false},
		{[]float64{0.9, 1.3, 1.4}, true},
		{nil, true},
	} {
		var b bench
		for i := range growths {
			values := []float64{1}
			if i == len(growths)-1 {
				values = tt.values
			}
			for _, v := range values {
				b.table.add(&growths[i].row, s, v)
			}
		}
		err := b.slowed(s)
		if (err != nil) != tt.slowed {
			t.Errorf("%v: %v", tt.values, err)
		}
		if last := growths[len(growths)-1].row.name; err != nil && !strings.HasPrefix(err.Error(), last) {
			t.Errorf("%v: %v", tt.values, err)
		}
	}
}

// Verdicts tell a goal that was reached from one that was not, whichever way is
// better.
func TestVerdict(t *testing.T) {
	for _, tt := range []struct {
		lower   bool
		v       float64
		reached bool
	}{
		{false, 100, true}, {false, 101, true}, {false, 99.9, false},
		{true, 100, true}, {true, 99, true}, {true, 100.1, false},
		{true, median(nil), false}, {false, median(nil), false},
	} {
		r := row{goal: 100, lower: tt.lower}
		if got := r.verdict(tt.v); (got == "reached") != tt.reached {
			t.Errorf("lower is better: %v, %v of 100: %s", tt.lower, tt.v, got)
		}
	}
}
