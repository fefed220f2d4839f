package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/report"
)

// The exit codes, as scripts rely on them.
const (
	exitDone        = 0   // done, or valid
	exitProblems    = 1   // problems in the spec
	exitUsage       = 2   // bad usage
	exitFailed      = 3   // the run failed
	exitInterrupted = 130 // Ctrl-C
)

// usageError is a fault of the command line.
type usageError struct{ error }

// failure is a fault of a run.
type failure struct{ error }

// interrupted says that Ctrl-C ended the run; its summary has been written.
var errInterrupted = errors.New("interrupted")

// exitCode writes what went wrong and gives the exit code for it.
func exitCode(err error, stderr io.Writer) int {
	var wrong *flowrun.SpecError
	var usage usageError
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errInterrupted):
		return exitInterrupted
	case errors.As(err, &wrong):
		wrong.Diagnostics.WriteText(stderr, report.IsTerminal(stderr))
		return exitProblems
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "flowrun: %v\n", err)
		return exitUsage
	case os.IsNotExist(err):
		fmt.Fprintf(stderr, "flowrun: %v\n", err)
		return exitFailed
	}
	fmt.Fprintf(stderr, "flowrun: %v\n", err)
	return exitFailed
}
