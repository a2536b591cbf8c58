package main

import (
	"fmt"
	"io"
	"math"
	"slices"
)

// table collects figures: for each row and server, one a round.
type table struct {
	verbose bool
	order   []*row
	values  map[*row]map[string][]float64
	others  []float64 // what others used of the machine, as shares
}

func (t *table) add(r *row, s *server, v float64) {
	if t.values == nil {
		t.values = map[*row]map[string][]float64{}
	}
	if t.values[r] == nil {
		t.values[r] = map[string][]float64{}
		t.order = append(t.order, r)
	}
	t.values[r][s.name] = append(t.values[r][s.name], v)
}

// print writes the table in Markdown. A ratio says how many times better ours
// is than the peer, whichever way is better: the median of the rounds' ratios.
func (t *table) print(w io.Writer, servers []*server) {
	fmt.Fprint(w, "| measure | goal |")
	for _, s := range servers {
		fmt.Fprintf(w, " %s |", s.name)
	}
	if len(servers) > 1 {
		fmt.Fprint(w, " times better |")
	}
	fmt.Fprint(w, " goal |\n|---|---|")
	for range servers {
		fmt.Fprint(w, "---|")
	}
	if len(servers) > 1 {
		fmt.Fprint(w, "---|")
	}
	fmt.Fprintln(w, "---|")
	for _, r := range t.order {
		ours := t.values[r][servers[0].name]
		fmt.Fprintf(w, "| %s | %s |", r.name, number(r.goal))
		for _, s := range servers {
			fmt.Fprintf(w, " %s |", number(median(t.values[r][s.name])))
		}
		if len(servers) > 1 {
			fmt.Fprintf(w, " %s |", number(r.times(ours, t.values[r][servers[1].name])))
		}
		fmt.Fprintf(w, " %s |\n", r.verdict(median(ours)))
	}
	if len(t.others) > 0 {
		fmt.Fprintf(w, "\nOther processes used %.0f %% of the machine (median; at most %.0f %%).\n",
			100*median(t.others), 100*slices.Max(t.others))
	}
}

// times is how many times better ours is than the peer's.
func (r *row) times(ours, peers []float64) float64 {
	var ratios []float64
	for i := range min(len(ours), len(peers)) {
		if r.lower {
			ratios = append(ratios, peers[i]/ours[i])
		} else {
			ratios = append(ratios, ours[i]/peers[i])
		}
	}
	return median(ratios)
}

func (r *row) verdict(v float64) string {
	switch {
	case r.goal == 0:
		return ""
	case r.lower && v <= r.goal || !r.lower && v >= r.goal:
		return "reached"
	case r.lower:
		return fmt.Sprintf("%.2f of it too much", v/r.goal-1)
	}
	return fmt.Sprintf("%.2f of it", v/r.goal)
}

// median is NaN of nothing.
func median(v []float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	v = slices.Sorted(slices.Values(v))
	n := len(v)
	return (v[(n-1)/2] + v[n/2]) / 2
}

func number(v float64) string {
	switch {
	case math.IsNaN(v) || v == 0:
		return ""
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}
