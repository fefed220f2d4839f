package build

import (
	"fmt"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec/syntax"
)

// Lists are shared, never copied: a list that contains another one twice holds it once,
// but whoever goes through it meets it twice. So a list costs as many elements as it has
// written out, with those of lists inside it: its weight.

// heaviest is the largest weight; no budget suffices for it.
const heaviest = diag.WholeBudget

// weight is the number of values in a value, itself included.
func (g *graph) weight(v any) int {
	list, ok := v.([]any)
	if !ok || len(list) == 0 {
		return 1
	}
	if w, known := g.weights[&list[0]]; known {
		return w
	}
	w := 1
	for _, item := range list {
		w = min(w+g.weight(item), heaviest)
	}
	g.weights[&list[0]] = w
	return w
}

// weigh spends what a new list costs.
func (g *graph) weigh(list []any) {
	g.list.Budget.Spend(diag.Listing, syntax.ElementCost*g.weight(list))
}

// look spends the cost of going through values as they are written out.
func (g *graph) look(values ...any) {
	for _, v := range values {
		if _, is := v.([]any); is {
			g.list.Budget.Spend(diag.Listing, syntax.LookCost*g.weight(v))
		}
	}
}

// brief is a compile-time value as messages show it.
func brief(v any) string {
	const most = 8
	list, ok := v.([]any)
	if !ok {
		if text, is := v.(string); is {
			return diag.Cut(text)
		}
		return fmt.Sprint(v)
	}
	var items []string
	for _, item := range list {
		if len(items) == most {
			items = append(items, "…")
			break
		}
		if _, nested := item.([]any); nested {
			item = ir.Describe(item)
		}
		items = append(items, brief(item))
	}
	return "[" + strings.Join(items, ", ") + "]"
}
