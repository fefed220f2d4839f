package flowrun

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/flowrun/flowrun/data"
	"github.com/flowrun/flowrun/data/learned"
	"github.com/flowrun/flowrun/data/prepared"
	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
)

// DataDecl is what a spec says of a data source.
type DataDecl struct {
	Name  string
	Kind  string   // of its files, such as "csv"; or "zip", "mix" or "generate"
	Files []string // as the spec names them
	Zip   []string // the data sources that it joins or mixes
	Parts []string // the names of its parts: SOURCE.PART is a data source, too
	Batch int64    // examples in a batch; 0 if it has none of its own

	At diag.Range // where the spec names the files; unknown if they are generated
}

// ReadsFiles reports whether the data source has examples, and isn't generated.
func (d *DataDecl) ReadsFiles() bool { return d.Kind != generated }

// generated is the kind of data sources whose batches are computed.
const generated = "generate"

// DataDecls lists the spec's data sources: those that read files in the spec's order, and
// then those that are generated. No file is opened.
func (p *Program) DataDecls() []DataDecl {
	var all []DataDecl
	for _, d := range p.spec.DataSources {
		all = append(all, declOf(d))
	}
	for _, name := range p.spec.Generated() {
		all = append(all, DataDecl{Name: name, Kind: generated})
	}
	return all
}

func declOf(d *table.Decl) DataDecl {
	c := DataDecl{Name: d.Name, Kind: d.Kind, Batch: d.Batch, At: d.At}
	switch {
	case len(d.Zip) > 0:
		c.Kind, c.Zip = "zip", slices.Clone(d.Zip)
	case len(d.Mix) > 0:
		c.Kind, c.Zip = "mix", components(d)
	}
	for _, f := range d.Files {
		c.Files = append(c.Files, f.Name)
	}
	if d.Split != nil {
		for _, part := range d.Split.Parts {
			c.Parts = append(c.Parts, part.Name)
		}
	}
	return c
}

// DataOptions say how a data source is looked at.
type DataOptions struct {
	// Note is told what one should know of the data although nothing is wrong.
	Note func(note string)
	// Fault is told of each fault in the files' rows; nil: the first is the error. Data
	// with faults isn't opened: the error is then ErrFaultyData.
	Fault func(DataFault)
}

// DataFault is something wrong in a file of a data source.
type DataFault struct {
	File    string
	Row     int64  // the line as editors count, or the example, from 1; 0: the whole file
	Char    int64  // the character in the line, from 1; 0: the whole line
	Column  string // "": the whole row
	Message string
}

// ErrFaultyData says that faults were reported while data was opened.
var ErrFaultyData = table.ErrFaults

// DataSource is an open data source of files, or a part of one: its examples in the order
// of the files, and the order in which batches have them. Its methods may be called from
// several goroutines.
type DataSource struct {
	program     *Program
	data        *dataset
	learnedFrom string
	prepared    []PreparedData
	inOrder     bool
	unbatched   bool // only others use it
}

// PreparedData is a table that was prepared from files, on disk.
type PreparedData struct {
	Path  string // "" if it is in memory
	Bytes int64
	Made  bool // now; otherwise it was found
}

// Data opens the data source SOURCE, or SOURCE.PART, of the spec, as a run does: files are
// compared with their declaration and prepared, and what belongs to the weights is learned
// from the part that trains. What the spec's evaluation reads has what was learned from the
// training's data, and is in the files' order. Where the spec has train.init or model.init, a
// run takes what that file knows instead of what is learned here, which o.Note is told. The
// caller closes it.
func (p *Program) Data(ctx context.Context, name string, o DataOptions) (*DataSource, error) {
	if err := errors.Join(p.ready(), checkContext(ctx)); err != nil {
		return nil, err
	}
	decl, part, err := p.findData(name)
	if err != nil {
		return nil, err
	}
	s := &DataSource{program: p, inOrder: name == p.spec.EvalData && name != p.spec.TrainData, learnedFrom: name}
	watching := &watcher{}
	open := data.Options{Note: o.Note, InOrder: s.inOrder, Cache: prepared.Default().Watched(watching.add)}
	if o.Fault != nil {
		open.Fault = watching.faults(o.Fault)
	}
	if err := p.learnAsTraining(ctx, decl, part, s, &open); err != nil {
		return nil, err
	}
	if kind := data.KindOf(decl.Kind); decl.Batch == 0 && (kind == nil || !kind.Batches) {
		s.unbatched = true
		joined := *decl
		joined.Batch = 1
		decl = &joined
	}
	if s.data, err = p.openDecl(ctx, name, decl, part, open); err != nil {
		return nil, err
	}
	s.prepared = watching.entries
	if trains, _ := p.spec.Source(p.spec.TrainData); o.Note != nil && trains != nil && s.learnedFrom == p.spec.TrainData {
		p.noteFirstWeights(trains, o.Note)
	}
	return s, nil
}

// noteFirstWeights tells for which fields of the training's data a run asks the weights that
// it begins with.
func (p *Program) noteFirstWeights(trains *table.Decl, note func(string)) {
	key, w := "train.init", p.spec.Loop.Weights
	if w == nil {
		key, w = "model.init", p.spec.Weights
	}
	if w == nil {
		return
	}
	var fields []string
	for i := range trains.Fields {
		if f := &trains.Fields[i]; learned.Needed(f) && !slices.Contains(w.Forget, f.Name) {
			fields = append(fields, f.Name)
		}
	}
	if len(fields) > 0 {
		note(fmt.Sprintf("where the weights of %s know %s, a run takes that instead of what is learned here: see flowrun weights %s", key, strings.Join(fields, ", "), diag.Printable(w.Path)))
	}
}

// findData finds a declaration by SOURCE or SOURCE.PART.
func (p *Program) findData(name string) (decl *table.Decl, part string, err error) {
	decl, part = p.spec.Source(name)
	var names []string
	for _, d := range p.DataDecls() {
		if d.ReadsFiles() {
			names = append(names, d.Name)
		}
		for _, part := range d.Parts {
			names = append(names, d.Name+"."+part)
		}
	}
	whole, _, _ := strings.Cut(name, ".")
	switch {
	case decl == nil && slices.Contains(p.spec.Generated(), whole):
		return nil, "", fmt.Errorf("the data source %s is generated: it has no examples to look at", whole)
	case decl == nil && len(names) == 0:
		return nil, "", fmt.Errorf("%s has no data source that reads files", p.spec.File)
	case decl == nil || !slices.Contains(names, name):
		help := diag.Suggestion(name, names)
		if help == "" {
			help = "there are " + diag.Few(names)
		}
		return nil, "", fmt.Errorf("%s has no data source %s; %s", p.spec.File, diag.Quote(name), help)
	}
	return decl, part, nil
}

// learnAsTraining says what a data source is prepared with: what training learns, if it is
// the training's or the evaluation's.
func (p *Program) learnAsTraining(ctx context.Context, decl *table.Decl, part string, s *DataSource, o *data.Options) error {
	trains, trainPart := p.spec.Source(p.spec.TrainData)
	evaluated, _ := p.spec.Source(p.spec.EvalData)
	switch {
	case trains == nil || decl != trains && decl != evaluated:
		return nil
	case decl == trains && (part == trainPart || trainPart != ""):
		o.LearnFrom, s.learnedFrom = trainPart, p.spec.TrainData
		return nil
	}
	train, err := p.openData(ctx, p.spec.TrainData, data.Options{})
	if err != nil {
		return err
	}
	o.Facts, s.learnedFrom = train.Facts(), p.spec.TrainData
	return train.close()
}

// watcher gathers what opening tells.
type watcher struct {
	mu      sync.Mutex
	entries []PreparedData
}

func (w *watcher) add(e prepared.Entry) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.entries = append(w.entries, PreparedData(e))
}

func (w *watcher) faults(to func(DataFault)) func(*table.Fault) error {
	return func(f *table.Fault) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		to(faultOf(f))
		return nil
	}
}

// CheckData reads all of a data source, SOURCE or SOURCE.PART, tells o.Fault of each fault
// in its rows, as ids that are out of range where training or evaluation uses them, and gives the number of its examples. The error is ErrFaultyData if there
// are any, or says what else is wrong.
func (p *Program) CheckData(ctx context.Context, name string, o DataOptions) (examples int64, err error) {
	s, err := p.Data(ctx, name, o)
	if err != nil {
		return 0, err
	}
	err = s.Verify()
	if err == nil {
		err = p.checkIndices(ctx, s, name, o.Fault)
	}
	if err != nil {
		return 0, errors.Join(err, s.Close())
	}
	return s.Examples(), s.Close()
}

// checkIndices looks for values that training or evaluation uses as indices, and that are
// out of range.
func (p *Program) checkIndices(ctx context.Context, s *DataSource, name string, tell func(DataFault)) error {
	if err := s.data.boundBy(p.boundsOfData(name)); err != nil {
		return err
	}
	found := false
	err := s.data.Strays(ctx, math.MaxInt64, func(f *table.Fault) error {
		if found = true; tell == nil {
			return f
		}
		tell(faultOf(f))
		return nil
	})
	if err == nil && found {
		return ErrFaultyData
	}
	return err
}

// boundsOfData are the bounds of a data source's fields in the graphs of training and
// evaluation.
func (p *Program) boundsOfData(name string) (bounds []ir.Bound) {
	if p.spec.Train != nil {
		bounds = boundsOfSource(p.spec.Train, name)
	}
	if e := p.spec.Loop.Evaluation; e != nil {
		bounds = append(bounds, boundsOfSource(e.Graph, name)...)
	}
	return bounds
}

// AsFault gives the place and the message of an error that is a fault in a file.
func AsFault(err error) (DataFault, bool) {
	var f *table.Fault
	if !errors.As(err, &f) {
		return DataFault{}, false
	}
	return faultOf(f), true
}

func faultOf(f *table.Fault) DataFault {
	return DataFault{f.File, f.Row, f.Char, f.Column, f.Message}
}

// Name is SOURCE, or SOURCE.PART.
func (s *DataSource) Name() string { return s.data.name }

// Decl is what the spec says of the whole data source.
func (s *DataSource) Decl() DataDecl {
	d := declOf(s.data.decl)
	if s.unbatched {
		d.Batch = 0
	}
	return d
}

// HasBatches reports whether it has batches of its own: otherwise only others use it, by
// zip or mix, and it is opened as if each example were a batch.
func (s *DataSource) HasBatches() bool { return !s.unbatched }

// Examples is the number of examples of an epoch.
func (s *DataSource) Examples() int64 { return s.data.Examples() }

// EpochSteps is the number of batches of an epoch.
func (s *DataSource) EpochSteps() int64 { return s.data.EpochSteps() }

// Remainder is the number of examples in the smaller last batch of an epoch; 0: none.
func (s *DataSource) Remainder() int64 { return s.data.Remainder() }

// Steps is the number of batches that there are in all epochs; 0: any number.
func (s *DataSource) Steps() int64 { return s.data.Steps() }

// Fingerprint identifies the batches: equal fingerprints mean equal batches at every step.
func (s *DataSource) Fingerprint() string { return s.data.Fingerprint() }

// Prepared lists the tables that were prepared for it.
func (s *DataSource) Prepared() []PreparedData { return slices.Clone(s.prepared) }

// LearnedFrom is the data source, or the part, that classes, means and other facts are
// learned from.
func (s *DataSource) LearnedFrom() string { return s.learnedFrom }

// InOrder reports whether batches have the examples in the files' order.
func (s *DataSource) InOrder() bool {
	return s.inOrder || !s.data.decl.Shuffle && len(s.data.decl.Mix) == 0
}

// Verify reads what opening hasn't read, and gives the first thing that is wrong with it.
func (s *DataSource) Verify() error { return s.data.Verify() }

// Close closes the files.
func (s *DataSource) Close() error { return s.data.close() }
