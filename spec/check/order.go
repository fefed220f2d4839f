package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec/syntax"
)

// sort orders items so that each comes after those that it uses, and otherwise keeps the
// text's order. Items on a cycle are reported once and marked.
func (s *scope) sort(items []*syntax.Item) []*syntax.Item {
	const open, done = 1, 2
	order := make([]*syntax.Item, 0, len(items))
	mark := make(map[*syntax.Item]int, len(items))
	type frame struct {
		it   *syntax.Item
		next int
	}
	for _, root := range items {
		if mark[root] != 0 {
			continue
		}
		mark[root] = open
		stack := []frame{{root, 0}}
		for len(stack) > 0 {
			f := &stack[len(stack)-1]
			if f.next == len(f.it.Uses) {
				mark[f.it] = done
				order = append(order, f.it)
				stack = stack[:len(stack)-1]
				continue
			}
			use := f.it.Uses[f.next]
			f.next++
			switch mark[use] {
			case 0:
				mark[use] = open
				stack = append(stack, frame{use, 0})
			case open:
				var cycle []*syntax.Item
				for i := len(stack) - 1; i >= 0; i-- {
					cycle = append(cycle, stack[i].it)
					if stack[i].it == use || stack[i].it.Bad {
						break
					}
				}
				slices.Reverse(cycle)
				s.cycle(cycle)
			}
		}
	}
	return order
}

func (s *scope) cycle(cycle []*syntax.Item) {
	known := false
	var names []string
	for _, it := range cycle {
		known = known || it.Bad
		it.Bad = true
		names = append(names, label(it))
	}
	if known {
		return
	}
	if len(names) > 8 {
		names = append(names[:7], "…")
	}
	first := cycle[0]
	d := diag.Diagnostic{Rule: diag.Cycle, Range: first.At,
		Message: fmt.Sprintf("the node `%s` depends on itself: %s", label(first), strings.Join(append(names, label(first)), " → "))}
	if s.owner == nil || s.owner.Root {
		d.Help = "to carry a value to the next step, use a state of a module"
	}
	s.list.Add(d)
}

func label(it *syntax.Item) string {
	if it.Write {
		return "next(" + it.Name + ")"
	}
	return it.Name
}
