// Package spec turns YAML text into a checked [Program]: names, expressions, types and
// shapes, modules, and the standard library, which is YAML itself (spec/std).
//
// A text goes one way:
//
//	text ──► syntax ──► check ──► build ──► Program
//	         defs       names     graphs
//
// Imports go one way too, from the right to the left and from the top to the bottom:
//
//	edit     schema          text from definitions: render, format; JSON Schema
//	  │        │
//	build      │             definitions to graphs
//	  │        │
//	check      │             what names mean
//	  │        │
//	syntax ◄───┘             text to definitions, the tables of keys
//	  │
//	expr, syntax/tree, std   expressions, YAML with positions, the library
//
// Each stage reports all that it finds; what was reported is dropped or marked, so that
// one mistake gives one diagnostic.
//
// Reading a spec executes nothing, opens no files but the spec, its imports and files
// of vars, and ends within bounded time and memory, whatever the text.
package spec

import (
	"io"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec/build"
	"github.com/flowrun/flowrun/spec/edit"
	"github.com/flowrun/flowrun/spec/schema"
	"github.com/flowrun/flowrun/spec/syntax"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

// What a spec is read with, and what it becomes.
type (
	Options = syntax.Options
	Setting = syntax.Setting
	Program = build.Program
	Size    = build.Size
	// KeyValue is a value of a spec's text with the keys that lead to it.
	KeyValue = edit.KeyValue
	// Generation is how a program generates text.
	Generation = build.Generation
)

// Load reads and checks the spec in a file. The program is nil if the list has
// errors. The list is sorted, and holds the texts for rendering.
func Load(path string, o Options) (*Program, diag.List) {
	src, err := syntax.ReadFile(path)
	if err != nil {
		var list diag.List
		list.Add(diag.Diagnostic{Rule: diag.Unreadable, Range: diag.Range{File: path}, Message: syntax.Reason(err)})
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
		if def := syntax.Decode(name, src, o, &list); def != nil {
			p = build.Build(def, &list, nil)
		}
	})
	list.ApplyIgnores(name)
	list.Sort()
	if list.HasErrors() {
		return nil, list
	}
	return p, list
}

// ReadFile reads a spec's file up to a little more than a spec may be long, so that a
// longer one is refused without being read whole.
func ReadFile(path string) ([]byte, error) { return syntax.ReadFile(path) }

// Read is ReadFile for an open file.
func Read(r io.Reader) ([]byte, error) { return syntax.Read(r) }

// MaxBytes is how long a spec may be.
const MaxBytes = tree.MaxBytes

// Render writes a spec's overrides, imports and defaults into its text: package edit.
func Render(name string, src []byte, o Options) (string, diag.List) { return edit.Render(name, src, o) }

// Keys lists the values of a spec's text with the keys that lead to them: package edit.
func Keys(name, text string) ([]KeyValue, error) { return edit.Keys(name, text) }

// RenderProgram is Render for a program, of the texts that it was made of, also where the
// files have changed since.
func RenderProgram(p *Program) (string, diag.List) {
	o := p.Options()
	o.Texts = p.Texts()
	return edit.Render(p.File, []byte(o.Texts[p.File]), o)
}

// Move gives a rendered spec's text as it reads in another folder: package edit.
func Move(name, text string, o Options, folder, checkpoints string) (string, diag.List) {
	return edit.Move(name, text, o, folder, checkpoints)
}

// Format gives a spec's text in the one layout: package edit.
func Format(name, text string) (out, kept string, list diag.List) { return edit.Format(name, text) }

// Schema gives the JSON Schema of specs: package schema.
func Schema() []byte { return schema.JSON() }

// ParseInt reads an int as a spec's key takes it, for flags that stand for keys:
// 010 is ten, 0x1F and 0o17 have other bases, 1e3 is a thousand.
func ParseInt(text string) (int64, error) { return tree.ParseInt(strings.TrimSpace(text)) }
