package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/flowrun/flowrun/internal/files"
	"github.com/flowrun/flowrun/report"
)

// logFile is where a log goes.
type logFile interface {
	io.WriteCloser
	Sync() error
}

// stream is a log in standard output, a pipe or a device. It can't be synced.
type stream struct {
	*os.File
	own bool // whether it is to be closed
}

func (s stream) Sync() error { return nil }

func (s stream) Close() error {
	if !s.own {
		return nil
	}
	return s.File.Close()
}

// isCSV reports whether a log is to be CSV, which its name says.
func isCSV(path string) bool { return strings.EqualFold(filepath.Ext(path), ".csv") }

// openLog opens the log of a run. In the log of the run that it goes on with, lines up to
// its first step stay, and later ones are removed; empty reports whether none have stayed.
// A file that isn't a log is an error, and so is one that another run writes.
func openLog(path string, run report.Run, s streams) (_ logFile, empty bool, err error) {
	if f := s.same(path); f != nil {
		return stream{f, false}, true, nil
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		// A pipe that nobody reads is an error at once, not a wait.
		f, err := os.OpenFile(path, os.O_WRONLY|syscall.O_NONBLOCK, 0)
		if errors.Is(err, syscall.ENXIO) && info.Mode()&os.ModeNamedPipe != 0 {
			err = fmt.Errorf("%s is a pipe that nobody reads: start what reads it first", path)
		}
		return stream{f, true}, true, err
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, false, err
	}
	if err := files.LockFile(file); err != nil { // before anything of it is removed
		return nil, false, errors.Join(err, file.Close())
	}
	if run.Logged() == 0 {
		if err := file.Truncate(0); err != nil {
			return nil, false, errors.Join(err, file.Close())
		}
		return file, true, nil
	}
	end, err := run.Cut(file, isCSV(path), func(warning string) { fmt.Fprintln(s.errors, "warning: "+warning) })
	if err != nil {
		return nil, false, errors.Join(fmt.Errorf("%s: %w", path, err), file.Close())
	}
	return file, end == 0, nil
}
