package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/diag"
)

// inferFlags are the flags of infer.
type inferFlags struct {
	specFlags
	startFlags
	in, data, out, format string
}

func newInfer(s streams) *cobra.Command {
	var o inferFlags
	c := &cobra.Command{
		Use:     "infer SPEC",
		Aliases: []string{"eval"}, // its name in the first versions
		Short:   "Compute a model's outputs for a file of examples, or once",
		Long: `infer computes the model's outputs, without training, for every example of a file,
which is read as a data source of the spec says: the same columns, transforms and
mappings to ids. Only what the outputs need must be in it; a label needn't. Classes,
vocabularies and means are those that the weights know from their training.

The outputs go to --out, in the format of its extension, or to standard output:
csv and jsonl have the names of classes (model.labels), npy and safetensors their ids.

A safetensors file whose tensors are the model's inputs, by their names, is taken as
they are, and the outputs are computed once: sizes to which the spec gives a name are
those of the file. Where the data source itself reads safetensors files, it is a file
of examples like others.`,
		Example: `  flowrun infer graphs/iris.yaml --weights iris.safetensors --in flowers.csv --out species.csv
  flowrun infer graphs/math_net.yaml --weights math_net.safetensors --in x.safetensors --out y.safetensors`,
		Args: oneSpec,
		RunE: func(c *cobra.Command, args []string) error { return o.run(c, args[0], s) },
	}
	o.specFlags.add(c)
	o.startFlags.add(c, "take the weights from `FILE`: safetensors, a checkpoint, or an index of shards")
	f := c.Flags()
	f.StringVar(&o.in, "in", "", "read the examples from `FILE`, or the model's inputs (safetensors)")
	f.StringVar(&o.data, "data", "", "read --in as the data source `SOURCE` says, instead of the training's")
	f.StringVar(&o.out, "out", "", "write the outputs to `FILE`: "+strings.Join(flowrun.ResultFormats(), ", "))
	f.StringVar(&o.format, "format", "", "write the outputs as `FORMAT`, whatever the extension of --out")
	return c
}

func (o *inferFlags) run(c *cobra.Command, path string, s streams) error {
	if o.format != "" && !slices.Contains(flowrun.ResultFormats(), o.format) {
		return usageError{fmt.Errorf("--format is one of %s, got %q", strings.Join(flowrun.ResultFormats(), ", "), o.format)}
	}
	program, err := o.load(c, path, s)
	if err != nil {
		return err
	}
	outputs := []named{{"--out", o.out}}
	if err := checkOutputs(outputs, o.inputs(path, program, append(o.weightsFlags.files(), named{"--in", o.in})...), o.kernels, s); err != nil {
		return err
	}
	if o.in == "" && len(program.Inputs()) > 0 {
		return usageError{fmt.Errorf("the model has inputs: name a file of examples, or a safetensors file that holds the inputs, with --in")}
	}
	if o.in == "" && o.data != "" {
		return usageError{fmt.Errorf("--data says how to read --in: name a file with --in")}
	}
	options, err := o.startFlags.options(program)
	if err != nil {
		return err
	}
	options = append(options, flowrun.OnWeights(tellWeights(s.errors)))
	options = append(options, flowrun.OnDataNote(func(note string) { fmt.Fprintln(s.errors, diag.Printable("note: "+note)) }))
	if o.data == "" && (o.in == "" || !program.ReadsFiles() || strings.EqualFold(filepath.Ext(o.in), ".safetensors") && program.HasInputs(o.in)) {
		return o.once(c, program, options, s)
	}
	return o.each(c, program, options, s)
}

// each computes the outputs for each example of a file.
func (o *inferFlags) each(c *cobra.Command, program *flowrun.Program, options []flowrun.StartOption, s streams) (err error) {
	format := o.format
	switch {
	case format == "" && o.out == "":
		format = "csv"
	case format == "":
		if format, err = flowrun.ResultFormat(o.out); err != nil {
			return usageError{fmt.Errorf("--out %w; or name one with --format", err)}
		}
	}
	file := flowrun.FileInference{In: o.in, Data: o.data}
	if o.out == "" {
		_, err := program.InferTo(c.Context(), file, s.out, format, options...)
		return err
	}
	_, err = program.InferFile(c.Context(), file, o.out, format, options...)
	return err
}

// once computes the outputs once, for the model's inputs themselves.
func (o *inferFlags) once(c *cobra.Command, program *flowrun.Program, options []flowrun.StartOption, s streams) (err error) {
	if o.format != "" && o.format != "safetensors" {
		return usageError{fmt.Errorf("--format %s is for files of examples; what is computed from the model's inputs is written as safetensors", o.format)}
	}
	inputs := map[string]*flowrun.Tensor{}
	if o.in != "" {
		if inputs, err = flowrun.ReadTensors(o.in); err != nil {
			return fmt.Errorf("--in: %w", err)
		}
	}
	computed, err := program.Infer(c.Context(), inputs, options...)
	if err != nil {
		return err
	}
	if o.out != "" {
		if err := flowrun.WriteTensors(o.out, computed); err != nil {
			return fmt.Errorf("--out: %w", err)
		}
		return nil
	}
	for _, name := range program.Outputs() {
		if _, err := fmt.Fprintf(s.out, "%s: %s\n", name, computed[name]); err != nil {
			return err
		}
	}
	return nil
}
