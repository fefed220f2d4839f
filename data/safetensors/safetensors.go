// Package safetensors reads and writes safetensors files, the format that PyTorch
// users store weights in.
//
// A file is an 8-byte length, a JSON header with each tensor's dtype, shape and
// offsets, and the tensors' bytes. The header is validated against the file's size
// before it is used: lengths and offsets are in range, tensors don't overlap or leave
// gaps, shapes match sizes, and names are unique. So no tensor that [Open] accepted
// needs more memory than its file has bytes.
//
// A file may contain dtypes that flowrun doesn't support (U16, F8_E4M3, …): it opens,
// and reading such a tensor is an error.
//
// Every error names the file, and the tensor if there is one.
package safetensors

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"slices"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/foreign"
	"github.com/flowrun/flowrun/internal/files"
	"github.com/flowrun/flowrun/ir"
)

// dtypes maps the format's names to ours.
var dtypes = map[string]ir.DType{
	"BOOL": ir.Bool,
	"U8":   ir.U8,
	"I32":  ir.I32,
	"I64":  ir.I64,
	"F16":  ir.F16,
	"BF16": ir.BF16,
	"F32":  ir.F32,
	"F64":  ir.F64,
}

// File is an open file. Its methods are safe for concurrent use.
type File struct {
	path   string
	file   io.ReaderAt
	close  func() error
	size   int64
	header *header
}

// Open reads and validates the header of a file, and its checksum if it has one. It
// reads no tensors.
func Open(path string) (*File, error) {
	file, err := files.Open(path)
	if err != nil {
		return nil, Folder(path, err) // it already names the path
	}
	return New(file, path)
}

// New is Open for a file that is already open; messages call it path. It takes
// ownership of the file, and closes it on failure.
func New(file *os.File, path string) (*File, error) {
	f, err := NewOpen(file, path)
	if err != nil {
		file.Close()
	}
	return f, err
}

// NewOpen is New for a caller who still needs the file if it fails: then it stays open.
func NewOpen(file *os.File, path string) (*File, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	f, err := NewReader(file, info.Size(), path)
	if err != nil {
		return nil, err
	}
	f.close = file.Close
	return f, nil
}

// NewReader is Open for the size bytes that r gives; messages call them path. Closing the
// file does nothing to r.
func NewReader(r io.ReaderAt, size int64, path string) (*File, error) {
	h, err := readHeader(r, size)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, recognized(r, size, path, err))
	}
	return &File{path, r, func() error { return nil }, size, h}, nil
}

// recognized reports the format of a file that isn't a safetensors file, if its content
// reveals it.
func recognized(file io.ReaderAt, size int64, path string, err error) error {
	sample, failed := foreign.Take(file, size, path)
	if failed != nil || begins(sample.Head) {
		return err
	}
	content, ok := foreign.Weights(sample)
	if !ok {
		return err
	}
	return fmt.Errorf("not a safetensors file: it is %s", content)
}

// begins reports whether a file begins as the format does: a length that may look like
// anything, and a brace.
func begins(head []byte) bool {
	return len(head) > 8 && head[8] == '{' && binary.LittleEndian.Uint64(head) <= maxHeader
}

// Folder is the error for a file that can't be opened; of one for a folder, with which
// file in it is meant, or what the folder is.
func Folder(path string, err error) error {
	if wrong := (files.NotRegular{}); !errors.As(err, &wrong) || !wrong.Mode.IsDir() {
		return err
	}
	dir, failed := os.Open(path)
	if failed != nil {
		return err
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(maxNames) // those that could be read
	content, ok := foreign.Folder(names)
	if !ok {
		return err
	}
	return fmt.Errorf("%s: not a safetensors file: it is %s", path, content)
}

// maxNames of a folder are enough to see what it is.
const maxNames = 1000

// Close closes the file.
func (f *File) Close() error { return f.close() }

// Names lists the tensors, sorted.
func (f *File) Names() []string { return slices.Clone(f.header.names) }

// Metadata returns the metadata of the header, by key. PyTorch writes "format".
func (f *File) Metadata() map[string]string { return f.header.metadata }

// Type returns a tensor's type. It fails if there is no such tensor, or if flowrun
// doesn't support its dtype or shape.
func (f *File) Type(name string) (ir.Type, error) {
	e, err := f.entry(name)
	if err != nil {
		return ir.Type{}, err
	}
	return e.typ, nil
}

// Raw is a tensor as the file has it, whatever its dtype.
type Raw struct {
	DType  string // the format's name
	Shape  ir.Shape
	Offset int64 // of its bytes, from the beginning of the file
	Size   int64 // how many they are
}

// Raw describes a tensor. It fails if there is no such tensor.
func (f *File) Raw(name string) (Raw, error) {
	e, ok := f.header.entries[name]
	if !ok {
		return Raw{}, f.missing(name)
	}
	return Raw{e.dtype, e.typ.Shape, f.header.data + e.begin, e.end - e.begin}, nil
}

// Tensor reads a tensor. It fails if Type fails, if reading fails, or if a BOOL
// element is neither 0 nor 1.
func (f *File) Tensor(name string) (*ir.Tensor, error) {
	e, err := f.entry(name)
	if err != nil {
		return nil, err
	}
	t := ir.NewTensor(e.typ)
	if err := f.read(name, e, t.Data, 0); err != nil {
		return nil, err
	}
	return t, nil
}

// ReadAt fills dst with a tensor's bytes starting at offset, as dense little-endian
// elements. Reading past the tensor's end is an error.
func (f *File) ReadAt(name string, dst []byte, offset int64) error {
	e, err := f.entry(name)
	if err != nil {
		return err
	}
	if size := e.end - e.begin; offset < 0 || offset > size || int64(len(dst)) > size-offset {
		return f.errorf(name, "bytes %d to %d are out of range; it has %d", offset, offset+int64(len(dst)), size)
	}
	return f.read(name, e, dst, offset)
}

func (f *File) read(name string, e *entry, dst []byte, offset int64) error {
	if len(dst) == 0 {
		return nil
	}
	if _, err := f.file.ReadAt(dst, f.header.data+e.begin+offset); err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("the file was truncated after it was opened")
		}
		return f.errorf(name, "%w", err)
	}
	if e.typ.DType != ir.Bool {
		return nil
	}
	for i, b := range dst {
		if b > 1 {
			return f.errorf(name, "element %d is %d; a BOOL must be 0 or 1", offset+int64(i), b)
		}
	}
	return nil
}

// entry finds a tensor of a supported type.
func (f *File) entry(name string) (*entry, error) {
	e, ok := f.header.entries[name]
	if !ok {
		return nil, f.missing(name)
	}
	if e.typ.DType == ir.Invalid {
		return nil, f.errorf(name, "its dtype %s is not supported; supported are %s", diag.Cut(e.dtype), supported)
	}
	if err := ir.CheckShape(e.typ.DType, e.typ.Shape); err != nil {
		return nil, f.errorf(name, "%w", err)
	}
	return e, nil
}

func (f *File) missing(name string) error {
	return fmt.Errorf("%s: no tensor %s; the file has %s", f.path, diag.Quote(name), diag.Names(f.header.names))
}

const supported = "BOOL, U8, I32, I64, F16, BF16, F32, F64"

func (f *File) errorf(tensor, format string, args ...any) error {
	return fmt.Errorf("%s: tensor %s: %w", f.path, diag.Quote(tensor), fmt.Errorf(format, args...))
}

// All reads all tensors and compares them with the file's checksum, if it has one.
// It fails if flowrun doesn't support the dtype or shape of one of them.
func (f *File) All() (map[string]*ir.Tensor, error) {
	byPlace := slices.Clone(f.header.names)
	slices.SortFunc(byPlace, func(a, b string) int {
		return cmp.Compare(f.header.entries[a].begin, f.header.entries[b].begin)
	})
	tensors := make(map[string]*ir.Tensor, len(byPlace))
	var sum uint32
	for _, name := range byPlace {
		t, err := f.Tensor(name)
		if err != nil {
			return nil, err
		}
		tensors[name] = t
		if f.header.checked {
			sum = crc32.Update(sum, castagnoli, t.Data)
		}
	}
	return tensors, f.checkData(sum)
}

// Read reads all tensors of a file, as All does.
func Read(path string) (map[string]*ir.Tensor, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.All()
}
