package edit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec/build"
	"github.com/flowrun/flowrun/spec/expr"
	"github.com/flowrun/flowrun/spec/syntax"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

// inliner writes the imported modules that a spec needs into it. A name that means something
// else in the spec gets a number, and the module's `path` keeps the names of its parameters.
type inliner struct {
	*renderer
	def         *syntax.Spec
	list        *diag.List
	meant       map[string]*syntax.Module // modules by their names in the result
	written     map[calling]string        // under which name a module is written
	entries     []calling                 // those that are, in the order in which they were found
	indentation int
}

// calling is a module by the name that a file has for it.
type calling struct {
	name string
	m    *syntax.Module
}

// inline gives the text of a spec with its imports resolved.
func (r *renderer) inline(def *syntax.Spec, list *diag.List) string {
	if r.isOdd() {
		root := *r.root
		root.Entries = slices.DeleteFunc(slices.Clone(root.Entries), func(e tree.Entry) bool {
			return len(e.Value.Entries) == 0 && (e.Key.Text == "modules" || e.Key.Text == "optimizers")
		})
		r = newRenderer(def.File, blockText(&root, ""))
	}
	return r.withoutImports(def, list)
}

// isOdd reports whether modules can't be inserted into the text line by line, because of
// brackets or anchors.
func (r *renderer) isOdd() bool {
	imports := entryOf(r.root, "imports")
	if r.root.Flow || r.hasMarks(imports.Key.Offset, r.end(imports)) {
		return true
	}
	for _, key := range []string{"modules", "optimizers"} {
		e := entryOf(r.root, key)
		if e != nil && (e.Value.Flow || e.Value.Offset < e.Key.End || len(e.Value.Entries) == 0) {
			return true
		}
	}
	return false
}

// hasMarks reports whether there are anchors, aliases and the like between two
// offsets.
func (r *renderer) hasMarks(from, to int) bool {
	return slices.ContainsFunc(r.tokens, func(t tree.Token) bool {
		mark := t.Kind == tree.AliasToken || t.Kind == tree.AnchorToken || t.Kind == tree.OtherToken
		return mark && t.Offset >= from && t.Offset < to
	})
}

func (r *renderer) withoutImports(def *syntax.Spec, list *diag.List) string {
	in := &inliner{renderer: r, def: def, list: list, meant: map[string]*syntax.Module{}, written: map[calling]string{}}
	in.find()
	imports := entryOf(r.root, "imports")
	var added string
	for _, key := range []string{"modules", "optimizers"} {
		section := entryOf(r.root, key)
		in.indentation = 2
		if section != nil {
			in.indentation = section.Value.Entries[0].Key.Range.Start.Col - 1
		}
		var b strings.Builder
		for _, e := range in.entries {
			if e.m.Optimizer == (key == "optimizers") {
				b.WriteString(in.text(e, key))
			}
		}
		text := b.String()
		switch {
		case text == "":
		case section == nil:
			added += key + ":\n" + text
		default:
			at := r.lineEnd(r.end(lastEntry(section.Value)))
			r.edit(at, at, text)
		}
	}
	r.edit(r.lines[imports.Key.Range.Start.Line-1], r.lineEnd(r.end(imports)), added)
	return r.text()
}

// find finds all modules that have to be written, and names for them: first those
// that the spec itself names, then those that these are made of.
func (in *inliner) find() {
	for _, m := range in.def.Library.Own {
		if !m.Optimizer {
			in.meant[m.Name] = m
		}
		in.written[calling{m.Name, m}] = m.Name
	}
	callsOf(in.def, func(call *expr.Call) { in.needs(call, false) })
	for i := 0; i < len(in.entries); i++ {
		moduleCalls(in.entries[i].m, func(call *expr.Call) { in.needs(call, true) })
	}
}

// needs notes what a call names.
func (in *inliner) needs(call *expr.Call, imported bool) {
	m := moduleOf(call)
	if m == nil {
		return
	}
	as := calling{call.Name, m}
	if in.written[as] != "" {
		return
	}
	name := call.Name
	if !m.Optimizer {
		other := in.meant[name]
		if other != nil && other != m || imported && !m.Std && syntax.Standard().Modules[name] != nil {
			name = in.unused(name)
		}
		in.meant[name] = m
	}
	in.written[as] = name
	if !m.Std || name != call.Name {
		in.entries = append(in.entries, as)
	}
}

// unused appends a number to a name so that it is free.
func (in *inliner) unused(name string) string {
	for i := 2; ; i++ {
		numbered := fmt.Sprintf("%s_%d", name, i)
		if in.meant[numbered] == nil && in.def.Library.Signature(numbered) == nil {
			return numbered
		}
	}
}

// text is the text of a module, as an entry of the section key.
func (in *inliner) text(as calling, key string) string {
	name, m := in.written[as], as.m
	margin := strings.Repeat(" ", in.indentation)
	origin := "# from " + in.origin(m.At.File)
	if name != m.Name {
		origin += ": " + m.Name
	}
	r := newRenderer(m.At.File, in.source(m.At.File))
	renamed := map[diag.Range]bool{}
	moduleCalls(m, func(call *expr.Call) {
		to := in.written[calling{call.Name, moduleOf(call)}]
		if to != "" && to != call.Name && !renamed[call.NameAt] {
			renamed[call.NameAt] = true
			r.edit(r.offset(call.NameAt.Start), r.offset(call.NameAt.End), to)
		}
	})
	facts := map[string]string{}
	if override := syntax.Standard().Named(m.Optimizer)[name] != nil; m.Override != override {
		facts["override"] = fmt.Sprint(override)
	}
	if name != as.name && m.Path == "" {
		facts["path"] = as.name
	}
	section := r.root.Get(key)
	e := entryOf(section, m.Name)
	if section.Flow || r.hasMarks(e.Key.Offset, r.lineEnd(r.end(e))) {
		return margin + origin + "\n" + blockText(rebuilt(newRenderer(m.At.File, r.text()).root.Get(key).Get(m.Name), name, facts), margin)
	}
	for _, key := range []string{"override", "path"} {
		old := entryOf(e.Value, key)
		switch {
		case facts[key] == "":
		case old != nil:
			r.edit(old.Value.Offset, old.Value.End, facts[key])
		default:
			r.insert(e.Value, lastEntry(e.Value), key, facts[key], "its original name")
		}
	}
	r = newRenderer(m.At.File, r.text())
	return margin + origin + "\n" + r.entry(entryOf(r.root.Get(key), m.Name), name, margin)
}

// rebuilt is a mapping of one module, with some facts set.
func rebuilt(m *tree.Node, name string, facts map[string]string) *tree.Node {
	c := *m
	c.Entries = slices.DeleteFunc(slices.Clone(m.Entries), func(e tree.Entry) bool { return facts[e.Key.Text] != "" })
	for _, key := range []string{"override", "path"} {
		if facts[key] != "" {
			kind := tree.String
			if key == "override" {
				kind = tree.Bool
			}
			c.Entries = append(c.Entries, tree.Entry{Key: &tree.Node{Kind: tree.String, Text: key}, Value: &tree.Node{Kind: kind, Text: facts[key]}})
		}
	}
	return &tree.Node{Kind: tree.Map, Entries: []tree.Entry{{Key: &tree.Node{Kind: tree.String, Text: name}, Value: &c}}}
}

// origin names a file relative to the spec.
func (in *inliner) origin(file string) string {
	if _, imported := in.list.Sources[file]; !imported {
		return "the standard library"
	}
	return build.RelativePath(in.def.File, file)
}

// source is the text of a file of modules.
func (in *inliner) source(file string) string {
	text, imported := in.list.Sources[file]
	if !imported {
		text = syntax.StandardText(file)
	}
	return strings.TrimSuffix(strings.ReplaceAll(strings.TrimPrefix(text, "\ufeff"), "\r\n", "\n"), "\n") + "\n"
}

// entry copies an entry of a mapping, under a name and with a margin.
func (r *renderer) entry(e *tree.Entry, name, margin string) string {
	old := e.Key.Range.Start.Col - 1
	text := strings.TrimRight(r.src[e.Key.End:r.lineEnd(r.end(e))], " \t\n")
	var b strings.Builder
	b.WriteString(margin + name)
	for i, line := range strings.Split(text, "\n") {
		if i > 0 {
			b.WriteByte('\n')
			if line = line[min(old, len(line)-len(strings.TrimLeft(line, " "))):]; line != "" {
				b.WriteString(margin)
			}
		}
		b.WriteString(line)
	}
	b.WriteByte('\n')
	return b.String()
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
