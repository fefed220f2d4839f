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
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec/tree"
)

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

// Parse reads and checks a spec from its text. The name is the file's, for
// messages and for finding the files that the spec names.
func Parse(name string, src []byte, o Options) (*Program, diag.List) {
	list := diag.NewList(name)
	var p *Program
	list.Bounded(func() {
		if def := decodeSpec(name, src, o, &list); def != nil {
			p = build(def, &list, nil)
		}
	})
	list.ApplyIgnores(name)
	list.Sort()
	if list.HasErrors() {
		return nil, list
	}
	return p, list
}

// ParseInt reads an int as a spec's key takes it, for flags that stand for keys:
// 010 is ten, 0x1F and 0o17 have other bases, 1e3 is a thousand.
func ParseInt(text string) (int64, error) { return tree.ParseInt(strings.TrimSpace(text)) }
