package mail

import "testing"

func TestUnitext(t *testing.T) {
	for _, tt := range []struct{ in, ascii, utf8 string }{
		{"bob@x", "bob@x", "bob@x"},
		{"bánh@mì.vn", `b\x{E1}nh@m\x{EC}.vn`, "bánh@mì.vn"},
		{`b\x{E1}nh@mì.vn`, `b\x{E1}nh@m\x{EC}.vn`, "bánh@mì.vn"},
		{`a+b =\`, `a\x{2B}b\x{20}\x{3D}\x{5C}`, `a\x{2B}b\x{20}\x{3D}\x{5C}`},
		{"\U0001F600\n", `\x{1F600}\x{0A}`, "\U0001F600" + `\x{0A}`},
	} {
		if got := EncodeUnitext(tt.in, true); got != tt.ascii {
			t.Errorf("EncodeUnitext(%q, true) = %q, want %q", tt.in, got, tt.ascii)
		}
		if got := EncodeUnitext(tt.in, false); got != tt.utf8 {
			t.Errorf("EncodeUnitext(%q, false) = %q, want %q", tt.in, got, tt.utf8)
		}
	}
	for _, s := range []string{"", `a\x{zz}b`, `a\x{`, `\x{D800}`, `\x{FFFFFFFFFFFF}`} {
		if got := DecodeUnitext(s); got != s {
			t.Errorf("DecodeUnitext(%q) = %q", s, got)
		}
	}
}

func TestXtext(t *testing.T) {
	if got := EncodeXtext("a+b= \x00ü~"); got != "a+2Bb+3D+20+00+C3+BC~" {
		t.Errorf("EncodeXtext = %q", got)
	}
}
