package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// placeholders say what the value of a flag names.
var placeholders = map[string]string{"FILE": "file", "DIR": "folder"}

// refuseEmptyNames refuses flags that take the name of a file or folder and were given an
// empty one, as by a variable of a shell that isn't set: a run would save nothing, and an
// inference would have no weights.
func refuseEmptyNames(c *cobra.Command, _ []string) (err error) {
	c.Flags().Visit(func(f *pflag.Flag) {
		placeholder, _ := pflag.UnquoteUsage(f)
		names := []string{f.Value.String()}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			names = list.GetSlice()
		}
		if what := placeholders[placeholder]; what != "" && slices.Contains(names, "") && err == nil {
			err = usageError{fmt.Errorf("--%s takes the name of a %s, and the one that was given is empty", f.Name, what)}
		}
	})
	return err
}
