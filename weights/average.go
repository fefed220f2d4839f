package weights

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
)

// averaged puts the averages that the rule names in the place of the weights that they are
// of. Of those that aren't averaged, the weights themselves are taken.
func (a *assigning) averaged(tensors []Entry) []Entry {
	if a.rule.Average == "" {
		return tensors
	}
	prefix := ir.AverageOf(a.rule.Average, "")
	of := map[string]bool{}
	known := map[string]bool{}
	for _, e := range tensors {
		if !e.Beside || !e.Type.DType.IsFloat() { // integers are counters
			continue
		}
		if weight, is := strings.CutPrefix(e.Name, prefix); is {
			of[weight] = true
		} else if rest, is := strings.CutPrefix(e.Name, averages); is {
			name, _, _ := strings.Cut(rest, ".")
			known[name] = true
		}
	}
	if len(of) == 0 {
		a.rules = append(a.rules, noAverage(a.rule.Average, slices.Sorted(maps.Keys(known))))
		return tensors
	}
	var taken []Entry
	for _, e := range tensors {
		if weight, is := strings.CutPrefix(e.Name, prefix); is && of[weight] && e.Beside {
			e.weight, e.Beside = weight, false
		} else if of[e.Name] && !e.Beside {
			continue
		}
		taken = append(taken, e)
	}
	return taken
}

// averages are what the names of all averages in a checkpoint begin with.
var averages = strings.TrimSuffix(ir.AverageOf("", ""), ".")

func noAverage(name string, known []string) string {
	text := fmt.Sprintf("average: the file has no average %s of its weights", diag.Quote(name))
	if len(known) > 0 {
		return text + "; it has " + diag.Names(known)
	}
	return text + "; checkpoints of runs with train.averages have them, and what --save-average writes is averaged already"
}

// name is what a tensor is called as a weight.
func (e *Entry) name() string {
	if e.weight != "" {
		return e.weight
	}
	return e.Name
}

// rounds reports whether a tensor may be rounded to a parameter's dtype: averages are kept in
// f32 at least.
func (e *Entry) rounds(to ir.DType) bool {
	return e.weight != "" && e.Type.DType == to.Wide() && to.IsFloat()
}
