package spec

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec/expr"
	"github.com/flowrun/flowrun/spec/tree"
)

// inliner writes the imported modules that a spec needs into the spec.
type inliner struct {
	*renderer
	def  *specDef
	list *diag.List
	// What each name means, in the spec and in all imported modules that it needs.
	modules, optimizers map[string]*module
	seen                map[*module]bool
	conflict            string // a name that means two things
}

// inline gives the text of a spec with its imports resolved, or why they stay.
func (r *renderer) inline(def *specDef, list *diag.List) (text, why string) {
	in := &inliner{r, def, list, map[string]*module{}, map[string]*module{}, map[*module]bool{}, ""}
	for _, m := range def.lib.own {
		in.means(m.name, m)
	}
	def.eachCall(in.call)
	if in.conflict != "" {
		return "", in.conflict + " means two modules"
	}
	imports := entryOf(def.root, "imports")
	if def.root.Flow {
		return "", "the spec stands in brackets"
	}
	from := r.lines[imports.Key.Range.Start.Line-1]
	to := r.lineEnd(r.end(imports))
	var added string
	for _, kind := range []struct {
		key   string
		names map[string]*module
	}{{"modules", in.modules}, {"optimizers", in.optimizers}} {
		section := entryOf(def.root, kind.key)
		indent := 2
		if section != nil {
			if section.Value.Flow || len(section.Value.Entries) == 0 {
				return "", kind.key + " stands in brackets"
			}
			indent = section.Value.Entries[0].Key.Range.Start.Col - 1
		}
		text, why := in.texts(kind.key, kind.names, indent)
		switch {
		case why != "":
			return "", why
		case text == "":
		case section == nil:
			added += kind.key + ":\n" + text
		default:
			at := r.lineEnd(r.end(lastEntry(section.Value)))
			if at == len(r.src) && !strings.HasSuffix(r.src, "\n") {
				text = "\n" + text
			}
			r.edit(at, at, text)
		}
	}
	r.edit(from, to, added)
	return r.text(), ""
}

// call notes what a call's name means, and everything that the module needs.
func (in *inliner) call(call *expr.Call) {
	if t, _ := call.Target.(*target); t != nil && t.module != nil {
		in.means(call.Name, t.module)
	}
}

func (in *inliner) means(name string, m *module) {
	names := in.modules
	if m.optimizer {
		names = in.optimizers
	}
	if old := names[name]; old != nil && old != m {
		in.conflict = name
		return
	}
	names[name] = m
	if !m.std && !in.seen[m] {
		in.seen[m] = true
		m.eachCall(in.call)
	}
}

// texts are the entries of the imported modules, in the order of the imports.
func (in *inliner) texts(key string, names map[string]*module, indent int) (text, why string) {
	var b strings.Builder
	for _, f := range in.def.imports.order {
		for _, m := range f.lib.own {
			var as []string
			for name, meant := range names {
				if meant == m {
					as = append(as, name)
				}
			}
			slices.Sort(as)
			for _, name := range as {
				if replaces := names[name] != nil && in.inStandard(name, m.optimizer); replaces != m.override {
					return "", name + " replaces the standard library's in its own file only"
				}
				text, why := in.entry(f, key, m, name, indent)
				if why != "" {
					return "", why
				}
				b.WriteString(text)
			}
		}
	}
	return b.String(), ""
}

func (in *inliner) inStandard(name string, optimizer bool) bool {
	if optimizer {
		return standard().optimizers[name] != nil
	}
	return standard().modules[name] != nil
}

// entry is the text of an imported module under a name.
func (in *inliner) entry(f *importedFile, key string, m *module, name string, indent int) (text, why string) {
	e := entryOf(f.root.Get(key), m.name)
	r := newRenderer(f.path, in.list.Sources[f.path])
	if f.root.Get(key).Flow {
		return "", name + " stands in brackets"
	}
	end := r.lineEnd(r.end(e))
	for _, t := range r.tokens {
		if t.Offset > e.Key.Offset && t.Offset < end && (t.Kind == tree.AliasToken || t.Kind == tree.AnchorToken) {
			return "", name + " has anchors or aliases"
		}
	}
	old := e.Key.Range.Start.Col - 1
	margin := strings.Repeat(" ", indent)
	from, err := filepath.Rel(filepath.Dir(in.def.file), f.path)
	if err != nil {
		from = f.path
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s# from %s\n%s%s", margin, filepath.ToSlash(from), margin, name)
	for i, line := range strings.Split(strings.TrimRight(r.src[e.Key.End:end], " \t\r\n"), "\n") {
		line = strings.TrimSuffix(line, "\r")
		if i > 0 {
			b.WriteByte('\n')
			if line = strings.TrimPrefix(line, strings.Repeat(" ", min(old, len(line)-len(strings.TrimLeft(line, " "))))); line != "" {
				b.WriteString(margin)
			}
		}
		b.WriteString(line)
	}
	b.WriteByte('\n')
	return b.String(), ""
}

// lineEnd is where the line after an offset begins.
func (r *renderer) lineEnd(at int) int {
	if at > 0 && r.src[at-1] == '\n' { // behind a block of text
		return at
	}
	if i := strings.IndexByte(r.src[at:], '\n'); i >= 0 {
		return at + i + 1
	}
	return len(r.src)
}
