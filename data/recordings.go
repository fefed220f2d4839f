package data

import (
	"os"
	"slices"

	"github.com/flowrun/flowrun/data/replay"
	"github.com/flowrun/flowrun/ir"
)

// Recording is a kind of data source that the language has so far; it moves to [Kinds]. In a spec, its name is a key of the
// data source, and the file is the key's value.
type Recording struct {
	Name        string
	Doc         string // the content of the file, for the reference
	Safetensors bool   // the file is a safetensors file; other file extensions are a warning
	Open        func(f *os.File, path string, fields []ir.Field) (Recorded, error)
}

// Recordings are the kinds of data sources that read a file of batches.
var Recordings = []Recording{
	{Name: "replay", Doc: "a safetensors file: row i of each tensor is the batch of step i", Safetensors: true, Open: open(replay.Open)},
}

// Recorded provides the batches of an open data source. It owns the file.
type Recorded interface {
	// Batch writes the field's batch of a step, counted from 0, into dst, as dense
	// little-endian elements of the field's type.
	Batch(step int64, field string, dst []byte) error
	// Verify reads the whole file and checks its integrity, as far as the format allows.
	Verify() error
	Close() error
}

// open turns a function that returns its own type into a Recording's Open.
func open[S Recorded](f func(*os.File, string, []ir.Field) (S, error)) func(*os.File, string, []ir.Field) (Recorded, error) {
	return func(file *os.File, path string, fields []ir.Field) (Recorded, error) {
		s, err := f(file, path, fields)
		if err != nil {
			return nil, err
		}
		return s, nil
	}
}

// RecordingOf finds a kind by name; it returns nil if there is none.
func RecordingOf(name string) *Recording {
	if i := slices.IndexFunc(Recordings, func(k Recording) bool { return k.Name == name }); i >= 0 {
		return &Recordings[i]
	}
	return nil
}
