package flowrun

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/ir"
)

// ErrClosed is what every call on a closed session gives that can give an error.
var ErrClosed = engine.ErrClosed

// ErrRunning is what [Session.Run] gives while another Run of the session goes on.
var ErrRunning = engine.ErrRunning

// apply applies options to what they change. A nil among them is an error, which
// names the kind that it should be of.
func apply[T any, O ~func(*T)](to *T, kind string, options []O) error {
	for i, option := range options {
		if option == nil {
			return fmt.Errorf("option %d of %d is nil; it should be a %s", i+1, len(options), kind)
		}
		option(to)
	}
	return nil
}

// checkContext is the error for a context that can't be, or has ended.
func checkContext(ctx context.Context) error {
	if ctx == nil {
		return errors.New("the context is nil; context.Background() is one that never ends")
	}
	return ctx.Err()
}

// ready is the error for a program that nobody has loaded.
func (p *Program) ready() error {
	if p == nil || p.spec == nil {
		return errors.New("there is no program: one is made by Load or Parse, where they give no error")
	}
	return nil
}

// ready is the error for a session that nobody has started.
func (s *Session) ready() error {
	if s == nil || s.engine == nil {
		return errors.New("there is no session: one is made by Start, where it gives no error")
	}
	return nil
}

// check reports options that can't be, or don't go together.
func (o *startOptions) check() error {
	switch {
	case o.given && o.weights == nil:
		return errors.New("WithWeights was given nil; it takes all of the model's parameters, and without it they are the spec's initial ones")
	case o.given && o.resume.wanted && !o.resume.orNew:
		return errors.New("Resume takes the parameters from a checkpoint; it doesn't go with WithWeights")
	}
	for _, r := range o.rules {
		if r.Match == "" || r.Device == "" {
			return fmt.Errorf("Place(%q, %q): it takes a pattern of paths and a device", r.Match, r.Device)
		}
	}
	return nil
}

// checkTensors reports the first few of given values that are no tensors, by name.
func checkTensors(what string, values map[string]*Tensor) error {
	var problems []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if err := values[name].Check(); err != nil {
			problems = append(problems, fmt.Sprintf("%s is %v", diag.Cut(name), err))
		}
	}
	if len(problems) == 0 {
		return nil
	}
	return fmt.Errorf("the %s can't be used: %s", what, few(problems))
}

func isWeight(s *ir.State) bool { return s.Kind == ir.ParamState || s.Kind == ir.BufferState }

// checkWeights compares weights with the parameters of a graph. Those that the
// program has elsewhere (parameters of the loss, in an evaluation) are no fault.
func (p *Program) checkWeights(g *ir.Graph, weights map[string]*Tensor) error {
	if err := checkTensors("weights", weights); err != nil {
		return err
	}
	var problems []string
	known := map[string]bool{}
	for _, s := range g.States {
		if !isWeight(s) {
			continue
		}
		known[s.Name] = true
		switch t := weights[s.Name]; {
		case t == nil:
			problems = append(problems, fmt.Sprintf("%s (%s) is missing", s.Name, s.Type))
		case !t.Type.Equal(s.Type):
			problems = append(problems, fmt.Sprintf("%s is %s, the model's is %s", s.Name, t.Type, s.Type))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(weights)) {
		if !known[name] && !p.hasWeight(name) {
			problems = append(problems, fmt.Sprintf("%s is no parameter of the model", diag.Cut(name)))
		}
	}
	return misfit("weights", problems)
}

// misfit is the error for values that don't go with the model: the first few
// problems, and how many more there are.
func misfit(what string, problems []string) error {
	if len(problems) == 0 {
		return nil
	}
	return fmt.Errorf("the %s don't fit the model: %s", what, few(problems))
}

// few lists the first few problems, and how many more there are.
func few(problems []string) string {
	const most = 6
	more := ""
	if len(problems) > most {
		more = fmt.Sprintf("; and %d more", len(problems)-most)
		problems = problems[:most]
	}
	return strings.Join(problems, "; ") + more
}
