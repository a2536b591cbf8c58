package inflate

// maxLength is how many bits the longest code has.
const maxLength = 15

// fastBits is how many bits of a code are looked up at once.
const fastBits = 9

// code is a Huffman code (RFC 1951 §3.2.2).
type code struct {
	// fast has, for each beginning of the input, the symbol and in the lowest four
	// bits the length of its code; 0 where that is longer, or there is none.
	fast    [1 << fastBits]uint16
	count   [maxLength + 1]uint16 // how many codes have each length
	symbols [288]uint16           // in the order of their codes
	longest uint
}

// make makes the code whose symbols have the codes of these lengths, 0 for none.
// It reports whether there is such a code: each beginning belongs to a symbol,
// but that there may be a single code of one bit, or none.
func (c *code) make(lengths []uint8) bool {
	clear(c.count[:])
	for _, l := range lengths {
		c.count[l]++
	}
	c.count[0], c.longest = 0, 0
	var next, place [maxLength + 1]uint16 // the next code of each length, its place in symbols
	left := 1                             // beginnings that belong to no symbol
	for l := 1; l <= maxLength; l++ {
		next[l], place[l] = (next[l-1]+c.count[l-1])<<1, place[l-1]+c.count[l-1]
		if left = left<<1 - int(c.count[l]); left < 0 {
			return false
		}
		if c.count[l] > 0 {
			c.longest = uint(l)
		}
	}
	if left > 0 && c.longest > 0 && !(c.longest == 1 && c.count[1] == 1) {
		return false
	}
	clear(c.fast[:])
	for symbol, l := range lengths {
		if l == 0 {
			continue
		}
		c.symbols[place[l]] = uint16(symbol)
		place[l]++
		if l <= fastBits {
			for i := reverse(next[l], l); i < 1<<fastBits; i += 1 << l {
				c.fast[i] = uint16(symbol)<<4 | uint16(l)
			}
		}
		next[l]++
	}
	return true
}

// reverse is a code as it is read: its first bit is the lowest.
func reverse(code uint16, length uint8) (bits int) {
	for range length {
		bits = bits<<1 | int(code&1)
		code >>= 1
	}
	return bits
}

// read returns the symbol that bits begin with, of which n have come, and the
// length of its code. The length is 0 where more bits are needed to tell; the
// symbol -1 where no more would make one.
func (c *code) read(bits uint64, n uint) (symbol int, length uint) {
	if e := c.fast[bits&(1<<fastBits-1)]; e != 0 {
		if l := uint(e & 15); l <= n {
			return int(e >> 4), l
		}
		return 0, 0
	}
	// The codes of a length are numbers that follow each other, and the first one's
	// follows the last one's of the length before.
	var number, first, place int
	for l := uint(1); l <= c.longest; l++ {
		if l > n {
			return 0, 0
		}
		number |= int(bits & 1)
		bits >>= 1
		count := int(c.count[l])
		if number < first+count {
			return int(c.symbols[place+number-first]), l
		}
		place += count
		first = (first + count) << 1
		number <<= 1
	}
	return -1, 1
}
