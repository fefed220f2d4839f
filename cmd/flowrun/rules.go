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
		Args:  atMostOne("rule"),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return ruleNames(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				page := rules.Page(args[0])
				if page == "" {
					return unknown("lint rule", args[0], ruleNames(), "flowrun rules")
				}
				_, err := io.WriteString(s.out, page)
				return err
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
