package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/internal/errs"
	"github.com/flowrun/flowrun/report"
)

// followFlags are the flags that say how a run can be followed.
type followFlags struct {
	log, tensorboard string
	logEvery         int64
}

func (o *followFlags) add(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&o.log, "log", "", "write loss and metrics to `FILE` every log_every steps, as JSON lines, or as CSV if it ends in .csv")
	f.StringVar(&o.tensorboard, "tensorboard", "", "write what --log has as an event file of TensorBoard into the folder `DIR`")
	intFlag(c, &o.logEvery, "log-every", "write progress lines and logs every `N` steps, overriding the spec's log_every")
}

// options are those of the session's start.
func (o *followFlags) options(c *cobra.Command) ([]flowrun.StartOption, error) {
	if !c.Flags().Changed("log-every") {
		return nil, nil
	}
	if o.logEvery < 1 {
		return nil, usageError{fmt.Errorf("--log-every must be at least 1, got %d", o.logEvery)}
	}
	return []flowrun.StartOption{flowrun.LogEvery(o.logEvery)}, nil
}

// openLog begins the log of --log: its observer, and what ends it, adding to an error.
func (o *followFlags) openLog(run report.Run, s streams) (engine.Observer, func(error) error, error) {
	file, empty, err := openLog(o.log, run, s)
	if err != nil {
		return engine.Observer{}, nil, fmt.Errorf("--log: %w", err)
	}
	log := report.NewLog(file, run)
	if isCSV(o.log) {
		log = report.NewCSV(file, run, empty)
	}
	return log.Observer(), func(err error) error { return errs.Join(err, log.Flush(), file.Close()) }, nil
}

// progress returns the observers that show the run's progress, and a function that
// clears the live line. With --json standard output has the object alone, so a terminal
// on the error stream shows the line.
func (o *runFlags) progress(s streams, run report.Run) ([]engine.Observer, func()) {
	out := s.out
	if o.json {
		out = s.errors
	}
	if file, ok := out.(*os.File); ok {
		if width, ok := report.Terminal(file); ok {
			p := report.NewProgress(file, width, run)
			return []engine.Observer{p.Observer()}, func() { _ = p.Clear() }
		}
	}
	if o.json {
		return nil, func() {}
	}
	return []engine.Observer{report.Lines(out, run)}, func() {}
}
