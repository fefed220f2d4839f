package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/weights"
)

// weightsFlags say with which weights a program begins: --weights and the rule by which
// they are taken.
type weightsFlags struct {
	weights string
	partial bool
	match   []string
	ignore  []string
	rename  []string
	forget  []string
	average string
}

func (o *weightsFlags) add(c *cobra.Command, usage string) {
	f := c.Flags()
	f.StringVar(&o.weights, "weights", "", usage)
	f.BoolVar(&o.partial, "weights-partial", false, "let the file of --weights lack parameters, which keep their initial values, and have other tensors")
	f.StringArrayVar(&o.match, "weights-match", nil, "take only the parameters that `PATTERN` matches from the file of --weights (repeatable)")
	f.StringArrayVar(&o.ignore, "weights-ignore", nil, "pass over the tensors of the file of --weights that `PATTERN` matches (repeatable)")
	f.StringArrayVar(&o.rename, "weights-rename", nil, "take a tensor of the file of --weights as a parameter: `FROM=TO`, also with * on both sides (repeatable; the first that fits is used, but an equal FROM gives one tensor to several parameters)")
	f.StringVar(&o.average, "weights-average", "", "take the average `NAME` of the weights (train.averages) from the checkpoint that --weights names, instead of the weights themselves")
	f.StringArrayVar(&o.forget, "weights-forget", nil, "don't use what the file of --weights knows of the data's fields that `PATTERN` matches, such as the classes of a head that isn't taken (repeatable)")
}

// rule is the one that the flags give.
func (o *weightsFlags) rule() (rule flowrun.WeightsRule, err error) {
	rule = flowrun.WeightsRule{Partial: o.partial, Match: o.match, Ignore: o.ignore, Forget: o.forget, Average: o.average}
	at := map[string]int{}
	for _, text := range o.rename {
		from, to, ok := strings.Cut(text, "=")
		if !ok || from == "" || to == "" {
			return rule, usageError{fmt.Errorf("--weights-rename takes FROM=TO, got %s", diag.Quote(text))}
		}
		if i, again := at[from]; again { // one tensor for several parameters
			rule.Rename[i].To = append(rule.Rename[i].To, to)
			continue
		}
		at[from] = len(rule.Rename)
		rule.Rename = append(rule.Rename, flowrun.WeightsRename{From: from, To: []string{to}})
	}
	if err := rule.Check(); err != nil {
		return rule, usageError{fmt.Errorf("--weights-%w", err)}
	}
	given := o.partial || o.average != "" || len(o.match)+len(o.ignore)+len(o.rename)+len(o.forget) > 0
	if given && o.weights == "" {
		return rule, usageError{fmt.Errorf("--weights-partial, -match, -ignore, -rename, -average and -forget say how to take the file of --weights: name one (train.init and model.init have keys of their own)")}
	}
	return rule, nil
}

// read reads the file of --weights for a program, if there is one.
func (o *weightsFlags) read(program *flowrun.Program) (options []flowrun.StartOption, err error) {
	rule, err := o.rule()
	if err != nil || o.weights == "" {
		return nil, err
	}
	w, err := program.ReadWeightsBy(o.weights, rule)
	if err != nil {
		return nil, fmt.Errorf("--weights: %w", err)
	}
	return []flowrun.StartOption{flowrun.WithWeights(w)}, nil
}

// tellWeights writes what was taken from a file of weights.
func tellWeights(w io.Writer) func(*flowrun.WeightsReport) {
	return func(r *flowrun.WeightsReport) {
		for _, line := range r.Lines() {
			fmt.Fprintln(w, diag.Printable(line))
		}
	}
}

// files are those that --weights names: one, or an index and its shards.
func (o *weightsFlags) files() (list []named) {
	if o.weights == "" {
		return nil
	}
	for _, path := range weights.Files(nil, o.weights) {
		list = append(list, named{"--weights", path})
	}
	return list
}
