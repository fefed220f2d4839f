package weights

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"

	"github.com/flowrun/flowrun/checkpoint"
	"github.com/flowrun/flowrun/data/safetensors"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/internal/files"
	"github.com/flowrun/flowrun/ir"
)

// LearnedKey is the key of what was learned from the data in the metadata of a file.
const LearnedKey = "flowrun.data"

// Opener opens a file for reading, where that is allowed. Only regular files open.
type Opener func(path string) (*os.File, error)

// File is an open file of weights, or the shards of an index. Its methods are safe for
// concurrent use.
type File struct {
	path     string
	parts    []part
	where    map[string]int // the part of each tensor
	names    []string       // sorted
	metadata map[string]string
	learned  string
	note     string // of a shard by itself, or an index that is wrong about sizes
}

// part is a file with tensors: all of them, or a shard.
type part struct {
	name string // of a shard, in the index
	*safetensors.File
}

// Open opens a safetensors file, a checkpoint, or an index of shards, and checks headers;
// it reads no tensor. A nil opener opens any file. One of several shards is an error that
// names their index.
func Open(open Opener, path string) (*File, error) {
	return openFile(open, path, true)
}

// OpenPart is Open for who looks at a file instead of using it: a shard is opened by
// itself, with a [File.Note].
func OpenPart(open Opener, path string) (*File, error) {
	return openFile(open, path, false)
}

func openFile(open Opener, path string, whole bool) (*File, error) {
	if open == nil {
		open = files.Open
	}
	file, err := open(path)
	if err != nil {
		return nil, safetensors.Folder(path, err)
	}
	if beginsJSON(file) {
		return openIndex(open, path, file)
	}
	tensors, err := safetensors.NewOpen(file, path)
	if err != nil {
		file.Close()
		return nil, err
	}
	note := shardNote(path)
	if note != "" && whole {
		file.Close()
		return nil, errors.New(note)
	}
	f := &File{path: path, parts: []part{{"", tensors}}, names: tensors.Names(), metadata: tensors.Metadata(), note: note}
	f.learned = f.metadata[LearnedKey]
	return f, nil
}

// beginsJSON reports whether a file begins like JSON. A safetensors file begins with a
// length below 2^32, which has zeros.
func beginsJSON(r io.ReaderAt) bool {
	head := make([]byte, 64)
	n, _ := r.ReadAt(head, 0)
	head = bytes.TrimPrefix(head[:n], byteOrderMark)
	return !bytes.Contains(head[:min(n, 8)], []byte{0}) && bytes.HasPrefix(bytes.TrimLeft(head, " \t\r\n"), []byte("{"))
}

// Close closes all of it.
func (f *File) Close() error {
	var errs []error
	for _, p := range f.parts {
		errs = append(errs, p.Close())
	}
	return errors.Join(errs...)
}

// Path is the file's path, as it was given.
func (f *File) Path() string { return f.path }

// Names lists the tensors, sorted. Those of a checkpoint that are no weights are among
// them.
func (f *File) Names() []string { return slices.Clone(f.names) }

// Metadata are those of the file, or of the index: texts, and what else there is as JSON.
func (f *File) Metadata() map[string]string { return f.metadata }

// Learned is what was learned from the data that the weights were trained on, as JSON; ""
// if the file doesn't say.
func (f *File) Learned() string { return f.learned }

// IsCheckpoint reports whether the file is a checkpoint, which has states of the optimizer
// and of the loop beside the weights.
func (f *File) IsCheckpoint() bool { return checkpoint.Is(f.metadata) }

// Note is what one should know of a file: that it is one of several shards, or that its
// index tells another size than the tensors have; "" if there is nothing.
func (f *File) Note() string { return f.note }

// Shards lists the files of an index by their names; none if it is a single file.
func (f *File) Shards() (names []string) {
	for _, p := range f.parts {
		if p.name != "" {
			names = append(names, p.name)
		}
	}
	return names
}

// Shard is the shard that a tensor is in; "" in a single file.
func (f *File) Shard(tensor string) string { return f.parts[f.where[tensor]].name }

// Raw describes a tensor, whatever its dtype. Its offset is that in its shard.
func (f *File) Raw(name string) (safetensors.Raw, error) { return f.in(name).Raw(name) }

// Type returns a tensor's type. It fails if there is no such tensor, or if its dtype or
// shape isn't supported.
func (f *File) Type(name string) (ir.Type, error) { return f.in(name).Type(name) }

// Tensor reads a tensor.
func (f *File) Tensor(name string) (*ir.Tensor, error) { return f.in(name).Tensor(name) }

// ReadAt fills dst with a tensor's bytes from an offset on.
func (f *File) ReadAt(name string, dst []byte, offset int64) error {
	return f.in(name).ReadAt(name, dst, offset)
}

// in is the part that has a tensor, or would have it.
func (f *File) in(name string) part { return f.parts[f.where[name]] }

// Verify reads everything and compares it with the checksums, where there are any.
func (f *File) Verify() error {
	for _, p := range f.parts {
		if err := p.Verify(); err != nil {
			return err
		}
	}
	return nil
}

// besideWeights are the names of a checkpoint's tensors that aren't weights.
var besideWeights = regexp.MustCompile(`^(` + checkpoint.Memory + `|optimizer\.|metrics\.|step\.|step$|stopped$)`)

// Entries lists the tensors for [Assign].
func (f *File) Entries() []Entry {
	entries := make([]Entry, 0, len(f.names))
	for _, name := range f.names {
		raw, err := f.Raw(name)
		e := Entry{Name: name, DType: raw.DType, Type: ir.Type{Shape: raw.Shape}, Beside: f.IsCheckpoint() && besideWeights.MatchString(name)}
		if err == nil {
			if t, unsupported := f.Type(name); unsupported == nil {
				e.Type = t
			}
		}
		entries = append(entries, e)
	}
	return entries
}

// wrap puts the file's path before an error.
func (f *File) wrap(err error) error { return fmt.Errorf("%s: %w", diag.CutPath(f.path), err) }
