package inflate

// What the symbols for lengths, from 257 on, and for distances stand for, and
// how many bits more follow them (RFC 1951 §3.2.5).
var (
	lengthBase  = [29]uint16{3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258}
	lengthExtra = [29]uint8{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0}
	backBase    = [30]uint16{1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577}
	backExtra   = [30]uint8{0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13}
)

// endOfBlock is the symbol behind the last one of a block.
const endOfBlock = 256

// symbols decodes a compressed block as long as there are octets, and room for
// output.
func (d *Decoder) symbols() bool {
	for d.to < len(d.window) {
		if d.n < 48 { // a length and a distance with all their bits
			d.fill()
		}
		symbol, used := d.lit.read(d.bits, d.n)
		switch {
		case used == 0:
			return false
		case symbol < 0:
			return d.corrupt()
		case symbol < endOfBlock:
			d.window[d.to] = byte(symbol)
			d.to++
		case symbol == endOfBlock:
			d.pop(used)
			if d.state == begun && d.fixed {
				d.open = false
			}
			d.endBlock()
			return true
		default:
			if used = d.refer(symbol-endOfBlock-1, used); used == 0 {
				return false
			}
		}
		d.bits >>= used
		d.n -= used
		d.state = symbols
		if d.left > 0 {
			d.match()
		}
	}
	return true
}

// refer decodes what follows the symbol of a length, whose code had used bits,
// and returns how many bits all have: 0 where more are needed, or they are
// wrong.
func (d *Decoder) refer(length int, used uint) uint {
	if length >= len(lengthBase) {
		d.corrupt()
		return 0
	}
	bits := d.bits >> used
	left := int(lengthBase[length])
	if extra := uint(lengthExtra[length]); extra > 0 {
		left += int(bits & (1<<extra - 1))
		bits >>= extra
		used += extra
	}
	if used > d.n {
		return 0
	}
	symbol, n := d.dist.read(bits, d.n-used)
	if n == 0 {
		return 0
	}
	if symbol < 0 || symbol >= len(backBase) {
		d.corrupt()
		return 0
	}
	bits >>= n
	extra := uint(backExtra[symbol])
	if used += n + extra; used > d.n {
		return 0
	}
	back := int(backBase[symbol]) + int(bits&(1<<extra-1))
	if back > d.to && !d.wrapped {
		d.corrupt()
		return 0
	}
	d.left, d.back = left, back
	return used
}

// match copies what a match refers to, as far as there is room.
func (d *Decoder) match() {
	d.state = match
	for d.left > 0 && d.to < len(d.window) {
		from := d.to - d.back
		if from < 0 {
			from += len(d.window)
		}
		end := len(d.window)
		if from < d.to {
			end = d.to // what it repeats may be what it makes
		}
		n := copy(d.window[d.to:], d.window[from:min(end, from+d.left)])
		d.to += n
		d.left -= n
	}
	if d.left == 0 {
		d.state = symbols
	}
}
