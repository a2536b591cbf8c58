package httpd

import (
	"bytes"
	"encoding/xml"
	"fmt"
)

// dict is a dictionary of Apple's property lists, in the order of its keys.
type dict []entry

// entry's value is a string, int, bool, dict or []dict.
type entry struct {
	key   string
	value any
}

const plistHead = xml.Header + `<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
`

// plist is the file of a property list.
func (d dict) plist() []byte {
	var b bytes.Buffer
	b.WriteString(plistHead)
	writeValue(&b, d)
	b.WriteString("</plist>\n")
	return b.Bytes()
}

func writeValue(b *bytes.Buffer, value any) {
	switch v := value.(type) {
	case string:
		b.WriteString("<string>")
		xml.EscapeText(b, []byte(v))
		b.WriteString("</string>\n")
	case int:
		fmt.Fprintf(b, "<integer>%d</integer>\n", v)
	case bool:
		fmt.Fprintf(b, "<%t/>\n", v)
	case dict:
		b.WriteString("<dict>\n")
		for _, e := range v {
			fmt.Fprintf(b, "<key>%s</key>\n", e.key)
			writeValue(b, e.value)
		}
		b.WriteString("</dict>\n")
	case []dict:
		b.WriteString("<array>\n")
		for _, e := range v {
			writeValue(b, e)
		}
		b.WriteString("</array>\n")
	default:
		panic(fmt.Sprintf("no property list has a %T", value))
	}
}
