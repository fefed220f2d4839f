package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec"
)

// formatFlags are the flags of fmt.
type formatFlags struct {
	check     bool
	onlySpecs bool
	stdinName string
}

func newFormat(s streams) *cobra.Command {
	var o formatFlags
	c := &cobra.Command{
		Use:   "fmt PATH...",
		Short: "Format specs: indentation, spaces, blank lines",
		Long: `fmt gives specs a uniform layout without changing their meaning: two spaces per
level, one space after ":" and ",", none inside brackets or at the ends of lines, at
most one blank line. Comments, anchors, quotes, brackets and the order of keys stay.
Formatting a formatted spec changes nothing.

A path is a file, a folder, a glob or -, as for validate. Files are rewritten in
place and listed, keeping owner and mode; - goes to standard output. A file that isn't
YAML is left alone; so is one that fmt can't lay out, and standard error says why.

Exit codes: 0 done; 1 a file isn't YAML, or differs under --check; 2 bad usage;
3 a file could not be read or written, or no spec was found.`,
		Example: `  flowrun fmt graphs
  flowrun fmt --check .
  generate-spec | flowrun fmt -`,
		Args: somePaths,
		RunE: func(_ *cobra.Command, args []string) error { return o.run(args, s) },
	}
	c.Flags().BoolVar(&o.check, "check", false, "write nothing; list the files that would change, and exit with 1 if there are any")
	c.Flags().BoolVar(&o.onlySpecs, "only-specs", false, onlySpecsUsage)
	stdinFlag(c, &o.stdinName)
	return c
}

// run formats all files that it can.
func (o *formatFlags) run(args []string, s streams) error {
	files, err := expand(args, o.stdinName)
	if err != nil {
		return err
	}
	var problems, failures error
	specs, skipped := 0, 0
	for _, f := range files {
		text, err := f.read(s.in)
		if err == nil && (!f.named || o.onlySpecs) && !isSpec(text) {
			skipped++
			if f.stdin && !o.check {
				_, err = s.out.Write(text) // else it would be lost
			}
			failures = errors.Join(failures, err)
			continue
		}
		if err == nil {
			err = f.format(string(text), s, o.check)
		} else if f.fault != nil {
			err = fmt.Errorf("%s: %w", diag.CutPath(f.path), err)
		}
		specs++
		if errors.Is(err, errProblems) {
			problems = err
		} else {
			failures = errors.Join(failures, err)
		}
	}
	if skipped > 0 && !o.onlySpecs {
		fmt.Fprintf(s.errors, "%s without a top-level `flowrun:` skipped\n", diag.Count(skipped, "YAML file"))
	}
	switch {
	case badGlob(files) != nil:
		return usageError{failures}
	case failures != nil:
		return failures
	case specs == 0 && !o.onlySpecs:
		return fmt.Errorf("there is no spec in %s", strings.Join(args, ", "))
	}
	return problems
}

// format formats a file, or lists it if it would change. What it leaves alone it
// names, with the reason.
func (f source) format(text string, s streams, check bool) error {
	formatted, kept, findings := spec.Format(f.path, text)
	switch {
	case findings.HasErrors():
		if err := findings.WriteText(s.errors, colourful(s.errors)); err != nil {
			return err
		}
		return errProblems
	case kept != "":
		formatted = text
		fmt.Fprintf(s.errors, "%s: left as it is: %s\n", diag.CutPath(f.path), kept)
	}
	changes := formatted != text
	switch {
	case check && changes:
		fmt.Fprintln(s.out, f.path)
		return errProblems
	case check:
		return nil
	case f.stdin:
		_, err := io.WriteString(s.out, formatted)
		return err
	case changes:
		if err := rewrite(f.path, formatted); err != nil {
			return err
		}
		fmt.Fprintln(s.out, f.path)
	}
	return nil
}
