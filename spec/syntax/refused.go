package syntax

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/foreign"
	"github.com/flowrun/flowrun/spec/expr"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

// refusedName is a key that isn't a valid name. It is reported once, and replaced by a valid
// one there and in all expressions, where `fc-1` is no difference then.
type refusedName struct {
	text  string
	meant string // the name that replaces it; "" for reserved words, whose uses are skipped
	item  int    // its diagnostic in the list; -1 if the list was full
	uses  int
}

// nameRule says what a name consists of.
const nameRule = "names consist of letters, digits and _, and don't begin with a digit"

// checkName reports a key that isn't a valid name. It gives the key to use instead, or nil
// if there is none.
func (d *decoder) checkName(n, in *tree.Node) *tree.Node {
	reserved := slices.Contains(Words, n.Text) || n.Text == "next"
	if expr.IsName(n.Text) && !reserved {
		return n
	}
	if old := d.refused[n.Text]; old != nil { // reported before
		old.uses++
		return old.key(n, in)
	}
	if d.list.Full() {
		return nil
	}
	r := &refusedName{text: n.Text, item: len(d.list.Items)}
	if reserved {
		d.report(diag.ReservedName, n.Range, "choose another name", "`%s` is a reserved word", n.Text)
	} else {
		r.meant = nearestName(n.Text)
		for in != nil && r.meant != "" && in.Get(r.meant) != nil {
			r.meant += "_"
		}
		d.report(diag.InvalidName, n.Range, r.help(), "%s is not a valid name", Quoted(n.Text))
	}
	if len(d.list.Items) == r.item {
		r.item = -1
	}
	if d.refused == nil {
		d.refused = map[string]*refusedName{}
	}
	if strings.Trim(n.Text, "0123456789.+-") != "" { // a number in an expression is a number
		d.refused[n.Text] = r
	}
	return r.key(n, in)
}

// key is the key with its valid name; nil if it has none, or if that is taken.
func (r *refusedName) key(n, in *tree.Node) *tree.Node {
	if r.meant == "" || in != nil && in.Get(r.meant) != nil {
		return nil
	}
	renamed := *n
	renamed.Text = r.meant
	return &renamed
}

// help says what to write instead of a name, and how often it is used.
func (r *refusedName) help() string {
	switch {
	case r.meant == "" && r.uses == 0:
		return nameRule
	case r.meant == "":
		return "choose another name, also " + places(r.uses)
	case r.uses == 0:
		return "write " + r.meant + "; " + nameRule
	}
	return "write " + r.meant + ", also " + places(r.uses) + "; " + nameRule
}

func places(n int) string {
	if n == 1 {
		return "at its use"
	}
	return fmt.Sprintf("at its %d uses", n)
}

// nearestName makes a valid name of a text; "" if nothing is left.
func nearestName(text string) string {
	text = strings.TrimSpace(strings.TrimRight(foreign.Straight(text), ": "))
	var b strings.Builder
	for _, r := range text {
		if r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r)) || r == '_' {
			b.WriteRune(r)
		} else if s := b.String(); s != "" && s[len(s)-1] != '_' {
			b.WriteByte('_')
		}
	}
	name := b.String()
	if !strings.HasSuffix(text, "_") {
		name = strings.TrimRight(name, "_")
	}
	if name != "" && name[0] >= '0' && name[0] <= '9' {
		name = "_" + name
	}
	if len(name) > 60 || slices.Contains(Words, name) {
		return ""
	}
	return name
}

// countUses adds to the help of every refused name how often it is used.
func (d *decoder) countUses() {
	for _, r := range d.refused {
		if r.uses > 0 && r.item >= 0 {
			d.list.Items[r.item].Help = r.help()
		}
	}
}

// name is a text that refers to something by name, with refused names replaced.
func (d *decoder) name(text string) string {
	if r := d.refused[text]; r != nil {
		r.uses++
		if r.meant != "" {
			return r.meant
		}
	}
	return text
}

// renamed is a mapping with refused names among its keys replaced.
func (d *decoder) renamed(n *tree.Node) *tree.Node {
	if len(d.refused) == 0 || !slices.ContainsFunc(n.Entries, func(e tree.Entry) bool { return d.refused[e.Key.Text] != nil }) {
		return n
	}
	m := *n
	m.Entries = slices.Clone(n.Entries)
	for i, e := range m.Entries {
		key := *e.Key
		key.Text = d.name(key.Text)
		m.Entries[i].Key = &key
	}
	return &m
}

// source is a scalar as the text of an expression or type, with refused names replaced. ok
// is false for a text that contains a refused reserved word.
func (d *decoder) source(n *tree.Node) (src expr.Source, ok bool) {
	src = expr.Source{File: n.Range.File, Text: n.Text, Position: n.Position}
	for _, r := range d.refusedIn(n.Text) {
		if src, ok = r.replaced(src); !ok {
			return src, false
		}
	}
	return src, true
}

// refusedIn lists the refused names that a text may hold, the longest first.
func (d *decoder) refusedIn(text string) []*refusedName {
	if len(d.refused) == 0 {
		return nil
	}
	d.list.Budget.Spend(diag.Comparing, len(d.refused)*(20+len(text)/8)) // a search: some bytes a nanosecond
	var found []*refusedName
	for name, r := range d.refused {
		if strings.Contains(text, name) {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(a, b *refusedName) int {
		if len(a.text) != len(b.text) {
			return len(b.text) - len(a.text)
		}
		return strings.Compare(a.text, b.text)
	})
	return found
}

// replaced is a source with the name replaced, whose characters keep their positions.
func (r *refusedName) replaced(src expr.Source) (expr.Source, bool) {
	var b strings.Builder
	var back []int // the position of each character
	at := 0
	text := []rune(src.Text)
	name := []rune(r.text)
	for at < len(text) {
		if !isAt(text, name, at) {
			b.WriteRune(text[at])
			back = append(back, at)
			at++
			continue
		}
		r.uses++
		if r.meant == "" {
			return src, false
		}
		for i, c := range []rune(r.meant) {
			b.WriteRune(c)
			back = append(back, at+min(i, len(name)-1))
		}
		at += len(name)
	}
	position, end := src.Position, len(text)
	src.Text = b.String()
	src.Position = func(i int) diag.Pos {
		if i < len(back) {
			return position(back[i])
		}
		return position(end)
	}
	return src, true
}

// isAt reports whether a name stands in a text at an index, and isn't part of a
// longer one.
func isAt(text, name []rune, at int) bool {
	end := at + len(name)
	if end > len(text) || !slices.Equal(text[at:end], name) {
		return false
	}
	part := func(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }
	return !(at > 0 && part(text[at-1]) && part(name[0])) && !(end < len(text) && part(text[end]) && part(name[len(name)-1]))
}
