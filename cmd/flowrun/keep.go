package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/internal/files"
	"github.com/flowrun/flowrun/runs"
)

// keepFlags say where a run is kept.
type keepFlags struct{ out string }

func (o *keepFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&o.out, "out", "", "keep everything of the run in the folder `DIR`: spec, metrics, log, checkpoints, weights, summary")
}

// options are those of the session's start.
func (o *keepFlags) options(c *cobra.Command) []flowrun.StartOption {
	if !c.Flags().Changed("out") {
		return nil
	}
	return []flowrun.StartOption{flowrun.KeepIn(o.out, os.Args...)}
}

// checkpoints is the folder of a run's checkpoints; "" if there are none.
func (o *keepFlags) checkpoints(program *flowrun.Program) string {
	if o.out == "" {
		return program.CheckpointFolder()
	}
	return filepath.Join(o.out, runs.Checkpoints)
}

// ownFile is the error for an output that is one of the files of a run's folder.
func (o *keepFlags) ownFile(out named) error {
	if o.out == "" || out.path == "" || !slices.Contains(runs.Names(), filepath.Base(out.path)) {
		return nil
	}
	if !sameFolder(filepath.Dir(out.path), o.out) {
		return nil
	}
	return usageError{fmt.Errorf("%s %s is the name of a file that --out writes: name another file", out.what, out.path)}
}

// sameFolder reports whether two paths are of one folder, which needn't be there yet.
func sameFolder(a, b string) bool {
	x, err := os.Stat(a)
	y, missing := os.Stat(b)
	if err == nil && missing == nil {
		return os.SameFile(x, y)
	}
	p, err := files.Target(a)
	q, wrong := files.Target(b)
	return err == nil && wrong == nil && p == q
}
