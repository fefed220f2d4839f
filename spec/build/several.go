package build

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/spec/expr"
)

// outputs is the value of a module with several outputs.
type outputs map[string]any

func (r outputs) String() string {
	return "the outputs " + strings.Join(slices.Sorted(maps.Keys(r)), ", ") + " of a module"
}

// severalHelp says what to do with one of a module's outputs where a value is wanted, if v is
// all of them, under a name or without: format has %s for it.
func severalHelp(format, name string, v any) string {
	several, is := v.(outputs)
	if !is {
		return ""
	}
	var all []string
	for _, output := range slices.Sorted(maps.Keys(several)) {
		all = append(all, cmp.Or(name, "y")+"."+output)
	}
	return "it has several outputs; " + fmt.Sprintf(format, strings.Join(all, " or "))
}

// severalHelp is that of argument i, where it is an expression.
func (ex *expander) severalHelp(exprs []expr.Expr, i int, v any) string {
	name := ""
	if i < len(exprs) && exprs[i] != nil {
		name, _ = ex.pathOf(exprs[i])
	}
	return severalHelp("write %s", name, v)
}
