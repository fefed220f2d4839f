package build

import (
	"slices"

	"github.com/flowrun/flowrun/ir"
)

// scanned follows examples through the body of a scan. What a carry begins with may be
// fixed, and then hold examples: so the body is followed until nothing changes.
func (d *dissection) scanned(n *ir.Node) {
	body := n.ScanBody()
	in := &dissection{t: d.t, batch: map[*ir.Node]bool{}, trained: map[*ir.Node]bool{}, layouts: map[*ir.Node]layout{}, results: map[*ir.Node]map[int]layout{}}
	if n.ID < d.from {
		in.from = len(body.Graph.Nodes) // the scan is the model's
	}
	of := map[*ir.State]layout{}
	for i, s := range body.Given() {
		of[s] = d.layouts[n.Inputs[i]]
	}
	for changed, left := true, len(of)+len(body.Stacks()); changed && left >= 0; left-- {
		changed = false
		for _, b := range body.Graph.Nodes {
			in.batch[b] = d.any(in.batch, b.Inputs)
			if b.State != nil {
				in.layouts[b] = of[b.State]
				in.batch[b] = of[b.State].kind != fixedLayout
				continue
			}
			in.trained[b] = true // whether it is doesn't matter within a model
			in.batch[b] = in.batch[b] || b.Op.Random
			in.layouts[b] = in.layoutOf(b)
		}
		for _, s := range body.Results() {
			if l := in.layouts[s.Next]; of[s] != l {
				if of[s].kind != fixedLayout && of[s].kind != drawn {
					l = unclear
				}
				changed, of[s] = changed || of[s] != l, l
			}
		}
	}
	offsets, _ := body.Offsets()
	d.results[n] = map[int]layout{}
	for _, s := range body.Results() {
		d.results[n][offsets[s]] = of[s]
	}
}

// scanSlice is what a scan reads at a position, and scanStore what it keeps of one.
func (d *dissection) scanSlice(n *ir.Node) layout {
	l, dim := d.layouts[n.Inputs[0]], n.Int("dim")
	if l.kind != examples || l.dim == dim || d.batch[n.Inputs[1]] {
		return unclear
	}
	l.dim -= below([]int{dim}, l.dim)
	return l
}

func (d *dissection) scanStore(n *ir.Node) layout {
	l, dim := d.layouts[n.Inputs[2]], n.Int("dim")
	if l.kind != examples || d.batch[n.Inputs[1]] {
		return unclear
	}
	if dim <= l.dim {
		l.dim++
	}
	if old := d.layouts[n.Inputs[0]]; !slices.Contains([]layout{{}, {kind: drawn}, l}, old) {
		return unclear
	}
	return l
}
