package main

import (
	"github.com/spf13/cobra"

	"github.com/flowrun/flowrun/spec"
)

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
