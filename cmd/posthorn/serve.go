package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/urfave/cli/v2"

	"posthorn/internal/config"
)

func serveCommand() *cli.Command {
	return &cli.Command{
		Name: "serve", Usage: "run the server",
		Description: "SIGTERM ends it after what is under way, SIGHUP makes it read the configuration\nand the certificates again.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "trace", Usage: "print every session's lines, secrets masked"},
			&cli.StringFlag{Name: "pprof", Usage: "serve Go's profiles at `ADDRESS`, such as 127.0.0.1:6060; for developers", Hidden: true},
		},
		Action: serve,
	}
}

func serve(c *cli.Context) error {
	if _, err := arguments(c); err != nil {
		return err
	}
	cfg, err := loadConfig(c)
	if err != nil {
		return err
	}
	keepHeap()
	log := newLogger(c.App.ErrWriter, cfg)
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)

	if address := c.String("pprof"); address != "" {
		stop, err := serveProfiles(address)
		if err != nil {
			return err
		}
		defer stop()
	}
	s := newServer(cfg, log)
	join := openClass(s, c.App.ErrWriter)
	if err := s.start(c.Context); err != nil {
		return err
	}
	leave := join()
	if c.Bool("trace") {
		defer trace(s.tap, c.App.Writer)()
	}
	fmt.Fprintf(c.App.ErrWriter, "posthorn: ready: %s serves %s\n", cfg.Hostname, s.addresses())
	daemon.SdNotify(false, daemon.SdNotifyReady)
	for {
		select {
		case <-hangup:
			daemon.SdNotify(false, daemon.SdNotifyReloading)
			s.reloadFile()
			daemon.SdNotify(false, daemon.SdNotifyReady)
		case <-s.failed():
			leave()
			s.stop(failTime)
			return fmt.Errorf("the disk refused a write; nothing more is taken until it is repaired (see the log)")
		case <-c.Context.Done():
			daemon.SdNotify(false, daemon.SdNotifyStopping)
			fmt.Fprintln(c.App.ErrWriter, "posthorn: stopping")
			leave()
			s.stop(stopTime)
			return nil
		}
	}
}

// serveProfiles serves Go's profiles. They show what goes on inside: give it a
// loopback address.
func serveProfiles(address string) (stop func(), err error) {
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go server.Serve(ln)
	return func() { server.Close() }, nil
}

// addresses lists what is bound, for the line that says ready.
func (s *server) addresses() string {
	var words []string
	last := ""
	for _, t := range s.turnstiles {
		if t.key != last {
			words = append(words, t.key)
			last = t.key
		}
		words = append(words, t.Addr().String())
	}
	return strings.Join(words, " ")
}

// reloadFile reads the configuration again and puts it into force; what is
// wrong with it is logged, and the old one stays.
func (s *server) reloadFile() {
	cfg, err := config.Load(s.cfg.File())
	if err == nil {
		err = s.reload(context.Background(), cfg)
	}
	if err != nil {
		s.logger.Error("reload failed, the old configuration stays", "error", err)
		return
	}
	s.logger.Info("configuration and certificates read again")
}

// newLogger writes to w as the configuration asks.
func newLogger(w io.Writer, cfg *config.Config) *slog.Logger {
	options := &slog.HandlerOptions{Level: logLevel(cfg)}
	if cfg.Log.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

func logLevel(cfg *config.Config) slog.Level {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.Log.Level)); err != nil {
		return slog.LevelInfo // Load has checked it
	}
	return level
}
