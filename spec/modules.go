package spec

import (
	"bytes"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec/check"
	"github.com/flowrun/flowrun/spec/syntax"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

// Module describes a module of the standard library.
type Module struct {
	Name      string `json:"name"`
	Group     string `json:"group"` // the title of the modules that it belongs to
	Optimizer bool   `json:"optimizer"`
	Signature string `json:"signature"` // Linear(x, out_features, bias=true)
	Doc       string `json:"doc"`
	Source    string `json:"source"` // YAML, as a spec would have it under modules or optimizers
}

// StandardModules lists the standard library, group by group.
func StandardModules() []Module {
	var list diag.List
	var modules []Module
	lib := syntax.Standard()
	syntax.EachStandard(&list, func(root *tree.Node, src string) {
		for _, section := range []string{"modules", "optimizers"} {
			n := root.Get(section)
			if n == nil {
				continue
			}
			known := lib.Named(section == "optimizers")
			for _, e := range n.Entries {
				m := known[e.Key.Text]
				modules = append(modules, Module{
					Name: m.Name, Group: root.Get("title").Text, Optimizer: m.Optimizer, Doc: m.Doc,
					Signature: m.Name + "(" + strings.Join(parameterTexts(e.Value), ", ") + ")",
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

// IsModules reports whether a text is, by its keys, a file of modules for others
// to import, and no spec: it has modules or optimizers, and no model.
func IsModules(src []byte) bool {
	modules := false
	for line := range bytes.Lines(src) {
		switch leadingKey(line) {
		case "model":
			return false
		case "modules", "optimizers":
			modules = true
		}
	}
	return modules
}

// leadingKey is the key that a line without indentation begins with; "" if it begins
// with none, or with one that is longer than those looked for.
func leadingKey(line []byte) string {
	key, _, found := bytes.Cut(line, []byte(":"))
	if key = bytes.TrimRight(key, " \t"); !found || len(key) > len(`"optimizers"`) {
		return ""
	}
	return string(bytes.Trim(key, `"'`))
}

// ParseModules reads and checks a file of modules as an import does. Shapes are
// checked where modules are called, so not here.
func ParseModules(name string, src []byte, o Options) diag.List {
	list := diag.NewList(name)
	list.Bounded(func() {
		for _, f := range syntax.DecodeModules(name, src, o, &list) {
			check.Modules(f, &list)
		}
	})
	list.ApplyIgnores("") // warnings depend on the calls
	list.Sort()
	return list
}
