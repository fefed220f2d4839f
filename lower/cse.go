package lower

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower/place"
)

// cse is common subexpression elimination: it merges nodes that compute the same
// from the same operands in the same space. The operands of commutative ops may be
// in either order: a + b and b + a have the same bits.
func cse(p *Plan) error {
	seen := map[string]*ir.Node{}
	var key []byte
	return replaceNodes(p.Graph, func(n *ir.Node) (*ir.Node, error) {
		if n.State != nil {
			return n, nil
		}
		key = appendKey(key[:0], n, p.placement.Predict(n))
		if first := seen[string(key)]; first != nil {
			p.Applied["cse"]++
			return first, nil
		}
		seen[string(key)] = n
		return n, nil
	})
}

// appendKey writes a key that is equal for nodes that compute the same. The key of
// a node that can't be placed includes all that placement depends on, so that each
// such node is reported.
func appendKey(key []byte, n *ir.Node, space int) []byte {
	key = append(key, n.Op.Name...)
	key = binary.AppendVarint(append(key, 0), int64(space))
	key = binary.AppendUvarint(key, uint64(n.Again))
	if space == place.Nowhere {
		key = fmt.Appendf(key, "%q%q%q", n.Path, n.Device, n.Prefer)
	}
	for i := range n.Inputs {
		in := n.Inputs[i]
		if n.Op.Commutative && i < 2 && len(n.Inputs) >= 2 {
			a, b := n.Inputs[0], n.Inputs[1]
			if in = a; (a.ID < b.ID) == (i == 1) {
				in = b
			}
		}
		key = binary.AppendUvarint(key, uint64(in.ID))
	}
	for _, a := range n.Attrs {
		key = appendAttr(key, a)
	}
	return key
}

// appendAttr writes an argument so that different ones differ.
func appendAttr(key []byte, a any) []byte {
	switch a := a.(type) {
	case nil:
		return append(key, 'x')
	case bool:
		if a {
			return append(key, 't')
		}
		return append(key, 'f')
	case int:
		return binary.AppendVarint(append(key, 'i'), int64(a))
	case float64:
		return binary.LittleEndian.AppendUint64(append(key, 'd'), math.Float64bits(a))
	case ir.DType:
		return append(key, 'e', byte(a))
	case []int:
		key = binary.AppendUvarint(append(key, 'l'), uint64(len(a)))
		for _, v := range a {
			key = binary.AppendVarint(key, int64(v))
		}
		return key
	case *ir.Body:
		return appendBody(key, a)
	case *ir.Tensor:
		key = appendAttr(append(key, 'T', byte(a.Type.DType)), []int(a.Type.Shape))
		if len(a.Data) <= sha256.Size {
			return append(key, a.Data...)
		}
		sum := sha256.Sum256(a.Data)
		return append(key, sum[:]...)
	}
	return fmt.Appendf(key, "%T:%#v;", a, a)
}

// appendBody writes the body of a scan: its states, and its nodes in their order.
func appendBody(key []byte, b *ir.Body) []byte {
	key = appendAttr(appendAttr(append(key, 'B'), b.Length), b.Reverse)
	for _, s := range b.Graph.States {
		key = append(key, byte(s.Kind), byte(s.Type.DType))
		key = binary.AppendUvarint(appendAttr(key, []int(s.Type.Shape)), uint64(s.Read.ID))
		if s.Next != nil {
			key = binary.AppendUvarint(key, uint64(s.Next.ID))
		}
	}
	for _, n := range b.Graph.Nodes {
		if n.State == nil {
			key = appendKey(key, n, 0)
		}
	}
	return key
}
