package flowrun

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/flowrun/flowrun/checkpoint"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/ir"
)

// Divergence says how a run stopped being finite: see [Summary].
type Divergence = engine.Divergence

// Cause is the node that made what isn't finite.
type Cause = engine.Cause

// The bounds of what a run spends on finding out why it is no longer finite: time, and the
// bytes of a copy of its states, of which it keeps two.
const (
	replayLimit  = 60 * time.Second
	snapshotMost = engine.CopyLimit(1 << 30)
)

// writtenOut is the number of nodes up to which scans are written out where each node is
// looked at, with the same bits. Of a longer one only the results are.
const writtenOut = 1 << 17

// CheckNumerics looks at the value of every node from the first step on, as
// --check-numerics does: nodes run one by one, as with [Sync], and after each step loss
// and states are looked at. Results have the same bits, and take many times longer. made
// is told of each node, once, that makes values which aren't finite of finite ones,
// whatever becomes of them; it may be nil. A loss that isn't finite ends the run, unless
// the spec says skip.
func CheckNumerics(made func(c *Cause, position string)) StartOption {
	return func(o *startOptions) {
		in := engine.NewInspector()
		if made != nil {
			in.Made = func(c *Cause) { made(c, c.Node.Origin.String()) }
		}
		o.numerics, o.lower.NoFuse, o.lower.WriteOut, o.engine.Inspect = true, true, writtenOut, in.See
	}
}

// OnReplay calls a function before a run takes many steps again, to find the first one
// after which it wasn't finite any more; steps is how many these are at most.
func OnReplay(tell func(steps int64)) RunOption {
	return func(l *engine.Loop) {
		if l.Guard != nil {
			g := *l.Guard
			g.Replaying = tell
			l.Guard = &g
		}
	}
}

// OnSkipped calls a function when metrics are read and show that steps were skipped, as
// on_nonfinite: skip wants: once with the number of them so far, and again whenever all of
// the last steps were, row of them, at least 100 and then twice as many each time.
func OnSkipped(tell func(skipped, row int64)) RunOption {
	return func(l *engine.Loop) { l.TellSkipped = tell }
}

// guard is what the run does about what isn't finite; nil: nothing.
func (s *Session) guard(o *startOptions) *engine.Guard {
	mode := s.settings.OnNonFinite
	if mode == ir.ContinueOnNonFinite && !o.numerics {
		return nil
	}
	return &engine.Guard{Loss: mode != ir.SkipNonFinite, Always: o.numerics, Limit: replayLimit, Most: cmp.Or(o.copies, snapshotMost), Beginning: s.beginning,
		Explain: func(ctx context.Context, d *engine.Divergence, before map[string]*ir.Tensor) {
			if err := s.explain(ctx, *o, d, before); err != nil {
				d.Why = err.Error()
			}
		}}
}

// explain takes the step after which the run wasn't finite again, one node after the
// other, and looks at the value of each.
func (s *Session) explain(ctx context.Context, o startOptions, d *Divergence, before map[string]*ir.Tensor) (err error) {
	in := engine.NewInspector()
	o.device, o.weights = s.device, Weights{}
	o.lower.NoFuse, o.lower.WriteOut, o.engine.Inspect = true, writtenOut, in.See
	g := s.graph
	if s.tailGraph != nil && d.Step%s.loop.EpochSteps == 0 {
		g = s.tailGraph
	}
	one, err := s.program.instantiateWith(ctx, g, nil, 0, s.train, &o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, one.close()) }()
	if err := one.engine.SetAll(before); err != nil {
		return err
	}
	if err := one.engine.Step(ctx); err != nil {
		return err
	}
	if d.Cause = in.Find(one.engine.Plan(), ir.LossState, d.States); d.Cause == nil {
		return errors.New("taken again node by node, the step left everything finite")
	}
	if n := d.Cause.Node; n.Op == ir.SourceOp {
		d.Cause.Data = s.dataOf(n, d.Step-1, d.Cause.Value.First)
	}
	return nil
}

// dataOf says which data a batch of a step has at an element of a field.
func (s *Session) dataOf(n *ir.Node, step int64, at int) string {
	field := n.Str("field")
	what := fmt.Sprintf("the field %s of the data source %s", diag.Cut(field), diag.Cut(n.Str("source")))
	places, err := s.train.Places(step, field)
	if per := n.Type.Shape.Numel() / max(1, len(places)); err == nil && per > 0 && at/per < len(places) {
		what += ": " + places[at/per].String()
	}
	return what
}

// checkFirst looks at the values that a run begins with. Parameters that are NaN are an
// error unless the spec says continue; those that are infinite are told of.
func (s *Session) checkFirst(o *startOptions, from *checkpoint.Resumed, values map[string]*Tensor) error {
	if s.settings.OnNonFinite == ir.ContinueOnNonFinite && !o.numerics {
		return nil
	}
	var nans, infinite []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		st := s.program.spec.Train.State(name)
		if st == nil || !st.Trained() {
			continue
		}
		nan, inf := values[name].NonFinite()
		switch {
		case !st.Sound(nan, inf, true):
			nans = append(nans, fmt.Sprintf("%s is NaN in %d of %d values", name, engine.SpreadOf(values[name]).NaN, values[name].Type.Shape.Numel()))
		case !st.Sound(nan, inf, false):
			infinite = append(infinite, name)
		}
	}
	if len(nans) > 0 {
		what, help := "the initial values can't be trained", "correct them"
		if from != nil {
			what, help = from.Path+" can't be resumed from", "resume from an earlier checkpoint"
		}
		return fmt.Errorf("%s: %s (%s, or go on regardless with train.on_nonfinite: continue)", what, diag.Few(nans), help)
	}
	if len(infinite) > 0 && o.note != nil {
		o.note("infinite before the first step: " + diag.Few(infinite) + "; infinity there doesn't end the run")
	}
	return nil
}
