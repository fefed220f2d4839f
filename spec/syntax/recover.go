package syntax

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/foreign"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

// Recovery from unknown keys. A key that is clear enough is read as the one that was
// meant, so that it is reported once and its value is checked too.

// synonym is the key of a section that has this name in other tools, or nil.
func (s *Section) synonym(name string) *Key {
	for _, here := range foreign.Keys[name] {
		if k := s.Key(here); k != nil {
			return k
		}
	}
	return nil
}

// meant finds the key of a section that an unknown one stands for, or nil.
func (s *Section) meant(list *diag.List, key string, taken map[string]*tree.Node) *Key {
	var free []string
	for _, k := range s.Keys {
		if taken[k.Name] == nil {
			free = append(free, k.Name)
		}
	}
	for _, here := range foreign.Keys[key] {
		if k := s.Key(here); k != nil && taken[k.Name] == nil {
			return k
		}
	}
	straight := strings.TrimSpace(strings.TrimRight(foreign.Straight(key), ":"))
	if k := s.Key(straight); k != nil && taken[k.Name] == nil {
		return k
	}
	return s.Key(list.DidYouMean(straight, free))
}

// sole is the key that the only unknown key of a small section must stand for: the only
// one that is missing.
func (s *Section) sole(n *tree.Node, present map[string]*tree.Node) *Key {
	if len(s.Keys) > smallSection || len(n.Entries) > smallSection || len(s.One) > 0 {
		return nil
	}
	unknown := 0
	for _, e := range n.Entries {
		if s.Key(e.Key.Text) == nil {
			unknown++
		}
	}
	var missing *Key
	for i := range s.Keys {
		if s.Keys[i].Required && present[s.Keys[i].Name] == nil {
			if missing != nil {
				return nil
			}
			missing = &s.Keys[i]
		}
	}
	if unknown != 1 {
		return nil
	}
	return missing
}

// smallSection is how many keys a section has in which one stands out.
const smallSection = 3

// recover reports the unknown keys of a mapping, and adds them to present as the keys that
// were meant.
func (d *decoder) recover(n *tree.Node, s *Section, present map[string]*tree.Node) {
	if s.Others != "" {
		return
	}
	group, parent := d.strays(n, s)
	for i := 0; i < len(n.Entries); i++ {
		e := n.Entries[i]
		switch {
		case s.Key(e.Key.Text) != nil:
		case len(group) > 0 && e.Key == group[0].Key:
			if strayed := n.Get(parent.Name); strayed != nil && strayed.Strayed {
				group = append(slices.Clone(strayed.Entries), group...)
				i -= len(strayed.Entries)
			} else {
				d.stray(n, e.Key, s, parent)
			}
			present[parent.Name] = &tree.Node{Kind: tree.Map, Entries: group, Range: diag.Range{File: e.Key.Range.File,
				Start: e.Key.Range.Start, End: group[len(group)-1].Value.Range.End}}
			i += len(group) - 1
		default:
			k := s.meant(d.list, e.Key.Text, present)
			if s.elsewhere[e.Key.Text] != "" {
				k = nil
			} else if k == nil && homes[e.Key.Text] == nil && foreign.Habits[e.Key.Text] == "" {
				k = s.sole(n, present)
			}
			d.unknownKey(n, e.Key, s, k)
			if k != nil && Forms[k.Value].takes(e.Value) {
				present[k.Name] = e.Value
			} else if k != nil {
				present[k.Name] = &tree.Node{Broken: true, Range: e.Value.Range}
			}
		}
	}
}

// misplace notes a key in the wrong section, so that it isn't reported as missing in the
// right one.
func (d *decoder) misplace(key string) {
	if d.misplaced == nil {
		d.misplaced = map[string]bool{}
	}
	d.misplaced[key] = true
}

// strays finds entries beside the key that they belong under: those that follow a key
// without a value, `nodes:`, or, if a mapping of names is missing, all that have no other
// meaning.
func (d *decoder) strays(n *tree.Node, s *Section) (group []tree.Entry, parent *Key) {
	for i, e := range n.Entries {
		k := s.Key(e.Key.Text)
		empty := e.Value.Kind == tree.Null && e.Value.Text == "" || e.Value.Strayed
		if k == nil || n.Flow || !empty || !Forms[k.Value].byName() {
			continue
		}
		for _, below := range n.Entries[i+1:] {
			if s.Key(below.Key.Text) != nil {
				break
			}
			group = append(group, below)
		}
		if len(group) > 0 {
			return group, k
		}
	}
	for i := range s.Keys {
		k := &s.Keys[i]
		if !k.Required || n.Get(k.Name) != nil || Forms[k.Value].Entries == "" {
			continue
		}
		for _, e := range n.Entries {
			if s.Key(e.Key.Text) == nil && foreign.Keys[e.Key.Text] == nil && homes[e.Key.Text] == nil && foreign.Habits[e.Key.Text] == "" && s.meant(d.list, e.Key.Text, nil) == nil {
				group = append(group, e)
			} else if len(group) > 0 {
				break
			}
		}
		if len(group) > 0 {
			return group, k
		}
	}
	return nil, nil
}

func (d *decoder) stray(n, key *tree.Node, s *Section, parent *Key) {
	if n.Get(parent.Name) == nil {
		d.report(diag.UnknownKey, key.Range, fmt.Sprintf("%s belong under `%s:`", Forms[parent.Value].words, parent.Name),
			"%s has no key `%s`", s.name, diag.Cut(key.Text))
		return
	}
	d.report(diag.UnknownKey, key.Range, fmt.Sprintf("indent the entries of `%s` by two more spaces", parent.Name),
		"`%s` must be indented under `%s:`", diag.Cut(key.Text), parent.Name)
}

// byName reports whether a form is a mapping of names, or a section.
func (f *Form) byName() bool {
	return f.Entries != "" || f.Texts != "" || f.Section != nil || f.By != nil ||
		slices.ContainsFunc(f.Any, func(name string) bool { return Forms[name].byName() })
}

// takes reports whether a value is of a form's kind.
func (f *Form) takes(n *tree.Node) bool {
	switch {
	case n.Broken || f.Call:
		return true
	case len(f.Any) > 0:
		return slices.ContainsFunc(f.Any, func(name string) bool { return Forms[name].takes(n) })
	case n.Kind == tree.List:
		return f.Items != ""
	case n.Kind == tree.Map:
		return f.byName()
	}
	return n.Kind != tree.Null && !f.byName() && f.Items == ""
}

// unknownKey reports a key of n that its section lacks; meant is the key that it stands
// for, or nil.
func (d *decoder) unknownKey(n, key *tree.Node, s *Section, meant *Key) {
	if d.list.Full() || n.Get(key.Text).Merged {
		return
	}
	help := foreign.Habits[key.Text]
	sections := homes[key.Text]
	switch {
	case meant != nil && slices.Contains(foreign.Keys[key.Text], meant.Name):
		help = fmt.Sprintf("use `%s`: %s", meant.Name, meant.doc)
	case meant != nil:
		help = fmt.Sprintf("did you mean %q?", meant.Name)
	case s.elsewhere[key.Text] != "":
		help = s.elsewhere[key.Text]
	case len(sections) == 0 && help == "" && foreignHomes(key.Text) != "":
		help = foreignHomes(key.Text)
	case len(sections) > 0:
		d.misplace(key.Text)
		help = fmt.Sprintf("`%s` is a key of %s", key.Text, strings.Join(sections, " and of "))
	case s == ruleSection && n.Kind == tree.Map && deviceNames.MatchString(n.Get(key.Text).Text):
		d.misplace("match")
		help = fmt.Sprintf("write {match: %s, device: %s}", diag.Cut(key.Text), n.Get(key.Text).Text)
	case help == "":
		if here := s.synonym(key.Text); here != nil {
			help = fmt.Sprintf("use `%s`, which is already set", here.Name)
		} else {
			help = cmp.Or(Suggestion(d.list, key.Text, s.absent(n)), "its keys are "+keyNames(s))
		}
	}
	d.report(diag.UnknownKey, key.Range, help, "%s has no key %s", s.name, Quoted(key.Text))
}

// absent are the keys of a section that a mapping lacks.
func (s *Section) absent(n *tree.Node) []string {
	there := map[string]bool{}
	for _, e := range n.Entries[:min(len(n.Entries), diag.MaxItems)] { // what is beyond is too much to be looked at for each key
		there[e.Key.Text] = true
	}
	var names []string
	for _, k := range s.Keys {
		if !there[k.Name] {
			names = append(names, k.Name)
		}
	}
	return names
}

// foreignHomes says which key of another section a key of other tools is, "" if none.
func foreignHomes(key string) string {
	for _, here := range foreign.Keys[key] {
		if len(homes[here]) > 0 {
			return fmt.Sprintf("use `%s`, a key of %s", here, strings.Join(homes[here], " and of "))
		}
	}
	return ""
}
