package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/internal/version"
	"github.com/flowrun/flowrun/lower"
	"github.com/flowrun/flowrun/spec"
)

func newExplain(s streams) *cobra.Command {
	var o specFlags
	var device, pass, format, kernels string
	var infer, memory bool
	c := &cobra.Command{
		Use:   "explain SPEC",
		Short: "Show the lowered plan: what runs where, and why",
		Long: `explain shows the lowered plan, without running it: states and their homes, nodes
with their types, devices and the reasons for them, copies, memory, and what a step
costs.`,
		Args: oneSpec,
		RunE: func(c *cobra.Command, args []string) error {
			if !slices.Contains([]string{"text", "json", "dot"}, format) {
				return usageError{fmt.Errorf("--format is text, json or dot, got %q", format)}
			}
			if pass != "" && !slices.Contains(passNames(), pass) {
				return usageError{fmt.Errorf("there is no pass %q; the passes are %s", pass, strings.Join(passNames(), ", "))}
			}
			if kernels != "" && (pass != "" || format == "dot") {
				return usageError{errors.New("--kernels shows the kernels of the whole plan as text or json; it can't be combined with --pass or --format dot")}
			}
			if memory && (pass != "" || kernels != "" || format == "dot") {
				return usageError{errors.New("--memory shows the memory of the whole plan as text or json; it can't be combined with --pass, --kernels or --format dot")}
			}
			program, err := o.load(c, args[0], s)
			if err != nil {
				return err
			}
			options := flowrun.ExplainOptions{Device: device, Pass: pass, Format: format, Infer: infer, Kernels: kernels != "", Memory: memory}
			if kernels != builtIn {
				options.KernelsFrom = kernels
			}
			return program.Explain(s.out, options)
		},
	}
	o.add(c)
	deviceFlag(c, &device)
	f := c.Flags()
	f.StringVar(&pass, "pass", "", "show the graph after the pass `NAME` instead: "+strings.Join(passNames(), ", "))
	f.StringVar(&format, "format", "text", "write the plan as `FORMAT`: text, json or dot")
	f.BoolVar(&infer, "infer", false, "explain the model alone, as flowrun infer runs it")
	f.BoolVar(&infer, "eval", false, "")
	_ = f.MarkHidden("eval") // its name in the first versions
	f.StringVar(&kernels, "kernels", "", "show the plan's kernels instead: launches, and the sources of generated ones, from the built-in sources or `DIR`")
	f.Lookup("kernels").NoOptDefVal = builtIn
	f.BoolVar(&memory, "memory", false, "show instead what memory is needed for, at the peak and over the time of a step")
	return c
}

// builtIn is what --kernels alone means.
const builtIn = "built-in"

// passNames lists the passes of lowering in their order.
func passNames() (names []string) {
	for _, p := range lower.Passes {
		names = append(names, p.Name)
	}
	return names
}

func newRender(s streams) *cobra.Command {
	var o specFlags
	c := &cobra.Command{
		Use:   "render SPEC|CHECKPOINT",
		Short: "Print the spec with imports, overrides and defaults written out",
		Long: `render prints a spec in full: overrides applied, imported modules included, the
defaults of keys and arguments written out, and comments that say where each came
from. The result is the same program, and rendering it again changes nothing.

Of a checkpoint (.safetensors) it prints the spec that it was written with, in full.`,
		Args: oneSpec,
		RunE: func(c *cobra.Command, args []string) error {
			options, err := o.options(c)
			if err != nil {
				return err
			}
			switch {
			case strings.EqualFold(filepath.Ext(args[0]), ".safetensors") && len(options) > 0:
				return usageError{errors.New("the spec of a checkpoint is as it is: render it into a file, and give that the flags")}
			case strings.EqualFold(filepath.Ext(args[0]), ".safetensors"):
				return writeSpecIn(args[0], s)
			}
			text, err := flowrun.Render(args[0], options...)
			if err != nil {
				return err
			}
			_, err = io.WriteString(s.out, text)
			return err
		},
	}
	o.add(c)
	return c
}

// writeSpecIn prints the spec that a checkpoint was written with.
func writeSpecIn(checkpoint string, s streams) error {
	text, err := flowrun.RenderedIn(checkpoint)
	if err != nil {
		return err
	}
	_, err = io.WriteString(s.out, text)
	return err
}

func newDevices(s streams) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "devices",
		Short: "List the devices of this machine, and why others are missing",
		Long: `devices lists the devices that a spec or --device can name, with the speed that
auto estimates with, and says why others are missing.`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			reports := flowrun.Devices()
			if asJSON {
				return writeJSON(s.out, reports)
			}
			t := tabwriter.NewWriter(s.out, 0, 4, 2, ' ', 0)
			for _, r := range reports {
				if r.Missing != "" {
					fmt.Fprintf(t, "%s\tmissing: %s\n", r.Name, r.Missing)
					continue
				}
				fmt.Fprintf(t, "%s\t%s\n", r.Name, describe(r))
			}
			return t.Flush()
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write a JSON list")
	return c
}

func describe(r flowrun.DeviceInfo) string {
	text := r.Description
	if r.Memory > 0 {
		text += ", " + diag.Bytes(r.Memory)
	}
	if s := r.Speed; r.Speed.Launch > 0 {
		threads := ""
		if s.Threads > 1 {
			threads = fmt.Sprintf(" on %d threads", s.Threads)
		}
		text += fmt.Sprintf("; estimated %s%s, %s, %s per launch", rate(s.Flops, "FLOP/s"), threads, rate(s.Bytes, "B/s"), s.Launch)
	}
	if !r.Auto {
		text += "; not selected automatically"
	}
	return text
}

// rate writes a number a second with three digits: "22.1 TFLOP/s", "100 GB/s".
func rate(perSecond float64, unit string) string {
	if perSecond >= 1e12 {
		return fmt.Sprintf("%.3g T%s", perSecond/1e12, unit)
	}
	return fmt.Sprintf("%.3g G%s", perSecond/1e9, unit)
}

func newSchema(s streams) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of specs, for editors",
		Long: `schema prints the JSON Schema (draft 2020-12) of specs. Editors with
yaml-language-server use it if a comment at the top of a spec names it:

  # yaml-language-server: $schema=flowrun.schema.json

It knows keys, kinds and names; flowrun validate checks everything.`,
		Example: "  flowrun schema > flowrun.schema.json",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := s.out.Write(spec.Schema())
			return err
		},
	}
}

func newVersion(s streams) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(s.out, "flowrun %s %s/%s %s\n", version.String(), runtime.GOOS, runtime.GOARCH, runtime.Version())
			return err
		},
	}
}
