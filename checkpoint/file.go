package checkpoint

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/flowrun/flowrun/data/safetensors"
	"github.com/flowrun/flowrun/ir"
)

// Keys of the metadata.
const (
	versionKey = "flowrun.checkpoint" // of the layout
	factsKey   = "flowrun.spec"       // what was computed
	runKey     = "flowrun.run"
	orderKey   = "flowrun.run_order"
	parentsKey = "flowrun.run_parents"
	finiteKey  = "flowrun.finite"
	bestKey    = "flowrun.best_by"
	learnedKey = "flowrun.data"        // as in files of weights
	dataKey    = "flowrun.data_source" // what the run was trained on
)

// RenderedKey is the key of the whole spec in a checkpoint's metadata, as flowrun render
// writes it.
const RenderedKey = "flowrun.rendered"

const version = "1"

// Memory stands before the names of what the loop remembers beside the states.
const Memory = "flowrun/"

// Head is what a checkpoint's metadata say.
type Head struct {
	Step   int64 // of a file in a store
	Run    Run
	Facts  string // what the program computes
	Finite bool   // parameters and loss were numbers
	BestBy string // the metric by which the best one is kept, and how; "" if none is

	Learned string // what was learned from the data, as JSON; "" if nothing was
	Data    string // what says which batches there are, as JSON; "" if they are generated

	Rendered string // the spec with overrides applied and imports resolved; "" if it isn't known
}

// point names the checkpoint.
func (h Head) point() Point { return Point{h.Run.ID, h.Step} }

func (h Head) metadata() map[string]string {
	m := map[string]string{versionKey: version, factsKey: h.Facts, finiteKey: strconv.FormatBool(h.Finite)}
	if h.BestBy != "" {
		m[bestKey] = h.BestBy
	}
	for key, text := range map[string]string{learnedKey: h.Learned, dataKey: h.Data, RenderedKey: h.Rendered} {
		if text != "" {
			m[key] = text
		}
	}
	h.Run.encode(m)
	return m
}

// File is an open checkpoint.
type File struct {
	Head
	Path  string
	file  *safetensors.File
	store *Store // the one that found it; nil if it was named
}

// Is reports whether a safetensors file is a checkpoint, by its metadata.
func Is(metadata map[string]string) bool { return metadata[versionKey] != "" }

// OpenFile opens a checkpoint.
func OpenFile(path string) (*File, error) {
	file, err := safetensors.Open(path)
	if err != nil {
		return nil, err
	}
	return opened(path, file)
}

func newFile(path string, f *os.File) (*File, error) {
	file, err := safetensors.New(f, path)
	if err != nil {
		return nil, err
	}
	return opened(path, file)
}

func opened(path string, file *safetensors.File) (_ *File, err error) {
	defer func() {
		if err != nil {
			file.Close()
		}
	}()
	head, err := HeadOf(path, file.Metadata())
	return &File{Head: head, Path: path, file: file}, err
}

// HeadOf reads what a file's metadata say of a checkpoint. Its step isn't among them; it is
// the state of that name. Errors call the file path.
func HeadOf(path string, m map[string]string) (Head, error) {
	switch m[versionKey] {
	case version:
	case "":
		return Head{}, fmt.Errorf("%s is a safetensors file, but not a flowrun checkpoint; to start from its parameters, use --weights", path)
	default:
		return Head{}, fmt.Errorf("%s is a version %s checkpoint; this flowrun reads version %s", path, m[versionKey], version)
	}
	run, err := decodeRun(m)
	if err != nil {
		return Head{}, fmt.Errorf("%s: %w", path, err)
	}
	return Head{Run: run, Facts: m[factsKey], Finite: m[finiteKey] == "true", BestBy: m[bestKey], Learned: m[learnedKey], Data: m[dataKey],
		Rendered: m[RenderedKey]}, nil
}

// Close closes the file.
func (f *File) Close() error { return f.file.Close() }

// Read gives the states, and apart from them what the loop remembers, under the
// names that they had in Content less Memory. The file must be whole; if it is the
// newest of a store and isn't, the error says which one before it is.
func (f *File) Read() (states, remembered map[string]*ir.Tensor, err error) {
	tensors, err := f.file.All()
	if err != nil && f.store != nil {
		err = f.store.instead(err, &f.Head)
	}
	if err != nil {
		return nil, nil, err
	}
	states, remembered = map[string]*ir.Tensor{}, map[string]*ir.Tensor{}
	for name, t := range tensors {
		if name, ours := strings.CutPrefix(name, Memory); ours {
			remembered[name] = t
		} else {
			states[name] = t
		}
	}
	return states, remembered, nil
}
