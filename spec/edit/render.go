package edit

import (
	"slices"
	"strconv"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec/build"
	"github.com/flowrun/flowrun/spec/expr"
	"github.com/flowrun/flowrun/spec/syntax"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

// Render gives the text of a spec with the options' overrides applied, imported modules
// inlined, and the defaults of sections and of the arguments of every call written out.
// Comments say where each came from, and list the modules of the standard library, which
// aren't inlined; all else stays as it is. The result is the same program, and rendering it
// without overrides changes nothing. A spec with errors gives "".
func Render(name string, src []byte, o syntax.Options) (string, diag.List) {
	text := strings.ReplaceAll(string(src), "\r\n", "\n")
	dos := text != string(src)
	ends := strings.HasSuffix(text, "\n")
	if !ends {
		text += "\n"
	}
	rendered, list := render(name, text, o)
	if !ends {
		rendered = strings.TrimSuffix(rendered, "\n")
	}
	if dos {
		rendered = strings.ReplaceAll(rendered, "\n", "\r\n")
	}
	return rendered, list
}

func render(name, text string, o syntax.Options) (rendered string, list diag.List) {
	list = diag.NewList(name)
	var def *syntax.Spec
	taken := build.Defaults{}
	list.Bounded(func() {
		if def = syntax.Decode(name, []byte(text), o, &list); def != nil {
			build.Build(def, &list, taken)
		}
	})
	list.Sort()
	if list.HasErrors() {
		return "", list
	}
	inlined := false
	if !list.Bounded(func() { rendered, inlined = write(def, taken, list.Sources[name], &list) }) {
		return "", list
	}
	if inlined {
		return render(name, rendered, o)
	}
	return rendered, list
}

// write writes a checked spec. Of one with imports, it inlines those only.
func write(def *syntax.Spec, taken build.Defaults, text string, list *diag.List) (rendered string, inlined bool) {
	list.Budget.Spend(diag.Reading, renderCost*len(text))
	r := newRenderer(def.File, text)
	if def.Root.Get("imports") != nil {
		return r.inline(def, list), true
	}
	r.overrides(def)
	r.defaults(def)
	r.arguments(def, taken)
	r.standardModules(def)
	return r.text(), false
}

// renderCost is the cost of writing a byte, which is in several texts meanwhile.
const renderCost = 20 + 4*diag.KeptByte

// standardModules lists the modules of the standard library that the text calls.
func (r *renderer) standardModules(def *syntax.Spec) {
	var names []string
	callsOf(def, func(call *expr.Call) {
		if m := moduleOf(call); m != nil && m.Std && !slices.Contains(names, m.Name) {
			names = append(names, m.Name)
		}
	})
	slices.Sort(names)
	for _, name := range names {
		r.note(entryOf(def.Root, "flowrun").Key.Offset, "standard library", name)
	}
}

// overrides writes --set, --vars and --seed into the text.
func (r *renderer) overrides(def *syntax.Spec) {
	vars := def.Root.Get("vars")
	for _, v := range def.Vars {
		from := v.Node.Range.File
		if from == def.File {
			continue
		}
		if !strings.HasPrefix(from, "--set") {
			from = "--vars " + from + ": " + v.Name
		}
		old := vars.Get(v.Name)
		if old.Kind == tree.Map {
			old = old.Get("value")
		}
		r.override(old, flowText(v.Node), from)
	}
	if n := def.Root.Get("seed"); n != nil && def.Options.Seed != nil {
		r.override(n, strconv.FormatInt(def.Seed, 10), "--seed")
	}
}

func (r *renderer) override(n *tree.Node, text, from string) {
	old := r.src[n.Offset:n.End]
	if old == text {
		return
	}
	r.edit(n.Offset, n.End, text)
	if strings.Contains(old, "\n") || len(old) > 60 {
		r.note(n.Offset, from, "")
		return
	}
	r.note(n.Offset, from+", was "+old, "")
}

// byDefault is the note on what was absent.
const byDefault = "default"

// defaults writes what absent keys mean.
func (r *renderer) defaults(def *syntax.Spec) {
	root := def.Root
	after := entryOf(root, "flowrun")
	if named := entryOf(root, "name"); named != nil {
		after = named
	} else {
		r.insert(root, after, "name", stringText(def.Name), "the file's name")
	}
	if root.Get("seed") == nil {
		from := byDefault
		if def.Options.Seed != nil {
			from = "--seed"
		}
		r.insert(root, after, "seed", strconv.FormatInt(def.Seed, 10), from)
	}
	r.absent(root, syntax.RootSection, map[*tree.Node]bool{})
	if root.Get("placement") == nil {
		r.insert(root, lastEntry(root), "placement", "{default: "+syntax.PlacementSection.Key("default").Default+"}", byDefault)
	}
}

// absent writes the fallbacks of a section's absent keys, and of the sections in
// it. What an alias refers to is done where it stands.
func (r *renderer) absent(n *tree.Node, s *syntax.Section, done map[*tree.Node]bool) {
	if done[n] {
		return
	}
	done[n] = true
	for _, k := range s.Keys {
		v := n.Get(k.Name)
		switch {
		case v != nil:
			r.inside(v, syntax.Forms[k.Value], done)
		case k.Default != "" && !k.Unsaid && s != syntax.RootSection:
			r.insert(n, lastEntry(n), k.Name, k.Default, byDefault)
		}
	}
}

// inside looks for sections in a value of some form.
func (r *renderer) inside(n *tree.Node, f *syntax.Form, done map[*tree.Node]bool) {
	switch {
	case f == nil:
	case f.By != nil:
		for _, c := range f.By {
			if n.Get(c.Key) != nil {
				r.inside(n, syntax.Forms[c.Form], done)
			}
		}
	case f.Section != nil && n.Kind == tree.Map:
		r.absent(n, f.Section, done)
	case f.Entries != "":
		for _, e := range n.Entries {
			r.inside(e.Value, syntax.Forms[f.Entries], done)
		}
	case f.Items != "":
		for _, item := range n.Items {
			r.inside(item, syntax.Forms[f.Items], done)
		}
	case f.Any != nil && n.Kind == tree.Map:
		for _, name := range f.Any {
			r.inside(n, syntax.Forms[name], done)
		}
	}
}

func lastEntry(n *tree.Node) *tree.Entry {
	if len(n.Entries) == 0 {
		return nil
	}
	return &n.Entries[len(n.Entries)-1]
}

func entryOf(n *tree.Node, key string) *tree.Entry {
	for i := range n.Entries {
		if n.Entries[i].Key.Text == key {
			return &n.Entries[i]
		}
	}
	return nil
}
