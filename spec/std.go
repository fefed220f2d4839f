package spec

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec/tree"
)

//go:embed std/*.yaml
var stdFiles embed.FS

// standard is the standard library: parsed and resolved once, never changed
// afterwards.
var standard = sync.OnceValue(func() *library {
	var list diag.List
	lib := &library{modules: map[string]*module{}, optimizers: map[string]*module{}}
	loadStandard(lib, stdFiles, &list)
	if len(list.Items) > 0 {
		panic("spec: the standard library has problems:\n" + list.Text())
	}
	return lib
})

var stdSection = &section{name: "a file of the standard library", doc: "Modules and optimizers by name.", keys: []keyDecl{
	{name: "title", value: "note", doc: "what they have in common"},
	{name: "modules", value: "modules", doc: "modules by name"},
	{name: "optimizers", value: "optimizers", doc: "optimizers by name"},
}}

// loadStandard decodes and resolves the files of the standard library.
func loadStandard(lib *library, files fs.FS, list *diag.List) {
	d := &decoder{list: list, lib: lib}
	var bodies []moduleBody
	eachStandard(files, list, func(root *tree.Node, _ string) {
		mark := func(m *module, _ map[string]*tree.Node, _ map[string]*module) { m.std = true }
		fields, _ := d.fields(root, stdSection)
		bodies = append(bodies, d.headers(fields["modules"], moduleSection, lib.modules, false, mark)...)
		bodies = append(bodies, d.headers(fields["optimizers"], optimizerSection, lib.optimizers, true, mark)...)
	})
	for _, b := range bodies {
		d.body(b.m, b.fields)
	}
	r := &resolver{list: list, lib: lib}
	for _, b := range bodies {
		r.module(b.m)
	}
}

// eachStandard parses the library's files, in the order of their names.
func eachStandard(files fs.FS, list *diag.List, visit func(root *tree.Node, src string)) {
	names, err := fs.Glob(files, "std/*.yaml")
	if err != nil {
		panic(fmt.Sprintf("spec: %v", err))
	}
	for _, name := range names {
		src, err := fs.ReadFile(files, name)
		if err != nil {
			panic(fmt.Sprintf("spec: %v", err))
		}
		if root := tree.Parse(name, string(src), list); root != nil {
			visit(root, string(src))
		}
	}
}

// Module describes a module of the standard library.
type Module struct {
	Name      string
	Group     string // the title of the modules that it belongs to
	Optimizer bool
	Signature string // Linear(x, out_features, bias=true)
	Doc       string
	Source    string // YAML, as a spec would have it under modules or optimizers
}

// StandardModules lists the standard library, group by group.
func StandardModules() []Module {
	var list diag.List
	var modules []Module
	lib := standard()
	eachStandard(stdFiles, &list, func(root *tree.Node, src string) {
		for _, section := range []string{"modules", "optimizers"} {
			n := root.Get(section)
			if n == nil {
				continue
			}
			known := lib.modules
			if section == "optimizers" {
				known = lib.optimizers
			}
			for _, e := range n.Entries {
				m := known[e.Key.Text]
				modules = append(modules, Module{
					Name: m.name, Group: root.Get("title").Text, Optimizer: m.optimizer, Doc: m.doc,
					Signature: m.name + "(" + strings.Join(parameterTexts(e.Value), ", ") + ")",
					Source:    section + ":\n" + entryText(src, e),
				})
			}
		}
	})
	slices.SortStableFunc(modules, func(a, b Module) int { return strings.Compare(a.Group, b.Group) })
	return modules
}

// parameterTexts writes the inputs and arguments of a module, with defaults.
func parameterTexts(m *tree.Node) []string {
	var params []string
	if inputs := m.Get("inputs"); inputs != nil {
		params = inputs.Keys()
	}
	args := m.Get("args")
	if args == nil {
		return params
	}
	for _, e := range args.Entries {
		text := e.Key.Text
		if fallback := e.Value.Get("default"); fallback != nil {
			text += "=" + defaultText(fallback)
		}
		params = append(params, text)
	}
	return params
}

// defaultText writes a default as a call in an expression would.
func defaultText(n *tree.Node) string {
	if n.Kind != tree.List {
		return n.Text
	}
	items := make([]string, len(n.Items))
	for i, item := range n.Items {
		items[i] = defaultText(item)
	}
	return "[" + strings.Join(items, ", ") + "]"
}

// entryText is the text of an entry: whole lines, from its key to its end.
func entryText(src string, e tree.Entry) string {
	from := strings.LastIndexByte(src[:e.Key.Offset], '\n') + 1
	to := len(src)
	if end := strings.IndexByte(src[e.Value.End:], '\n'); end >= 0 {
		to = e.Value.End + end + 1
	}
	return strings.TrimRight(src[from:to], "\n") + "\n"
}
