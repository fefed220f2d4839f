package flowrun

import (
	"fmt"
	"math"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
)

// resolve gives the spec's loop in steps, now that the training data is open and the
// number of an epoch's steps is known. Its Epochs are 0 if max_steps ends the run first.
// data is nil where batches are generated.
func (p *Program) resolve(train *dataset) (*ir.Loop, error) {
	l := p.spec.Loop
	if train == nil {
		return &l, nil
	}
	_, _, steps := train.batches()
	if l.Epochs > 0 {
		if l.Epochs > math.MaxInt64/steps {
			return nil, fmt.Errorf("train.epochs: %d epochs of %s are too many to count", l.Epochs, diag.Count(int(steps), "step"))
		}
		if limit := l.Epochs * steps; l.MaxSteps == 0 || limit < l.MaxSteps {
			l.MaxSteps = limit
		} else {
			l.Epochs = 0
		}
	}
	if l.LogEpoch {
		l.LogEvery = steps
	}
	if l.Evaluation != nil {
		e := *l.Evaluation
		if e.EveryEpoch {
			e.Every = steps
		}
		l.Evaluation = &e
	}
	if l.Checkpoint != nil {
		c := *l.Checkpoint
		if c.EveryEpoch {
			c.Every = steps
		}
		l.Checkpoint = &c
	}
	return &l, nil
}

// checkLimit is the error for a run of more steps than the training data provides.
func (d *dataset) checkLimit(limit int64) error {
	if d == nil || d.Steps() == 0 || limit <= d.Steps() {
		return nil
	}
	remedy := "provide more batches"
	if d.decl.Repeat > 0 {
		remedy = "raise its repeat"
	}
	return fmt.Errorf("data source %s ends after %s, and the run is to have %d: set max_steps: %d, or %s",
		d.decl.Name, diag.Count(int(d.Steps()), "step"), limit, d.Steps(), remedy)
}
