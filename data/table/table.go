package table

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync/atomic"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
)

// Table is an open data source: examples, each with a value for every field. Its methods
// may be called from several goroutines.
type Table interface {
	// Len is the number of examples.
	Len() int64
	// Column describes how a field, by its number in the declaration, is stored.
	Column(field int) Column
	// Read writes a field's values of some examples, one after the other, into dst, as
	// little-endian elements of the column's type. Rows are from 0 to Len()-1, in any
	// order and as often as you like.
	Read(field int, rows []int64, dst []byte) error
	// At says where a field's value of an example is, for messages.
	At(row int64, field int) Place
	// Fingerprint identifies the values: the content of the files, and what of the
	// declaration they depend on. Equal fingerprints mean equal examples in equal order.
	Fingerprint() string
	// Verify reads everything that hasn't been read on opening, and reports what is wrong
	// with it.
	Verify() error
	Close() error
}

// Overlapping is a Table whose neighbouring examples share values. A split in order leaves
// out the last examples of each part but the last, as many as share something with the
// next part's first.
type Overlapping interface {
	Table
	// Overlap is how many of the examples before an example may share values with it, of
	// whatever fields.
	Overlap() int64
	// OverlapOf is the same for a single field, between examples of the same file.
	OverlapOf(field int) int64
}

// Sequenced is a Table in which each element of an example has a place of its own.
type Sequenced interface {
	Table
	// ElementAt says where an element of a field's value is, for messages.
	ElementAt(row int64, field, element int) Place
}

// Column is a field as a table stores it.
type Column struct {
	// Type is the type of one example: the field's, but i32 where the field's values are
	// texts, and a float's NaN where a value is missing that is to be filled by what is
	// learned (no file can contain a NaN there).
	Type ir.Type
	// Texts are the field's different texts, if it has classes: the stored number is the
	// text's place in it. They are in the order of their first example.
	Texts []string
}

// Place is a position in a file, for messages.
type Place struct {
	File   string
	Row    int64  // the line as editors count, or the example, from 1; 0: the whole file
	Char   int64  // the character in the line, from 1; 0: the whole line
	Column string // "": the whole row
}

// String gives "iris.csv:12, column petal_width", or "poems.txt:12:7".
func (p Place) String() string {
	s := diag.CutPath(p.File)
	if p.Row > 0 {
		s = fmt.Sprintf("%s:%d", s, p.Row)
		if p.Char > 0 {
			s = fmt.Sprintf("%s:%d", s, p.Char)
		}
	}
	if p.Column != "" {
		s += ", column " + diag.Quote(p.Column)
	}
	return s
}

// Fault is something wrong in a file.
type Fault struct {
	Place
	Message string
}

func (f *Fault) Error() string { return f.Place.String() + ": " + f.Message }

// Input is what a kind of file is opened with.
type Input struct {
	Decl  *Decl
	Files Files
	// Prepare keeps a table that is costly to make; see the type.
	Prepare Prepare
	// Fault, if not nil, is told of a fault in a file's rows. Reading goes on with the next
	// row unless it returns an error, which then ends it. If it is nil, the first fault ends
	// reading.
	Fault func(*Fault) error
	// Note is told what a reader should know although nothing is wrong: rows dropped by a
	// rule, files that aren't images.
	Note func(string)

	reported atomic.Bool
}

// Report passes a fault on, and gives the error that ends reading, or nil.
func (in *Input) Report(f *Fault) error {
	in.reported.Store(true)
	if in.Fault == nil {
		return f
	}
	return in.Fault(f)
}

// ErrFaults ends the making of a table after faults that didn't end reading.
var ErrFaults = errors.New("the files have faults")

// Faultless gives ErrFaults if a fault was reported. A function that fills a table ends
// with it: a table without the rows at fault must not be kept.
func (in *Input) Faultless() error {
	if in.reported.Load() {
		return ErrFaults
	}
	return nil
}

// Tell passes a note on.
func (in *Input) Tell(format string, args ...any) {
	if in.Note != nil {
		in.Note(fmt.Sprintf(format, args...))
	}
}

// Files opens what a spec may read, and nothing else.
type Files interface {
	// Open opens a regular file by the path of a declaration, or one found by List.
	Open(path string) (*os.File, error)
	// List gives the regular files that a declared path stands for, in the order of their
	// names' bytes: the file itself, those that match a pattern, or all below a folder.
	// Names that begin with a dot are left out unless the pattern says so. What a pattern
	// doesn't match is an error.
	List(ctx context.Context, path string) ([]string, error)
	// Stat describes a file or folder.
	Stat(path string) (fs.FileInfo, error)
}

// Joint is a table whose fields lie side by side: reading several costs what one does.
type Joint interface {
	Table
	// ReadFields reads several fields of some examples, each as Read does.
	ReadFields(fields []int, rows []int64, dst [][]byte) error
}

// ReadFields reads several fields of some examples of any table.
func ReadFields(t Table, fields []int, rows []int64, dst [][]byte) error {
	if joint, ok := t.(Joint); ok && len(fields) > 1 {
		return joint.ReadFields(fields, rows, dst)
	}
	for i, field := range fields {
		if err := t.Read(field, rows, dst[i]); err != nil {
			return err
		}
	}
	return nil
}

// Prepare gives the table with the given columns that fill makes, from disk if it has been
// made before under the same key. The key must name the content of all files read (their
// content hashes, see prepared.ContentHash), all of the declaration that the values depend
// on, and a version of the code that fills. If files is not empty, fill must hash them
// while it reads them, and call Writer.Hashed: a file that has changed since its hash was
// taken is an error.
type Prepare func(ctx context.Context, key string, columns []Column, fill func(w Writer) error) (Prepared, error)

// Writer takes the examples of a table that is being made.
type Writer interface {
	// Append adds an example: its fields' values one after the other, dense. row is its
	// place in a file, for Place (0 if unused), and file that file's number in Files.
	Append(values []byte, file int, row int64) error
	// Texts sets the texts of a field with classes, once they are all known.
	Texts(field int, texts []string)
	// Files sets the names that file numbers stand for.
	Files(names []string)
	// Note keeps a note with the table; see Prepared.Notes.
	Note(text string)
	// Hashed compares a file's content, as read, with the hash that the key was made of.
	Hashed(path string, at, read string) error
}

// Prepared is a table kept on disk. Kinds wrap it to say where its values come from.
type Prepared interface {
	Table
	// Origin gives the file and row that an example was appended with.
	Origin(row int64) (file string, at int64)
	// Notes gives the notes that were made when the table was filled: a kind passes them on
	// each time that it opens the table.
	Notes() []string
}
