package spec

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/flowrun/flowrun/spec/tree"
)

// Fact is a part of a spec that changes what is computed: where it stands, and
// its text without comments and spaces.
type Fact struct{ Key, Text string }

// The parts of a spec that don't change what a step computes.
var (
	rootAsides  = []string{"flowrun", "name", "seed", "vars", "placement", "train"}
	trainAsides = []string{"max_steps", "log_every", "init", "eval", "early_stop", "checkpoint"}
)

// facts lists them in the text's order, with vars and seed as they are overridden.
func (def *specDef) facts() []Fact {
	seed := ""
	if n := def.root.Get("seed"); n != nil {
		seed = n.Text
	}
	if def.options.Seed != nil || seed == "" {
		seed = strconv.FormatInt(def.seed, 10)
	}
	facts := []Fact{{"seed", seed}}
	for _, v := range def.vars {
		facts = append(facts, Fact{"vars." + v.name, canonical(v.node)})
	}
	for _, e := range def.root.Entries {
		if !slices.Contains(rootAsides, e.Key.Text) {
			facts = append(facts, parts(e)...)
		}
	}
	if train := def.root.Get("train"); train != nil {
		for _, e := range train.Entries {
			if !slices.Contains(trainAsides, e.Key.Text) {
				facts = append(facts, Fact{"train." + e.Key.Text, canonical(e.Value)})
			}
		}
	}
	for _, f := range def.imports.order {
		facts = append(facts, Fact{"file " + relativeTo(def.file, f.path), canonical(f.root)})
	}
	return facts
}

// relativeTo names a file by the way from the folder of another.
func relativeTo(from, file string) string {
	name, err := filepath.Rel(filepath.Dir(from), file)
	if err != nil {
		name = file
	}
	return filepath.ToSlash(name)
}

// parts lists a section's entries, those of model's nodes one by one.
func parts(section tree.Entry) []Fact {
	if section.Value.Kind != tree.Map {
		return []Fact{{section.Key.Text, canonical(section.Value)}}
	}
	var facts []Fact
	for _, e := range section.Value.Entries {
		key := section.Key.Text + "." + e.Key.Text
		if key == "model.nodes" && e.Value.Kind == tree.Map {
			for _, node := range e.Value.Entries {
				facts = append(facts, Fact{key + "." + node.Key.Text, canonical(node.Value)})
			}
			continue
		}
		facts = append(facts, Fact{key, canonical(e.Value)})
	}
	return facts
}

// canonical writes a value on one line, the same for the same content.
func canonical(n *tree.Node) string {
	switch n.Kind {
	case tree.List:
		items := make([]string, len(n.Items))
		for i, item := range n.Items {
			items[i] = canonical(item)
		}
		return "[" + strings.Join(items, ", ") + "]"
	case tree.Map:
		entries := make([]string, len(n.Entries))
		for i, e := range n.Entries {
			entries[i] = e.Key.Text + ": " + canonical(e.Value)
		}
		return "{" + strings.Join(entries, ", ") + "}"
	}
	return strings.Join(strings.Fields(n.Text), " ")
}
