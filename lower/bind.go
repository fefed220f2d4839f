package lower

import (
	"fmt"
	"strings"

	"github.com/flowrun/flowrun/ir"
)

// bind finds each node's kernel.
func bind(p *Plan) error {
	for _, n := range p.Graph.Nodes {
		v := &Value{Bytes: int64(n.Type.Bytes()), Reason: p.reasons[n]}
		p.values[n] = v
		switch n.Op {
		case ir.StateOp, ir.ConstOp, ir.SourceOp, ir.CopyOp:
			continue
		}
		var inputs []string
		for _, in := range n.Inputs {
			inputs = append(inputs, in.Type.DType.String())
		}
		v.Kernel = p.options.Manifest.Find(n.Op.Name, inputs, n.Type.DType.String())
		if v.Kernel == nil {
			return &Error{Range: n.Origin, Rule: "no-kernel",
				Msg:  fmt.Sprintf("%s has no kernel for (%s) -> %s on %s", n.Op.Name, strings.Join(inputs, ", "), n.Type.DType, p.Targets[n.Space].Name),
				Help: "cast its operands to a dtype that it has a kernel for"}
		}
	}
	return nil
}
