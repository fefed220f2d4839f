package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/flowrun/flowrun"
)

// tellResumed says from where a run goes on, and what has changed since.
func tellResumed(w io.Writer, r *flowrun.Resumption) error {
	if _, err := fmt.Fprintf(w, "going on from %s, step %d\n", r.Path, r.Step); err != nil {
		return err
	}
	for _, d := range r.Differences {
		if _, err := fmt.Fprintf(w, "warning: the spec has changed since: %s\n", d); err != nil {
			return err
		}
	}
	return nil
}

// openLog opens a log for a run that begins after a step. What a log of the same
// run says of the steps up to there stays, what came later is cut off.
func openLog(path string, start int64) (*os.File, error) {
	if start == 0 {
		return os.Create(path)
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	end, err := endOfStep(file, start)
	if err == nil {
		err = file.Truncate(end)
	}
	if err == nil {
		_, err = file.Seek(end, io.SeekStart)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// endOfStep finds the end of the last whole line of a log whose step is at most
// the given one.
func endOfStep(r io.Reader, step int64) (int64, error) {
	lines := bufio.NewReader(r)
	var end int64
	for {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return end, nil
		}
		if err != nil {
			return 0, err
		}
		var record struct{ Step int64 }
		if err := json.Unmarshal(line, &record); err != nil || record.Step > step {
			return end, nil
		}
		end += int64(len(line))
	}
}
