package report

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/flowrun/flowrun/diag"
)

// LogFile is the file of an earlier run's log.
type LogFile interface {
	io.ReadSeeker
	Name() string
	Truncate(size int64) error
}

// Cut truncates a log to the lines that the run goes on after, and gives its length. A
// gap, and what is cut off, is told. A file that isn't a log is an error.
func (r Run) Cut(file LogFile, csv bool, tell func(string)) (int64, error) {
	form := logForm{step: jsonStep}
	if csv {
		form = logForm{CSVHeader(r), csvStep}
	}
	kept, err := form.read(file, r)
	if err != nil {
		return 0, err
	}
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, err
	}
	start := r.Logged()
	switch {
	case size > 0 && kept.last < r.LastEntry():
		tell(fmt.Sprintf("%s ends at step %d, but the run resumes from step %d: the log has a gap", file.Name(), kept.last, start))
	case size > kept.whole:
		tell(fmt.Sprintf("truncating %s after step %d", file.Name(), start))
	}
	if err := file.Truncate(kept.end); err != nil {
		return 0, err
	}
	_, err = file.Seek(kept.end, io.SeekStart)
	return kept.end, err
}

// logForm is what the lines of a log look like.
type logForm struct {
	header string // the first line; "" if there is none
	step   func(line []byte) (int64, bool)
}

// kept is what of a log precedes a run.
type kept struct {
	end   int64 // of the lines that stay
	whole int64 // of the lines up to the run's first step
	last  int64 // the step of the last of them; 0: there is none
}

// read finds the whole lines up to a run's first step. The line of a step at which an
// earlier run happened to end goes: a run that wasn't interrupted has none.
func (f logForm) read(r io.Reader, run Run) (k kept, err error) {
	lines, at := bufio.NewReader(r), int64(0)
	if begin, _ := lines.Peek(1); f.header == "" && len(begin) > 0 && begin[0] != '{' { // a line of another file may have no end
		return k, f.alien([]byte("?\n"), true)
	}
	for first := true; ; first = false {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return k, f.alien(line, first)
		}
		if err != nil {
			return k, err
		}
		if first && f.header != "" {
			if string(line) != f.header {
				return k, fmt.Errorf("its columns aren't those of this run: its first line is %s, and should be %s; name another file",
					diag.Quote(strings.TrimSpace(string(line))), diag.Quote(strings.TrimSpace(f.header)))
			}
			at += int64(len(line))
			k.end, k.whole = at, at
			continue
		}
		step, ok := f.step(line)
		if !ok {
			return k, f.alien(line, first)
		}
		if step > run.Logged() {
			return k, nil
		}
		at += int64(len(line))
		k.whole, k.last = at, step
		if step < run.Logged() || run.HasEntry(step) {
			k.end = at
		}
	}
}

// alien is the error for a first line that is none of a log, unless it is one that was
// cut short.
func (f logForm) alien(line []byte, first bool) error {
	begin := cmp.Or(f.header, `{"step":`)
	switch {
	case !first || len(line) == 0, !bytes.HasSuffix(line, []byte("\n")) && (strings.HasPrefix(begin, string(line)) || f.header == "" && bytes.HasPrefix(line, []byte(begin))):
		return nil
	case f.header != "":
		return errors.New("it isn't a flowrun log: it has no line of column names; name another file")
	}
	return errors.New("it isn't a flowrun log: its first line has no step; name another file")
}

// jsonStep is the step of a line of JSONL. A metric may be called Step, which the field of a
// struct would take as well.
func jsonStep(line []byte) (int64, bool) {
	var record map[string]json.RawMessage
	var step *int64
	if json.Unmarshal(line, &record) != nil || json.Unmarshal(record["step"], &step) != nil || step == nil {
		return 0, false
	}
	return *step, true
}

// csvStep is the step of a line of CSV, its first cell.
func csvStep(line []byte) (int64, bool) {
	cell, _, _ := strings.Cut(strings.TrimRight(string(line), "\r\n"), ",")
	step, err := strconv.ParseInt(cell, 10, 64)
	return step, err == nil
}
