package npy

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/data/arrays"
	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/diag"
)

// Archives is npz: a zip archive of npy files.
var Archives = table.Kind{
	Name:     "npz",
	Doc:      "NumPy's npz files: row i of each array is example i",
	PerField: true,
	FieldKeys: []table.Key{{
		Name: "array", Form: table.FormText, Doc: "the array's name in the file; by default the field's",
	}},
	Complete: arrays.Complete,
	Check:    arrays.Check,
	Open: func(ctx context.Context, in *table.Input) (table.Table, error) {
		return arrays.Open(ctx, in, format("npz", parseArchive))
	},
}

const (
	suffix = ".npy"
	// ratio is how many times longer than its compressed bytes a text can be that is
	// compressed with deflate.
	ratio = 1032
)

// archive are the arrays of an npz file.
type archive struct {
	ctx     context.Context
	file    *arrays.File
	members map[string]*zip.File // by their names, without the suffix
	names   []string
}

// Verify does nothing: what was read was compared with its checksum.
func (a *archive) Verify() error { return nil }

func parseArchive(ctx context.Context, f *arrays.File) (arrays.Content, error) {
	r, err := zip.NewReader(f, f.Size())
	if err != nil {
		return nil, notNPZ(f, err)
	}
	a := &archive{ctx: ctx, file: f, members: map[string]*zip.File{}}
	seen := map[string]bool{}
	for _, m := range r.File {
		if seen[m.Name] {
			return nil, fmt.Errorf("%s: the archive has %s twice", f.Path, diag.Quote(m.Name))
		}
		seen[m.Name] = true
		if name, ok := strings.CutSuffix(m.Name, suffix); ok {
			a.members[name] = m
			a.names = append(a.names, name)
		}
	}
	slices.Sort(a.names)
	return a, nil
}

// notNPZ says what a file is that isn't a zip archive.
func notNPZ(f *arrays.File, err error) error {
	var head [64]byte
	n, readErr := f.ReadAt(head[:], 0)
	switch {
	case readErr != nil && readErr != io.EOF:
		return readErr
	case strings.HasPrefix(string(head[:n]), magic):
		return fmt.Errorf("%s: not an npz file: it is an npy file; declare npy", f.Path)
	case strings.HasPrefix(string(head[:n]), "PK"):
		return fmt.Errorf("%s: the zip archive is damaged or truncated: %w", f.Path, err)
	}
	if what := arrays.Recognize(string(head[:n])); what != "" {
		return fmt.Errorf("%s: not an npz file: it is %s", f.Path, what)
	}
	return fmt.Errorf("%s: not an npz file: it isn't a zip archive", f.Path)
}

// Array finds the array of a field.
func (a *archive) Array(f *table.Field) (*arrays.Array, error) {
	name := f.Options.Text("array")
	if name == "" {
		name = f.Name
	}
	m, ok := a.members[name]
	if !ok {
		return nil, fmt.Errorf("%s: no array %s; the file has %s", a.file.Path, diag.Quote(name), diag.Names(a.names))
	}
	array, err := a.open(name, m)
	if err != nil {
		return nil, fmt.Errorf("%s: array %s: %w", a.file.Path, diag.Quote(name), damaged(err))
	}
	return array, nil
}

// open reads the header of an array.
func (a *archive) open(name string, m *zip.File) (*arrays.Array, error) {
	size, packed := m.UncompressedSize64, m.CompressedSize64
	switch {
	case m.Flags&1 != 0:
		return nil, errors.New("it is encrypted; save it without a password")
	case m.Method != zip.Store && m.Method != zip.Deflate:
		return nil, fmt.Errorf("it is compressed by method %d; save it with np.savez or np.savez_compressed", m.Method)
	case packed > uint64(a.file.Size()):
		return nil, fmt.Errorf("the archive says that it has %d compressed bytes; the file has %d", packed, a.file.Size())
	case m.Method == zip.Store && size != packed || m.Method == zip.Deflate && size > ratio*packed:
		return nil, fmt.Errorf("the archive says that it has %d bytes, which %d compressed ones can't become", size, packed)
	}
	r, err := m.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	h, err := readHeader(r)
	if err != nil {
		return nil, err
	}
	if err := h.check(int64(size)); err != nil {
		return nil, err
	}
	array := h.array(name)
	if m.Method == zip.Deflate {
		array.Stream = func() (io.ReadCloser, error) { return stream(name, m, h) }
		return array, nil
	}
	at, err := m.DataOffset()
	if err != nil {
		return nil, err
	}
	array.Data = io.NewSectionReader(a.file, at+h.size, int64(h.bytes()))
	// The rows are read from the archive, so its checksum is compared here.
	_, err = io.Copy(arrays.Until(a.ctx), r)
	return array, err
}

// member reads the elements of a compressed array. At the end, zip compares the checksum.
type member struct {
	io.ReadCloser
	name string
}

func stream(name string, z *zip.File, h *header) (io.ReadCloser, error) {
	r, err := z.Open()
	m := &member{r, name}
	if err != nil {
		return nil, m.named(err)
	}
	if _, err := io.CopyN(io.Discard, r, h.size); err != nil {
		r.Close()
		return nil, m.named(err)
	}
	return m, nil
}

func (m *member) Read(b []byte) (int, error) {
	n, err := m.ReadCloser.Read(b)
	if err != nil && err != io.EOF {
		err = m.named(err)
	}
	return n, err
}

func (m *member) named(err error) error {
	return fmt.Errorf("array %s: %w", diag.Quote(m.name), damaged(err))
}

// damaged explains the errors of archive/zip and compress/flate.
func damaged(err error) error {
	switch {
	case errors.Is(err, zip.ErrChecksum):
		return errors.New("the checksum (CRC-32) of its bytes isn't the archive's: the file is damaged")
	case errors.Is(err, zip.ErrFormat), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("the archive is damaged: %w", err)
	}
	return err
}
