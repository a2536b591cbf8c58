// Package inflate decodes deflated data (RFC 1951) as it comes: whatever a
// prefix of a stream says is given out before more of it is asked for, not an
// octet of it is taken that is not needed, and an idle stream holds little
// memory. compress/flate and its kin are made for files: they wait for the end
// of a block, or for bits behind it, and a protocol whose other side waits for
// an answer stands still.
package inflate

import (
	"encoding/binary"
	"errors"
	"io"
)

// ErrCorrupt is what is no deflated data.
var ErrCorrupt = errors.New("no deflated data")

// maxWindow is how far back a match may refer, minWindow what is held at first.
const (
	minWindow = 2 << 10
	maxWindow = 32 << 10
)

// Decoder decodes one stream. Its zero value is at the beginning of one. It
// holds 6 KiB, and twice what was decoded so far up to 32 KiB; it has no
// goroutine, and need not be closed.
type Decoder struct {
	src  []byte // during Next
	at   int    // what of it was taken
	bits uint64 // taken, and not decoded: the first is the lowest
	n    uint   // how many bits these are

	state state
	last  bool // the present block is the last
	open  bool // something came behind the last empty block
	left  int  // octets of a stored block, or of a match, to copy
	back  int  // how far back the match is
	err   error

	window    []byte // what was decoded last
	from, to  int    // what of it is to be given out
	wrapped   bool   // what is behind to is older
	lit, dist code
	fixed     bool // lit and dist are those of RFC 1951 §3.2.6

	// While the codes of a block are read:
	lengths              [286 + 30]uint8
	got, all, lits, told int
}

type state uint8

const (
	header  state = iota // of a block
	size                 // of a stored block
	stored               // in it
	orders               // the lengths of the codes for lengths
	lengths              // the lengths of codes
	begun                // no symbol of the block was read yet
	symbols
	match // in it
)

// Next decodes what comes next, and returns a piece of it and how much of src
// it took. The piece is valid until the next call. There is none only when all
// of src was taken and does not suffice for an octet more. A piece ends at the
// end of a block at the latest, and nothing of src behind it was taken. At the
// end of the stream the error is io.EOF, where it is none ErrCorrupt, and from
// then on; nothing is given out beside an error.
func (d *Decoder) Next(src []byte) (piece []byte, n int, err error) {
	d.src, d.at = src, 0
	for d.err == nil {
		if d.to == len(d.window) && !d.room() {
			break
		}
		if !d.advance() || d.state == header && d.from < d.to {
			break
		}
	}
	piece, d.from = d.window[d.from:d.to], d.to
	if len(piece) > 0 || d.err == io.EOF {
		d.giveBack()
	}
	d.bits &= 1<<d.n - 1
	n, d.src = d.at, nil
	if len(piece) > 0 {
		return piece, n, nil
	}
	return nil, n, d.err
}

// EndFlush takes the rest of a flush from src, and reports whether that is whole:
// behind it may come what is not compressed. A flush ends with the stream,
// behind an empty stored block (zlib's Z_SYNC_FLUSH and Z_FULL_FLUSH), or in an
// empty block with the fixed code (Z_PARTIAL_FLUSH, whose last bits need not
// come). That something else is said before is ErrCorrupt.
func (d *Decoder) EndFlush(src []byte) (n int, whole bool, err error) {
	for k := 0; ; k = 1 { // at first what was taken is looked at
		piece, _, err := d.Next(src[n : n+k])
		n += k
		switch {
		case len(piece) > 0 || err == ErrCorrupt:
			return n, false, ErrCorrupt
		case err == io.EOF || d.flushed():
			return n, true, nil
		case n == len(src):
			return n, false, nil
		}
	}
}

// flushed: what was taken ends where a flush can have ended.
func (d *Decoder) flushed() bool {
	return d.state == header && d.n == 0 && !d.open || d.state == begun && d.fixed && d.bits == 0 && !d.last
}

// room makes room for more output, and reports whether there is some before
// what is there is given out.
func (d *Decoder) room() bool {
	if len(d.window) < maxWindow {
		larger := make([]byte, max(minWindow, 2*len(d.window)))
		copy(larger, d.window)
		d.window = larger
		return true
	}
	if d.from < d.to {
		return false
	}
	d.from, d.to, d.wrapped = 0, 0, true
	return true
}

// take has at least n bits taken, at most 56, and reports whether they came.
func (d *Decoder) take(n uint) bool {
	if d.n < n {
		d.fill()
	}
	return d.n >= n
}

// fill takes as many bits as there is room for.
func (d *Decoder) fill() {
	if rest := d.src[d.at:]; len(rest) >= 8 {
		// The bits beyond n are those that will be put there again.
		d.bits |= binary.LittleEndian.Uint64(rest) << d.n
		k := (63 - d.n) / 8
		d.at += int(k)
		d.n += 8 * k
		return
	}
	d.bits &= 1<<d.n - 1
	for d.n <= 56 && d.at < len(d.src) {
		d.bits |= uint64(d.src[d.at]) << d.n
		d.at++
		d.n += 8
	}
}

// giveBack gives the octets back that were taken and not begun. All of them are
// src's: before it came, all that was there was needed.
func (d *Decoder) giveBack() {
	d.at -= int(d.n / 8)
	d.n %= 8
	d.bits &= 1<<d.n - 1
}

// pop removes n bits that were taken and returns them.
func (d *Decoder) pop(n uint) int {
	v := d.bits & (1<<n - 1)
	d.bits >>= n
	d.n -= n
	return int(v)
}

func (d *Decoder) corrupt() bool {
	d.err = ErrCorrupt
	return false
}

// advance goes a step on, and reports whether it could: else more octets are
// needed, or the data has ended. There is room for output.
func (d *Decoder) advance() bool {
	switch d.state {
	case header:
		return d.header()
	case size:
		return d.size()
	case stored:
		return d.stored()
	case orders:
		return d.orders()
	case lengths:
		return d.codes()
	case match:
		d.match()
		return true
	}
	return d.symbols()
}

// header begins a block (RFC 1951 §3.2.3).
func (d *Decoder) header() bool {
	if !d.take(3) {
		return false
	}
	d.last, d.open = d.pop(1) == 1, true
	switch d.pop(2) {
	case 0:
		d.pop(d.n % 8)
		d.state = size
	case 1:
		d.state = begun
		if !d.fixed {
			d.makeFixed()
		}
	case 2:
		d.state, d.got = orders, -1
	default:
		return d.corrupt()
	}
	return true
}

// endBlock is behind the last bit of a block.
func (d *Decoder) endBlock() {
	d.state = header
	if d.last {
		d.err = io.EOF
	}
}

// size reads the length of a stored block (RFC 1951 §3.2.4).
func (d *Decoder) size() bool {
	if !d.take(32) {
		return false
	}
	n, inverse := d.pop(16), d.pop(16)
	if n != inverse^0xffff {
		return d.corrupt()
	}
	d.giveBack()
	d.left, d.state = n, stored
	if n == 0 {
		d.open = false
		d.endBlock()
	}
	return true
}

// stored copies octets.
func (d *Decoder) stored() bool {
	rest := d.src[d.at:]
	n := copy(d.window[d.to:], rest[:min(d.left, len(rest))])
	d.at += n
	d.to += n
	if d.left -= n; d.left == 0 {
		d.endBlock()
	}
	return n > 0
}

// makeFixed makes the fixed codes (RFC 1951 §3.2.6).
func (d *Decoder) makeFixed() {
	var lengths [288]uint8
	for i := range lengths {
		switch {
		case i < 144:
			lengths[i] = 8
		case i < 256:
			lengths[i] = 9
		case i < 280:
			lengths[i] = 7
		default:
			lengths[i] = 8
		}
	}
	d.lit.make(lengths[:])
	for i := range 32 {
		lengths[i] = 5
	}
	d.dist.make(lengths[:32])
	d.fixed = true
}

// order is in which order the lengths come of the codes for lengths.
var order = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// orders reads the lengths of the codes in which the lengths of the codes are
// told (RFC 1951 §3.2.7), and makes their code in place of the one for
// distances, which follows.
func (d *Decoder) orders() bool {
	if d.got < 0 {
		if !d.take(14) {
			return false
		}
		d.lits = d.pop(5) + 257
		d.all = d.lits + d.pop(5) + 1
		d.told = d.pop(4) + 4
		if d.lits > 286 || d.all-d.lits > 30 {
			return d.corrupt()
		}
		d.got = 0
		clear(d.lengths[:len(order)])
	}
	for ; d.got < d.told; d.got++ {
		if !d.take(3) {
			return false
		}
		d.lengths[order[d.got]] = uint8(d.pop(3))
	}
	d.fixed = false
	if !d.dist.make(d.lengths[:len(order)]) {
		return d.corrupt()
	}
	d.state, d.got = lengths, 0
	return true
}

// codes reads the lengths of the codes of the block, and makes them.
func (d *Decoder) codes() bool {
	for d.got < d.all {
		d.take(7 + 7)
		symbol, used := d.dist.read(d.bits, d.n)
		if used == 0 {
			return false
		}
		if symbol < 0 {
			return d.corrupt()
		}
		length, times, extra := uint8(symbol), 1, uint(0)
		switch symbol {
		case 16:
			if d.got == 0 {
				return d.corrupt()
			}
			length, times, extra = d.lengths[d.got-1], 3, 2
		case 17:
			length, times, extra = 0, 3, 3
		case 18:
			length, times, extra = 0, 11, 7
		}
		if used+extra > d.n {
			return false
		}
		d.pop(used)
		times += d.pop(extra)
		if times > d.all-d.got {
			return d.corrupt()
		}
		for range times {
			d.lengths[d.got] = length
			d.got++
		}
	}
	if !d.lit.make(d.lengths[:d.lits]) || !d.dist.make(d.lengths[d.lits:d.all]) {
		return d.corrupt()
	}
	d.state = begun
	return true
}
