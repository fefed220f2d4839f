package flowrun

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/flowrun/flowrun/autodiff"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec"
	"github.com/flowrun/flowrun/weights"
)

// Program is a checked spec, differentiated and ready to be lowered.
type Program struct {
	spec      *spec.Program
	findings  diag.List
	allowRead []string
	building  sync.Mutex // of graphs for other sizes, which share the spec's definitions, and of text
	text      string     // see rendered; "" until it was asked for
}

// LoadOption changes how a spec is read.
type LoadOption func(*loadOptions)

type loadOptions struct {
	spec        spec.Options
	tellWeights func(*WeightsReport) // of files that the spec names; nil: nobody

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
// Values of With take precedence.
func VarsFrom(path string) LoadOption {
	return func(o *loadOptions) { o.spec.VarsFiles = append(o.spec.VarsFiles, path) }
}

// WithSeed overrides the spec's seed.
func WithSeed(seed int64) LoadOption { return func(o *loadOptions) { o.spec.Seed = &seed } }

// AllowRead allows the spec to name files in a folder outside its own.
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

// Check does everything that Load does before anything runs, and gives all
// findings, warnings too. A file of modules is checked as an import does. A file
// that can't be read is the one finding "unreadable". It may be called from
// several goroutines.
func Check(path string, options ...LoadOption) Findings {
	src, err := spec.ReadFile(path)
	if err != nil {
		return diag.UnreadableFile(path, err)
	}
	return CheckText(path, src, options...)
}

// CheckText is Check for a text in memory, as Parse is Load.
func CheckText(name string, src []byte, options ...LoadOption) Findings {
	o, err := gather(options)
	if err != nil {
		return diag.UnreadableFile(name, err)
	}
	if spec.IsModules(src) {
		return spec.ParseModules(name, src, o.spec)
	}
	p, err := inspect(func(o spec.Options) (*spec.Program, diag.List) { return spec.Parse(name, src, o) }, options)
	if err != nil {
		p.findings.Merge(diag.UnreadableFile(name, err))
	}
	return p.findings
}

// build returns a valid program, a *SpecError, or another error if a file could not
// be read.
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

// sized gives a graph of the program for batches of another size, ready to be lowered.
func (p *Program) sized(build func(batch int64) (*ir.Graph, diag.List), batch int64) (*ir.Graph, error) {
	p.building.Lock()
	defer p.building.Unlock()
	g, findings := build(batch)
	if !findings.HasErrors() {
		if err := differentiateGraph(g, p.spec.Loss, &findings); err != nil {
			return nil, err
		}
	}
	if findings.HasErrors() {
		return nil, &SpecError{File: p.spec.File, Diagnostics: findings}
	}
	return g, nil
}

// differentiate replaces the gradients in a program's graphs; one that doesn't
// exist is a fault of the spec.
func differentiate(p *spec.Program, findings *diag.List) error {
	for _, g := range p.Graphs() {
		if err := differentiateGraph(g, p.Loss, findings); err != nil {
			return err
		}
	}
	return nil
}

// differentiateGraph is differentiate for one graph; loss is where the spec has the loss.
func differentiateGraph(g *ir.Graph, loss diag.Range, findings *diag.List) error {
	var at *autodiff.Error
	err := autodiff.Expand(g, findings.Budget)
	if !errors.As(err, &at) {
		return err
	}
	d := diag.Diagnostic{Rule: diag.NotDifferentiable, Range: at.Range, Message: at.Msg}
	for _, n := range at.Blocked {
		d.Notes = append(d.Notes, diag.Note{Message: "`" + n.Op.Name + "`", Range: n.Origin})
	}
	if isParameter(g, at.Range) { // the loss's gradient, which trains it
		d.Range, d.Message = loss, "the loss can't be trained by: "+at.Msg
	}
	if len(at.Blocked) > 0 {
		d.Help = gradientHelp
	}
	findings.Add(d)
	return nil
}

// gradientHelp says what to do about a loss or a value without a gradient.
const gradientHelp = "comparisons, indices and integers have no slope: an accuracy is a metric; a loss is cross_entropy(logits, labels), or mse_loss(y, target)"

// isParameter reports whether a parameter is made at a place.
func isParameter(g *ir.Graph, at diag.Range) bool {
	return slices.ContainsFunc(g.States, func(s *ir.State) bool { return s.Kind == ir.ParamState && s.Origin == at })
}

// ready is the error for a program that nobody has loaded.
func (p *Program) ready() error {
	if p == nil || p.spec == nil {
		return errors.New("there is no program: Load and Parse make one, if they return no error")
	}
	return nil
}

// Name is the spec's name.
func (p *Program) Name() string { return p.spec.Name }

// Seed is the spec's seed, or the one that overrides it.
func (p *Program) Seed() int64 { return p.spec.Seed }

// Vars are the values of the spec's vars, as they are overridden: an int64, float64, bool,
// string, or a list ([]any) of those.
func (p *Program) Vars() map[string]any { return p.spec.Vars() }

// Warnings are findings that don't keep the program from running.
func (p *Program) Warnings() []Diagnostic { return slices.Clone(p.findings.Items) }

// WriteWarnings writes the warnings as people read them.
func (p *Program) WriteWarnings(w io.Writer, colour bool) error {
	if err := p.ready(); err != nil {
		return err
	}
	if w == nil {
		return errors.New("the writer for the warnings is nil")
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

// ReadsFiles reports whether the spec has data sources that read files.
func (p *Program) ReadsFiles() bool { return len(p.spec.DataSources) > 0 }

// Trains reports whether the spec says how to train.
func (p *Program) Trains() bool { return p.spec.Train != nil }

// LogEvery is the spec's number of steps between log lines.
func (p *Program) LogEvery() int64 { return p.spec.Loop.LogEvery }

// MaxSteps is the spec's limit; 0 means none.
func (p *Program) MaxSteps() int64 { return p.spec.Loop.MaxSteps }

// StopsByItself reports whether the spec has a stop condition, until or
// early_stop.
func (p *Program) StopsByItself() bool { return p.spec.Loop.Until || p.spec.Loop.EarlyStop != nil }

// Goals are the comparisons of metrics with numbers that until waits for, all of which
// have to hold; nil where it is anything else.
func (p *Program) Goals() []Goal { return slices.Clone(p.spec.Loop.Goals) }

// Goal is a number that a metric, or the step counter ("step"), is to reach or pass.
type Goal = ir.Goal

// Metrics names the spec's metrics in its order, those of its evaluation last, as
// records list them.
func (p *Program) Metrics() []string { return p.spec.Loop.AllMetrics() }

// Inputs gives the model's inputs and their types.
func (p *Program) Inputs() map[string]Type {
	inputs := map[string]Type{}
	for _, s := range p.spec.Infer.States {
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
	for _, s := range p.spec.DataSources {
		for _, f := range s.Files {
			list = append(list, f.Path)
		}
	}
	for _, w := range []*ir.Weights{p.spec.Loop.Weights, p.spec.Weights} {
		if w != nil {
			list = append(list, weights.Files(p.openNamed, w.Path)...)
		}
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
	for _, o := range p.spec.Infer.Outputs {
		names = append(names, o.Name)
	}
	return names
}

// openNamed opens a file that the spec names, and refuses one that lies outside of
// the spec's folder and of those that the caller allowed. The spec's check looks at
// names; this one follows links, now that the file is opened.
func (p *Program) openNamed(path string) (*os.File, error) {
	return p.confined().Open(path)
}

// folder is the spec's.
func (p *Program) folder() string { return filepath.Dir(p.spec.File) }
