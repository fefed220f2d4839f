package build

import (
	"fmt"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/ir"
)

// What a loss divides by is seldom a plain count: maximum(count, 1), sum(mask) + eps. Any
// number that is computed of sums and means over the examples is known of several batches
// together, by computing it again of the sums and means over all of them.

// counts reports whether a node is a number that is computed of the batch alone.
func (d *dissection) counts(n *ir.Node) bool {
	return d.batch[n] && !d.trained[n] && n.Type.Shape.Numel() == 1
}

// isCount reports whether a node is a sum or a mean over the examples.
func (d *dissection) isCount(n *ir.Node) bool {
	l := d.layouts[n]
	return l.kind == combinedOnes && (l.share == sumOfExamples || l.share == meanOfExamples)
}

// counted reports whether a node is a number that is computed of sums and means over the
// examples, and of nothing else of the batch.
func (d *dissection) counted(n *ir.Node) bool {
	if yes, known := d.numbers[n]; known {
		return yes
	}
	l := d.layouts[n]
	yes := d.counts(n) && l.kind != drawn && !(l.kind == combinedOnes && l.share == sumByNumber)
	if yes && !d.isCount(n) {
		yes = d.computes(n) && !slices.ContainsFunc(n.Inputs, func(in *ir.Node) bool { return !d.fixed(in) && !d.counted(in) })
	}
	d.numbers[n] = yes
	return yes
}

// computes reports whether a number is computed of numbers.
func (d *dissection) computes(n *ir.Node) bool {
	switch n.Op.Name {
	case "reshape", "squeeze", "unsqueeze":
		return true
	}
	return n.Op.Class == ir.Elementwise && !n.Op.Random && len(n.Inputs) > 0
}

// countsOf lists the sums and means of which a number is computed.
func (d *dissection) countsOf(n *ir.Node) (counts []*ir.Node) {
	ancestors(n, func(in *ir.Node) bool {
		if d.isCount(in) {
			counts = append(counts, in)
		}
		return d.isCount(in) || d.fixed(in)
	})
	return counts
}

// key is equal for nodes that compute the same of the same batch.
func (d *dissection) key(n *ir.Node) string {
	if k, known := d.keys[n]; known {
		return k
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s", n.Op.Name, n.Type)
	for _, in := range n.Inputs {
		text.WriteString(" " + d.key(in))
	}
	same := n.State == nil && !n.Op.Random && n.Op != ir.SourceOp
	for _, a := range n.Attrs {
		switch a := a.(type) {
		case nil, bool, int, float64, string, ir.DType, []int, [][2]int:
			fmt.Fprintf(&text, " %#v", a)
		case *ir.Tensor:
			if same = same && len(a.Data) <= 64; same {
				fmt.Fprintf(&text, " %x", a.Data)
			}
		default:
			same = false
		}
	}
	k := fmt.Sprintf("#%d", n.ID)
	if first, known := d.byText[text.String()]; same && known {
		k = first
	} else if same {
		d.byText[text.String()] = k
	}
	d.keys[n] = k
	return k
}

func (d *dissection) keyOf(nodes []*ir.Node) string {
	keys := make([]string, len(nodes))
	for i, n := range nodes {
		keys[i] = d.key(n)
	}
	slices.Sort(keys)
	return strings.Join(keys, " ")
}
