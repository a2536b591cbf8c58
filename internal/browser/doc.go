// Package browser drives the class page with a real browser, Chromium without a
// window, while real clients talk to the servers of "posthorn demo". Its tests
// need the build tag browser, Chromium, and axe-core's script (make browser).
package browser
