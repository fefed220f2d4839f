package syntax

import (
	"fmt"
	"io/fs"
	"strings"
	"sync"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec/std"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

// Standard is the standard library, decoded once.
var Standard = sync.OnceValue(func() *Library {
	var list diag.List
	lib := &Library{Modules: map[string]*Module{}, Optimizers: map[string]*Module{}}
	loadStandard(lib, &list)
	if len(list.Items) > 0 {
		panic("spec: invalid standard library:\n" + list.Text())
	}
	return lib
})

var stdSection = &Section{name: "a file of the standard library", Doc: "Modules and optimizers by name.", Keys: []Key{
	{Name: "title", Value: "note", doc: "what its modules have in common"},
	{Name: "modules", Value: "modules", doc: "modules by name"},
	{Name: "optimizers", Value: "optimizers", doc: "optimizers by name"},
}}

// loadStandard decodes the files of the standard library.
func loadStandard(lib *Library, list *diag.List) {
	d := &decoder{list: list, lib: lib}
	var bodies []moduleBody
	EachStandard(list, func(root *tree.Node, _ string) {
		mark := func(m *Module, _ map[string]*tree.Node, _ map[string]*Module) { m.Std = true }
		fields, _ := d.fields(root, stdSection)
		bodies = append(bodies, d.headers(fields["modules"], moduleSection, lib.Modules, false, mark)...)
		bodies = append(bodies, d.headers(fields["optimizers"], optimizerSection, lib.Optimizers, true, mark)...)
	})
	for _, b := range bodies {
		d.body(b.m, b.fields)
	}
}

// EachStandard parses the library's files, in the order of their names.
func EachStandard(list *diag.List, visit func(root *tree.Node, src string)) {
	files, err := fs.ReadDir(std.Files, ".")
	if err != nil {
		panic(fmt.Sprintf("spec: %v", err))
	}
	for _, f := range files {
		src, err := std.Files.ReadFile(f.Name())
		if err != nil {
			panic(fmt.Sprintf("spec: %v", err))
		}
		if root := tree.Parse(standardFolder+f.Name(), string(src), list); root != nil {
			visit(root, string(src))
		}
	}
}

// standardFolder begins the names of the standard library's files in positions.
const standardFolder = "std/"

// StandardText is the text of a file of the standard library, by its name in
// positions.
func StandardText(file string) string {
	src, err := std.Files.ReadFile(strings.TrimPrefix(file, standardFolder))
	if err != nil {
		panic(fmt.Sprintf("spec: %v", err))
	}
	return string(src)
}
