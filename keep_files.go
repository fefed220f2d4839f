package flowrun

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/flowrun/flowrun/data/safetensors"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/internal/files"
	"github.com/flowrun/flowrun/report"
	"github.com/flowrun/flowrun/runs"
)

// keptFiles are the files of a run's folder that are written while it runs.
type keptFiles struct {
	metrics *files.Lines
	entries *report.Log
	log     *files.Lines
	lines   engine.Observer
	writing sync.Mutex // of both
	closed  bool
	failed  error // of writing the log, where nobody was there to be told
}

// openKept opens them, cuts the metrics to where the run goes on, and begins the log with
// some lines.
func openKept(folder *runs.Folder, run report.Run, opening []string) (_ *keptFiles, err error) {
	k := &keptFiles{}
	defer func() {
		if err != nil {
			err = errors.Join(err, k.close())
		}
	}()
	if k.log, err = folder.Append(runs.LogFile); err != nil {
		return nil, err
	}
	if k.metrics, err = folder.Append(runs.MetricsFile); err != nil {
		return nil, err
	}
	for _, line := range opening {
		k.tell(line)
	}
	end, err := run.Cut(k.metrics, false, func(warning string) { k.tell("warning: " + warning) })
	if err != nil {
		return nil, err
	}
	if end == 0 && run.LastEntry() > 0 && folder.Before != nil {
		k.tell(fmt.Sprintf("warning: %s has no lines up to step %d, from which the run resumes: the log has a gap", runs.MetricsFile, run.Start))
	}
	k.entries = report.NewLog(keptWriter{k, k.metrics}, run)
	k.lines = report.Lines(keptWriter{k, k.log}, run)
	return k, k.failed
}

// keptWriter writes to one of the files until they are closed.
type keptWriter struct {
	of   *keptFiles
	file *files.Lines
}

func (w keptWriter) Write(p []byte) (n int, err error) {
	err = w.of.use(func() error {
		n, err = w.file.Write(p)
		return err
	})
	return n, err
}

func (w keptWriter) Sync() error { return w.of.use(w.file.Sync) }

// use does something with the files.
func (k *keptFiles) use(do func() error) error {
	k.writing.Lock()
	defer k.writing.Unlock()
	if k.closed {
		return ErrClosed
	}
	return do()
}

// tell adds a line to the log; an error of that is told at the end.
func (k *keptFiles) tell(line string) {
	if _, err := io.WriteString(keptWriter{k, k.log}, diag.Printable(strings.TrimRight(line, "\n"))+"\n"); err != nil && k.failed == nil {
		k.failed = err
	}
}

// observers follow the run.
func (k *keptFiles) observers() []engine.Observer {
	return []engine.Observer{k.entries.Observer(), k.lines}
}

// finish adds the end to the log, and makes both files lasting.
func (k *keptFiles) finish(text string) error {
	_, err := io.WriteString(keptWriter{k, k.log}, text)
	return errors.Join(k.failed, err, k.entries.Sync(), keptWriter{k, k.log}.Sync())
}

// close closes the files.
func (k *keptFiles) close() error {
	if k == nil {
		return nil
	}
	k.writing.Lock()
	defer k.writing.Unlock()
	k.closed = true
	var err error
	for _, f := range []*files.Lines{k.metrics, k.log} {
		if f != nil {
			err = errors.Join(err, f.Close())
		}
	}
	return err
}

// saveIn is Save for a file in an open folder.
func (w Weights) saveIn(folder *files.Folder, name string) error {
	return safetensors.WriteIn(folder, name, w.Tensors, w.metadata())
}
