package testserver

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
)

// Figures are what a process takes of the machine.
type Figures struct {
	// RSS and PeakRSS are resident memory now, and its largest so far, in octets.
	RSS, PeakRSS int64
	// FDs are open file descriptors.
	FDs int
	// Goroutines, and the octets of Heap that are in use after a collection,
	// are known where Config.Profile is set; else 0.
	Goroutines int
	Heap       int64
}

func (f Figures) String() string {
	return fmt.Sprintf("%.1f MiB (peak %.1f), heap %.1f MiB, %d descriptors, %d goroutines",
		float64(f.RSS)/(1<<20), float64(f.PeakRSS)/(1<<20), float64(f.Heap)/(1<<20), f.FDs, f.Goroutines)
}

// Figures reads what the server that runs takes now. For any goroutine.
func (s *Server) Figures() (Figures, error) {
	var f Figures
	if s.profile {
		var err error
		if f.Heap, err = s.figure("heap?debug=1&gc=1", "# HeapAlloc ="); err != nil {
			return f, err
		}
		n, err := s.figure("goroutine?debug=1", "goroutine profile: total")
		if f.Goroutines = int(n); err != nil {
			return f, err
		}
	}
	proc := fmt.Sprintf("/proc/%d/", s.PID())
	status, err := os.ReadFile(proc + "status")
	if err != nil {
		return f, err
	}
	open, err := os.ReadDir(proc + "fd")
	if err != nil {
		return f, err
	}
	f.RSS, f.PeakRSS, f.FDs = field(status, "VmRSS"), field(status, "VmHWM"), len(open)
	return f, nil
}

// field is a size in /proc/PID/status, whose unit is kB.
func field(status []byte, name string) int64 {
	m := regexp.MustCompile(name + `:\s+(\d+) kB`).FindSubmatch(status)
	if m == nil {
		return 0
	}
	n, _ := strconv.ParseInt(string(m[1]), 10, 64)
	return n << 10
}

// figure is the number that stands behind a word in a profile.
func (s *Server) figure(profile, word string) (n int64, err error) {
	text, err := s.Profile(profile)
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(text, word)
	_, err = fmt.Sscan(rest, &n)
	return n, err
}

// Profile reads one of Go's profiles by its name, such as heap?gc=1, where
// Config.Profile is set. For any goroutine.
func (s *Server) Profile(name string) (string, error) {
	resp, err := http.Get("http://" + s.Address("profiles") + "/debug/pprof/" + name)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var b strings.Builder
	_, err = io.Copy(&b, resp.Body)
	return b.String(), err
}
