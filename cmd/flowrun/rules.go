package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/docs/rules"
)

func newRules(s streams) *cobra.Command {
	return &cobra.Command{
		Use:   "rules [RULE]",
		Short: "List the lint rules, or explain one",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usageError{fmt.Errorf("%s takes one rule, got %d arguments", c.CommandPath(), len(args))}
			}
			return nil
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return ruleNames(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				return explainRule(s.out, args[0])
			}
			t := tabwriter.NewWriter(s.out, 0, 4, 2, ' ', 0)
			for _, r := range diag.Rules() {
				fmt.Fprintf(t, "%s\t%s\t%s\n", r, r.Severity(), r.Doc())
			}
			return t.Flush()
		},
	}
}

func ruleNames() (names []string) {
	for _, r := range diag.Rules() {
		names = append(names, string(r))
	}
	return names
}

func explainRule(w io.Writer, name string) error {
	page := rules.Page(name)
	if page == "" {
		help := diag.Suggestion(name, ruleNames())
		if help == "" {
			help = "flowrun rules lists them"
		}
		return usageError{fmt.Errorf("there is no lint rule %q; %s", name, help)}
	}
	_, err := io.WriteString(w, page)
	return err
}
