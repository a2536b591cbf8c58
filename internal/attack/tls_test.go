//go:build attack

package attack

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"posthorn/internal/testserver"
)

// bareServer is the environment variable that makes this test binary a server
// that does nothing but TLS: its value is the folder of the certificate.
const bareServer = "ATTACK_BARE_TLS_SERVER"

// serveBare greets and reads, one goroutine a connection, until it is killed.
func serveBare(dir string) {
	cert, err := tls.LoadX509KeyPair(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
	if err != nil {
		panic(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(ln.Addr())
	for {
		c, err := ln.Accept()
		if err != nil {
			panic(err)
		}
		go func() {
			t := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{cert}})
			io.WriteString(t, "* OK\r\n")
			var b [64]byte
			for {
				if _, err := t.Read(b[:]); err != nil {
					t.Close()
					return
				}
			}
		}()
	}
}

// tlsAlone is what a connection takes up of a server that does nothing but
// TLS, in octets: n clients connect and send what is given.
func tlsAlone(t *testing.T, s *testserver.Server, n int, send string) int64 {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), bareServer+"="+s.Dir)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		cmd.Process.Kill()
		cmd.Wait()
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	address := strings.TrimSpace(line)
	connect := func(_ *testserver.Server, i int) (*client, error) {
		c, err := dial(source(i), address)
		if err == nil {
			err = c.secure(clientTLS())
		}
		if err == nil {
			err = c.talk("* OK")
		}
		if err == nil {
			err = c.say(send)
		}
		return c, err
	}
	open := connectMany(t, s, 20, connect)
	before := mostRSS(t, cmd.Process.Pid)
	open = append(open, connectMany(t, s, n, connect)...)
	each := (mostRSS(t, cmd.Process.Pid) - before) / int64(n)
	for _, c := range open {
		c.Close()
	}
	return each
}

// mostRSS is the most resident memory that a process has in a while, in octets.
func mostRSS(t *testing.T, pid int) int64 {
	t.Helper()
	most := int64(0)
	for range 10 {
		time.Sleep(50 * time.Millisecond)
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			t.Fatal(err)
		}
		_, rss, _ := strings.Cut(string(status), "VmRSS:")
		var kB int64
		fmt.Sscanf(rss, "%d", &kB)
		most = max(most, kB<<10)
	}
	return most
}
