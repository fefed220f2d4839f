package flowrun

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/flowrun/flowrun/data"
	"github.com/flowrun/flowrun/data/learned"
	"github.com/flowrun/flowrun/data/results"
	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/internal/files"
	"github.com/flowrun/flowrun/ir"
)

// FileInference says which file a model's outputs are computed for.
type FileInference struct {
	// In is a file (or a folder of images) that is read as a data source of the spec says:
	// the same columns, transforms and mappings. Only what the outputs need must be in it.
	In string
	// Data is the data source, or a part of it, whose declaration says how to read In; ""
	// is the training's.
	Data string
}

// ResultFormats lists the formats that InferFile and InferTo write.
func ResultFormats() []string { return results.Formats() }

// ResultFormat gives the format of a file of results by its extension, or an error that
// lists those that there are.
func ResultFormat(path string) (string, error) { return results.FormatOf(path) }

// InferFile computes the model's outputs for every example of a file, with training
// false, and writes them to another one, which is replaced as a whole or not at all. It
// gives the number of examples. Outputs that stand for the classes of a field have their
// names in csv and jsonl.
//
// Examples are read in batches of the data source's size or, for small models, larger
// ones: the outputs of an example must not depend on others in its batch. Neither file is
// ever in memory as a whole. Classes, vocabularies, means and what else was learned from data are
// those of [WithWeights]; without them a data source that needs them is an error.
func (p *Program) InferFile(ctx context.Context, f FileInference, path, format string, options ...StartOption) (examples int64, err error) {
	err = files.Replace(path, nil, func(w io.Writer) error {
		examples, err = p.InferTo(ctx, f, w, format, options...)
		return err
	})
	return examples, err
}

// InferTo is InferFile with a writer for the results.
func (p *Program) InferTo(ctx context.Context, f FileInference, w io.Writer, format string, options ...StartOption) (examples int64, err error) {
	if err := errors.Join(p.ready(), checkContext(ctx)); err != nil {
		return 0, err
	}
	if w == nil {
		return 0, errors.New("the writer for the results is nil")
	}
	o, err := gatherStart(ctx, options)
	if err != nil {
		return 0, err
	}
	if o.resume.wanted {
		return 0, errResumeInfers
	}
	r := &fileInference{program: p, options: o}
	defer func() { err = errors.Join(err, r.close()) }()
	if err := r.open(ctx, f); err != nil {
		return 0, err
	}
	out, err := results.New(format, w, r.outputs, r.data.Examples())
	if err != nil {
		return 0, err
	}
	if err := r.run(ctx, out); err != nil {
		return 0, errors.Join(err, discard(out))
	}
	return r.data.Examples(), out.Close()
}

// discard closes results that aren't complete, which is no news.
func discard(w results.Writer) error {
	_ = w.Close()
	return nil
}

// fileInference is an inference on a file at work.
type fileInference struct {
	program *Program
	options *startOptions
	data    *dataset
	sizes   []*sizedInference // for batches, and for a smaller last one
	outputs []results.Output
}

// sizedInference computes the outputs for batches of one size.
type sizedInference struct {
	*instance
	size    int64
	inputs  map[string]*ir.Tensor
	outputs []string // as its engine knows them
	values  [][]byte
}

func (r *fileInference) close() error {
	var errs []error
	for _, s := range r.sizes {
		errs = append(errs, s.close())
	}
	return errors.Join(append(errs, r.data.close())...)
}

// open opens the file and makes the model ready for its batches.
func (r *fileInference) open(ctx context.Context, f FileInference) error {
	p := r.program
	name, decl, err := p.sourceFor(f)
	if err != nil {
		return err
	}
	g, batch, err := p.inferInLargeBatches(name, decl.Batch)
	if err != nil {
		return err
	}
	weights, err := p.inferenceWeights(g, r.options.weights, r.options)
	if err != nil {
		return err
	}
	facts, err := learned.Parse(weights.learned)
	if err != nil {
		return err
	}
	if decl, err = p.reads(decl, g); err != nil {
		return err
	}
	if decl, err = replaced(decl, f.In, g); err != nil {
		return err
	}
	if f.Data == "" {
		for i := range decl.Fields {
			if err := facts.CheckNormalized(&decl.Fields[i]); err != nil {
				return fmt.Errorf("data source %s: %w", decl.Name, err)
			}
		}
	}
	decl.Batch = batch
	open := data.Options{Files: named(f.In), Facts: facts, InOrder: true, Note: r.options.note}
	if r.data, err = p.openDecl(ctx, name, decl, "", open); err != nil {
		return err
	}
	size, last, _ := r.data.batches()
	for _, n := range []int64{size, last} {
		if n == 0 {
			continue
		}
		if n != decl.Batch {
			if g, err = p.inferOn(name, n); err != nil {
				return err
			}
		}
		if r.outputs, err = p.results(g, n, facts); err != nil {
			return err
		}
		if n == size {
			if err := r.data.boundBy(boundsOfSource(g, "")); err != nil {
				return err
			}
		}
		s, err := r.start(ctx, g, n, weights)
		if err != nil {
			return err
		}
		r.sizes = append(r.sizes, s)
	}
	return nil
}

// named are the folders of a file that a caller names, wherever links lead from it, or
// that folder.
func named(path string) confined {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return confined{[]string{path}}
	}
	folders := []string{filepath.Dir(path)}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		folders = append(folders, filepath.Dir(real))
	}
	return confined{folders}
}

// start makes the model ready for batches of a size.
func (r *fileInference) start(ctx context.Context, g *ir.Graph, size int64, weights Weights) (_ *sizedInference, err error) {
	s := &sizedInference{size: size, inputs: map[string]*ir.Tensor{}, values: make([][]byte, len(g.Outputs))}
	g, s.outputs = apart(g)
	if s.instance, err = r.program.instantiate(ctx, g, r.options); err != nil {
		return nil, err
	}
	values, err := r.program.initialValues(ctx, g, weights)
	if err == nil {
		err = s.engine.SetAll(values)
	}
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	for _, st := range g.States {
		if st.Kind == ir.InputState {
			s.inputs[st.Name] = ir.NewTensor(st.Type)
		}
	}
	return s, nil
}

// apart is a graph in which no output has the name of a state with another value, and its
// outputs' names: a field that a transform replaces is an input as the file has it, and may
// be an output as the model sees it.
func apart(g *ir.Graph) (*ir.Graph, []string) {
	other := *g
	other.Outputs = slices.Clone(g.Outputs)
	var names []string
	for i := range other.Outputs {
		o := &other.Outputs[i]
		if st := g.State(o.Name); st != nil && st.Read != o.Node {
			o.Name = "output " + o.Name // no state or node can have such a name
		}
		names = append(names, o.Name)
	}
	return &other, names
}

// run computes and writes all batches.
func (r *fileInference) run(ctx context.Context, out results.Writer) error {
	steps := r.data.EpochSteps()
	for step := range steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		s := r.sizes[0]
		if step == steps-1 {
			s = r.sizes[len(r.sizes)-1]
		}
		for field, t := range s.inputs {
			if err := r.data.Batch(step, field, t.Data); err != nil {
				return err
			}
		}
		if err := s.engine.SetAll(s.inputs); err != nil {
			return err
		}
		values, err := s.engine.GetAll(s.outputs)
		if err != nil {
			return err
		}
		for i, name := range s.outputs {
			s.values[i] = values[name].Data
		}
		if err := out.Write(int(s.size), s.values); err != nil {
			return err
		}
	}
	return nil
}

// inferOn is the model on a data source.
func (p *Program) inferOn(source string, batch int64) (*ir.Graph, error) {
	return p.sized(func(n int64) (*ir.Graph, diag.List) { return p.spec.InferOn(source, n) }, batch)
}

// largeBatch is how many examples of a small model are computed together, and largeValues
// how many bytes all values of such a batch may have.
const (
	largeBatch  = 1024
	largeValues = 64 << 20
)

// inferInLargeBatches is inferOn for batches that are worth their overhead, of at least
// the given size. A model that is made for one size gets that.
func (p *Program) inferInLargeBatches(source string, batch int64) (*ir.Graph, int64, error) {
	for n := int64(largeBatch); n > batch; n /= 4 {
		g, err := p.inferOn(source, n)
		if err != nil {
			break
		}
		bytes := 0
		for _, node := range g.Nodes {
			bytes = ir.AddSize(bytes, node.Type.Bytes())
		}
		if bytes <= largeValues {
			return g, n, nil
		}
	}
	g, err := p.inferOn(source, batch)
	return g, batch, err
}

// results describes the outputs of a graph on batches of a size. Each must have a value
// for every example.
func (p *Program) results(g *ir.Graph, batch int64, facts learned.Facts) (outputs []results.Output, err error) {
	for _, o := range g.Outputs {
		t := o.Node.Type
		if len(t.Shape) == 0 || int64(t.Shape[0]) != batch {
			return nil, fmt.Errorf("the output %s is %s for a batch of %d examples: its first dimension must be theirs", o.Name, t, batch)
		}
		out := results.Output{Name: o.Name, Type: ir.Type{DType: t.DType, Shape: t.Shape[1:]}}
		if label, ok := p.spec.Labels[o.Name]; ok {
			if err := facts.CheckClasses(&table.Field{Name: label.Field, Classes: label.Classes}); err != nil {
				return nil, err
			}
			if out.Classes = namesOf(label.Classes, facts[label.Field]); out.Classes == nil {
				return nil, fmt.Errorf("the output %s is about the classes of the field %s, which these weights don't know: give weights that flowrun has trained, or declare the classes in the spec",
					o.Name, label.Field)
			}
			out.IDs = label.IDs
		}
		outputs = append(outputs, out)
	}
	return outputs, nil
}

// unknownClass is what the id of unknown texts is called.
const unknownClass = "unknown"

// namesOf gives the names of classes by their ids: the spec's, or those that were learned;
// nil if neither has them.
func namesOf(c *table.Classes, learned *learned.Fact) (names []string) {
	names = slices.Clone(c.Names)
	if names == nil && learned != nil {
		for i, text := range learned.Classes {
			for int64(len(names)) < learned.ID(i) {
				names = append(names, unknownClass)
			}
			names = append(names, string(text))
		}
	}
	if names != nil && c.Unknown == int64(len(names)) {
		names = append(names, unknownClass)
	}
	return names
}
