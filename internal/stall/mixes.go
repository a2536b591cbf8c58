package stall

import "strings"

// Mixes are all strings of up to n of the octets that servers disagree about,
// with a dot among them.
func Mixes(n int) (all []string) {
	last := []string{""}
	for range n {
		var next []string
		for _, prefix := range last {
			for _, c := range "\r\n.\x00" {
				next = append(next, prefix+string(c))
			}
		}
		for _, s := range next {
			if strings.Contains(s, ".") {
				all = append(all, s)
			}
		}
		last = next
	}
	return all
}
