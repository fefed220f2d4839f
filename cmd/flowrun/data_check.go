package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/docs/rules"
	"github.com/flowrun/flowrun/internal/version"
	"github.com/flowrun/flowrun/spec"
)

// shownFaults is how many faults of a data source are listed; the others are counted.
const shownFaults = 100

// checkData reads all of data sources and reports what is wrong with them: as text on the
// error stream, in other formats on standard output.
func (o *dataFlags) checkData(ctx context.Context, program *flowrun.Program, decls []flowrun.DataDecl, s streams) error {
	folder, _ := os.Getwd() // without it, paths stay as they were named
	report := diag.Report{Version: version.String(), Folder: folder, Page: func(r diag.Rule) string { return rules.Page(string(r)) }}
	text, _ := spec.ReadFile(program.Files()[0]) // for excerpts; without it there are none
	faulty := false
	for _, d := range decls {
		if !d.ReadsFiles() {
			continue
		}
		findings, examples, faults := check(ctx, program, &d, string(text))
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		report.Checked = append(report.Checked, diag.Checked{File: d.Name, Findings: findings})
		if faults > 0 {
			faulty = true
		}
		more := faults - shownFaults
		if o.format != diag.Text {
			if more > 0 {
				report.Checked[len(report.Checked)-1].Findings.Errorf(diag.UnfitFile, diag.Range{}, "%d more faults", more)
			}
			continue
		}
		if err := findings.WriteText(s.errors, colourful(s.errors)); err != nil {
			return err
		}
		if more > 0 {
			fmt.Fprintf(s.errors, "and %d more\n", more)
		}
		if faults > 0 {
			fmt.Fprintf(s.out, "%s: %s\n", d.Name, diag.Count(faults, "fault"))
		} else {
			fmt.Fprintf(s.out, "%s: %s, no faults\n", d.Name, diag.Count(int(examples), "example"))
		}
	}
	if o.format != diag.Text {
		if err := report.Write(s.out, o.format); err != nil {
			return err
		}
	}
	if faulty {
		return errProblems
	}
	return nil
}

// check reads a data source. It gives the first faults, and how many there are. text is the
// spec's.
func check(ctx context.Context, program *flowrun.Program, d *flowrun.DataDecl, text string) (found diag.List, examples int64, faults int) {
	add := func(f flowrun.DataFault) {
		if faults++; faults > shownFaults {
			return
		}
		message := f.Message
		if f.Column != "" {
			message = "column " + diag.Quote(f.Column) + ": " + message
		}
		at := diag.Range{File: f.File}
		if f.Row > 0 {
			at.Start = diag.Pos{Line: int(f.Row), Col: int(max(1, f.Char))}
			at.End = at.Start
		}
		found.Errorf(diag.UnfitFile, at, "%s", message)
	}
	names := []string{d.Name}
	for _, part := range d.Parts {
		names = append(names, d.Name+"."+part)
	}
	for _, name := range names {
		n, err := program.CheckData(ctx, name, flowrun.DataOptions{Fault: add})
		if name == d.Name {
			examples = n
		}
		if fault, ok := flowrun.AsFault(err); ok {
			add(fault)
		} else if err != nil && !errors.Is(err, flowrun.ErrFaultyData) {
			faults++
			found.AddSource(d.At.File, text)
			found.Errorf(diag.UnfitFile, d.At, "%s", err)
		}
		if err != nil {
			break // its parts have the same faults
		}
	}
	return found, examples, faults
}
