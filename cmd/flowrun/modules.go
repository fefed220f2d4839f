package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec"
)

func newModules(s streams) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "modules [NAME]",
		Short: "List the standard library, or show the YAML of one of its modules",
		Example: `  flowrun modules
  flowrun modules LayerNorm`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usageError{errors.New("modules takes one name at most")}
			}
			return nil
		},
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
				return writeModulesJSON(s.out, modules)
			case len(args) == 1:
				return writeModule(s.out, modules[0])
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
	help := diag.Suggestion(name, names)
	if help == "" {
		help = "flowrun modules lists them"
	}
	return spec.Module{}, usageError{fmt.Errorf("the standard library has no module %q; %s", name, help)}
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

func writeModule(w io.Writer, m spec.Module) error {
	_, err := fmt.Fprintf(w, "# %s\n%s", m.Signature, m.Source)
	return err
}

func writeModulesJSON(w io.Writer, modules []spec.Module) error {
	type module struct {
		Name      string `json:"name"`
		Group     string `json:"group"`
		Optimizer bool   `json:"optimizer"`
		Signature string `json:"signature"`
		Doc       string `json:"doc"`
		Source    string `json:"source"`
	}
	list := make([]module, len(modules))
	for i, m := range modules {
		list[i] = module(m)
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(list)
}
