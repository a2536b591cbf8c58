package wire

import "net/netip"

// place is what one connection takes up of its server's limits.
type place struct {
	counted bool         // of Total
	address netip.Prefix // of PerAddress; invalid: none
	account accountAt    // of PerAccount; zero: none
}

// accountAt is an account as seen from one network.
type accountAt struct {
	account string
	from    netip.Prefix
}

// network is the unit of counting: an IPv4 address, an IPv6 /64, since a single
// client has all of one.
func network(a netip.Addr) netip.Prefix {
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{} // not an IP connection: counted together
	}
	return p
}

// exempt: the connection is not counted.
func (c *Conn) exempt() bool {
	return c.Remote().IsLoopback() && !c.cfg.Limits.LoopbackToo
}

// admit counts a new connection; false when it is one too many.
func (s *Server) admit(c *Conn) bool {
	if c.exempt() {
		return true
	}
	from, lim := network(c.Remote()), &c.cfg.Limits
	s.mu.Lock()
	defer s.mu.Unlock()
	if over(s.total, lim.Total) || over(s.byAddress[from], lim.PerAddress) {
		return false
	}
	if _, there := s.conns[c]; !there {
		return true // closed meanwhile
	}
	s.total++
	s.byAddress[from]++
	c.place = place{counted: true, address: from}
	return true
}

// maxTurnedAway is how many connections are told at once that they are one too
// many; beyond that they are closed without a word.
const maxTurnedAway = 50

// turnAway counts a connection that is being told so, until done is called;
// false when there are too many of them.
func (s *Server) turnAway() (done func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.turnedAway >= maxTurnedAway {
		return nil, false
	}
	s.turnedAway++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.turnedAway--
	}, true
}

// login moves a connection from its address's count to its account's, or back
// when account is empty; false when that is one too many.
func (s *Server) login(c *Conn, account string) bool {
	if c.exempt() {
		return true
	}
	from, lim := network(c.Remote()), &c.cfg.Limits
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, there := s.conns[c]; !there {
		return true
	}
	next := place{counted: true, address: from}
	if account != "" {
		next = place{counted: true, account: accountAt{account, from}}
		if c.place.account != next.account && over(s.byAccount[next.account], lim.PerAccount) {
			return false
		}
	} else if c.place.address != from && over(s.byAddress[from], lim.PerAddress) {
		return false
	}
	s.vacate(c)
	c.place = next
	s.total++
	if account != "" {
		s.byAccount[next.account]++
	} else {
		s.byAddress[from]++
	}
	return true
}

// forget drops a closed connection.
func (s *Server) forget(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, there := s.conns[c]; !there {
		return
	}
	s.vacate(c)
	delete(s.conns, c)
	if len(s.conns) == 0 && s.empty != nil {
		close(s.empty)
		s.empty = nil
	}
}

// vacate gives back what the connection takes up. The caller holds s.mu.
func (s *Server) vacate(c *Conn) {
	if c.place.counted {
		s.total--
	}
	if c.place.address.IsValid() || c.place.counted && c.place.account.account == "" {
		less(s.byAddress, c.place.address)
	}
	if c.place.account.account != "" {
		less(s.byAccount, c.place.account)
	}
	c.place = place{}
}

func over(n, limit int) bool { return limit > 0 && n >= limit }

func less[K comparable](m map[K]int, k K) {
	if m[k]--; m[k] <= 0 {
		delete(m, k)
	}
}
