// Package flowrun runs declarative dataflow programs: a YAML spec describes a
// model and how to train it; flowrun checks it, lowers it onto the machine's
// devices and runs it, and no device ever computes from a stale value.
//
// The way is one direction:
//
//	program, err := flowrun.Load("graphs/math_net.yaml")
//	session, err := program.Start(ctx)
//	defer session.Close()
//	summary, err := session.Run(ctx)
//
// A [Program] is a checked spec; it can be started any number of times. A
// [Session] is a running program with memory on its devices. Its states
// (parameters, metrics, the step counter) are read with [Session.Get] and
// written with [Session.Set]. A write needs no further care: whatever depends
// on the state, its copies on other devices first of all, is out of date from
// that moment on, and is computed anew before anybody sees it.
//
// The package has no global state, and sessions are independent of each other. A
// program's and a session's methods may be called from several goroutines at once: they
// take effect one at a time, between steps. [Session.Weights], [Session.SaveWeights] and
// checkpoints have all values of the same step. [Session.Close] may come at any time;
// from then on every method that can gives [ErrClosed].
//
// Arguments that can't be (a nil context, a nil tensor, data shorter than their type
// says) are errors.
package flowrun

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/flowrun/flowrun/autodiff"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec"
)

// The types that a program's user meets.
type (
	// Tensor is a value in the host's memory: dtype, shape and bytes.
	Tensor = ir.Tensor
	// Type is a dtype and a shape.
	Type = ir.Type
	// Shape lists dimensions, outermost first.
	Shape = ir.Shape
	// DType is an element type.
	DType = ir.DType
	// Summary is how a run ended.
	Summary = engine.Summary
	// Record is the state of a run after a step, as observers see it.
	Record = engine.Record
	// Observer is told how a run goes on.
	Observer = engine.Observer
	// Stats counts what a session has done.
	Stats = engine.Stats
	// Diagnostic is a finding about a spec: what, where, and what to do.
	Diagnostic = diag.Diagnostic
)

// The element types.
const (
	Bool = ir.Bool
	I32  = ir.I32
	I64  = ir.I64
	F16  = ir.F16
	BF16 = ir.BF16
	F32  = ir.F32
	F64  = ir.F64
)

// FromFloat32 makes an f32 tensor. It is an error if the values don't fill the
// shape.
func FromFloat32(shape Shape, values []float32) (*Tensor, error) {
	if err := ir.CheckFill(shape, len(values)); err != nil {
		return nil, err
	}
	return ir.FromFloat32(shape, values), nil
}

// FromFloat64 makes a tensor of a floating dtype d, each value rounded to the
// nearest one that d has. It is an error if d isn't floating, or if the values
// don't fill the shape.
func FromFloat64(d DType, shape Shape, values []float64) (*Tensor, error) {
	if !slices.Contains([]DType{F16, BF16, F32, F64}, d) {
		return nil, fmt.Errorf("FromFloat64 makes tensors of f16, bf16, f32 and f64, not of %s", d)
	}
	if err := ir.CheckFill(shape, len(values)); err != nil {
		return nil, err
	}
	return ir.FromFloat64(d, shape, values), nil
}

// FromInt64 makes a tensor of an integer dtype or of bool, where all but 0 is true. It
// is an error if d is another one, if it can't hold a value, or if the values don't
// fill the shape.
func FromInt64(d DType, shape Shape, values []int64) (*Tensor, error) {
	if !slices.Contains([]DType{Bool, I32, I64}, d) {
		return nil, fmt.Errorf("FromInt64 makes tensors of bool, i32 and i64, not of %s", d)
	}
	if err := ir.CheckFill(shape, len(values)); err != nil {
		return nil, err
	}
	if d == I32 {
		for i, v := range values {
			if v != int64(int32(v)) {
				return nil, fmt.Errorf("value %d is %d, which i32 can't hold", i, v)
			}
		}
	}
	return ir.FromInt64(d, shape, values), nil
}

// Program is a checked spec, differentiated and ready to be lowered.
type Program struct {
	spec      *spec.Program
	findings  diag.List
	allowRead []string
}

// LoadOption changes how a spec is read.
type LoadOption func(*loadOptions)

type loadOptions struct {
	spec    spec.Options
	files   bool     // whether to open the files that the spec names
	devices []string // to lower the program onto
}

func gather(options []LoadOption) (o loadOptions, err error) {
	return o, apply(&o, "LoadOption", options)
}

// With overrides one of the spec's vars, as --set does: value is YAML text and
// is checked as if it stood in the spec.
func With(name, value string) LoadOption {
	return func(o *loadOptions) { o.spec.Set = append(o.spec.Set, spec.Setting{Key: name, Value: value}) }
}

// VarsFrom overrides the vars that a YAML file gives values to, as --vars does:
// a mapping from names to values, which are checked as if they stood in the spec.
// Values of With stand over it.
func VarsFrom(path string) LoadOption {
	return func(o *loadOptions) { o.spec.VarsFiles = append(o.spec.VarsFiles, path) }
}

// WithSeed overrides the spec's seed.
func WithSeed(seed int64) LoadOption { return func(o *loadOptions) { o.spec.Seed = &seed } }

// AllowRead lets the spec name files in a folder outside of its own.
func AllowRead(dir string) LoadOption {
	return func(o *loadOptions) { o.spec.AllowRead = append(o.spec.AllowRead, dir) }
}

// SpecError says that a spec is wrong: all its faults, each with its place.
type SpecError struct {
	File        string
	Diagnostics diag.List
}

// Error gives the first fault and the number of the others.
func (e *SpecError) Error() string {
	errors, _ := e.Diagnostics.Count()
	for _, d := range e.Diagnostics.Items {
		if d.Severity != diag.Error {
			continue
		}
		if errors == 1 {
			return fmt.Sprintf("%s: %s", d.Range, d.Message)
		}
		return fmt.Sprintf("%s: %s (and %d more)", d.Range, d.Message, errors-1)
	}
	return e.File + ": not a valid spec"
}

// Load reads and checks a spec file. Nothing is executed, and nothing outside
// of the spec's folder is read. A spec that is wrong gives a *SpecError with
// all that is wrong with it.
func Load(path string, options ...LoadOption) (*Program, error) {
	return build(path, func(o spec.Options) (*spec.Program, diag.List) { return spec.Load(path, o) }, options)
}

// Parse is Load for a spec in memory; name stands for its file in messages, and
// files that it names are relative to name's folder.
func Parse(name string, src []byte, options ...LoadOption) (*Program, error) {
	return build(name, func(o spec.Options) (*spec.Program, diag.List) { return spec.Parse(name, src, o) }, options)
}

// build gives a program that is right, or why there is none: a *SpecError, or
// another error where a file could not be read.
func build(name string, load func(spec.Options) (*spec.Program, diag.List), options []LoadOption) (*Program, error) {
	program, err := inspect(load, options)
	if err != nil {
		return nil, err
	}
	for _, d := range program.findings.Items {
		if d.Rule == diag.Unreadable && !d.Range.Known() {
			return nil, fmt.Errorf("%s: %s", d.Range.File, d.Message)
		}
	}
	if program.findings.HasErrors() {
		return nil, &SpecError{File: name, Diagnostics: program.findings}
	}
	return program, nil
}

// inspect gives a program with all findings, which may say that it is none. Where
// the check itself fails, it comes with those so far.
func inspect(load func(spec.Options) (*spec.Program, diag.List), options []LoadOption) (*Program, error) {
	o, err := gather(options)
	if err != nil {
		return &Program{}, err
	}
	p, findings := load(o.spec)
	if !findings.HasErrors() {
		findings.Bounded(func() { err = differentiate(p, &findings) })
	}
	program := &Program{spec: p, findings: findings, allowRead: o.spec.AllowRead}
	if err == nil {
		err = program.checkSurroundings(o)
	}
	return program, err
}

// differentiate replaces the gradients in a program's graphs; one that doesn't
// exist is a fault of the spec.
func differentiate(p *spec.Program, findings *diag.List) error {
	for _, g := range p.Graphs() {
		var at *autodiff.Error
		if err := autodiff.Expand(g, findings.Budget); errors.As(err, &at) {
			d := diag.Diagnostic{Rule: diag.NotDifferentiable, Range: at.Range, Message: at.Msg}
			for _, n := range at.Blocked {
				d.Notes = append(d.Notes, diag.Note{Message: "`" + n.Op.Name + "`", Range: n.Origin})
			}
			if isParameter(g, at.Range) { // the loss's gradient, which trains it
				d.Range, d.Message = p.Loss, "the loss can't be trained by: "+at.Msg
			}
			if len(at.Blocked) > 0 {
				d.Help = gradientHelp
			}
			findings.Add(d)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// gradientHelp says what to do about a loss or a value without a gradient.
const gradientHelp = "comparisons, indices and integers have no slope: an accuracy is a metric; a loss is cross_entropy(logits, labels), or mse_loss(y, target)"

// isParameter reports whether a parameter is made at a place.
func isParameter(g *ir.Graph, at diag.Range) bool {
	return slices.ContainsFunc(g.States, func(s *ir.State) bool { return s.Kind == ir.ParamState && s.Origin == at })
}

// Name is the spec's name.
func (p *Program) Name() string { return p.spec.Name }

// Warnings are findings that don't keep the program from running.
func (p *Program) Warnings() []Diagnostic { return slices.Clone(p.findings.Items) }

// WriteWarnings writes the warnings as people read them.
func (p *Program) WriteWarnings(w io.Writer, colour bool) error {
	if err := p.ready(); err != nil {
		return err
	}
	if w == nil {
		return errors.New("there is no writer for the warnings: it is nil")
	}
	return p.findings.WriteText(w, colour)
}

// Render gives the text of a spec with overrides applied, imports resolved and
// defaults written out; rendering that again changes nothing, and it is the same
// program.
func Render(path string, options ...LoadOption) (string, error) {
	o, err := gather(options)
	if err != nil {
		return "", err
	}
	src, err := spec.ReadFile(path)
	if err != nil {
		return "", err
	}
	text, findings := spec.Render(path, src, o.spec)
	if findings.HasErrors() {
		return "", &SpecError{File: path, Diagnostics: findings}
	}
	return text, nil
}

// Trains reports whether the spec says how to train.
func (p *Program) Trains() bool { return p.spec.Train != nil }

// LogEvery is the spec's number of steps between log lines.
func (p *Program) LogEvery() int64 { return p.spec.Loop.LogEvery }

// MaxSteps is the spec's limit; 0 means none.
func (p *Program) MaxSteps() int64 { return p.spec.Loop.MaxSteps }

// StopsByItself reports whether the spec has a stop condition, until or
// early_stop.
func (p *Program) StopsByItself() bool { return p.spec.Loop.Until || p.spec.Loop.EarlyStop != nil }

// Metrics names the spec's metrics in its order, those of its evaluation last, as
// records list them.
func (p *Program) Metrics() []string {
	l := p.spec.Loop
	if l.Evaluation == nil {
		return slices.Clone(l.Metrics)
	}
	return slices.Concat(l.Metrics, l.Evaluation.Metrics)
}

// Inputs gives the model's inputs and their types.
func (p *Program) Inputs() map[string]Type {
	inputs := map[string]Type{}
	for _, s := range p.spec.Eval.States {
		if s.Kind == ir.InputState {
			inputs[s.Name] = Type{DType: s.Type.DType, Shape: slices.Clone(s.Type.Shape)}
		}
	}
	return inputs
}

// Files lists the files that the program is made of and reads: the spec, what it
// imports, recorded data, weights to start from.
func (p *Program) Files() []string {
	list := append([]string{p.spec.File}, p.spec.Imports...)
	for _, s := range p.spec.Sources {
		list = append(list, s.Path)
	}
	if w := p.spec.Loop.Weights; w != nil {
		list = append(list, w.Path)
	}
	return list
}

// CheckpointFolder is where the program's checkpoints are written; "" if it has none.
func (p *Program) CheckpointFolder() string {
	if c := p.spec.Loop.Checkpoint; c != nil {
		return c.Path
	}
	return ""
}

// Outputs names the model's outputs in the spec's order.
func (p *Program) Outputs() []string {
	var names []string
	for _, o := range p.spec.Eval.Outputs {
		names = append(names, o.Name)
	}
	return names
}
