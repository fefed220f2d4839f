package spec

import (
	"fmt"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec/tree"
)

// What a mapping with unknown keys was meant to be. A key that is clear enough
// is read as the one that was meant, so that its fault is told once and what is
// below it is checked too.

// synonyms are what other tools call a key.
var synonyms = map[string]string{
	"steps": "max_steps", "num_steps": "max_steps", "iterations": "max_steps",
	"layers": "nodes", "graph": "nodes", "network": "model", "net": "model", "architecture": "model",
	"variables": "vars", "constants": "vars", "hyperparameters": "vars", "config": "vars",
	"dataset": "data", "datasets": "data", "training": "train", "trainer": "train", "devices": "placement",
	"criterion": "loss", "loss_fn": "loss", "objective": "loss", "optim": "optimizer",
	"validation": "eval", "val": "eval", "test": "eval", "log_interval": "log_every", "clip": "clip_grad_norm",
	"grad_clip": "clip_grad_norm", "max_grad_norm": "clip_grad_norm", "checkpoints": "checkpoint",
	"gradient_accumulation": "accumulate", "gradient_accumulation_steps": "accumulate", "accumulation_steps": "accumulate",
	"interval": "every", "steps_between": "every", "frequency": "every", "monitor": "metric",
	"random": "generate", "generator": "generate", "file": "replay", "path": "replay",
	"weights": "params", "parameters": "params", "states": "state", "buffers": "state", "arguments": "args",
	"forward": "output", "returns": "output", "return": "output", "result": "output", "results": "outputs",
	"otherwise": "else", "condition": "if", "version": "flowrun",
	"size": "shape", "dims": "shape", "initial": "init", "import": "imports", "include": "imports", "includes": "imports",
}

// habits say what stands in for keys of other tools that have no counterpart.
var habits = map[string]string{
	"epochs":        "a run is counted in steps, one batch each: max_steps",
	"num_epochs":    "a run is counted in steps, one batch each: max_steps",
	"max_epochs":    "a run is counted in steps, one batch each: max_steps",
	"batch_size":    "the data say how large a batch is: the first dimension of their fields",
	"shuffle":       "data come in the order of their source",
	"lr":            "it is an argument of the optimizer: {SGD: {lr: 0.1}}",
	"learning_rate": "it is an argument of the optimizer: {SGD: {lr: 0.1}}",
	"momentum":      "it is an argument of the optimizer: {SGD: {lr: 0.1, momentum: 0.9}}",
	"weight_decay":  "it is an argument of the optimizer: {AdamW: {lr: 1e-3, weight_decay: 0.1}}",
	"betas":         "it is an argument of the optimizer: {Adam: {lr: 1e-3, betas: [0.9, 0.999]}}",
	"scheduler":     `a schedule is a function of step, in the optimizer's lr: {SGD: {lr: "step_lr(step, 0.1, 30)"}}`,
	"lr_scheduler":  `a schedule is a function of step, in the optimizer's lr: {SGD: {lr: "step_lr(step, 0.1, 30)"}}`,
	"schedule":      `a schedule is a function of step, in the optimizer's lr: {SGD: {lr: "step_lr(step, 0.1, 30)"}}`,
	"precision":     "dtypes stand in the types of inputs, and as `dtype` of nodes",
	"gpu":           "write placement: {default: cuda}",
	"gpus":          "write placement: {default: cuda}",
	"elif":          "write else: {if: …, then: …, else: …}",
	"device":        "write placement: {default: cuda}",
	"description":   "write it as a comment, behind #",
}

// meant finds the key of a section that an unknown one stands for, or nil.
func (s *section) meant(list *diag.List, key string, taken map[string]*tree.Node) *keyDecl {
	var free []string
	for _, k := range s.keys {
		if taken[k.name] == nil {
			free = append(free, k.name)
		}
	}
	if k := s.key(synonyms[key]); k != nil && taken[k.name] == nil {
		return k
	}
	return s.key(list.DidYouMean(key, free))
}

// recover reads the unknown keys of a mapping as those that were meant, and
// reports them. present are the known ones; it is completed.
func (d *decoder) recover(n *tree.Node, s *section, present map[string]*tree.Node) {
	if s.others != "" {
		return
	}
	group, parent := d.strays(n, s)
	for i := 0; i < len(n.Entries); i++ {
		e := n.Entries[i]
		switch {
		case s.key(e.Key.Text) != nil:
		case len(group) > 0 && e.Key == group[0].Key:
			d.stray(n, e.Key, s, parent)
			present[parent.name] = &tree.Node{Kind: tree.Map, Entries: group, Range: diag.Range{File: e.Key.Range.File,
				Start: e.Key.Range.Start, End: group[len(group)-1].Value.Range.End}}
			i += len(group) - 1
		default:
			k := s.meant(d.list, e.Key.Text, present)
			d.unknownKey(n, e.Key, s, k)
			if k != nil && forms[k.value].takes(e.Value) {
				present[k.name] = e.Value
			} else if k != nil {
				present[k.name] = &tree.Node{Broken: true, Range: e.Value.Range}
			}
		}
	}
}

// misplace notes a key that was found where it doesn't belong: that it is missing
// elsewhere isn't said again.
func (d *decoder) misplace(key string) {
	if d.misplaced == nil {
		d.misplaced = map[string]bool{}
	}
	d.misplaced[key] = true
}

// strays finds entries that stand beside the key that they belong under: those
// that follow a key without a value, `nodes:`, or all that have no other meaning
// where a mapping of names is missing.
func (d *decoder) strays(n *tree.Node, s *section) (group []tree.Entry, parent *keyDecl) {
	for i, e := range n.Entries {
		k := s.key(e.Key.Text)
		if k == nil || n.Flow || e.Value.Kind != tree.Null || e.Value.Text != "" || !forms[k.value].byName() {
			continue
		}
		for _, below := range n.Entries[i+1:] {
			if s.key(below.Key.Text) != nil {
				break
			}
			group = append(group, below)
		}
		if len(group) > 0 {
			return group, k
		}
	}
	for i := range s.keys {
		k := &s.keys[i]
		if !k.required || n.Get(k.name) != nil || forms[k.value].entries == "" {
			continue
		}
		for _, e := range n.Entries {
			if s.key(e.Key.Text) == nil && synonyms[e.Key.Text] == "" && homes[e.Key.Text] == nil && habits[e.Key.Text] == "" && s.meant(d.list, e.Key.Text, nil) == nil {
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

func (d *decoder) stray(n, key *tree.Node, s *section, parent *keyDecl) {
	if n.Get(parent.name) == nil {
		d.report(diag.UnknownKey, key.Range, fmt.Sprintf("%s stand below `%s:`", forms[parent.value].words, parent.name),
			"%s has no key `%s`", s.name, shorten(key.Text))
		return
	}
	d.report(diag.UnknownKey, key.Range, fmt.Sprintf("indent what belongs to `%s` by two more spaces", parent.name),
		"`%s` stands beside `%s:`, not below it", shorten(key.Text), parent.name)
}

// byName reports whether a form is a mapping of names, or a section.
func (f *form) byName() bool {
	return f.entries != "" || f.texts != "" || f.section != nil ||
		slices.ContainsFunc(f.any, func(name string) bool { return forms[name].byName() })
}

// takes reports whether a value has the kind that a form asks for.
func (f *form) takes(n *tree.Node) bool {
	switch {
	case n.Broken || f.call:
		return true
	case len(f.any) > 0:
		return slices.ContainsFunc(f.any, func(name string) bool { return forms[name].takes(n) })
	case n.Kind == tree.List:
		return f.items != ""
	case n.Kind == tree.Map:
		return f.byName()
	}
	return n.Kind != tree.Null && !f.byName() && f.items == ""
}

// unknownKey reports a key of n that its section hasn't got; meant is what it stands
// for, or nil.
func (d *decoder) unknownKey(n, key *tree.Node, s *section, meant *keyDecl) {
	if d.list.Full() {
		return
	}
	help := habits[key.Text]
	if strings.HasPrefix(help, "a run is counted") {
		d.misplace("max_steps")
	}
	places := homes[key.Text]
	switch {
	case s.key(synonyms[key.Text]) != nil && s.key(synonyms[key.Text]) == meant:
		help = fmt.Sprintf("it is called `%s` here: %s", meant.name, meant.doc)
	case meant != nil:
		help = fmt.Sprintf("did you mean %q?", meant.name)
	case len(places) > 0:
		d.misplace(key.Text)
		help = fmt.Sprintf("`%s` is a key of %s", key.Text, strings.Join(places, " and of "))
	case s == ruleSection && n.Kind == tree.Map && deviceNames.MatchString(n.Get(key.Text).Text):
		d.misplace("match")
		help = fmt.Sprintf("write {match: %s, device: %s}", shorten(key.Text), n.Get(key.Text).Text)
	case help == "":
		if help = d.list.Suggestion(key.Text, strings.Split(keyNames(s), ", ")); help == "" {
			help = "its keys are " + keyNames(s)
		}
	}
	d.report(diag.UnknownKey, key.Range, help, "%s has no key `%s`", s.name, shorten(key.Text))
}
