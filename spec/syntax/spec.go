// Package syntax turns the text of a spec into definitions: what the text says, with
// its expressions parsed and nothing evaluated.
//
// [Decode] reads the text (package tree), checks each mapping against its section's table of
// keys (sections.go), and reads misspelled keys as what was meant, so that one mistake gives
// one diagnostic. It also decodes what a spec names: imported files, the standard library.
package syntax

import (
	"cmp"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/foreign"
	"github.com/flowrun/flowrun/internal/files"
	"github.com/flowrun/flowrun/spec/expr"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

// Decode decodes the text of a spec. It is nil if that isn't a mapping.
func Decode(name string, src []byte, o Options, list *diag.List) *Spec {
	root := tree.Parse(name, string(src), list)
	if root == nil {
		return nil
	}
	d := &decoder{list: list, importer: newImporter(name, o), file: name}
	if root.Kind == tree.Null && !root.Broken {
		d.report(diag.MissingKey, root.Range, "start with `flowrun: 1` and a model", "the spec is empty")
		return nil
	}
	fields, ok := d.fields(root, RootSection)
	if !ok || !d.version(fields["flowrun"]) {
		return nil
	}
	def := &Spec{File: name, Root: root, Options: o, Name: stem(name)}
	d.spec = def
	if text, ok := d.text(fields["name"], "name"); ok {
		def.Name = text
	}
	def.Seed, _ = d.integer(fields["seed"], "seed")
	if o.Seed != nil {
		def.Seed = *o.Seed
	}
	def.Vars = d.vars(fields["vars"], o)
	def.OpenVars = incomplete(fields["vars"]) || root.Partial
	def.Library = d.library(fields["imports"], fields["modules"], fields["optimizers"])
	def.Imports = d.importer
	def.DataSources = d.dataSources(fields["data"])
	def.openDataSources = incomplete(fields["data"]) || root.Partial
	if n := fields["model"]; n != nil {
		def.Model = d.model(n)
	}
	if n := fields["train"]; n != nil {
		def.Train = d.train(n)
	}
	if n := fields["generate"]; n != nil {
		def.Generate = d.generation(n)
	}
	def.Placement = d.placement(fields["placement"])
	d.countUses()
	return def
}

func (d *decoder) version(n *tree.Node) bool {
	if n == nil {
		return true // reported as missing; the rest is worth checking
	}
	v, ok := d.integer(n, "flowrun")
	if ok && v != Version {
		d.report(diag.UnsupportedVersion, n.Range, "this flowrun supports version 1", "unsupported language version %d", v)
		return false
	}
	return true
}

func (d *decoder) model(n *tree.Node) *Module {
	fields, ok := d.fields(n, modelSection)
	if !ok {
		return nil
	}
	m := &Module{Name: "model", At: keyRange(n), Root: true}
	m.Inputs = d.inputs(fields["inputs"])
	m.Open = incomplete(fields["inputs"]) || incomplete(fields["nodes"]) || n.Partial
	m.Items = d.nodes(fields["nodes"])
	m.Outputs = d.outputNames(fields["outputs"])
	m.Labels = d.labels(fields["labels"], m)
	m.Precision = d.precision(fields["precision"])
	if init := fields["init"]; init != nil {
		d.spec.Weights = d.weights(init)
	}
	return m
}

// labels decodes which fields' classes the model's outputs are about.
func (d *decoder) labels(n *tree.Node, m *Module) []*Label {
	var names []string
	for _, o := range m.Outputs {
		names = append(names, o.Name)
	}
	var labels []*Label
	for _, e := range d.entries(n, "labels") {
		l := &Label{Output: e.Key.Text, At: e.Key.Range, FieldAt: e.Value.Range}
		field, ok := d.word(e.Value, "a field in labels")
		switch {
		case !slices.Contains(names, l.Output):
			if len(names) > 0 { // else that is reported
				d.report(diag.UnknownName, l.At, cmp.Or(Suggestion(d.list, l.Output, names), ThereIs(names)), "the model has no output %s", Quoted(l.Output))
			}
			continue
		case !ok:
			continue
		case !expr.IsName(field):
			help := "write the field's name alone"
			d.report(diag.InvalidName, l.FieldAt, help, "a field in labels must be a name, got `%s`", diag.Cut(field))
			continue
		}
		l.Field = field
		labels = append(labels, l)
	}
	return labels
}

// outputNames decodes the model's outputs: names of nodes.
func (d *decoder) outputNames(n *tree.Node) []*Output {
	if n == nil || n.Broken {
		return nil
	}
	if n.Kind != tree.List {
		help := "write [name]"
		if n.Kind == tree.String && expr.IsName(n.Text) {
			help = "write [" + n.Text + "]"
		}
		if item, dash := strings.CutPrefix(n.Text, "-"); dash && n.Kind == tree.String { // a space of another kind behind the dash
			help = "write - " + strings.TrimSpace(foreign.Straight(item))
		}
		d.report(diag.WrongType, n.Range, help, "outputs must be a list of names, not %s", strange(n))
		return nil
	}
	if len(n.Items) == 0 {
		d.report(diag.InvalidValue, n.Range, "", "outputs must name at least one node")
	}
	var outputs []*Output
	seen := map[string]bool{}
	for _, item := range n.Items {
		text, ok := d.word(item, "an output")
		switch {
		case !ok:
			continue
		case !expr.IsName(text):
			d.report(diag.InvalidName, item.Range, "define a node and use its name", "an output must be the name of a node or input, got `%s`", diag.Cut(text))
			continue
		case seen[text]:
			d.report(diag.DuplicateName, item.Range, "", "duplicate output `%s`", text)
			continue
		}
		seen[text] = true
		outputs = append(outputs, &Output{text, item.Range, &expr.Name{Position: expr.Position{Range: item.Range}, Name: text}})
	}
	return outputs
}

// positive decodes an int of at least 1. It is 0 if there is none.
func (d *decoder) positive(n *tree.Node, what string) int64 {
	v, ok := d.integer(n, what)
	if ok && v < 1 {
		d.report(diag.InvalidValue, n.Range, "", "%s must be at least 1, got %d", what, v)
	}
	return v
}

// ReservedNodes are names of a run's own values, which a model's nodes can't have.
var ReservedNodes = []string{"loss", "step", "stopped", "metrics", "optimizer"}

// reservedMetrics are the values that a log line has besides the metrics.
var reservedMetrics = []string{"step", "loss_step"}

func (d *decoder) metrics(n *tree.Node) []*Metric {
	var metrics []*Metric
	for _, e := range d.entries(n, "metrics") {
		for _, reserved := range reservedMetrics {
			if e.Key.Text == reserved {
				d.report(diag.ReservedName, e.Key.Range, "choose another name", "`%s` is a reserved field of log lines", reserved)
			}
		}
		metrics = append(metrics, &Metric{Name: e.Key.Text, At: e.Key.Range, Def: d.node(e.Value, "the metric "+e.Key.Text)})
	}
	return metrics
}

// Options change how a spec is read.
type Options struct {
	Set       []Setting // overrides of vars, as --set gives them
	VarsFiles []string  // files that override vars, as --vars names them; Set takes precedence
	Seed      *int64    // overrides the spec's seed
	AllowRead []string  // folders outside the spec's own from which it may read

	// Texts are those of imports and of VarsFiles by their names, if they have been read
	// before: nil to read them.
	Texts map[string]string
}

// Setting is an override of a var: --set KEY=VALUE.
type Setting struct{ Key, Value string }

// Reason is a file error without the file's name.
func Reason(err error) string {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}

// ReadFile reads a regular file up to a little more than a spec may be long, so that a
// longer one is refused without being read whole.
func ReadFile(path string) ([]byte, error) {
	f, err := files.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return Read(f)
}

// Read is ReadFile for an open file.
func Read(r io.Reader) ([]byte, error) { return io.ReadAll(io.LimitReader(r, tree.MaxBytes+1)) }

// stem is a file's name without its folder and ending.
func stem(file string) string {
	base := filepath.Base(file)
	return base[:len(base)-len(filepath.Ext(base))]
}
