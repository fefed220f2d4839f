package flowrun

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/flowrun/flowrun/data"
	"github.com/flowrun/flowrun/data/learned"
	"github.com/flowrun/flowrun/data/prepared"
	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/internal/files"
	"github.com/flowrun/flowrun/ir"
)

// dataset is an open data source of files, or a part of one.
type dataset struct {
	*data.Source
	name string // as the graphs' nodes call it
	decl *table.Decl
}

// openData opens data by the name that the graphs' nodes have for it; nil for "", which
// is data that is generated.
func (p *Program) openData(ctx context.Context, name string, o data.Options) (*dataset, error) {
	if name == "" {
		return nil, nil
	}
	decl, part := p.spec.Source(name)
	if decl == nil {
		return nil, fmt.Errorf("there is no data source %s that reads files", diag.Cut(name))
	}
	return p.openDecl(ctx, name, decl, part, o)
}

// openDecl is openData for a declaration.
func (p *Program) openDecl(ctx context.Context, name string, decl *table.Decl, part string, o data.Options) (*dataset, error) {
	if o.Files == nil {
		o.Files = p.confined()
	}
	if o.Cache == nil {
		o.Cache = prepared.Default()
	}
	o.Part, o.Seed = part, p.spec.Seed
	s, err := data.Open(ctx, decl, p.spec.DataSources, o)
	if err != nil {
		return nil, fmt.Errorf("data source %s: %w", decl.Name, err)
	}
	return &dataset{s, name, decl}, nil
}

// verified compares data with the checksums of its files before a run, if they have any.
func (d *dataset) verified() error {
	if d == nil {
		return nil
	}
	if kind := data.KindOf(d.decl.Kind); kind == nil || !kind.Safetensors {
		return nil
	}
	if err := d.Verify(); err != nil {
		return fmt.Errorf("data source %s: %w", d.decl.Name, err)
	}
	return nil
}

// factsOf are the facts that training begins with: what its weights know, completed. nil:
// the weights know nothing, and all is learned.
func (p *Program) factsOf(ctx context.Context, text string) (learned.Facts, error) {
	if text == "" {
		return nil, nil
	}
	known, err := learned.Parse(text)
	if err != nil {
		return nil, err
	}
	facts, err := p.completed(ctx, known)
	return facts, orForget(err, text)
}

// orForget adds to an error about other classes than those that weights know how they are
// learned anew, as for a new head.
func orForget(err error, text string) error {
	other := new(learned.OtherClasses)
	if !errors.As(err, &other) {
		return err
	}
	if known, failed := learned.Parse(text); failed != nil || known[other.Field] == nil {
		return err
	}
	return fmt.Errorf("%w; the weights know these from their own training: to learn the field anew, for a part of the model that isn't taken, write --weights-forget %s, or forget: %s in the init section",
		err, other.Field, other.Field)
}

// completed are the facts that weights know, and, of fields that they know nothing of or
// that have another type now, those that the training data teaches: weights may come from
// training on other data. Other classes of a field are an error.
func (p *Program) completed(ctx context.Context, known learned.Facts) (learned.Facts, error) {
	decl, _ := p.spec.Source(p.spec.TrainData)
	if decl == nil {
		return known, nil
	}
	facts := maps.Clone(known)
	for i := range decl.Fields {
		f := &decl.Fields[i]
		if err := known.CheckClasses(f); err != nil {
			return nil, fmt.Errorf("data source %s: %w", decl.Name, err)
		}
		if learned.Needed(f) && known.Check(f) != nil {
			delete(facts, f.Name)
		}
	}
	if !slices.ContainsFunc(decl.Fields, func(f table.Field) bool { return learned.Needed(&f) && facts[f.Name] == nil }) {
		return facts, nil
	}
	d, err := p.openData(ctx, p.spec.TrainData, data.Options{})
	if err != nil {
		return nil, err
	}
	for name, fact := range d.Facts() {
		if facts[name] == nil {
			facts[name] = fact
		}
	}
	return facts, d.close()
}

// bound refuses values out of range, where a graph uses the data's fields as indices.
func (d *dataset) bound(g *ir.Graph) error {
	if d == nil {
		return nil
	}
	return d.boundBy(boundsOfSource(g, d.name))
}

// boundBy is bound for bounds.
func (d *dataset) boundBy(bounds []ir.Bound) error {
	if err := d.Bound(bounds); err != nil {
		return fmt.Errorf("data source %s: %w", d.decl.Name, err)
	}
	return nil
}

// boundsOfSource are the bounds of a data source's fields in a graph; with "", of inputs.
func boundsOfSource(g *ir.Graph, source string) []ir.Bound {
	return slices.DeleteFunc(ir.Bounds(g), func(b ir.Bound) bool { return b.Source != source })
}

// close closes a data source, which may be nil.
func (d *dataset) close() error {
	if d == nil {
		return nil
	}
	return d.Source.Close()
}

// learned is what was learned from the data, as JSON; "" if nothing was.
func (d *dataset) learned() string {
	if d == nil || len(d.Facts()) == 0 {
		return ""
	}
	return d.Facts().JSON()
}

// batches says how many examples a batch has, the last one of an epoch if it is smaller
// (0: it isn't), and how many steps an epoch has. A batch that is larger than the data is
// as large as that.
func (d *dataset) batches() (size, last, steps int64) {
	size, last, steps = d.decl.Batch, d.Remainder(), d.EpochSteps()
	if steps == 1 && last > 0 {
		return last, 0, 1
	}
	return size, last, steps
}

// confined opens the files of data sources, where a spec may read: a table.Files.
type confined struct{ folders []string }

var _ table.Files = confined{}

// confined are the folders that the program may read.
func (p *Program) confined() confined {
	return confined{append([]string{p.folder()}, p.allowRead...)}
}

// Open opens a regular file.
func (c confined) Open(path string) (*os.File, error) {
	f, err := files.OpenWithin(c.folders, path)
	return f, allowing(err)
}

// List gives the files that a path stands for.
func (c confined) List(ctx context.Context, path string) ([]string, error) {
	list, err := files.ListWithin(ctx, c.folders, path)
	return list, allowing(err)
}

// Stat describes a file or folder.
func (c confined) Stat(path string) (fs.FileInfo, error) {
	info, err := files.StatWithin(c.folders, path)
	return info, allowing(err)
}

// allowing says how what lies outside of the spec's folder can be read.
func allowing(err error) error {
	if out := new(files.Outside); errors.As(err, &out) {
		return fmt.Errorf("%w, outside the spec's folder; allow it with --allow-read %s", out, filepath.Dir(out.Real))
	}
	return err
}
