package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// UnmarshalTOML takes a string (empty: none) or an array of strings.
func (a *Addresses) UnmarshalTOML(v any) error {
	*a = Addresses{}
	switch v := v.(type) {
	case string:
		if v != "" {
			*a = Addresses{v}
		}
	case []any:
		for _, e := range v {
			s, ok := e.(string)
			if !ok {
				return fmt.Errorf("want an address such as \"127.0.0.1:25\", got %v", e)
			}
			*a = append(*a, s)
		}
	default:
		return fmt.Errorf("want an address such as \"127.0.0.1:25\" or a list of them, got %v", v)
	}
	return nil
}

var units = []struct {
	suffix string
	octets int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"B", 1}, {"", 1}}

// ParseSize reads "50 MiB", "900 kB" or "1024".
func ParseSize(s string) (Size, error) {
	for _, u := range units {
		if digits, ok := strings.CutSuffix(s, u.suffix); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
			if err != nil || n < 0 || n > (1<<62)/u.octets {
				break
			}
			return Size(n * u.octets), nil
		}
	}
	return 0, fmt.Errorf("want a size such as \"50 MiB\", got %q", s)
}

// UnmarshalTOML takes a string with a unit or an integer.
func (s *Size) UnmarshalTOML(v any) (err error) {
	switch v := v.(type) {
	case int64:
		*s, err = ParseSize(strconv.FormatInt(v, 10))
	case string:
		*s, err = ParseSize(v)
	default:
		err = fmt.Errorf("want a size such as \"50 MiB\", got %v", v)
	}
	return err
}

func (s Size) String() string {
	for _, u := range units {
		if n := int64(s); n >= u.octets && n%u.octets == 0 && u.suffix != "" && (strings.HasSuffix(u.suffix, "iB") || u.octets == 1) {
			return fmt.Sprintf("%d %s", n/u.octets, u.suffix)
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// UnmarshalText takes Go's durations and days ("5d").
func (d *Duration) UnmarshalText(b []byte) error {
	s := string(b)
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 && n < 36500 {
			*d = Duration(time.Duration(n) * 24 * time.Hour)
			return nil
		}
	}
	t, err := time.ParseDuration(s)
	if err != nil || t < 0 {
		return fmt.Errorf("want a duration such as \"90s\", \"5m\", \"4h\" or \"5d\", got %q", s)
	}
	*d = Duration(t)
	return nil
}

func (d Duration) String() string {
	t := time.Duration(d)
	for _, u := range []struct {
		unit   time.Duration
		suffix string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}} {
		if t >= u.unit && t%u.unit == 0 {
			return fmt.Sprintf("%d%s", t/u.unit, u.suffix)
		}
	}
	return t.String()
}
