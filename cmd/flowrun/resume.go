package main

import (
	"fmt"
	"io"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/diag"
)

// tellResumed says where a run resumes, and what has changed since. An error in telling
// doesn't stop the run.
func tellResumed(w io.Writer, r *flowrun.Resumption) {
	fmt.Fprintf(w, "resuming from %s, step %d\n", r.Path, r.Step)
	for _, line := range r.Warnings() {
		fmt.Fprintln(w, diag.Printable(line))
	}
}

// tellNonFinite warns that the loss is no number any more, and names the checkpoint to
// return to.
func tellNonFinite(w io.Writer, step int64, checkpoints string) {
	kept := "there are no checkpoints (train.checkpoint writes them)"
	if checkpoints != "" {
		kept = "the last checkpoint with finite parameters and loss is kept in " + checkpoints
	}
	fmt.Fprintf(w, "warning: the loss is infinite or NaN, first at step %d; %s\n", step, kept)
}
