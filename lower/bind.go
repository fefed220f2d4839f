package lower

import (
	"fmt"
	"strings"

	"github.com/flowrun/flowrun/lower/place"
)

// bind finds each node's kernel. From here on every node has a [Value].
func bind(p *Plan) error {
	p.Values = make([]Value, len(p.Graph.Nodes))
	for _, n := range p.Graph.Nodes {
		v := p.Value(n)
		v.Bytes, v.Reason = int64(n.Type.Bytes()), p.placement.Reasons[n]
		if !place.HasKernel(n) {
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
