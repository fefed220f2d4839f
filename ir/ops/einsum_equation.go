package ops

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// label names a dim: a letter, or a negative number, that of a dim of "..." from its end.
type label rune

func (l label) String() string {
	if l < 0 {
		return "..."
	}
	return string(rune(l))
}

// equation is a parsed equation with the sizes of its dims.
type equation struct {
	operands [][]label
	result   []label
	sizes    map[label]int
	from     map[label]int // the operand that a label's size is from
}

// equationOf reads a node's equation, and says what doesn't fit its operands.
func equationOf(n *ir.Node) (*equation, error) {
	text := n.Str("equation")
	left, right, explicit := strings.Cut(strings.ReplaceAll(text, " ", ""), "->")
	parts := strings.Split(left, ",")
	if len(n.Inputs) == 0 {
		return nil, ir.Argf("operands", "einsum multiplies at least one tensor; the list is empty")
	}
	if len(parts) != len(n.Inputs) {
		return nil, kit.Refuse("equation", "the parts before -> are separated by commas, one for each tensor",
			"the equation %q has %d operands, but the list %d", text, len(parts), len(n.Inputs))
	}
	e := &equation{sizes: map[label]int{}, from: map[label]int{}}
	dots := 0
	for i, part := range parts {
		if err := kit.RefuseNonNumber(n, i); err != nil {
			return nil, err
		}
		rank := len(n.Inputs[i].Type.Shape)
		labels, err := labelsOf(part, rank)
		if err != nil {
			return nil, kit.Refuse("equation", "write a letter for each dim, or ... for several", "operand %d of the equation %q, %q, %s", i, text, part, err)
		}
		if len(labels) != rank {
			return nil, kit.Refuse("equation", "write a letter for each dim, or ... for several",
				"operand %d of the equation %q has %d dims, but %s", i, text, len(labels), kit.Named(n, i))
		}
		dots = max(dots, strings.Count(part, "...")*(rank-len(part)+3))
		if err := e.measure(n, i, labels); err != nil {
			return nil, err
		}
		e.operands = append(e.operands, labels)
	}
	if !explicit {
		e.result = e.implicit(dots)
		return e, nil
	}
	labels, err := labelsOf(right, len(right)-3+dots)
	if err != nil {
		return nil, kit.Refuse("equation", "the result names dims of the operands, each once", "the result of the equation %q, %q, %s", text, right, err)
	}
	for i, l := range labels {
		if _, known := e.sizes[l]; !known || slices.Contains(labels[:i], l) {
			what := "is in no operand"
			if known {
				what = "is there twice"
			}
			return nil, kit.Refuse("equation", "the result names dims of the operands, each once", "%s in the result of the equation %q %s", l, text, what)
		}
	}
	e.result = labels
	return e, nil
}

// labelsOf reads the letters of a part, whose tensor has so many dims.
func labelsOf(part string, rank int) (labels []label, err error) {
	before, after, dots := strings.Cut(part, "...")
	letters := func(s string) error {
		for _, r := range s {
			if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') {
				return fmt.Errorf("has %q, which is no letter", string(r))
			}
			labels = append(labels, label(r))
		}
		return nil
	}
	if err := letters(before); err != nil || !dots {
		return labels, err
	}
	for i := rank - len(before) - len(after); i > 0; i-- {
		labels = append(labels, label(-i))
	}
	return labels, letters(after)
}

// measure enters the sizes of an operand's dims.
func (e *equation) measure(n *ir.Node, i int, labels []label) error {
	shape := n.Inputs[i].Type.Shape
	for d, l := range labels {
		if j := slices.Index(labels[:d], l); j >= 0 && shape[j] != shape[d] {
			return kit.RefuseItem("operands", i, "a diagonal has dims of one size",
				"%s is twice in one operand, whose dims %d and %d differ; %s", l, j, d, kit.Named(n, i))
		}
	}
	for d, l := range labels {
		size := shape[d]
		old, known := e.sizes[l]
		switch {
		case !known || old == 1:
			e.sizes[l], e.from[l] = size, i
		case size != old && size != 1:
			return kit.RefuseItem("operands", i, "dims with one letter have one size, or 1",
				"%s is %d in %s and %d in %s", l, old, kit.Typed(n, e.from[l]), size, kit.Typed(n, i))
		}
	}
	return nil
}

// implicit is the result of an equation that doesn't say it.
func (e *equation) implicit(dots int) (result []label) {
	for i := dots; i > 0; i-- {
		result = append(result, label(-i))
	}
	count := map[label]int{}
	for _, labels := range e.operands {
		for _, l := range labels {
			count[l]++
		}
	}
	for _, l := range slices.Sorted(maps.Keys(count)) {
		if l > 0 && count[l] == 1 {
			result = append(result, l)
		}
	}
	return result
}

func (e *equation) shapeOf(labels []label) ir.Shape {
	shape := ir.Shape{}
	for _, l := range labels {
		shape = append(shape, e.sizes[l])
	}
	return shape
}
