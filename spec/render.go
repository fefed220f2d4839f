package spec

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec/tree"
)

// Render gives the text of a spec with the options' overrides applied and its
// sections' defaults written out: name, seed, max_steps, log_every, the default
// placement. All else stays as it is, comments too; rendering the result without
// overrides changes nothing. A spec with errors gives "".
func Render(name string, src []byte, o Options) (string, diag.List) {
	var list diag.List
	def, _ := parse(name, src, o, &list)
	list.Sort()
	if list.HasErrors() {
		return "", list
	}
	r := &renderer{src: list.Sources[name]}
	r.overrides(def)
	r.defaults(def)
	return r.text(), list
}

// renderer edits a text.
type renderer struct {
	src   string
	edits []edit
}

type edit struct {
	from, to int
	text     string
}

func (r *renderer) replace(n *tree.Node, text string) {
	r.edits = append(r.edits, edit{n.Offset, n.End, text})
}

// overrides writes --set and --seed into the text.
func (r *renderer) overrides(def *specDef) {
	vars := def.root.Get("vars")
	for _, v := range def.vars {
		if !slices.ContainsFunc(def.options.Set, func(s Setting) bool { return s.Key == v.name }) {
			continue
		}
		old := vars.Get(v.name)
		if old.Kind == tree.Map {
			old = old.Get("value")
		}
		r.replace(old, scalarText(v.node))
	}
	if n := def.root.Get("seed"); n != nil && def.options.Seed != nil {
		r.replace(n, strconv.FormatInt(def.seed, 10))
	}
}

// scalarText writes a value as YAML, in a form that fits anywhere.
func scalarText(n *tree.Node) string {
	if n.Kind == tree.List {
		parts := make([]string, len(n.Items))
		for i, item := range n.Items {
			parts[i] = scalarText(item)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	if n.Kind == tree.String && !isName(n.Text) {
		return quoteYAML(n.Text)
	}
	return n.Text
}

// quoteYAML writes a string with YAML's double quotes.
func quoteYAML(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteRune(c)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\t':
			b.WriteString(`\t`)
		case c < ' ':
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteRune(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// defaults writes what absent keys mean.
func (r *renderer) defaults(def *specDef) {
	root := def.root
	if train := root.Get("train"); train != nil {
		for _, key := range []string{"max_steps", "log_every"} {
			if train.Get(key) == nil {
				r.insert(train, lastEntry(train), key, trainSection.key(key).fallback)
			}
		}
	}
	fallback := placementSection.key("default").fallback
	switch placement := root.Get("placement"); {
	case placement == nil:
		r.insert(root, lastEntry(root), "placement", "{default: "+fallback+"}")
	case placement.Get("default") == nil:
		r.insert(placement, lastEntry(placement), "default", fallback)
	}
	after := entryOf(root, "flowrun")
	if named := entryOf(root, "name"); named != nil {
		after = named
	} else {
		text := def.name
		if !isName(text) {
			text = quoteYAML(text)
		}
		r.insert(root, after, "name", text)
	}
	if root.Get("seed") == nil {
		r.insert(root, after, "seed", strconv.FormatInt(def.seed, 10))
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

// insert adds a key to a mapping, behind one of its entries.
func (r *renderer) insert(n *tree.Node, after *tree.Entry, key, value string) {
	line := key + ": " + value
	if n.Flow {
		at, text := n.Offset+1, line
		if after != nil {
			at, text = max(after.Key.End, after.Value.End), ", "+line
		}
		r.edits = append(r.edits, edit{at, at, text})
		return
	}
	at := max(after.Key.End, after.Value.End)
	indent := strings.Repeat(" ", n.Entries[0].Key.Range.Start.Col-1)
	newline := "\n"
	if strings.Contains(r.src, "\r\n") {
		newline = "\r\n"
	}
	if at > 0 && r.src[at-1] == '\n' { // behind a block of text
		r.edits = append(r.edits, edit{at, at, indent + line + newline})
		return
	}
	if end := strings.IndexByte(r.src[at:], '\n'); end >= 0 {
		at += end + 1
		r.edits = append(r.edits, edit{at, at, indent + line + newline})
		return
	}
	r.edits = append(r.edits, edit{len(r.src), len(r.src), newline + indent + line})
}

// text applies the edits.
func (r *renderer) text() string {
	slices.SortStableFunc(r.edits, func(a, b edit) int { return a.from - b.from })
	var b strings.Builder
	at := 0
	for _, e := range r.edits {
		b.WriteString(r.src[at:e.from])
		b.WriteString(e.text)
		at = e.to
	}
	b.WriteString(r.src[at:])
	return b.String()
}
