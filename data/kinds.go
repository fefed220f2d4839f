package data

import (
	"os"
	"slices"

	"github.com/flowrun/flowrun/data/replay"
	"github.com/flowrun/flowrun/ir"
)

// Kind is a kind of data source that reads a file. In a spec, its name is a key of the
// data source, and the file is the key's value.
type Kind struct {
	Name        string
	Doc         string // the content of the file, for the reference
	Safetensors bool   // the file is a safetensors file; other file extensions are a warning
	Open        func(f *os.File, path string, fields []ir.Field) (Source, error)
}

// Kinds are the kinds of data sources that read a file.
var Kinds = []Kind{
	{Name: "replay", Doc: "a safetensors file: row i of each tensor is the batch of step i", Safetensors: true, Open: open(replay.Open)},
}

// Source provides the batches of an open data source. It owns the file.
type Source interface {
	// Batch writes the field's batch of a step, counted from 0, into dst, as dense
	// little-endian elements of the field's type.
	Batch(step int64, field string, dst []byte) error
	// Verify reads the whole file and checks its integrity, as far as the format allows.
	Verify() error
	Close() error
}

// open turns a function that returns its own type into a Kind's Open.
func open[S Source](f func(*os.File, string, []ir.Field) (S, error)) func(*os.File, string, []ir.Field) (Source, error) {
	return func(file *os.File, path string, fields []ir.Field) (Source, error) {
		s, err := f(file, path, fields)
		if err != nil {
			return nil, err
		}
		return s, nil
	}
}

// KindOf finds a kind by name; it returns nil if there is none.
func KindOf(name string) *Kind {
	if i := slices.IndexFunc(Kinds, func(k Kind) bool { return k.Name == name }); i >= 0 {
		return &Kinds[i]
	}
	return nil
}
