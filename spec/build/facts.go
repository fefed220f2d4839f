package build

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec/syntax"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

// Fact is a part of a spec that affects what is computed: its key, and its text without
// comments and spaces.
type Fact struct{ Key, Text string }

// rootAsides are the sections that don't change what a step computes, and those that
// are looked into.
var rootAsides = []string{"flowrun", "name", "seed", "vars", "placement", "train", "generate"}

// facts lists them in the text's order, with vars and seed as they are overridden.
func facts(def *syntax.Spec, budget *diag.Budget) []Fact {
	c := canon{budget}
	seed := ""
	if n := def.Root.Get("seed"); n != nil {
		seed = n.Text
	}
	if def.Options.Seed != nil || seed == "" {
		seed = strconv.FormatInt(def.Seed, 10)
	}
	facts := []Fact{{"seed", seed}}
	for _, v := range def.Vars {
		facts = append(facts, Fact{"vars." + v.Name, c.text(v.Node)})
	}
	for _, e := range def.Root.Entries {
		if !slices.Contains(rootAsides, e.Key.Text) {
			facts = append(facts, c.parts(e)...)
		}
	}
	if train := def.Root.Get("train"); train != nil {
		for _, e := range train.Entries {
			if k := syntax.TrainSection.Key(e.Key.Text); k != nil && !k.Aside {
				facts = append(facts, Fact{"train." + e.Key.Text, c.text(e.Value)})
			}
		}
	}
	for _, f := range def.Imports.Order {
		facts = append(facts, Fact{"file " + RelativePath(def.File, f.Path), c.text(f.Root)})
	}
	return facts
}

// RelativePath is a file's path relative to the folder of another.
func RelativePath(from, file string) string {
	name, err := filepath.Rel(filepath.Dir(from), file)
	if err != nil {
		name = file
	}
	return filepath.ToSlash(name)
}

// parts lists a section's entries, and each node of the model.
func (c canon) parts(section tree.Entry) []Fact {
	if section.Value.Kind != tree.Map {
		return []Fact{{section.Key.Text, c.text(section.Value)}}
	}
	var facts []Fact
	for _, e := range section.Value.Entries {
		key := section.Key.Text + "." + e.Key.Text
		if key == "model.labels" || key == "model.init" { // how outputs are shown; what the first step began with
			continue
		}
		if key == "model.nodes" && e.Value.Kind == tree.Map {
			for _, node := range e.Value.Entries {
				facts = append(facts, Fact{key + "." + node.Key.Text, c.text(node.Value)})
			}
			continue
		}
		facts = append(facts, Fact{key, c.text(e.Value)})
	}
	return facts
}

// canon writes values on one line, the same for the same content. Aliases are written
// out, so what it writes can be longer than the text.
type canon struct{ budget *diag.Budget }

func (c canon) text(n *tree.Node) string {
	var b strings.Builder
	c.write(&b, n)
	return b.String()
}

func (c canon) write(b *strings.Builder, n *tree.Node) {
	const byteCost = 30 + 2*diag.KeptByte // it is cut into words, and the builder holds it twice while it grows
	c.budget.Spend(diag.Reading, byteCost*(2+len(n.Text)))
	switch n.Kind {
	case tree.List:
		b.WriteByte('[')
		for i, item := range n.Items {
			if i > 0 {
				b.WriteString(", ")
			}
			c.write(b, item)
		}
		b.WriteByte(']')
	case tree.Map:
		b.WriteByte('{')
		for i, e := range n.Entries {
			if i > 0 {
				b.WriteString(", ")
			}
			c.budget.Spend(diag.Reading, byteCost*len(e.Key.Text))
			b.WriteString(e.Key.Text + ": ")
			c.write(b, e.Value)
		}
		b.WriteByte('}')
	default:
		for i, word := range strings.Fields(n.Text) {
			if i > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(word)
		}
	}
}
