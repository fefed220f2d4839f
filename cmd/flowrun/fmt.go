package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/flowrun/flowrun"
)

// formatFlags are the flags of fmt.
type formatFlags struct {
	check     bool
	onlySpecs bool
}

func newFormat(s streams) *cobra.Command {
	var o formatFlags
	c := &cobra.Command{
		Use:   "fmt PATH...",
		Short: "Format specs: indentation, spaces, blank lines",
		Long: `fmt writes specs in one layout and keeps what they mean: two spaces a level, one
space behind ":" and ",", none inside of brackets and at the ends of lines, at
most one blank line. Comments, anchors, quotes, brackets and the order of keys
stay. Formatting twice is formatting once.

A path is a file, a folder, a glob or -, as for validate; - is written to
standard output, all others in place, and their names are listed. A file that
isn't YAML stays as it is.

Exit codes: 0 done; 1 a file isn't YAML, or differs under --check; 2 bad usage;
3 a file could not be read or written, or no spec was found.`,
		Example: `  flowrun fmt graphs
  flowrun fmt --check .
  generate-spec | flowrun fmt -`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{errors.New("fmt takes at least one spec, folder, glob or -")}
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error { return o.run(args, s) },
	}
	c.Flags().BoolVar(&o.check, "check", false, "write nothing; list the files that would change, and exit with 1 if there are any")
	c.Flags().BoolVar(&o.onlySpecs, "only-specs", false, onlySpecsUsage)
	return c
}

// run formats all files that it can.
func (o *formatFlags) run(args []string, s streams) error {
	files, err := expand(args)
	if err != nil {
		return err
	}
	var problems, failures error
	specs := 0
	for _, f := range files {
		text, err := f.read(s.in)
		if err == nil {
			if (!f.named || o.onlySpecs) && !isSpec(text) {
				continue
			}
			err = f.format(string(text), s, o.check)
		}
		specs++
		if errors.Is(err, errProblems) {
			problems = err
		} else {
			failures = errors.Join(failures, err)
		}
	}
	switch {
	case failures != nil:
		return failures
	case specs == 0 && !o.onlySpecs:
		return fmt.Errorf("there is no spec in %s", strings.Join(args, ", "))
	}
	return problems
}

// format formats a file, or lists it if it would change.
func (f source) format(text string, s streams, check bool) error {
	formatted, err := flowrun.Format(f.path, text)
	var wrong *flowrun.SpecError
	if errors.As(err, &wrong) {
		if err := writeFindings(s.errors, wrong); err != nil {
			return err
		}
		return errProblems
	}
	changes := formatted != text
	switch {
	case err != nil:
		return err
	case check && changes:
		fmt.Fprintln(s.out, f.path)
		return errProblems
	case check:
		return nil
	case f.path == stdin:
		_, err := io.WriteString(s.out, formatted)
		return err
	case changes:
		if err := replaceFile(f.path, formatted); err != nil {
			return err
		}
		fmt.Fprintln(s.out, f.path)
	}
	return nil
}

// replaceFile writes a file anew: the old text stays until the new one is there.
func replaceFile(path, text string) error {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".flowrun-*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	_, err = file.WriteString(text)
	err = errors.Join(err, file.Chmod(info.Mode().Perm()), file.Close())
	if err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
