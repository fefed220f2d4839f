package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/flowrun/flowrun/weights"
)

func newWeights(s streams) *cobra.Command {
	var asJSON, spec bool
	c := &cobra.Command{
		Use:   "weights FILE [FILE2]",
		Short: "Look at a file of weights, or compare two",
		Long: `weights shows what is in a file of weights: safetensors, a checkpoint, or the index of
several files (model.safetensors.index.json). It lists the tensors with their types and
statistics, and what the metadata say: which run and step the file is of, and what was
learned from the training data.

With FILE2 it compares the tensors of two files by their names: those that only one has,
types that differ, and values that differ, with the largest absolute and relative
differences.

Statistics are computed in f64, from the elements that are finite; a file of any size needs
little memory. For files of other formats, it says what they are and how to convert them.

Exit codes: 0 done, and with FILE2: all tensors are equal; 1 tensors differ; 2 bad usage;
3 a file can't be read; 130 interrupted.`,
		Example: `  flowrun weights checkpoints/best.safetensors
  flowrun weights before.safetensors after.safetensors
  flowrun weights model.safetensors.index.json --json
  flowrun weights checkpoints/best.safetensors --spec`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 && len(args) != 2 {
				return usageError{fmt.Errorf("%s takes a file of weights, and perhaps one to compare it with; got %d arguments", c.CommandPath(), len(args))}
			}
			if spec && (asJSON || len(args) > 1) {
				return usageError{errors.New("--spec prints the spec in one file; it can't be combined with FILE2 or --json")}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) (err error) {
			if spec {
				return writeSpecIn(args[0], s)
			}
			a, err := openWeights(args[0])
			if err != nil {
				return err
			}
			defer a.Close()
			if len(args) == 1 {
				return showWeights(c.Context(), a, asJSON, s)
			}
			b, err := openWeights(args[1])
			if err != nil {
				return err
			}
			defer b.Close()
			return compareWeights(c.Context(), a, b, asJSON, s)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write one JSON object (its keys are in docs/weights.md)")
	c.Flags().BoolVar(&spec, "spec", false, "print the spec that a checkpoint was trained with, as flowrun render does")
	return c
}

// openWeights opens a file to look at it, and compares it with its checksums.
func openWeights(path string) (*weights.File, error) {
	f, err := weights.OpenPart(nil, path)
	if err != nil {
		return nil, err
	}
	if err := f.Verify(); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// inspected is a file with the statistics of its tensors, in natural order.
type inspected struct {
	file    *weights.File
	about   *weights.About
	tensors []inspectedTensor
}

// inspectedTensor is a tensor with its statistics; nil if flowrun hasn't its dtype.
type inspectedTensor struct {
	weights.Entry
	Bytes int64
	*weights.Statistics
}

func inspect(ctx context.Context, f *weights.File) (*inspected, error) {
	about, err := f.About()
	if err != nil {
		return nil, err
	}
	all := &inspected{file: f, about: about}
	for _, e := range f.NaturalEntries() {
		raw, err := f.Raw(e.Name)
		if err != nil {
			return nil, err
		}
		t := inspectedTensor{Entry: e, Bytes: raw.Size}
		if _, unsupported := f.Type(e.Name); unsupported == nil {
			if t.Statistics, err = f.Statistics(ctx, e.Name); err != nil {
				return nil, err
			}
		}
		all.tensors = append(all.tensors, t)
	}
	return all, nil
}

// totals are the tensors, elements and bytes of the weights, or of the other states.
func (all *inspected) totals(beside bool) (t weightTotals) {
	for _, tensor := range all.tensors {
		if tensor.Beside != beside {
			continue
		}
		t.Tensors++
		t.Elements += int64(tensor.Type.Shape.Numel())
		t.Bytes += tensor.Bytes
	}
	return t
}

// weightTotals are sums over tensors.
type weightTotals struct {
	Tensors  int   `json:"tensors"`
	Elements int64 `json:"elements"`
	Bytes    int64 `json:"bytes"`
}

func showWeights(ctx context.Context, f *weights.File, asJSON bool, s streams) error {
	all, err := inspect(ctx, f)
	switch {
	case err != nil:
		return err
	case asJSON:
		return writeJSON(s.out, all.json())
	}
	return all.write(s)
}

// compareWeights tells how two files differ. That they do is an exit code of its own.
func compareWeights(ctx context.Context, a, b *weights.File, asJSON bool, s streams) error {
	d, err := weights.Compare(ctx, a, b)
	if err != nil {
		return err
	}
	write := func() error { return writeDifference(d, a, b, s) }
	if asJSON {
		write = func() error { return writeJSON(s.out, differenceJSON(d, a, b)) }
	}
	if err := write(); err != nil {
		return err
	}
	if !d.Equal() {
		return errProblems
	}
	return nil
}
