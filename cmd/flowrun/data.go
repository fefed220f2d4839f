package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/report"
)

// dataFlags are the flags of data.
type dataFlags struct {
	specFlags
	check   bool
	format  string
	json    bool
	rows    string
	batches int64
	epoch   int64
}

func newData(s streams) *cobra.Command {
	var o dataFlags
	formats := strings.Join(diag.Formats(), ", ")
	c := &cobra.Command{
		Use:   "data SPEC [SOURCE]",
		Short: "Look at the data that a spec reads, or check all of it",
		Long: `data shows what a spec reads from files: without SOURCE, its data sources; with
SOURCE, or SOURCE.PART, the fields, what was learned for them, statistics and the
first examples. Nothing is trained.

--check reads all of the files and reports every fault with its file, row and column.

--json writes one JSON object for programs: the description, with --rows the values of
examples, and with --batches the examples of an epoch's first batches, in their order.
Examples and rows count from 1, epochs from 0. docs/data.md lists the keys.

Exit codes: 0 done, no faults; 1 faults in the files, or problems in the spec; 2 bad
usage; 3 the data could not be read; 130 interrupted.`,
		Example: `  flowrun data graphs/iris.yaml
  flowrun data graphs/iris.yaml iris.train
  flowrun data graphs/iris.yaml --check
  flowrun data graphs/iris.yaml iris.test --json --rows 1:10
  flowrun data graphs/iris.yaml iris.train --json --batches 8 --epoch 3`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 && len(args) != 2 {
				return usageError{fmt.Errorf("%s takes a spec, and perhaps one of its data sources; got %d arguments", c.CommandPath(), len(args))}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return o.run(c, args, s) },
	}
	o.add(c)
	f := c.Flags()
	f.BoolVar(&o.check, "check", false, "read all of the data, and report every fault")
	f.StringVar(&o.format, "format", diag.Text, "write the faults that --check finds as `FORMAT`: "+formats)
	f.BoolVar(&o.json, "json", false, "write a JSON object")
	f.StringVar(&o.rows, "rows", "", "add the values of examples to --json: `A:B`, from A to B, from 1; A: for all from A on")
	intFlag(c, &o.batches, "batches", "add the examples of an epoch's first `N` batches to --json")
	intFlag(c, &o.epoch, "epoch", "take the batches of epoch `E`, from 0, instead of the first")
	return c
}

func (o *dataFlags) run(c *cobra.Command, args []string, s streams) error {
	flag := c.Flags().Changed
	switch {
	case o.check && (o.json || flag("rows") || flag("batches")):
		return usageError{errors.New("--check can't be combined with --json, --rows or --batches; --format json writes its faults")}
	case flag("format") && !o.check:
		return usageError{errors.New("--format is for --check; --json writes the data")}
	case !slices.Contains(diag.Formats(), o.format):
		return usageError{fmt.Errorf("--format is one of %s, got %q", strings.Join(diag.Formats(), ", "), o.format)}
	case (flag("rows") || flag("batches")) && !o.json:
		return usageError{errors.New("--rows and --batches are for --json")}
	case (flag("rows") || flag("batches")) && len(args) < 2:
		return usageError{errors.New("--rows and --batches need a data source: flowrun data SPEC SOURCE")}
	case flag("epoch") && !flag("batches"):
		return usageError{errors.New("--epoch says which batches: give their number with --batches")}
	case flag("batches") && o.batches < 1:
		return usageError{fmt.Errorf("--batches must be at least 1, got %d", o.batches)}
	case o.epoch < 0:
		return usageError{fmt.Errorf("--epoch counts from 0, got %d", o.epoch)}
	}
	rows, err := parseRows(o.rows)
	if err != nil {
		return usageError{err}
	}
	program, err := o.load(c, args[0], s)
	if err != nil {
		return err
	}
	decls := program.DataDecls()
	if len(args) == 2 {
		d, err := namedData(decls, args[1])
		if err != nil {
			return err
		}
		decls = []flowrun.DataDecl{*d}
	}
	switch {
	case o.check:
		return o.checkData(c.Context(), program, decls, s)
	case len(args) == 1 && o.json:
		return listDataJSON(c.Context(), program, decls, s)
	case len(args) == 1:
		return listData(c.Context(), program, decls, s)
	case !decls[0].ReadsFiles():
		return tellGenerated(program, &decls[0], o.json, s)
	}
	var notes []string
	source, err := program.Data(c.Context(), args[1], flowrun.DataOptions{Note: func(note string) { notes = append(notes, note) }})
	if err != nil {
		return err
	}
	if o.json {
		err = writeDataJSON(c.Context(), source, notes, rows, o.batches, o.epoch, s.out)
	} else {
		err = writeData(c.Context(), source, notes, s)
	}
	return errors.Join(err, source.Close())
}

// namedData finds the declaration of SOURCE or SOURCE.PART.
func namedData(decls []flowrun.DataDecl, name string) (*flowrun.DataDecl, error) {
	var names []string
	for i, d := range decls {
		if d.Name == name {
			return &decls[i], nil
		}
		names = append(names, d.Name)
		for _, part := range d.Parts {
			if d.Name+"."+part == name {
				return &decls[i], nil
			}
			names = append(names, d.Name+"."+part)
		}
	}
	return nil, unknown("data source", name, names, "flowrun data SPEC")
}

// rowRange are examples from first to last, counted from 1; last is 0 for all from first
// on, first is 0 for none.
type rowRange struct{ first, last int64 }

func parseRows(text string) (r rowRange, err error) {
	if text == "" {
		return r, nil
	}
	wrong := fmt.Errorf("--rows takes A:B, two numbers from 1, or A: for all from A on, got %q", text)
	a, b, ok := strings.Cut(text, ":")
	if r.first, err = strconv.ParseInt(a, 10, 64); err != nil || r.first < 1 || !ok {
		return r, wrong
	}
	if b == "" {
		return r, nil
	}
	if r.last, err = strconv.ParseInt(b, 10, 64); err != nil || r.last < r.first {
		return r, wrong
	}
	return r, nil
}

// tellGenerated says that a data source has no examples, which is no error.
func tellGenerated(program *flowrun.Program, d *flowrun.DataDecl, json bool, s streams) error {
	if json {
		return writeJSON(s.out, map[string]any{"source": d.Name, "kind": d.Kind})
	}
	_, err := fmt.Fprintf(s.out, "%s is generated: its batches are computed, so it has no examples.\n", d.Name)
	return err
}

// listData writes a table of data sources.
func listData(ctx context.Context, program *flowrun.Program, decls []flowrun.DataDecl, s streams) error {
	if len(decls) == 0 {
		_, err := fmt.Fprintln(s.out, "The spec has no data sources.")
		return err
	}
	t := newGrid(s, "SOURCE", "KIND", "EXAMPLES", "BATCH", "STEPS/EPOCH", "FILES")
	t.right(2, 3, 4)
	var notes []string
	var failed []error
	for _, d := range decls {
		if !d.ReadsFiles() {
			t.row(d.Name, d.Kind, "-", "-", "-", "-")
			continue
		}
		files := strings.Join(append(baseNames(d.Files), d.Zip...), ", ")
		for i, part := range append([]string{""}, d.Parts...) {
			name, shown, kind := d.Name, d.Name, d.Kind
			options := flowrun.DataOptions{Note: func(note string) { notes = append(notes, note) }}
			if i > 0 {
				name, shown, kind, files, options.Note = d.Name+"."+part, "  ."+part, "", "", nil
			}
			source, err := program.Data(ctx, name, options)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err != nil {
				t.row(shown, kind, "?", "?", "?", files)
				failed = append(failed, err)
				break
			}
			batch, steps := "-", "-"
			if d.Batch > 0 {
				batch, steps = strconv.FormatInt(d.Batch, 10), strconv.FormatInt(source.EpochSteps(), 10)
			}
			t.row(shown, kind, strconv.FormatInt(source.Examples(), 10), batch, steps, files)
			if err := source.Close(); err != nil {
				return err
			}
		}
	}
	if err := t.write(); err != nil {
		return err
	}
	for _, note := range unique(notes) {
		fmt.Fprintln(s.errors, diag.Printable("note: "+note))
	}
	for i, err := range failed {
		if i == len(failed)-1 {
			return err
		}
		tell(s.errors, err)
	}
	return nil
}

// baseNames are the ends of paths.
func baseNames(paths []string) (names []string) {
	for _, p := range paths {
		names = append(names, path.Base(filepath.ToSlash(p)))
	}
	return names
}

// unique leaves out what was said before.
func unique(texts []string) (list []string) {
	for _, t := range texts {
		if !slices.Contains(list, t) {
			list = append(list, t)
		}
	}
	return list
}

// screenWidth is how many columns a line may have.
func screenWidth(s streams) int {
	if width, ok := terminalWidth(s); ok {
		return width
	}
	return 80
}

// terminalWidth is how wide standard output's terminal is; ok is false if it isn't one.
func terminalWidth(s streams) (width int, ok bool) {
	f, isFile := s.out.(*os.File)
	if !isFile {
		return 0, false
	}
	ask, ok := report.Terminal(f)
	if !ok {
		return 0, false
	}
	return max(40, ask()), true
}
