package main

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/report"
)

// numericsFlags are what run does about values that aren't finite.
type numericsFlags struct{ check bool }

func (o *numericsFlags) add(c *cobra.Command) {
	c.Flags().BoolVar(&o.check, "check-numerics", false, "look for NaN and infinity in the value of every node after it has run; same results, many times slower")
}

// starting are the options of a session, with notes on the error stream.
func (o *numericsFlags) starting(w io.Writer) []flowrun.StartOption {
	if !o.check {
		return nil
	}
	fmt.Fprintln(w, "note: --check-numerics runs node by node and looks at every value: many times slower than a run without it")
	return []flowrun.StartOption{flowrun.CheckNumerics(func(c *flowrun.Cause, _ string) {
		fmt.Fprintln(w, diag.Printable("note: "+report.Cause(c)))
	})}
}

// running are the options of the run; clear takes the live line off the screen.
func (o *numericsFlags) running(w io.Writer, clear func()) []flowrun.RunOption {
	replaying := flowrun.OnReplay(func(steps int64) {
		clear()
		fmt.Fprintf(w, "the run has diverged; replaying up to %s to find the cause (Ctrl-C gives that up)…\n", report.Steps(steps))
	})
	skipped := flowrun.OnSkipped(func(skipped, row int64) {
		clear()
		if row > 0 {
			fmt.Fprintf(w, "warning: all of the last %s were skipped, as loss or gradients aren't finite: the run learns nothing any more\n", report.Steps(row))
			return
		}
		fmt.Fprintf(w, "warning: %s skipped, as loss or gradients aren't finite (on_nonfinite: skip, or the search for a loss scale of f16)\n", report.Steps(skipped))
	})
	return []flowrun.RunOption{replaying, skipped}
}

// errDiverged says why a run has diverged; its summary has been written.
func errDiverged(s flowrun.Summary) error {
	if s.Divergence == nil {
		return nil
	}
	return fmt.Errorf("%s\n(help: %s)", report.Divergence(s.Divergence), report.DivergenceHelp(s.Divergence))
}

// tellSaved says of which step parameters are that were saved although the run has
// diverged, and warns of those that aren't finite.
func tellSaved(w io.Writer, weights flowrun.Weights, file string, s flowrun.Summary) {
	if d := s.Divergence; d != nil && d.Sound >= 0 {
		fmt.Fprintf(w, "note: --save: %s has the parameters of step %d, before the run diverged\n", diag.Printable(file), d.Sound)
	}
	var bad []string
	for _, name := range slices.Sorted(maps.Keys(weights.Tensors)) {
		if nan, infinite := weights.Tensors[name].NonFinite(); nan || infinite {
			bad = append(bad, name)
		}
	}
	if len(bad) > 0 {
		fmt.Fprintf(w, "warning: --save: %s has NaN or infinity: %s\n", diag.Printable(file), diag.Few(bad))
	}
}
