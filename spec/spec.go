// Package spec turns YAML text into a checked [Program]: names, expressions,
// types and shapes, modules, and the standard library, which is YAML itself
// (spec/std).
//
// A text goes one way: tree (YAML with places) → decode (sections, by the tables
// in sections.go) → resolve (what each name means) → build (graphs). Each stage
// reports all that it finds; what was reported is dropped or poisoned, so that
// one cause gives one diagnostic.
//
// Reading a spec executes nothing, opens no files but the spec, its imports and
// files of vars, and ends within bounded time and memory, whatever the text.
package spec

import (
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/internal/files"
	"github.com/flowrun/flowrun/spec/tree"
)

// Options change how a spec is read.
type Options struct {
	Set       []Setting // overrides of vars, as --set gives them
	VarsFiles []string  // files that override vars, as --vars names them; Set stands over them
	Seed      *int64    // overrides the spec's seed
	AllowRead []string  // folders outside of the spec's that it may name files in
}

// Setting is an override of a var: --set KEY=VALUE.
type Setting struct{ Key, Value string }

// Load reads and checks the spec in a file. The program is nil if the list has
// errors. The list is sorted, and holds the texts for rendering.
func Load(path string, o Options) (*Program, diag.List) {
	src, err := ReadFile(path)
	if err != nil {
		var list diag.List
		list.Add(diag.Diagnostic{Rule: diag.Unreadable, Range: diag.Range{File: path}, Message: reason(err)})
		return nil, list
	}
	return Parse(path, src, o)
}

// reason is what went wrong with a file, without its name.
func reason(err error) string {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}

// ReadFile reads a regular file up to a little more than a spec may be long, so that a
// longer one is refused without being read whole.
func ReadFile(path string) ([]byte, error) {
	f, err := files.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return Read(f)
}

// Read is ReadFile for an open file.
func Read(r io.Reader) ([]byte, error) { return io.ReadAll(io.LimitReader(r, tree.MaxBytes+1)) }

// Parse reads and checks a spec from its text. The name is the file's, for
// messages and for finding the files that the spec names.
func Parse(name string, src []byte, o Options) (*Program, diag.List) {
	list := diag.NewList(name)
	var p *Program
	list.Bounded(func() { _, p = parse(name, src, o, &list) })
	list.ApplyIgnores(name)
	list.Sort()
	if list.HasErrors() {
		return nil, list
	}
	return p, list
}

// parse takes a text through all stages. Without errors in the list both results
// are there.
func parse(name string, src []byte, o Options, list *diag.List) (*specDef, *Program) {
	def := decodeSpec(name, src, o, list)
	if def == nil {
		return nil, nil
	}
	return def, check(def, list)
}

// check resolves and builds a decoded spec.
func check(def *specDef, list *diag.List) *Program {
	resolveSpec(def, list)
	if def.model == nil {
		return nil
	}
	p := build(def, list)
	if !list.HasErrors() {
		def.unused.flush()
	}
	return p
}

// stem is a file's name without its folder and ending.
func stem(file string) string {
	base := filepath.Base(file)
	return base[:len(base)-len(filepath.Ext(base))]
}
