package main

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/spf13/cobra"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/internal/files"
	"github.com/flowrun/flowrun/runs"
)

// runsFlags are the flags of flowrun runs.
type runsFlags struct {
	metrics       []string
	sort          string
	reverse       bool
	asJSON        bool
	svg           string
	logY          bool
	ascii         bool
	width, height int64
}

func newRuns(s streams) *cobra.Command {
	var o runsFlags
	c := &cobra.Command{
		Use:   "runs DIR…",
		Short: "Compare runs kept with --out: a table, and curves",
		Long: `runs shows what flowrun run --out DIR has kept. Each DIR is the folder of a run, or a
folder that has such folders in it.

Several runs are a table: what differs between their vars, seeds, devices and specs, how
far they have come, their best and last values. A single run is shown in full, with the
command that resumes it. --metric draws curves.

Active runs can be looked at, too. A damaged folder is named, and shown as far as it can
be read. Nothing is written but the file of --svg.`,
		Example: `  flowrun runs runs
  flowrun runs runs --metric loss --sort loss
  flowrun runs runs/a runs/b --metric eval.accuracy --svg accuracy.svg
  flowrun runs runs/a`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{errors.New("flowrun runs takes at least one folder of a run, or of runs")}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return o.run(args, s) },
	}
	f := c.Flags()
	f.StringArrayVar(&o.metrics, "metric", nil, "show the metric `NAME`: its last, lowest and highest values, and its curves (repeatable)")
	f.StringVar(&o.sort, "sort", "", "sort by `COLUMN`: the title of a column, or a var (by default, when the runs were started)")
	f.BoolVar(&o.reverse, "reverse", false, "reverse the order")
	f.BoolVar(&o.asJSON, "json", false, "write one JSON object")
	f.StringVar(&o.svg, "svg", "", "draw the curves of one metric as an SVG image into `FILE`")
	f.BoolVar(&o.logY, "log-scale", false, "draw the curves on a logarithmic axis")
	f.BoolVar(&o.ascii, "ascii", false, "draw the curves in ASCII only")
	intFlag(c, &o.width, "width", "draw the curves `N` characters wide (the terminal's width, or 80, by default)")
	intFlag(c, &o.height, "height", "draw the curves `N` characters high (20 by default)")
	return c
}

// check reports flags that can't be.
func (o *runsFlags) check() error {
	switch {
	case o.width < 0 || o.width > 1000 || o.height < 0 || o.height > 1000:
		return usageError{errors.New("--width and --height are at most 1000")}
	case o.svg != "" && len(o.metrics) > 1:
		return usageError{errors.New("--svg draws one metric: give --metric once")}
	}
	return nil
}

func (o *runsFlags) run(paths []string, s streams) error {
	if err := o.check(); err != nil {
		return err
	}
	found, skipped := runs.Find(paths)
	defer func() {
		for _, r := range found {
			r.Close()
		}
	}()
	for _, f := range skipped {
		fmt.Fprintf(s.errors, "flowrun: %s: %s\n", diag.Printable(f.Path), diag.Printable(f.Why))
	}
	if len(found) == 0 {
		return errors.New("there are no runs (flowrun run SPEC --out DIR keeps one)")
	}
	c := compare(found)
	if err := o.read(c); err != nil {
		return err
	}
	if err := c.sort(o.sort, o.reverse); err != nil {
		return err
	}
	if o.svg != "" {
		if err := o.writeSVG(c, s); err != nil {
			return err
		}
	}
	if o.asJSON {
		return writeJSON(s.out, c.json(skipped))
	}
	return o.write(c, s)
}

// read reads the metrics that are asked for. One that no run has is an error.
func (o *runsFlags) read(c *comparison) error {
	names := o.metrics
	if len(names) == 0 && (o.svg != "" || len(c.all) == 1 && !o.asJSON) {
		names = c.all[0].curves()
	}
	c.metrics = o.metrics
	for _, e := range c.all {
		e.readSeries(names)
	}
	if o.svg != "" && len(o.metrics) == 0 {
		c.keepFirst(names)
	}
	for _, name := range o.metrics {
		if !slices.ContainsFunc(c.all, func(e *entry) bool { return e.find(name) != nil }) {
			var known []string
			for _, e := range c.all {
				for _, series := range e.run.Series() {
					if !slices.Contains(known, series.Name) {
						known = append(known, series.Name)
					}
				}
			}
			help := diag.Suggestion(name, known)
			if help == "" {
				help = "there is " + diag.Names(known)
			}
			return usageError{fmt.Errorf("no run has the metric %s; %s", diag.Quote(name), help)}
		}
	}
	return nil
}

// write writes what is known for people.
func (o *runsFlags) write(c *comparison, s streams) error {
	var err error
	if len(c.all) == 1 {
		err = c.all[0].details(s)
	} else {
		err = c.table(s)
	}
	if err != nil {
		return err
	}
	for _, e := range c.all {
		if len(c.all) == 1 {
			break // details name its problems
		}
		for _, problem := range e.run.Problems {
			fmt.Fprintf(s.errors, "flowrun: %s: %s\n", diag.Printable(e.run.Dir), diag.Printable(problem))
		}
	}
	return o.draw(c, s)
}

// writeSVG writes the image, whole or not at all.
func (o *runsFlags) writeSVG(c *comparison, s streams) error {
	var inputs []named
	for _, e := range c.all {
		for _, name := range runs.Names() {
			inputs = append(inputs, named{"a file of a run", e.path(name)})
		}
	}
	out := []named{{"--svg", o.svg}}
	if err := checkOutputs(out, inputs, "", s); err != nil {
		return err
	}
	charts := o.charts(c)
	if len(charts) == 0 {
		return errors.New("--svg: there are no metrics to draw; name one with --metric")
	}
	if err := files.Replace(o.svg, nil, charts[0].WriteSVG); err != nil {
		return fmt.Errorf("--svg %s: %w", o.svg, err)
	}
	if !o.asJSON {
		fmt.Fprintf(s.errors, "%s is written\n", diag.Printable(o.svg))
	}
	return nil
}

// finite gives a pointer to a number, for JSON; nil for what is none.
func finite(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}
