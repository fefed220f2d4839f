package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/internal/errs"
	"github.com/flowrun/flowrun/internal/files"
	"github.com/flowrun/flowrun/report"
	"github.com/flowrun/flowrun/report/tensorboard"
)

// canShow finds out before a run whether its events can be written. A folder with those of
// another run would show both as one. checkpoints says whether the run writes any.
func (o *runFlags) canShow(checkpoints bool) error {
	dir := o.tensorboard
	if dir == "" {
		return nil
	}
	has, err := tensorboard.HasEvents(dir)
	switch {
	case err != nil:
		return fmt.Errorf("--tensorboard: %w", err)
	case has && o.resume == "":
		goOn := ""
		if checkpoints {
			goOn = ", or go on with that run: --resume"
		}
		return fmt.Errorf("--tensorboard %s: it has the events of another run: name another folder, such as %s%s", dir, filepath.Join(dir, "run2"), goOn)
	}
	for {
		info, err := os.Stat(dir)
		switch parent := filepath.Dir(dir); {
		case err == nil && !info.IsDir():
			return fmt.Errorf("--tensorboard %s: %s is not a folder", o.tensorboard, dir)
		case errors.Is(err, os.ErrNotExist) && parent != dir:
			dir = parent
			continue
		case err != nil:
			return fmt.Errorf("--tensorboard: %w", err)
		}
		if err := files.CanReplace(filepath.Join(dir, "events.out.tfevents")); err != nil {
			return fmt.Errorf("--tensorboard %s: %w", o.tensorboard, err)
		}
		return nil
	}
}

// openEvents begins the event file of --tensorboard: its observer, and what ends it, adding
// to an error.
func (o *followFlags) openEvents(p *flowrun.Program, run report.Run, tell func(string)) (engine.Observer, func(error) error, error) {
	spec, err := p.Rendered()
	if err != nil {
		return engine.Observer{}, nil, err
	}
	file, err := tensorboard.Create(o.tensorboard, time.Now())
	if err != nil {
		return engine.Observer{}, nil, fmt.Errorf("--tensorboard: %w", err)
	}
	log := report.NewEvents(file, run, spec, func(note string) { tell("note: " + diag.Printable(note)) })
	return log.Observer(), func(err error) error { return errs.Join(err, log.Flush(), file.Close()) }, nil
}
