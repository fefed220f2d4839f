package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/diag"
)

// tellResumed says where a run resumes, and what has changed since. An error in telling
// doesn't stop the run.
func tellResumed(w io.Writer, r *flowrun.Resumption) {
	fmt.Fprintf(w, "resuming from %s, step %d\n", r.Path, r.Step)
	for _, d := range r.Differences {
		fmt.Fprintf(w, "warning: the spec has changed since: %s\n", diag.Printable(d))
	}
	if r.GoesBack {
		fmt.Fprintf(w, "warning: this isn't the newest checkpoint: a new run branches off here, and --resume alone will continue that one\n")
	}
	if len(r.Replaces) > 0 {
		fmt.Fprintf(w, "warning: this run will replace checkpoints of another run as it reaches their steps: %s\n", diag.Printable(strings.Join(r.Replaces, ", ")))
	}
}

// tellNonFinite warns that the loss is no number any more, and names the checkpoint to
// return to.
func tellNonFinite(w io.Writer, step int64, checkpoints string) {
	kept := "there are no checkpoints (train.checkpoint writes them)"
	if checkpoints != "" {
		kept = "the last checkpoint with finite parameters and loss is kept in " + checkpoints
	}
	fmt.Fprintf(w, "warning: the loss is infinite or NaN, first at step %d; %s\n", step, kept)
}

// andAlso adds further errors to one, those that it doesn't have yet.
func andAlso(err error, more ...error) error {
	for _, e := range more {
		if e != nil && !errors.Is(err, e) {
			err = errors.Join(err, e)
		}
	}
	return err
}

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

// openLog opens a log for a run that begins after a step. In an existing log, lines up
// to that step stay, and later ones are removed. A file that isn't a log is an error.
func openLog(path string, start int64, s streams) (logFile, error) {
	if f := s.same(path); f != nil {
		return stream{f, false}, nil
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		// A pipe that nobody reads is an error at once, not a wait.
		f, err := os.OpenFile(path, os.O_WRONLY|syscall.O_NONBLOCK, 0)
		return stream{f, true}, err
	}
	if start == 0 {
		return os.Create(path)
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	if err := cutLog(file, start, s.errors); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), file.Close())
	}
	return file, nil
}

// cutLog truncates a log after a step.
func cutLog(file *os.File, start int64, w io.Writer) error {
	end, last, err := endOfStep(file, start)
	if err != nil {
		return err
	}
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	switch {
	case size > 0 && end == 0 && last < 0:
		return errors.New("it isn't a flowrun log: its first line has no step; name another file")
	case size > 0 && last < start:
		fmt.Fprintf(w, "warning: %s ends at step %d, but the run resumes from step %d: the log has a gap\n", file.Name(), max(last, 0), start)
	case size > end:
		fmt.Fprintf(w, "warning: truncating %s after step %d\n", file.Name(), start)
	}
	if err := file.Truncate(end); err != nil {
		return err
	}
	_, err = file.Seek(end, io.SeekStart)
	return err
}

// endOfStep finds the end of the last whole line of a log whose step is at most
// the given one, and that step. The step is -1 where the first line is none of a log.
func endOfStep(r io.Reader, step int64) (end, last int64, err error) {
	lines := bufio.NewReader(r)
	last = -1
	for {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return end, last, nil
		}
		if err != nil {
			return 0, 0, err
		}
		var record struct{ Step *int64 }
		if err := json.Unmarshal(line, &record); err != nil || record.Step == nil {
			return end, last, nil
		}
		if *record.Step > step {
			return end, max(last, 0), nil
		}
		end, last = end+int64(len(line)), *record.Step
	}
}
