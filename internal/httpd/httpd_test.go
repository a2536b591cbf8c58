package httpd

import (
	"errors"
	"net/http/httptest"
	"testing"
)

func TestHealthz(t *testing.T) {
	var sick error
	h := New(Config{Serve: []string{"healthz"}, Health: func() error { return sick }}).Handler
	for _, want := range []int{200, 503} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/healthz", nil))
		if w.Code != want {
			t.Errorf("got %d, want %d", w.Code, want)
		}
		sick = errors.New("disk on fire")
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 404 {
		t.Errorf("/ gives %d", w.Code)
	}
}
