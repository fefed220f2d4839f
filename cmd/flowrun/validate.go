package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/docs/rules"
	"github.com/flowrun/flowrun/internal/version"
)

// errProblems says that a check found and reported problems.
var errProblems = errors.New("there are problems")

// onlySpecsUsage is what --only-specs does, for hooks.
const onlySpecsUsage = `skip files without a line that begins with "flowrun:", even if they are named`

// stdin is the name of a spec that comes from standard input.
const stdin = "<stdin>"

// validateFlags are the flags of validate.
type validateFlags struct {
	specFlags
	format    string
	strict    bool
	onlySpecs bool
	data      bool
	on        []string
	maxBatch  string
	stdinName string
}

func newValidate(s streams) *cobra.Command {
	var o validateFlags
	formats := strings.Join(diag.Formats(), ", ")
	c := &cobra.Command{
		Use:   "validate PATH...",
		Short: "Check specs without running anything",
		Long: `validate checks specs: names, types, shapes, ranges. All problems are reported at
once. Nothing is run, no data file is opened and no device is needed, unless asked
for: --data opens the files that the specs name, and --on DEVICE checks that the
device exists, with a kernel for every op and enough memory. --max-batch also finds
the largest batch that fits there.

A path is a file, a folder, a glob (** matches any number of folders) or -, standard
input. Named files are always checked. In a folder, files are checked that end in
.yaml or .yml and have a line that begins with "flowrun:"; subfolders whose names
begin with a dot are skipped.

Exit codes: 0 valid; 1 problems; 2 bad usage; 3 a file could not be read, or no spec
was found. Warnings don't fail the check unless --strict is given.`,
		Example: `  flowrun validate experiments
  flowrun validate 'experiments/**/*.yaml' --strict
  flowrun validate --format sarif experiments > flowrun.sarif
  flowrun validate big.yaml --data --on opencl:0
  flowrun validate big.yaml --on cpu --max-batch
  generate-spec | flowrun validate -`,
		Args: somePaths,
		RunE: func(c *cobra.Command, args []string) error { return o.run(c, args, s) },
	}
	o.add(c)
	f := c.Flags()
	f.StringVar(&o.format, "format", "text", "write the findings as `FORMAT`: "+formats)
	f.BoolVar(&o.strict, "strict", false, "treat warnings as errors")
	f.BoolVar(&o.onlySpecs, "only-specs", false, onlySpecsUsage)
	stdinFlag(c, &o.stdinName)
	f.BoolVar(&o.data, "data", false, "open the files that the specs name, and compare them with their declarations")
	f.StringArrayVar(&o.on, "on", nil, "check that the specs can run on this machine's `DEVICE` (repeatable)")
	o.batchFlag(c)
	return c
}

func (o *validateFlags) run(c *cobra.Command, args []string, s streams) error {
	if !slices.Contains(diag.Formats(), o.format) {
		return usageError{fmt.Errorf("--format is one of %s, got %q", strings.Join(diag.Formats(), ", "), o.format)}
	}
	options, err := o.options(c)
	if err != nil {
		return err
	}
	if o.data {
		options = append(options, flowrun.WithFiles())
	}
	onDevices := slices.Clip(options)
	for _, device := range o.on {
		onDevices = append(onDevices, flowrun.WithDevice(device))
	}
	if err := o.checkBatchVar(args); err != nil {
		return err
	}
	files, err := expand(args, o.stdinName)
	if err != nil {
		return err
	}
	if err := o.checkBatchFlag(files); err != nil {
		return err
	}
	folder, _ := os.Getwd() // without it, paths stay as they were named
	easeCollector()
	report := diag.Report{Version: version.String(), Folder: folder, Strict: o.strict, Page: func(r diag.Rule) string { return rules.Page(string(r)) }}
	if err := o.checkAll(c.Context(), files, s, onDevices, &report); err != nil {
		return err
	}
	if o.format == "text" {
		err = report.WriteText(s.out, colourful(s.out))
	} else {
		err = report.Write(s.out, o.format)
	}
	switch unread := report.Unread(); {
	case err != nil:
		return err
	case badGlob(files) != nil:
		return badGlob(files)
	case len(unread) == 1:
		return fmt.Errorf("%s could not be read", diag.CutPath(unread[0]))
	case len(unread) > 1:
		return fmt.Errorf("%d files could not be read, among them %s", len(unread), diag.CutPath(unread[0]))
	case len(report.Checked) == 0 && !o.onlySpecs:
		return fmt.Errorf("there is no spec in %s", strings.Join(args, ", "))
	case report.Failed() > 0:
		return errProblems
	case o.maxBatch != "" && len(report.Checked) == 1:
		return o.tellMaxBatch(files[0].path, s, options)
	}
	return nil
}

// badGlob gives the first argument that is faulty itself, whatever files there are.
func badGlob(files []source) error {
	for _, f := range files {
		if errors.As(f.fault, &usageError{}) {
			return usageError{fmt.Errorf("%q: %w", f.path, f.fault)}
		}
	}
	return nil
}

// checkMemory is how large the heap gets in a check before it is collected whatever
// that costs: less than what a check may take.
const checkMemory = 160 << 20

// withinMemory bounds the heap until it is called back: while a spec is checked, and
// not while it runs.
func withinMemory() (back func()) {
	if os.Getenv("GOMEMLIMIT") != "" {
		return func() {}
	}
	old := debug.SetMemoryLimit(checkMemory)
	return func() { debug.SetMemoryLimit(old) }
}

// easeCollector lets the heap grow to five times what is in use before it is
// collected, up to a limit: what a check makes is soon garbage, nearly all of it. Who
// sets GOGC or GOMEMLIMIT knows better.
func easeCollector() {
	if os.Getenv("GOGC") == "" && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetGCPercent(400)
		debug.SetMemoryLimit(checkMemory)
	}
}

// checkAll checks files side by side and enters them into the report in their
// order.
func (o *validateFlags) checkAll(ctx context.Context, files []source, s streams, options []flowrun.LoadOption, report *diag.Report) error {
	results, told := make([]*diag.List, len(files)), make([]strings.Builder, len(files))
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(files)) {
		workers.Go(func() {
			for i := range next {
				tell := flowrun.OnWeightsFile(tellWeights(&told[i]))
				results[i] = o.check(files[i], s.in, append(slices.Clip(options), tell))
			}
		})
	}
	for i := range files {
		if ctx.Err() != nil {
			break
		}
		next <- i
	}
	close(next)
	workers.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	for i, found := range results {
		if found == nil {
			report.Skipped++
			continue
		}
		report.Checked = append(report.Checked, diag.Checked{File: files[i].path, Findings: *found})
		fmt.Fprint(s.errors, told[i].String())
	}
	return nil
}

// check gives a file's findings, or nil for one that is passed over.
func (o *validateFlags) check(f source, in io.Reader, options []flowrun.LoadOption) *diag.List {
	text, err := f.read(in)
	if err != nil {
		found := diag.UnreadableFile(f.path, err)
		return &found
	}
	if (!f.named || o.onlySpecs) && !isSpec(text) {
		return nil
	}
	found := flowrun.CheckText(f.path, text, options...)
	if len(found.Items) == 0 {
		found.Sources = nil // what has no findings is shown nowhere
	}
	return &found
}
