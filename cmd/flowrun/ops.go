package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/flowrun/flowrun/foreign"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec"
)

func newOps(s streams) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "ops [NAME]",
		Short: "List the operations of the language, or explain one",
		Long: `List the operations of the language by family. With a name, explain one: its
arguments, shapes, dtypes and gradient, with an example. Names that PyTorch, NumPy,
TensorFlow and JAX have for an operation are understood too.

Layers, losses, optimizers and schedules are modules: flowrun modules lists them.`,
		Example: `  flowrun ops
  flowrun ops softmax
  flowrun ops torch.cat`,
		Args: atMostOne("operation"),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return opNames(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			ops := documentedOps()
			if len(args) == 1 {
				op, note, err := findOp(args[0])
				if err != nil {
					return err
				}
				if !asJSON {
					return writeOp(s.out, note, op)
				}
				ops = []*ir.Op{op}
			}
			if asJSON {
				return writeOpsJSON(s.out, ops)
			}
			return listOps(s.out, ops)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write a JSON list")
	return c
}

// documentedOps lists the ops that specs can call, by family and name.
func documentedOps() []*ir.Op {
	var all []*ir.Op
	for _, op := range ir.Ops() {
		if op.Family != "" {
			all = append(all, op)
		}
	}
	slices.SortFunc(all, func(a, b *ir.Op) int {
		if d := slices.Index(ir.Families, a.Family) - slices.Index(ir.Families, b.Family); d != 0 {
			return d
		}
		return strings.Compare(a.Name, b.Name)
	})
	return all
}

func opNames() (names []string) {
	for _, op := range documentedOps() {
		names = append(names, op.Name)
	}
	return names
}

// findOp finds an op by its name here or elsewhere; note says so if it is the latter.
func findOp(name string) (op *ir.Op, note string, err error) {
	elsewhere := func(help string) error {
		return usageError{fmt.Errorf("there is no operation %q; %s", name, help)}
	}
	bare := name[strings.LastIndexByte(name, '.')+1:] // torch.nn.functional.relu
	if op = ir.LookupOp(bare); op != nil && op.Family != "" {
		return op, "", nil
	}
	here, known := foreign.Function(bare)
	if !known {
		here = bare
	}
	for _, m := range spec.StandardModules() {
		if m.Name == here {
			return nil, "", elsewhere(here + " is a module: flowrun modules " + here)
		}
	}
	switch {
	case known && foreign.IsAdvice(here):
		return nil, "", elsewhere(here)
	case known:
		return ir.LookupOp(here), name + " is called " + here + " here.\n\n", nil
	}
	return nil, "", unknown("operation", bare, opNames(), "flowrun ops")
}

func listOps(w io.Writer, ops []*ir.Op) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for i, op := range ops {
		if i == 0 || op.Family != ops[i-1].Family {
			if i > 0 {
				fmt.Fprintln(t)
			}
			fmt.Fprintln(t, op.Family)
		}
		fmt.Fprintf(t, "  %s\t%s\n", op.Name, strings.TrimSuffix(op.Summary(), "."))
	}
	return t.Flush()
}

func writeOp(w io.Writer, note string, op *ir.Op) error {
	var b strings.Builder
	b.WriteString(note + op.Signature() + "\n\n" + op.Doc + "\n\n")
	t := tabwriter.NewWriter(&b, 0, 4, 2, ' ', 0)
	for _, p := range op.Params {
		if !p.Hidden {
			fmt.Fprintf(t, "  %s\t%s: %s\n", p.Name, p.Kind, p.Doc)
		}
	}
	fmt.Fprintln(t)
	for _, fact := range factsOf(op) {
		fmt.Fprintf(t, "  %s\t%s\n", fact.what, fact.text)
	}
	_ = t.Flush() // into memory
	b.WriteString("\nExample:\n" + strings.ReplaceAll(op.Example, "\n", "\n  ")[1:] + "\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func writeOpsJSON(w io.Writer, ops []*ir.Op) error {
	type param struct {
		Name     string `json:"name"`
		Kind     string `json:"kind"`
		Optional bool   `json:"optional"`
		Doc      string `json:"doc"`
	}
	type entry struct {
		Name      string     `json:"name"`
		Family    ir.Family  `json:"family"`
		Signature string     `json:"signature"`
		Operator  string     `json:"operator,omitempty"`
		Doc       string     `json:"doc"`
		Params    []param    `json:"params"`
		DTypes    [][]string `json:"dtypes"`
		Gradient  bool       `json:"gradient"`
		Constant  bool       `json:"compile_time"`
		Kernels   []string   `json:"kernels"`
		Torch     string     `json:"pytorch"`
		Aliases   []string   `json:"aliases"`
		Example   string     `json:"example"`
	}
	list := []entry{}
	for _, op := range ops {
		e := entry{op.Name, op.Family, op.Signature(), op.Operator, op.Doc, nil, dtypeNames(op), op.HasGradient(), op.Scalar != nil,
			kernelsOf(op), torchName(op), strings.Fields(op.Aliases), strings.TrimSpace(op.Example)}
		for _, p := range op.Params {
			if !p.Hidden {
				e.Params = append(e.Params, param{p.Name, p.Kind.String(), p.Optional, p.Doc})
			}
		}
		list = append(list, e)
	}
	return writeJSON(w, list)
}

// dtypeNames lists the choices of dtypes of an op's operands and, last, its result.
func dtypeNames(op *ir.Op) [][]string {
	all := [][]string{}
	for _, c := range op.DTypes() {
		var names []string
		for _, d := range append(slices.Clone(c.Inputs), c.Output) {
			names = append(names, d.String())
		}
		all = append(all, names)
	}
	return all
}
