package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/flowrun/flowrun"
)

func newInfer(s streams) *cobra.Command {
	var o specFlags
	var start startFlags
	var in, out string
	c := &cobra.Command{
		Use:     "infer SPEC",
		Aliases: []string{"eval"}, // its name in the first versions
		Short:   "Compute the model's outputs once",
		Long: `infer computes the model's outputs once, without training. It reads the inputs by
name from a safetensors file and writes the outputs to another one, or to standard
output as text.`,
		Example: "  flowrun infer graphs/math_net.yaml --weights w.safetensors --in x.safetensors --out y.safetensors",
		Args:    oneSpec,
		RunE: func(c *cobra.Command, args []string) error {
			program, err := o.load(c, args[0], s)
			if err != nil {
				return err
			}
			outputs := []named{{"--out", out}}
			if err := checkOutputs(outputs, o.inputs(args[0], program, named{"--in", in}, named{"--weights", start.weights}), start.kernels, s); err != nil {
				return err
			}
			inputs := map[string]*flowrun.Tensor{}
			if in != "" {
				if inputs, err = flowrun.ReadTensors(in); err != nil {
					return fmt.Errorf("--in: %w", err)
				}
			} else if len(program.Inputs()) > 0 {
				return usageError{fmt.Errorf("the model has inputs: name a safetensors file that holds them with --in")}
			}
			options, err := start.options(program)
			if err != nil {
				return err
			}
			computed, err := program.Infer(c.Context(), inputs, options...)
			if err != nil {
				return err
			}
			if out != "" {
				if err := flowrun.WriteTensors(out, computed); err != nil {
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
		},
	}
	o.add(c)
	start.add(c, "take the parameters from `FILE` (safetensors; also a checkpoint)")
	f := c.Flags()
	f.StringVar(&in, "in", "", "read the inputs from `FILE` (safetensors)")
	f.StringVar(&out, "out", "", "write the outputs to `FILE` (safetensors)")
	return c
}
