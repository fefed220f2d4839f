package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/flowrun/flowrun/spec"
)

func newModules(s streams) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "modules [NAME]",
		Short: "List the standard library, or show the YAML of one of its modules",
		Example: `  flowrun modules
  flowrun modules LayerNorm`,
		Args: atMostOne("module"),
		RunE: func(_ *cobra.Command, args []string) error {
			modules := spec.StandardModules()
			if len(args) == 1 {
				m, err := findModule(modules, args[0])
				if err != nil {
					return err
				}
				modules = []spec.Module{m}
			}
			switch {
			case asJSON:
				return writeJSON(s.out, modules)
			case len(args) == 1:
				_, err := fmt.Fprintf(s.out, "# %s\n%s", modules[0].Signature, modules[0].Source)
				return err
			}
			return listModules(s.out, modules)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write a JSON list")
	return c
}

// findModule finds a module by its name.
func findModule(modules []spec.Module, name string) (spec.Module, error) {
	var names []string
	for _, m := range modules {
		if m.Name == name {
			return m, nil
		}
		names = append(names, m.Name)
	}
	return spec.Module{}, unknown("standard module", name, names, "flowrun modules")
}

func listModules(w io.Writer, modules []spec.Module) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for i, m := range modules {
		if i == 0 || m.Group != modules[i-1].Group {
			if i > 0 {
				fmt.Fprintln(t)
			}
			fmt.Fprintln(t, m.Group)
		}
		fmt.Fprintf(t, "  %s\t%s\n", m.Name, firstSentence(m.Doc))
	}
	return t.Flush()
}

// firstSentence is a doc up to its first full stop.
func firstSentence(doc string) string {
	first, _, _ := strings.Cut(doc, ". ")
	return strings.TrimSuffix(first, ".")
}
