package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/internal/files"
	"github.com/flowrun/flowrun/ir"
)

// Before anything runs, all output files are checked: each must be writable, and none
// may be an input or another output under a different name. Checking leaves no trace.

// named is a file, and what names it.
type named struct{ what, path string }

// checkOutputs looks at what run writes.
func (o *runFlags) checkOutputs(spec string, program *flowrun.Program, s streams) error {
	inputs := o.inputs(spec, program, o.weightsFlags.files()...)
	if o.resume != newest && o.resume != auto {
		inputs = append(inputs, named{"--resume", o.resume})
	}
	dir := o.checkpoints(program)
	inputs = append(inputs, checkpointsIn(dir)...)
	outputs := []named{{"--save", o.save}, {"--log", o.log}}
	if err := checkApart(outputs, inputs, o.kernels, s); err != nil {
		return err
	}
	for _, out := range outputs {
		if err := o.ownFile(out); err != nil {
			return err
		}
		if out.path != "" && isCheckpoint(out.path, dir) {
			return usageError{fmt.Errorf("%s %s is the name of a checkpoint in %s: name another file", out.what, out.path, dir)}
		}
	}
	if err := canWrite(named{"--save", o.save}); err != nil {
		return err
	}
	if err := o.canShow(o.checkpoints(program) != ""); err != nil {
		return err
	}
	return canLog(o.log, dir, s)
}

// isCheckpointName reports whether a run writes a file of a name by itself.
func isCheckpointName(name string) bool {
	_, is := ir.StepOfFile(name)
	return is || name == ir.BestFile
}

// checkpointsIn lists the checkpoints in a folder, which may not be there.
func checkpointsIn(dir string) (list []named) {
	if dir == "" {
		return nil
	}
	entries, _ := os.ReadDir(dir) // the run reports what can't be read
	for _, e := range entries {
		if isCheckpointName(e.Name()) {
			list = append(list, named{"a checkpoint", filepath.Join(dir, e.Name())})
		}
	}
	return list
}

// isCheckpoint reports whether a run writes a file of a path by itself, into the
// folder of its checkpoints.
func isCheckpoint(path, dir string) bool {
	real, err := files.Target(path)
	if err != nil || dir == "" || !isCheckpointName(filepath.Base(real)) {
		return false
	}
	a, err := os.Stat(filepath.Dir(real))
	if err != nil {
		return false
	}
	b, err := os.Stat(dir)
	return err == nil && os.SameFile(a, b)
}

// checkOutputs looks at what a command writes that replaces whole files.
func checkOutputs(outputs []named, inputs []named, kernels string, s streams) error {
	if err := checkApart(outputs, inputs, kernels, s); err != nil {
		return err
	}
	for _, out := range outputs {
		if err := canWrite(out); err != nil {
			return err
		}
	}
	return nil
}

// inputs lists what a command reads: the program's files, --vars, and more.
func (o *specFlags) inputs(spec string, program *flowrun.Program, more ...named) []named {
	list := []named{{"the spec", spec}}
	for _, path := range program.Files() {
		list = append(list, named{"a file that the spec reads", path})
	}
	for _, path := range o.vars {
		list = append(list, named{"--vars", path})
	}
	return append(list, more...)
}

// checkApart refuses outputs that are inputs or each other.
func checkApart(outputs []named, inputs []named, kernels string, s streams) error {
	for i, out := range outputs {
		if out.path == "" {
			continue
		}
		for _, other := range append(inputs[:len(inputs):len(inputs)], outputs[:i]...) {
			if other.path != "" && sameFile(out.path, other.path) {
				return usageError{fmt.Errorf("%s %s would overwrite %s, %s: name another file", out.what, out.path, other.what, other.path)}
			}
		}
		if out.what != "--log" && s.same(out.path) != nil {
			return usageError{fmt.Errorf("%s %s is standard output or standard error: name another file", out.what, out.path)}
		}
		if _, err := os.Stat(out.path); err == nil && isWithin(kernels, out.path) {
			return usageError{fmt.Errorf("%s %s would overwrite a file of --kernels %s: name another file", out.what, out.path, kernels)}
		}
	}
	return nil
}

// sameFile reports whether two paths lead to one file, also where it isn't there
// yet. Pipes and devices aren't overwritten.
func sameFile(a, b string) bool {
	x, missing := os.Stat(a)
	y, alsoMissing := os.Stat(b)
	switch {
	case missing == nil && alsoMissing == nil:
		return x.Mode().IsRegular() && os.SameFile(x, y)
	case missing == nil || alsoMissing == nil:
		return false
	}
	p, err := files.Target(a)
	q, wrong := files.Target(b)
	if err != nil || wrong != nil {
		return false
	}
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" { // where case makes no other file
		return strings.EqualFold(p, q)
	}
	return p == q
}

// isWithin reports whether a file lies in a folder; none lies in "".
func isWithin(folder, path string) bool {
	if folder == "" {
		return false
	}
	f, err := files.OpenWithin([]string{folder}, path)
	if err != nil {
		return false
	}
	f.Close()
	return true
}

// canWrite finds out before a long run whether its result can be written.
func canWrite(out named) error {
	if out.path == "" {
		return nil
	}
	folder := filepath.Dir(out.path)
	switch info, err := os.Stat(folder); {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("%s %s: there is no folder %s", out.what, out.path, folder)
	case err == nil && !info.IsDir():
		return fmt.Errorf("%s %s: %s is not a folder", out.what, out.path, folder)
	}
	if err := files.CanReplace(out.path); err != nil {
		return fmt.Errorf("%s %s: %w", out.what, out.path, err)
	}
	return nil
}

// canLog is canWrite for a log, which needn't be a regular file, and may lie in the
// folder that the run makes for its checkpoints.
func canLog(path, checkpoints string, s streams) error {
	if path == "" || s.same(path) != nil {
		return nil
	}
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return fmt.Errorf("--log %s: it is a folder; name a file", path)
	case err == nil && info.Mode().IsRegular():
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return fmt.Errorf("--log: %w", err)
		}
		return f.Close()
	case err == nil:
		return nil
	case checkpoints != "" && filepath.Dir(path) == filepath.Clean(checkpoints):
		if _, err := os.Stat(checkpoints); errors.Is(err, os.ErrNotExist) {
			return nil
		}
	}
	return canWrite(named{"--log", path})
}

// same gives the one of standard output and the error stream that a path leads to,
// if it does: /dev/stdout, or a file that the shell has opened for it. It is written
// to as it is: reopening it would overwrite its contents.
func (s streams) same(path string) *os.File {
	info, err := os.Stat(path)
	if err != nil {
		return nil
	}
	for _, w := range []any{s.out, s.errors} {
		f, ok := w.(*os.File)
		if !ok {
			continue
		}
		if there, err := f.Stat(); err == nil && os.SameFile(info, there) {
			return f
		}
	}
	return nil
}
