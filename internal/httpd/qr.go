package httpd

import (
	"fmt"
	"strings"

	"rsc.io/qr"
)

// qrCode is a QR code as a path of SVG, a unit to a module; Size counts the
// quiet zone of four modules on each side. The zero qrCode is none.
type qrCode struct {
	Size int
	Path string
}

// drawQR codes a text. One that is too long has no code.
func drawQR(text string) qrCode {
	const quiet = 4
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return qrCode{}
	}
	var b strings.Builder
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			run := 0
			for x+run < code.Size && code.Black(x+run, y) {
				run++
			}
			if run > 0 {
				fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", x+quiet, y+quiet, run, run)
				x += run
			}
		}
	}
	return qrCode{code.Size + 2*quiet, b.String()}
}
